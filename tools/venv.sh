#!/usr/bin/env bash
# Make a private virtual environment: tools/venv.sh DIRECTORY REQUIREMENTS-FILE
#
# Where there is a lock beside the file, requirements.lock of requirements.txt, what it names is installed and nothing else:
# each package with all that it needs, at one version, with its hash.
#
# PYTHON names the interpreter; otherwise the first of python3, python3.11 and later that is new enough serves.
# Packages missing on a Debian machine are installed as root, and named otherwise.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
here=$(dirname "$0")

directory=$1
requirements=$2

is_new_enough() {
    command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))'
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13 python3.14}; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "siptune.linux needs Python 3.11 or later here, and ${PYTHON:-python3} is $(${PYTHON:-python3} --version 2>&1 || true)." >&2
    echo "Debian 12 and 13 have it: apt-get install python3. Elsewhere name one: make PYTHON=/path/to/python3.11 ..." >&2
    return 1
}

python=$(find_python)
# Debian keeps ensurepip, which the venv module needs, in a package of its own.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    "$here/apt.sh" "$package"
fi

echo "Setting up $directory from $requirements"
rm -rf "$directory"
"$python" -m venv "$directory"
# Twice quiet: errors only.
lock=${requirements%.txt}.lock
what=(--requirement "$requirements")
[ ! -e "$lock" ] || what=(--require-hashes --requirement "$lock")
"$directory/bin/python" -m pip install -qq --disable-pip-version-check "${what[@]}"
