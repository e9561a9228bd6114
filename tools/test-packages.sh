#!/usr/bin/env bash
# Install the Debian packages that the tests need: containers, the means to build their images, and for the
# integration tests a look at system calls and systemd's own reader of sysctl.d, for the browser tests a browser.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
here=$(dirname "$0")

# Each required program, and the package that brings it. podman works with either runtime; on a machine
# with control groups of version 1 only runc starts systemd (see tools/podman-settings.sh).
needed="podman:podman runc:runc mmdebstrap:mmdebstrap git:git ip:iproute2 strace:strace"
needed="$needed chromium:chromium chromedriver:chromium-driver"
if [ "$(id -u)" -ne 0 ]; then
    needed="$needed newuidmap:uidmap"
fi

missing=()
for pair in $needed; do
    # /usr/sbin is where Debian has runc, and it is not on every user's path.
    PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
[ -x /lib/systemd/systemd-sysctl ] || missing+=(systemd)
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)

if [ "${#missing[@]}" -gt 0 ]; then
    "$here/apt.sh" "${missing[@]}"
fi
