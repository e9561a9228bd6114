#!/usr/bin/env python3
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run stages of the tests, all of them, and sum them up: tools/stages.py RESULTS STAGE...

A stage is a target of make. A stage that fails does not keep the next ones from running. RESULTS is the directory that
stages write JUnit files to; it is emptied first. It runs before there is a virtual environment, with any Python 3.8.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple
from xml.etree import ElementTree

NOT_RUN_SUITE = "not run"  # by this name tools/not-run.sh says that a stage could not run here
INTERRUPTED = 130  # 128 + SIGINT, as a shell has it


class Count(NamedTuple):
    """Numbers of tests, and seconds."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        parts = [(self.failed, "failed"), (self.passed, "passed"), (self.skipped, "skipped")]
        return f"{', '.join(f'{number} {word}' for number, word in parts if number)} in {self.seconds:.2f}s"


class Stage(NamedTuple):
    """A stage that has ended: its status, the tests in its JUnit files, and why it could not run ('' if it ran)."""

    name: str
    status: int
    seconds: float
    tests: Count = Count()
    not_run: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.status or self.tests.failed)

    def __str__(self) -> str:
        if self.not_run and not self.failed:
            return f"{self.name}: not run: {self.not_run}"
        result = f"{self.name}: {'failed' if self.failed else 'passed'}"
        if not any(self.tests[:3]):
            return f"{result} in {self.seconds:.2f}s"
        status = f" (make ended with status {self.status})" if self.status and not self.tests.failed else ""
        return f"{result}: {self.tests}{status}"


def read(name: str, status: int, seconds: float, files: Iterable[Path]) -> Stage:
    """A stage with the results in its JUnit files. A file that is no XML makes it fail."""
    tests, reasons = [], []
    for file in files:
        try:
            root = ElementTree.parse(file).getroot()
        except ElementTree.ParseError:
            status = status or 1
            continue
        for suite in root.iter("testsuite"):
            if suite.get("name") == NOT_RUN_SUITE:
                reasons += [skipped.get("message", "") for skipped in suite.iter("skipped")]
            tests.append(_count(suite))
    return Stage(name, status, seconds, total(tests), "; ".join(reasons))


def _count(suite: ElementTree.Element) -> Count:
    every, failures, errors, skipped = (
        int(suite.get(attribute, "0")) for attribute in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    return Count(every - failed - skipped, failed, skipped, float(suite.get("time", "0")))


def total(counts: Iterable[Count]) -> Count:
    """All of them together."""
    every = list(counts)
    return Count(
        sum(count.passed for count in every),
        sum(count.failed for count in every),
        sum(count.skipped for count in every),
        sum(count.seconds for count in every),
    )


def summary(stages: Sequence[Stage], missing: Sequence[str] = ()) -> tuple[str, int]:
    """A line for each stage and one for all, in the words of pytest's last line; and the exit status.

    `missing` are stages that were never reached. A stage that failed while none of its tests did counts as one failed
    test. The status is 1 if a stage failed or was not reached, or if no test passed.
    """
    lines = [str(stage) for stage in stages] + [f"{name}: not run: interrupted" for name in missing]
    own = sum(stage.failed and not stage.tests.failed for stage in stages)
    every = total([stage.tests for stage in stages] + [Count(failed=own)])
    bad = any(stage.failed for stage in stages) or missing or not every.passed
    return "\n".join([*lines, f" {every} ".center(80, "=")]), 1 if bad else 0


def run(name: str, results: Path) -> Stage:
    """Run a stage. Raises KeyboardInterrupt once it has ended after an interrupt or a SIGTERM."""
    print(f"\n--- make {name} ---", flush=True)
    earlier = set(results.glob("*.xml"))
    start = time.monotonic()
    with subprocess.Popen(["make", "--no-print-directory", name]) as process:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()  # it may have containers to remove
            raise
    return read(name, status, time.monotonic() - start, sorted(set(results.glob("*.xml")) - earlier))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(results: Path, names: Sequence[str]) -> int:
    """Run all stages and print the summary; returns the exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    shutil.rmtree(results, ignore_errors=True)
    stages: list[Stage] = []
    try:
        for name in names:
            stages.append(run(name, results))
    except KeyboardInterrupt:
        print(f"\n{summary(stages, names[len(stages) :])[0]}")
        return INTERRUPTED
    text, status = summary(stages)
    print(f"\n{text}")
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
