#!/usr/bin/env bash
# Fetch promtool, which checks Prometheus' text format, out of Debian's package: tools/promtool.sh FILE. The package is not
# installed, as it would start a server.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
target=$(realpath -m "$1")

if command -v promtool >/dev/null; then
    mkdir -p "$(dirname "$target")"
    ln -sfn "$(command -v promtool)" "$target"
    exit 0
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
cd "$scratch"
if ! apt-get download -qq prometheus >/dev/null 2>&1; then
    echo "There is no package prometheus to take promtool from; the tests go on without it." >&2
    exit 0
fi
dpkg-deb -x prometheus_*.deb .
mkdir -p "$(dirname "$target")"
mv usr/bin/promtool "$target"
