#!/usr/bin/env bash
# Take pictures of the pages of the audit and the proof with a real browser: tools/screenshot.sh PYTHON DIRECTORY
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "$0")/.."

python=$1
directory=$(realpath "$2")
hosts=60
items=150

tools/need.sh --check chromium:chromium
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" tests/browser/fleet.py "$hosts" "$items" "$scratch/audit.html" >/dev/null
"$python" tests/browser/proofs.py "$scratch/prove.html"

# Chromium's own sandbox does not work for root.
sandbox=()
[ "$(id -u)" -ne 0 ] || sandbox=(--no-sandbox)
for picture in audit:900 prove:1700; do
    page=${picture%:*}
    chromium "${sandbox[@]}" --headless=new --disable-gpu --disable-dev-shm-usage --hide-scrollbars --user-data-dir="$scratch/profile" \
        --window-size="1440,${picture#*:}" --virtual-time-budget=5000 --screenshot="$directory/$page-page.png" "file://$scratch/$page.html" \
        2>"$scratch/log" || { cat "$scratch/log" >&2; exit 1; }
    [ -s "$directory/$page-page.png" ] || { cat "$scratch/log" >&2; exit 1; }
done
