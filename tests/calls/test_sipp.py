# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What SIPp 3.6.1 wrote during a stall, and what is read from it; the scenarios it gets."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
import sipp
from hypothesis import given
from hypothesis import strategies as st

CAPTURED = Path(__file__).with_name("captured")
STATISTICS = (CAPTURED / "statistics.csv").read_text(encoding="utf-8")
RESPONSE_TIMES = (CAPTURED / "response_times.csv").read_text(encoding="utf-8")


def test_totals_are_those_of_the_last_line() -> None:
    assert sipp.parse_statistics(STATISTICS) == sipp.Totals(calls=7000, failed=591, retransmissions=0)


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


@pytest.mark.parametrize("scenario", [sipp.options_scenario(), sipp.call_scenario(), sipp.CALLEE])
def test_scenarios_are_xml_and_their_messages_are_sip(scenario: str) -> None:
    for send in ElementTree.fromstring(scenario).iter("send"):
        head, _, _body = (send.text or "").strip("\n").partition("\n\n")
        start, *headers = head.split("\n")
        assert start.startswith("SIP/2.0 ") or start.endswith(" SIP/2.0")
        assert all(": " in header or header.startswith("[last_") for header in headers), head


def test_only_calls_are_retransmitted() -> None:
    assert "retrans" not in sipp.options_scenario()
    sends = {send.text.split()[0]: send for send in ElementTree.fromstring(sipp.call_scenario()).iter("send")}
    retransmitted = {method for method, send in sends.items() if "retrans" in send.attrib}
    assert retransmitted == {"INVITE", "BYE"}
