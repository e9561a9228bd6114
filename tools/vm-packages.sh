#!/usr/bin/env bash
# Install the Debian packages that the tests in a virtual machine need: an emulator, and the means to build its image.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
here=$(dirname "$0")

if [ "$(uname -m)" != x86_64 ]; then
    echo "The virtual machine is one of x86_64, and its image can be built only on such a machine; this is $(uname -m)." >&2
    exit 1
fi

needed="qemu-system-x86_64:qemu-system-x86 qemu-img:qemu-utils mmdebstrap:mmdebstrap mke2fs:e2fsprogs ssh:openssh-client"
if [ "$(id -u)" -ne 0 ]; then
    needed="$needed newuidmap:uidmap"
fi

find_missing() {
    missing=()
    for pair in $needed; do
        PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
    done
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
}

find_missing
if [ "${#missing[@]}" -gt 0 ]; then
    "$here/apt.sh" "${missing[@]}" || true
    find_missing
fi
if [ "${#missing[@]}" -gt 0 ]; then
    echo "The tests in a virtual machine need these packages, which could not be installed: ${missing[*]}" >&2
    exit 1
fi
