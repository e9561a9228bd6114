#!/usr/bin/env bash
# Print the CONTAINERS_CONF with which podman starts a systemd container here: tools/podman-settings.sh IMAGE
#
# Prints nothing where podman's own settings do, as on an ordinary machine. On hosts with control groups of
# version 1 crun gives up, and without CAP_SYS_RESOURCE podman's default limits cannot be raised; a settings
# file of our own, kept outside the checkout, then gets by with runc and with limits any host can give.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail

image=$1

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
cat >"$CONTAINERS_CONF" <<'END'
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime = "runc"
END
if ! second_error=$(starts 2>&1); then
    printf 'podman starts no container here.\nWith its own settings: %s\nWith %s: %s\n' \
        "$first_error" "$CONTAINERS_CONF" "$second_error" >&2
    exit 1
fi
echo "$CONTAINERS_CONF"
