#!/usr/bin/env bash
# Fetch axe-core, which checks pages for what keeps people out, from npm: tools/axe.sh FILE
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
target=$(realpath -m "$1")
version=4.14.1

if ! command -v npm >/dev/null; then
    echo "There is no npm to fetch axe-core with (Debian package npm); the tests go on without it." >&2
    exit 0
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
npm pack --silent --pack-destination "$scratch" "axe-core@$version" >/dev/null
tar -xf "$scratch/axe-core-$version.tgz" -C "$scratch" package/axe.min.js
mkdir -p "$(dirname "$target")"
mv "$scratch/package/axe.min.js" "$target"
