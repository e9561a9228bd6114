# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import COUNTERS
from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.check import (
    LOSSES,
    Window,
    since,
    window,
    worsened,
)
from hypothesis import given
from hypothesis import strategies as st

ERRORS = "UdpRcvbufErrors"


def reading(value: int | None = 0, total: int | None = 0, **fields: Any) -> dict[str, Any]:
    """What sip_counters_info returns, as far as it counts here."""
    counters = [
        {"name": ERRORS, "kind": "counter", "value": value, "total": total},
        {"name": "Descriptors", "kind": "gauge", "value": 90, "total": None},
    ]
    return {"seconds": 10.0, "uptime_seconds": 1000.0, "since_boot": False, "counters": counters, **fields}


def test_the_counters_that_count_are_counters() -> None:
    assert set(LOSSES) <= {counter.name for counter in COUNTERS}


@pytest.mark.parametrize(
    ("given_reading", "expected"),
    [
        pytest.param(reading(5), Window({ERRORS: 5}, 10.0), id="a while"),
        pytest.param(reading(None), Window({}, 10.0), id="one that cannot be read"),
        pytest.param(reading(since_boot=True), None, id="since boot"),
        pytest.param({}, None, id="nothing"),
        pytest.param({"failed": True, "msg": "no"}, None, id="failed"),
        pytest.param({"unreachable": True}, None, id="gone"),
    ],
)
def test_windows(given_reading: dict[str, Any], expected: Window | None) -> None:
    assert window(given_reading) == expected


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        pytest.param(
            reading(total=7), reading(total=19, uptime_seconds=1060.0), Window({ERRORS: 12}, 60.0), id="has grown"
        ),
        pytest.param(
            reading(total=70), reading(total=3, uptime_seconds=1060.0), Window({ERRORS: 3}, 60.0), id="made anew"
        ),
        pytest.param(reading(total=7), reading(total=3, uptime_seconds=20.0), None, id="booted since"),
        pytest.param(reading(uptime_seconds=None), reading(), None, id="without a time"),
        pytest.param(reading(total=None), reading(total=3, uptime_seconds=1060.0), Window({}, 60.0), id="unknown then"),
        pytest.param({}, reading(), None, id="not read then"),
        pytest.param(reading(), {"unreachable": True}, None, id="gone"),
    ],
)
def test_since(earlier: dict[str, Any], later: dict[str, Any], expected: Window | None) -> None:
    assert since(earlier, later) == expected


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        pytest.param((0, 10), (0, 10), False, id="nothing is lost"),
        pytest.param((0, 10), (1, 10), False, id="a single one is no rate"),
        pytest.param((0, 10), (2, 10), True, id="two where there were none"),
        pytest.param((100, 10), (111, 10), False, id="within the tolerance"),
        pytest.param((100, 10), (112, 10), True, id="beyond the tolerance"),
        pytest.param((100, 10), (50, 10), False, id="better"),
        pytest.param((10, 10), (66, 60), False, id="the same rate for longer"),
        pytest.param((10, 10), (68, 60), True, id="a higher rate for longer"),
    ],
)
def test_what_has_worsened(before: tuple[int, int], after: tuple[int, int], worse: bool) -> None:
    seen = [Window({ERRORS: count}, seconds) for count, seconds in (before, after)]
    assert bool(worsened("edge1", *seen, LOSSES, 10)) == worse


def test_it_names_host_counter_and_figures() -> None:
    said = worsened("edge1", Window({ERRORS: 1}, 10), Window({ERRORS: 60, "NicRxFifo": 9}, 20), LOSSES, 10)
    assert said == [
        "edge1 UdpRcvbufErrors: 3.00 a second (60 in 20 s) since it was tuned, 0.10 a second (1 in 10 s) before"
    ]


@pytest.mark.parametrize(
    ("before", "after"), [(None, Window({ERRORS: 9}, 1)), (Window({ERRORS: 0}, 1), None), (None, None)]
)
def test_what_was_not_seen_is_not_judged(before: Window | None, after: Window | None) -> None:
    assert worsened("edge1", before, after, LOSSES, 10) == []


@given(st.integers(0, 10**6), st.integers(1, 3600), st.integers(1, 3600), st.integers(0, 1000))
def test_a_rate_that_stays_the_same_has_not_worsened(count: int, seconds: int, longer: int, tolerance: int) -> None:
    before, after = Window({ERRORS: count * seconds}, seconds), Window({ERRORS: count * longer}, longer)
    assert worsened("edge1", before, after, LOSSES, tolerance) == []
