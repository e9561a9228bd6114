#!/usr/bin/env bash
# Install the Debian packages that the tests need: containers, the means to build their images, and for the
# integration tests a look at system calls and systemd's own reader of sysctl.d, for the browser tests a browser, and ssh.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail

# podman works with either runtime; on a machine with control groups of version 1 only runc starts systemd (see
# tools/podman-settings.sh).
exec "$(dirname "$0")/need.sh" --install \
    podman:podman runc:runc mmdebstrap:mmdebstrap git:git ip:iproute2 strace:strace ssh:openssh-client \
    chromium:chromium chromedriver:chromium-driver /lib/systemd/systemd-sysctl:systemd \
    /usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring
