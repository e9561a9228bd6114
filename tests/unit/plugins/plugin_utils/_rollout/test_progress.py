# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.check import window
from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.progress import (
    checking,
    count_down,
    losses_so_far,
    step_seconds,
    watch,
)
from hypothesis import given
from hypothesis import strategies as st

ERRORS = "UdpRcvbufErrors"


@pytest.mark.parametrize(("total", "step"), [(1, 2), (10, 2), (30, 5), (60, 10), (3600, 600), (604800, 600)])
def test_a_few_lines_and_never_one_a_second(total: int, step: int) -> None:
    assert step_seconds(total) == step


@given(st.integers(0, 7200))
def test_a_pause_counts_down_to_its_end(total: int) -> None:
    slept: list[float] = []
    said: list[int] = []
    count_down(total, said.append, slept.append)
    assert sum(slept) == total
    assert said == sorted(said, reverse=True)
    assert 0 not in said
    assert len(said) <= 12


class Counter:
    """A host that loses a datagram a second, and answers half a second late."""

    def __init__(self, fail_at: int = 99) -> None:
        self.now = 0.0
        self.asked: list[int] = []
        self.fail_at = fail_at

    def clock(self) -> float:
        return self.now

    def read(self, seconds: int) -> dict[str, Any]:
        self.asked.append(seconds)
        self.now += seconds + 0.5
        if len(self.asked) == self.fail_at:
            return {"failed": True, "msg": "gone"}
        lost = {"name": ERRORS, "kind": "counter", "value": seconds, "total": int(self.now) + 1000}
        depth = {"name": "ConntrackEntries", "kind": "gauge", "value": len(self.asked), "total": None}
        return {
            "seconds": float(seconds),
            "uptime_seconds": 500 + self.now,
            "since_boot": False,
            "counters": [lost, depth],
        }


def test_several_readings_are_one() -> None:
    host = Counter()
    said: dict[int, str] = {}

    def say(left: int, so_far: Any) -> None:
        said[left] = losses_so_far(so_far, [ERRORS])

    reading = watch(60, host.read, say, host.clock)
    assert host.asked == [10, 10, 10, 10, 10, 8]
    assert list(said) == [50, 39, 28, 18, 8]
    assert said[50] == f"{ERRORS} 10"
    seen = window(reading)
    assert seen is not None
    assert seen.seconds == 60.5
    assert seen.growth[ERRORS] == pytest.approx(seen.seconds, abs=1)
    assert reading["counters"][1]["value"] == len(host.asked)  # as it was last


def test_a_short_check_is_a_single_reading() -> None:
    host = Counter()
    said: list[Any] = []
    assert watch(2, host.read, lambda *words: said.append(words), host.clock) == Counter().read(2)
    assert said == []


def test_a_reading_that_fails_ends_the_check() -> None:
    host = Counter(fail_at=2)
    assert watch(60, host.read, lambda *_words: None, host.clock) == {"failed": True, "msg": "gone"}
    assert len(host.asked) == 2


def test_the_line_of_a_check() -> None:
    assert checking("edge1", 60, 20, "") == "edge1: checking for 60 s: 20 s left, no losses so far"
    assert checking("edge1", 60, 20, f"{ERRORS} 3") == f"edge1: checking for 60 s: 20 s left, losses so far: {ERRORS} 3"
    assert losses_so_far({"unreachable": True}, [ERRORS]) == ""
