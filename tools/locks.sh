#!/usr/bin/env bash
# Write the locks of all requirements, for every Python that an environment may have: tools/locks.sh UV
#
# requirements-test.lock of requirements-test.txt and so on: each package that is needed, at one version, with its hashes.
# Versions that a lock has already are kept, unless the requirements say otherwise; to renew them all, remove it first.
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "$0")/.."

uv=$1
for file in requirements*.txt; do
    oldest=3.11
    [ "$file" != requirements-test-py38.txt ] || oldest=3.8
    "$uv" pip compile --quiet --universal --python-version "$oldest" --generate-hashes --no-header --no-annotate \
        --output-file "${file%.txt}.lock" "$file"
done
