#!/usr/bin/env bash
# Install Debian packages when we are root; otherwise name the command to type, and stop: tools/apt.sh PACKAGE...
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail

if ! command -v apt-get >/dev/null; then
    echo "Please install these Debian packages: $*" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "Some packages are missing. Please type, and then start again:" >&2
    echo "    sudo apt-get install $*" >&2
    exit 1
fi
echo "Installing $*"
export DEBIAN_FRONTEND=noninteractive
# A mirror list that cannot be refreshed is no reason to stop: the packages may be at hand all the same.
apt-get update -qq || true
apt-get install -qq --yes --no-install-recommends "$@" </dev/null >/dev/null
