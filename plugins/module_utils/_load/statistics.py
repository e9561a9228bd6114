# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What SIPp writes about a run. Source: SIPp reference documentation, "Statistics" and "Log files".

Text of a program that somebody else may have put there: all of it is bounded where it is read.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from math import ceil
from typing import NamedTuple


class Totals(NamedTuple):
    """What a run came to: calls begun, ended well and lost, requests sent again, and calls begun a second."""

    calls: int
    failed: int
    retransmissions: int
    successful: int = 0
    rate: float = 0.0

    def plus(self, other: Totals) -> Totals:
        """Both together."""
        return Totals(
            self.calls + other.calls,
            self.failed + other.failed,
            self.retransmissions + other.retransmissions,
            self.successful + other.successful,
            self.rate + other.rate,
        )


def _rows(statistics: str) -> list[dict[str, str]]:
    try:
        rows = [row for row in csv.DictReader(io.StringIO(statistics), delimiter=";") if row.get("TotalCallCreated")]
    except csv.Error as error:
        raise ValueError(f"statistics that are none: {error}") from None
    if not rows:
        raise ValueError(f"no line of statistics in {statistics[:200]!r}")
    return rows


_TOTALS = ("TotalCallCreated", "FailedCall(C)", "Retransmissions(C)", "SuccessfulCall(C)")


def parse_statistics(statistics: str) -> Totals:
    """The totals of a -trace_stat file: the cumulative columns, (C), of its last line. Raises ValueError.

    The rate is that of the time in which calls were begun; SIPp then waits for the last ones to end.
    """
    rows = _rows(statistics)
    try:
        calls, failed, again, successful = (int(rows[-1][name]) for name in _TOTALS)
        while len(rows) > 1 and int(rows[-2]["TotalCallCreated"]) == calls:
            rows.pop()
        earlier = rows[:-1] or rows  # calls may have ended at any moment of the last line's second
        rate = float(earlier[-1]["CallRate(C)"]) or float(rows[-1]["CallRate(C)"])
        return Totals(calls, failed, again, successful, rate)
    except (KeyError, TypeError) as error:
        raise ValueError(f"statistics without {error}") from None


def started_at(statistics: str) -> float:
    """When SIPp started, in seconds of the epoch, by a -trace_stat file. Raises ValueError."""
    return float(_rows(statistics)[0]["StartTime"].split()[-1])


class Response(NamedTuple):
    """A response time, and when the response came, in seconds since SIPp's start."""

    at: float
    milliseconds: float


def parse_response_times(text: str) -> list[Response]:
    """The responses of a -trace_rtt file: milliseconds since the start, and of the response. Raises ValueError."""
    rows = [line.split(";") for line in text.split("\n")[1:] if line.strip()]
    return [Response(float(row[0]) / 1000, float(row[1])) for row in rows if len(row) > 1]


def percentile(values: Iterable[float], share: float) -> float | None:
    """The smallest value that at least this share of all do not exceed (nearest rank); None of nothing."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None


def parse_error_codes(text: str) -> Counter[str]:
    """How often each status came where another was expected, of a -trace_error_codes file."""
    return Counter(_statuses(text))


def _statuses(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        yield from re.findall(r"(?<![0-9])[1-6][0-9]{2}(?![0-9])", line.rpartition(";")[2])


def parse_version(text: str) -> tuple[str, bool] | None:
    """The version that `sipp -v` prints, and whether it has been built with TLS; None if it prints none."""
    found = re.search(r"SIPp v([0-9][0-9A-Za-z.]*)(\S*)", text)
    return (found.group(1).rstrip("."), "-TLS" in found.group(2) or "-SSL" in found.group(2)) if found else None
