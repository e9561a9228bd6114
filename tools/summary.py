#!/usr/bin/env python3
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add up the JUnit results of all test suites below a directory, in the words of pytest's last line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree


class Count(NamedTuple):
    """The outcome of a suite or of several: numbers of tests, and seconds."""

    passed: int
    failed: int
    skipped: int
    seconds: float

    def __str__(self) -> str:
        parts = [(self.failed, "failed"), (self.passed, "passed"), (self.skipped, "skipped")]
        return f"{', '.join(f'{number} {what}' for number, what in parts if number)} in {self.seconds:.2f}s"


def count(file: Path) -> Count:
    """The outcome of the suites in a JUnit file."""
    suites = list(ElementTree.parse(file).iter("testsuite"))

    def total(attribute: str) -> int:
        return sum(int(suite.get(attribute, "0")) for suite in suites)

    failed, skipped = total("failures") + total("errors"), total("skipped")
    seconds = sum(float(suite.get("time", "0")) for suite in suites)
    return Count(total("tests") - failed - skipped, failed, skipped, seconds)


def main(directory: Path) -> int:
    """Print a line for each file and one for all; 1 if a test failed, or if there was none."""
    counts = {file.stem: count(file) for file in sorted(directory.glob("*.xml"))}
    for name, suite in counts.items():
        print(f"{name}: {suite}")
    total = Count(*(sum(column) for column in zip(*counts.values(), strict=True))) if counts else Count(0, 0, 0, 0.0)
    print(f" {total} ".center(80, "="))
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
