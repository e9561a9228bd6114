# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What SIPp 3.6.1 wrote during a stall, and what is read from it; the scenarios it gets."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._load import statistics as sipp
from hypothesis import given
from hypothesis import strategies as st

CAPTURED = Path(__file__).with_name("captured")
STATISTICS = (CAPTURED / "statistics.csv").read_text(encoding="utf-8")
RESPONSE_TIMES = (CAPTURED / "response_times.csv").read_text(encoding="utf-8")


def test_totals_are_those_of_the_last_line() -> None:
    assert sipp.parse_statistics(STATISTICS) == sipp.Totals(7000, 591, 0, 6409, 998.004)


def test_the_start_is_in_seconds_of_the_epoch() -> None:
    assert sipp.started_at(STATISTICS) == 1795986184.610237


@pytest.mark.parametrize("text", ["", STATISTICS.split("\n")[0]], ids=["nothing", "heading alone"])
def test_a_run_without_statistics_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="no line of statistics"):
        sipp.parse_statistics(text)


def test_response_times_are_since_the_start() -> None:
    responses = sipp.parse_response_times(RESPONSE_TIMES)
    assert responses[0] == sipp.Response(at=0.004001, milliseconds=0.0)
    assert len(responses) == 7
    assert sorted(response.at for response in responses) == [response.at for response in responses]


def test_no_response_is_no_time() -> None:
    assert sipp.parse_response_times("Date_ms;response_time_ms;rtd_no\n") == []
    assert sipp.percentile([], 0.99) is None


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([5.0], 0.99, 5.0), (range(1, 101), 0.99, 99), (range(1, 101), 0.5, 50), ([3, 1, 2], 1.0, 3)],
)
def test_percentile(values: list[float], share: float, expected: float) -> None:
    assert sipp.percentile(values, share) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_not_exceeded_by_its_share(values: list[float], share: float) -> None:
    found = sipp.percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6


def test_statuses_are_counted_and_a_complaint_is_none() -> None:
    text = (
        "2026-11-30\t12:42:45.689348\t1796042565.689348;00:00:00:000000;\n"
        "2026-11-30\t12:42:46.692510\t1796042566.692510;00:00:01:003000;404,404,503,\n"
        "2026-11-30\t12:42:47.696868\t1796042567.696868;00:00:02:007000;404,\n"
        "2026-11-30\t12:42:47.739187\t1796042567.739187: Maximum number of open sockets (50000) should be less\n"
    )
    assert sipp.parse_error_codes(text) == {"404": 3, "503": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n SIPp v3.6.1-SCTP-PCAP-RTPSTREAM.\n\n This program", ("3.6.1", False)),
        ("\n SIPp v3.7.2-TLS-SCTP-PCAP.\n", ("3.7.2", True)),
        ("\n SIPp v3.7.0-beta1-TLS.\n", ("3.7.0", True)),
        ("usage: sipp", None),
    ],
)
def test_the_version_and_whether_it_can_do_tls(text: str, expected: tuple[str, bool] | None) -> None:
    assert sipp.parse_version(text) == expected


@given(st.text())
def test_no_text_upsets_the_parsers(text: str) -> None:
    sipp.parse_error_codes(text)
    sipp.parse_version(text)
    for parse in (sipp.parse_statistics, sipp.parse_response_times):
        with contextlib.suppress(ValueError):
            parse(text)
