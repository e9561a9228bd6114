#!/usr/bin/env bash
# Test the playbooks under the engines that people have, in an environment of its own: tools/engines.sh VENV JUNIT-FILE
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$1
junit=$2
requirements="requirements-test-engines.txt"

rm -f "$junit"
if [ ! "$venv/.ready" -nt "$requirements" ] || [ ! "$venv/.ready" -nt "${requirements%.txt}.lock" ] || [ ! "$venv/.ready" -nt requirements.txt ]; then
    # Not every platform has wheels of all that ansible-navigator needs, or a compiler for the rest.
    if ! tools/venv.sh "$venv" "$requirements"; then
        tools/not-run.sh "$junit" "$requirements cannot be installed here, see above"
        exit
    fi
    touch "$venv/.ready"
fi
"$venv/bin/python" -m pytest tests/integration/engines --junitxml="$junit"
