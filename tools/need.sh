#!/usr/bin/env bash
# See to programs and files by the Debian packages that bring them; what is missing is said in one line:
#
#   tools/need.sh --check PROGRAM-OR-PATH:PACKAGE...      only say so
#   tools/need.sh --install PROGRAM-OR-PATH:PACKAGE...    install the packages first, if we are root
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
here=$(dirname "$0")

how=$1
shift
# Images and containers without root take subordinate users.
[ "$(id -u)" -eq 0 ] || set -- "$@" newuidmap:uidmap

is_there() {
    case $1 in
        /*) [ -e "$1" ] ;;
        # Debian has some programs in /usr/sbin, which is not on every user's path.
        *) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
    esac
}

find_missing() {
    local pair
    missing=()
    for pair in "$@"; do
        is_there "${pair%%:*}" || missing+=("${pair##*:}")
    done
}

find_missing "$@"
if [ "${#missing[@]}" -gt 0 ] && [ "$how" = --install ]; then
    "$here/apt.sh" "${missing[@]}" || true
    find_missing "$@"
fi
if [ "${#missing[@]}" -gt 0 ]; then
    echo "Debian packages are missing: apt-get install ${missing[*]}" >&2
    exit 1
fi
