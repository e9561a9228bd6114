# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner of `make test`: made-up JUnit files, and made-up stages in a Makefile of their own."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[3] / "tools"
SPEC = importlib.util.spec_from_file_location("stages", TOOLS / "stages.py")
assert SPEC is not None
assert SPEC.loader is not None
stages = importlib.util.module_from_spec(SPEC)
sys.modules["stages"] = stages  # where NamedTuple looks for annotations
SPEC.loader.exec_module(stages)
Count, Stage = stages.Count, stages.Stage

SUITE = '<testsuite name="pytest" tests="{}" failures="{}" errors="{}" skipped="{}" time="{}"/>'
GOOD = f"<testsuites>{SUITE.format(10, 0, 0, 2, 1.5)}</testsuites>"
BAD = f"<testsuites>{SUITE.format(10, 2, 1, 0, 2.25)}</testsuites>"
NOT_RUN = (
    '<testsuite name="not run" tests="1" failures="0" errors="0" skipped="1" time="0">'
    '<testcase name="not run"><skipped message="there is no Python 3.8 here"/></testcase></testsuite>'
)


def files(tmp_path: Path, *texts: str) -> list[Path]:
    paths = [tmp_path / f"{number}.xml" for number, _ in enumerate(texts)]
    for path, text in zip(paths, texts):
        path.write_text(text)
    return paths


@pytest.mark.parametrize(
    ("status", "texts", "failed", "line"),
    [
        pytest.param(0, [], False, "x: passed in 3.00s", id="no tests, passed"),
        pytest.param(2, [], True, "x: failed in 3.00s", id="no tests, failed"),
        pytest.param(0, [GOOD], False, "x: passed: 8 passed, 2 skipped in 1.50s", id="passed"),
        pytest.param(2, [BAD], True, "x: failed: 3 failed, 7 passed in 2.25s", id="failed"),
        pytest.param(0, [BAD], True, "x: failed: 3 failed, 7 passed in 2.25s", id="failed, with a good status"),
        pytest.param(0, [GOOD, GOOD], False, "x: passed: 16 passed, 4 skipped in 3.00s", id="two files"),
        pytest.param(
            2,
            [GOOD],
            True,
            "x: failed: 8 passed, 2 skipped in 1.50s (make ended with status 2)",
            id="failed although its tests passed",
        ),
        pytest.param(0, ["<testsuite"], True, "x: failed in 3.00s", id="broken file"),
        pytest.param(0, [NOT_RUN], False, "x: not run: there is no Python 3.8 here", id="not run"),
        pytest.param(2, [NOT_RUN], True, "x: failed: 1 skipped in 0.00s (make ended with status 2)", id="both"),
    ],
)
def test_the_line_of_a_stage(tmp_path: Path, status: int, texts: list[str], failed: bool, line: str) -> None:
    stage = stages.read("x", status, 3.0, files(tmp_path, *texts))
    assert (stage.failed, str(stage)) == (failed, line)


PASSED = Stage("unit", 0, 2.0, Count(8, 0, 2, 1.5))
FAILED = Stage("integration", 2, 2.0, Count(7, 3, 0, 2.25))
LINT = Stage("lint", 0, 2.0)
BROKEN_LINT = Stage("lint", 2, 2.0)
SKIPPED = Stage("vm", 0, 0.0, Count(0, 0, 1, 0.0), "no emulator")


@pytest.mark.parametrize(
    ("ended", "missing", "last", "status"),
    [
        pytest.param([LINT, PASSED], [], "8 passed, 2 skipped in 1.50s", 0, id="all passed"),
        pytest.param([PASSED, FAILED], [], "3 failed, 15 passed, 2 skipped in 3.75s", 1, id="tests failed"),
        pytest.param([BROKEN_LINT, PASSED], [], "1 failed, 8 passed, 2 skipped in 1.50s", 1, id="no test failed"),
        pytest.param([PASSED, SKIPPED], [], "8 passed, 3 skipped in 1.50s", 0, id="not run"),
        pytest.param([LINT], [], " in 0.00s", 1, id="no test at all"),
        pytest.param([], [], " in 0.00s", 1, id="no stage"),
        pytest.param([PASSED], ["molecule"], "8 passed, 2 skipped in 1.50s", 1, id="interrupted"),
    ],
)
def test_the_summary(ended: list[Stage], missing: list[str], last: str, status: int) -> None:
    text, result = stages.summary(ended, missing)
    lines = text.split("\n")
    assert lines[:-1] == [*map(str, ended), *(f"{name}: not run: interrupted" for name in missing)]
    assert lines[-1].strip("=").strip() == last.strip()
    assert len(lines[-1]) == 80
    assert result == status


# --- for real -------------------------------------------------------------------------------

MAKEFILE = f"""\
good:
\t@echo good runs; mkdir -p results; echo '{GOOD}' > results/good.xml
bad:
\t@echo bad runs; false
absent:
\t@cp -r {TOOLS}/not-run.sh .; ./not-run.sh results/absent.xml 'there is no such thing here'
slow:
\t@echo $$PPID > slow.pid; echo slow runs; exec sleep 60
"""

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/old.xml").write_text(BAD)
    return tmp_path


def command(*names: str) -> list[str]:
    return [sys.executable, str(TOOLS / "stages.py"), "results", *names]


@needs_make
def test_a_failing_stage_hides_none_of_the_others(checkout: Path) -> None:
    done = subprocess.run(
        command("bad", "good", "nowhere", "absent"), cwd=str(checkout), capture_output=True, text=True, check=False
    )
    *_, bad, good, nowhere, absent, last = done.stdout.splitlines()
    assert bad.startswith("bad: failed in ")
    assert good == "good: passed: 8 passed, 2 skipped in 1.50s"
    assert nowhere.startswith("nowhere: failed in ")
    assert absent == "absent: not run: there is no such thing here"
    assert " 2 failed, 8 passed, 3 skipped in 1.50s " in last
    assert done.returncode == 1
    assert "good runs" in done.stdout


@needs_make
def test_good_stages_end_with_a_good_status(checkout: Path) -> None:
    done = subprocess.run(command("good"), cwd=str(checkout), capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert not (checkout / "results/old.xml").exists()


@needs_make
def test_an_interrupt_ends_the_stage_and_is_summed_up(checkout: Path) -> None:
    with subprocess.Popen(command("good", "slow", "bad"), cwd=str(checkout), stdout=subprocess.PIPE, text=True) as done:
        deadline = time.monotonic() + 30
        while not (checkout / "slow.pid").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        done.send_signal(signal.SIGTERM)
        output = done.communicate(timeout=30)[0].splitlines()
    assert output[-4:-1] == [
        "good: passed: 8 passed, 2 skipped in 1.50s",
        "slow: not run: interrupted",
        "bad: not run: interrupted",
    ]
    assert done.returncode == 130
