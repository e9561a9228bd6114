#!/usr/bin/env bash
# Install the packages that the benchmarks need beyond the tests: tools/bench-packages.sh VENV MITOGEN-DIRECTORY
#
# mitogen steps in wherever it is installed, so it gets a directory that only the runs it takes part in know of.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail

venv=$1
directory=$2
requirement=mitogen==0.3.54

[ -x /usr/sbin/sshd ] || "$(dirname "$0")/apt.sh" openssh-server

if [ ! -e "$directory/${requirement/==/-}.dist-info" ]; then
    rm -rf "$directory"
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-deps --target "$directory" "$requirement"
fi
