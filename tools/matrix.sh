#!/usr/bin/env bash
# Try each supported ansible-core, on a Python that it allows: tools/matrix.sh DIRECTORY [VERSION...]
#
# For each version an environment below DIRECTORY, in which the unit tests run, ansible-test sanity, and the playbooks in
# sandboxes on this kernel. Pythons are those on the path and pyenv's; a version without one is named at the end.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "$0")/.."

directory=$1
shift
[ $# -gt 0 ] || set -- 2.18 2.19 2.20 2.21

# The Pythons that a controller may have: setup metadata of ansible-core, Requires-Python.
pythons_of() {
    case $1 in
        2.18 | 2.19) echo 3.11 3.12 3.13 ;;
        *) echo 3.12 3.13 3.14 ;;
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

try_version() {
    local core=$1 python=$2 venv=$directory/$1
    if [ ! "$venv/.ready" -nt requirements-test-matrix.lock ]; then
        rm -rf "$venv"
        "$python" -m venv "$venv"
        # The newest of its line, and so without a hash.
        "$venv/bin/python" -m pip install -qq --disable-pip-version-check "ansible-core==$core.*"
        "$venv/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes \
            --requirement requirements-test-matrix.lock
        touch "$venv/.ready"
    fi
    "$venv/bin/python" -m pytest tests/unit -q --numprocesses=auto --junitxml=".build/results/unit-$core.xml" &&
        "$venv/bin/python" -m pytest tests/integration/test_single_layer.py tests/integration/test_audit.py -q \
            --junitxml=".build/results/playbooks-$core.xml" &&
        tools/sanity.sh "$venv"
}

failed=()
summary=()
for core in "$@"; do
    python=$(find_python "$core")
    if [ -z "$python" ]; then
        summary+=("ansible-core $core: not run, there is no Python for it ($(pythons_of "$core"))")
    elif try_version "$core" "$python"; then
        summary+=("ansible-core $core: passed on $("$python" --version)")
    else
        summary+=("ansible-core $core: failed on $("$python" --version)")
        failed+=("$core")
    fi
done
printf '%s\n' "${summary[@]}"
[ "${#failed[@]}" -eq 0 ]
