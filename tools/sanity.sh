#!/usr/bin/env bash
# Run ansible-test sanity on the content of an archive, by default one of this checkout: tools/sanity.sh VENV [ARCHIVE]
#
# ansible-test wants a path that ends in ansible_collections/siptune/linux and is no link, and fetches a script
# from the network to set up pip in its own environments. Python carries pip itself, so a stand-in uses that one.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$PWD/$1/bin
archive=${2:-}
home=$PWD/.build/sanity
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

pip=$("$bin/python" -c '
import inspect, re
from ansible_test._internal import python_requirements
print(re.search(r"\bpip=.([0-9.]+)", inspect.getsource(python_requirements)).group(1))
')
stand_in=$home/.ansible/test/cache/get_pip_${pip//./_}.py
mkdir -p "$(dirname "$stand_in")"
echo 'import ensurepip; ensurepip.bootstrap()' >"$stand_in"

collection=$scratch/ansible_collections/siptune/linux
mkdir -p "$collection/tests"
if [ -z "$archive" ]; then
    "$bin/ansible-galaxy" collection build --output-path "$scratch" >/dev/null
    archive=$(echo "$scratch"/siptune-linux-*.tar.gz)
fi
tar -xf "$archive" -C "$collection"
cp tests/config.yml "$collection/tests/"

cd "$collection"
# Its environments stay in the home given here, so that the second run is a quick one.
# The path is short because pyenv's shims answer for interpreters that are not there.
HOME=$home PATH=$bin:/usr/bin:/bin "$bin/ansible-test" sanity --local --requirements --color no </dev/null
