#!/usr/bin/env bash
# Run Molecule with images and podman settings seen to: tools/molecule.sh VENV [SCENARIO [MOLECULE-ARGUMENT...]]
#
#   tools/molecule.sh .venv-test                              the whole test of the default scenario
#   tools/molecule.sh .venv-test default test --destroy=never ... and leave the containers to look at
#   tools/molecule.sh .venv-test default converge             one step
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$PWD/$1
scenario=${2:-default}
shift $(($# < 2 ? $# : 2))
command=${1:-test}
shift $(($# < 1 ? 0 : 1))

export PATH=$venv/bin:$PATH:/usr/sbin:/sbin
export ANSIBLE_COLLECTIONS_PATH=$PWD/.build
export MOLECULE_GLOB='molecule/*/molecule.yml'
# The output goes to logs as well as to people.
export MOLECULE_COMMAND_BORDERS=false
[ -t 1 ] || export NO_COLOR=1 ANSIBLE_NOCOLOR=1
export MOLECULE_EPHEMERAL_DIRECTORY=$PWD/.build/molecule/$scenario
mkdir -p "$MOLECULE_EPHEMERAL_DIRECTORY"

# Two runs of a scenario in one checkout would work on the same hosts, and each spoil the other's records.
exec 9>"$MOLECULE_EPHEMERAL_DIRECTORY.lock"
if ! flock --nonblock 9; then
    echo "The scenario $scenario is running in this checkout already; wait until it has ended." >&2
    exit 1
fi

if [ "$scenario" = vm ]; then
    SIPTUNE_VM_IMAGE=$(tests/images/build-vm)
    SIPTUNE_VM_EMULATOR=$(tests/vm/guest.py emulator)
    export SIPTUNE_VM_IMAGE SIPTUNE_VM_EMULATOR
else
    for suite in bullseye bookworm trixie; do
        export "SIPTUNE_IMAGE_${suite^^}=$(tests/images/build $suite)"
    done
    settings=$(tools/podman-settings.sh "$SIPTUNE_IMAGE_BOOKWORM")
    if [ -n "$settings" ]; then
        export CONTAINERS_CONF=$settings
    fi
fi

if [ "$command" = test ]; then
    # However a test ends, no container and no virtual machine outlives it, unless --destroy=never asks for that.
    case " $* " in
        *" --destroy=never "* | *" --destroy never "*) ;;
        *)
            trap 'molecule destroy --scenario-name "$scenario" >/dev/null 2>&1 || true' INT TERM HUP
            # Molecule does not destroy a machine that it has not finished creating.
            [ "$scenario" != vm ] || trap 'tests/vm/guest.py stop "$MOLECULE_EPHEMERAL_DIRECTORY/guest"' EXIT
            ;;
    esac
fi
# Some commands leave processes behind, which must not keep the lock.
molecule "$command" --scenario-name "$scenario" "$@" </dev/null 9>&-
