#!/usr/bin/env bash
# Try each supported ansible-core, on a Python that it allows: tools/matrix.sh TEST-VENV DIRECTORY [VERSION...]
#
# For each version an environment below DIRECTORY, in which the unit tests run, ansible-test sanity, and the playbooks: in
# sandboxes on this kernel, and for containers under systemd with an old Python. Pythons are those on the path and pyenv's; a
# version without one is named at the end. The connection to containers is that of the environment for `make test`. PARTS names
# fewer parts: unit, sandboxes, containers, sanity.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "$0")/.."

containers=$(echo "$PWD/$1"/lib/python3*/site-packages)
directory=$2
shift 2
parts=${PARTS:-unit sandboxes containers sanity}
[ $# -gt 0 ] || set -- 2.18 2.19 2.20 2.21 2.22

# The Pythons that a controller may have: metadata of ansible-core, Requires-Python.
pythons_of() {
    case $1 in
        2.18 | 2.19) echo 3.11 3.12 3.13 ;;
        2.20 | 2.21) echo 3.12 3.13 3.14 ;;
        *) echo 3.13 3.14 ;;
    esac
}

find_python() {
    local version candidate
    for version in $(pythons_of "$1"); do
        for candidate in "$(command -v "python$version")" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python; do
            # pyenv puts a name on the path that works only where it was chosen.
            if [ -x "$candidate" ] && "$candidate" -c 'import ensurepip' 2>/dev/null; then
                echo "$candidate"
                return
            fi
        done
    done
}

# The environment of a version: the newest of its line, and so without a hash; one that is not out yet as far as it is.
set_up() {
    local core=$1 python=$2 venv=$directory/$1 pip
    [ ! "$venv/.ready" -nt requirements-test-matrix.lock ] || return 0
    rm -rf "$venv"
    "$python" -m venv "$venv" || return
    pip=("$venv/bin/python" -m pip install -qq --disable-pip-version-check)
    "${pip[@]}" "ansible-core==$core.*" 2>/dev/null || "${pip[@]}" --pre "ansible-core==$core.*" || return
    "${pip[@]}" --require-hashes --requirement requirements-test-matrix.lock || return
    touch "$venv/.ready"
}

# A part of the tests, by its name, for the environment $venv; its results in .build/results.
run_part() {
    local part=$1 pytest=("$venv/bin/python" -m pytest -q)
    results=.build/results/$part-$core.xml
    case $part in
        unit) "${pytest[@]}" tests/unit --numprocesses=auto --junitxml="$results" ;;
        sandboxes)
            "${pytest[@]}" tests/integration/test_single_layer.py tests/integration/test_audit.py --junitxml="$results"
            ;;
        containers)
            ANSIBLE_COLLECTIONS_PATH=$PWD/.build:$containers "${pytest[@]}" tests/matrix --junitxml="$results"
            ;;
        sanity) tools/sanity.sh "$venv" ;;
    esac
}

failed=0
summary=()
for core in "$@"; do
    python=$(find_python "$core")
    venv=$directory/$core
    if [ -z "$python" ]; then
        summary+=("ansible-core $core: not run, there is no Python for it ($(pythons_of "$core"))")
    elif ! set_up "$core" "$python"; then
        summary+=("ansible-core $core: failed, it could not be installed with $("$python" --version)")
        failed=1
    else
        version=$("$venv/bin/python" -c 'from ansible.release import __version__; print(__version__)')
        line="ansible-core $version with $("$python" --version):"
        for part in $parts; do
            printf '\n--- ansible-core %s: %s ---\n' "$version" "$part"
            if run_part "$part"; then line+=" $part passed,"; else line+=" $part failed," failed=1; fi
        done
        summary+=("${line%,}")
    fi
done
printf '%s\n' '' "${summary[@]}"
exit "$failed"
