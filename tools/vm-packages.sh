#!/usr/bin/env bash
# Install the Debian packages that the tests in a virtual machine need, or with --check only name those that are missing:
# an emulator, and the means to build its image.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail

if [ "$(uname -m)" != x86_64 ]; then
    echo "The virtual machine is one of x86_64, and its image can be built only on such a machine; this is $(uname -m)." >&2
    exit 1
fi
exec "$(dirname "$0")/need.sh" "${1:---install}" \
    qemu-system-x86_64:qemu-system-x86 qemu-img:qemu-utils mmdebstrap:mmdebstrap mke2fs:e2fsprogs ssh:openssh-client \
    /usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring
