#!/usr/bin/env bash
# Report that a stage could not run here, and in the summary: tools/not-run.sh JUNIT-FILE REASON
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail

junit=$1
reason=$2

echo "NOT RUN: $reason" >&2
mkdir -p "$(dirname "$junit")"
cat >"$junit" <<XML
<testsuite name="not run" tests="1" failures="0" errors="0" skipped="1" time="0">
<testcase name="not run"><skipped message="$reason"/></testcase>
</testsuite>
XML
