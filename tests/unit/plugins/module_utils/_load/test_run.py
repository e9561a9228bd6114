# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of SIPp came to, by the files that it has written. tests/integration has the real one."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._load import run as subject
from ansible_collections.siptune.linux.plugins.module_utils._load.reach import UDP, EndPoint
from ansible_collections.siptune.linux.plugins.module_utils._load.run import Measured, State
from ansible_collections.siptune.linux.plugins.module_utils._load.scenarios import INVITE_MEDIA, OPTIONS
from ansible_collections.siptune.linux.plugins.module_utils._load.sipp import Load
from ansible_collections.siptune.linux.plugins.module_utils._load.statistics import Totals

CAPTURED = Path(__file__).with_name("captured")


class Ended(NamedTuple):
    output: str


def load(scenario: str = OPTIONS) -> Load:
    return Load(EndPoint("192.0.2.1", 5060, UDP), scenario, 1000, 7, 2000, "callee", 5070, ())


def written(directory: Path, **files: str) -> Any:
    for name, text in files.items():
        (directory / name.replace("__", ".")).write_text(text, encoding="ascii")
    return [Ended(str(directory / "output"))]


def test_all_processes_together(tmp_path: Path) -> None:
    places = [tmp_path / name for name in "ab"]
    running = []
    for place in places:
        place.mkdir()
        files = {
            "statistics__csv": (CAPTURED / "statistics.csv").read_text(encoding="ascii"),
            "load_7_rtt__csv": (CAPTURED / "response_times.csv").read_text(encoding="ascii"),
            "load_7_error_codes__csv": "2026-11-30\t12:42:46.6\t17960.6;00:00:01:003000;404,\n",
        }
        running += written(place, **files)
    found = subject._measured(running, str(tmp_path))
    assert found.totals[:4] == (14000, 1182, 0, 12818)
    assert found.statuses == {"404": 2}
    assert len(found.milliseconds) == 14


def test_a_sipp_that_has_made_no_call_says_why(tmp_path: Path) -> None:
    text = "2026-11-30\t12:42:46.6\t17960.6;00:00:00:000000;\n2026-11-30\t12:42:46.6\t17960.6: Unable to bind\n"
    with pytest.raises(HostError, match=r"no line of statistics.*Unable to bind"):
        subject._measured(written(tmp_path, load_7_error_codes__csv=text), str(tmp_path))
    (tmp_path / "load_7_error_codes.csv").unlink()
    with pytest.raises(HostError, match="it says nothing"):
        subject._measured(written(tmp_path), str(tmp_path))
    stamped = "Resolving\n2026-11-30\t16:54:13.9\t17960.9: Unable to listen main socket\n---- Screen ----\n"
    with pytest.raises(HostError, match=r"no line of statistics.*: Unable to listen main socket"):
        subject._measured(written(tmp_path, output=stamped), str(tmp_path))
    with pytest.raises(HostError, match="Unknown option"):
        subject._measured(written(tmp_path, output="Unknown option -x\n---\n"), str(tmp_path))


def test_the_result_counts_what_was_answered_well() -> None:
    found = subject._result(load(), Measured(Totals(7000, 591, 3, 6409, 999.04), Counter({"503": 700}), [1.0, 5.0]))
    assert found == {
        "asked": 7000,
        "sent": 7000,
        "sent_per_second": 999.0,
        "answered": 6409,
        "unanswered": 591,
        "retransmissions": 3,
        "statuses": {"200": 6409, "503": 591},
        "response_ms": {"p50": 1.0, "p99": 5.0, "max": 5.0},
    }


def sample(**grown: int) -> dict[str, Any]:
    return {name: {"": grown.get(name, 0)} for name in subject.OWN_LOSSES}


def test_the_generators_own_part() -> None:
    before = State(sample(), [1.0, 2.0], 0.0)
    after = State(sample(UdpRcvbufErrors=5), [4.5, 99.0], 3.5)
    assert subject._own(before, after, load(), 1) == {
        "generator_losses": {"UdpRcvbufErrors": 5},
        "processors": [50.0, 100.0],
        "sender_busy": 50.0,
    }
    # Of media that nobody reads no loss is one.
    assert subject._own(before, after, load(INVITE_MEDIA), 1)["generator_losses"] == {}


def test_a_link_in_the_directory_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "statistics.csv").symlink_to("/etc/passwd")
    assert subject._read(os.path.join(tmp_path, "statistics.csv")) == ""


def test_without_openssl_there_is_no_certificate_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TuningError, match=r"openssl is not installed.*package openssl"):
        subject._make_certificate(Host(), str(tmp_path))
