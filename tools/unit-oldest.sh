#!/usr/bin/env bash
# Run the unit tests on Python 3.8, the oldest that a target may have: tools/unit-oldest.sh VENV JUNIT-FILE
#
# PYTHON38 names the interpreter; otherwise python3.8 on the path or one of pyenv's serves.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$1
junit=$2
requirements="requirements-test-py38.lock"

find_python() {
    local candidate
    for candidate in "${PYTHON38:-}" "$(command -v python3.8)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.8.*/bin/python; do
        # pyenv puts a python3.8 on the path that works only where it was chosen.
        if [ -x "$candidate" ] && "$candidate" -c 'import ensurepip' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

rm -f "$junit"
python=$(find_python)
if [ -z "$python" ]; then
    tools/not-run.sh "$junit" "there is no Python 3.8 here (PYTHON38=/path/to/python3.8 names one)"
    exit
fi
if [ ! "$venv/.ready" -nt "$requirements" ]; then
    echo "Setting up $venv from $requirements"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes --requirement "$requirements"
    touch "$venv/.ready"
fi
"$venv/bin/python" -m pytest tests/unit --numprocesses=auto --junitxml="$junit"
