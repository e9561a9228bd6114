#!/usr/bin/env bash
# Print the CONTAINERS_CONF with which podman starts a systemd container here: tools/podman-settings.sh IMAGE
#
# Prints nothing where podman's own settings do, as on an ordinary machine. On hosts with control groups of
# version 1 crun gives up, and without CAP_SYS_RESOURCE podman's default limits cannot be raised; a settings
# file of our own, kept outside the checkout, then gets by with runc and with limits any host can give.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail

image=$1

if [ "$(id -u)" -ne 0 ] && [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
    echo "Without root podman starts systemd on control groups of version 2 only, and this machine has version 1: be root" >&2
    exit 1
fi

starts() {
    podman run --rm --privileged --network none --systemd=always --pull never "$image" /bin/true
}

# Who has chosen settings wants them used.
if [ -n "${CONTAINERS_CONF:-}" ]; then
    echo "$CONTAINERS_CONF"
    exit
fi
if first_error=$(starts 2>&1); then
    exit
fi

export CONTAINERS_CONF=${XDG_CACHE_HOME:-$HOME/.cache}/siptune/containers.conf
mkdir -p "$(dirname "$CONTAINERS_CONF")"
# In one step: others may be reading it at this moment.
cat >"$CONTAINERS_CONF.$$" <<'END'
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime = "runc"
END
mv "$CONTAINERS_CONF.$$" "$CONTAINERS_CONF"
if ! second_error=$("$(dirname "$0")/need.sh" --check runc:runc 2>&1 && starts 2>&1); then
    problem="podman starts no container here. With its own settings: $first_error. With $CONTAINERS_CONF: $second_error"
    echo "${problem//$'\n'/ }" >&2
    exit 1
fi
echo "$CONTAINERS_CONF"
