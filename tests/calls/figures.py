# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, as records that docs/calls.json keeps, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sipp import Response, Totals, percentile

# Lengths of datagrams in bytes: about an OPTIONS, and an INVITE with the headers of a telephone. The kernel charges
# 1280 and 2304 bytes of the buffer for them, on loopback.
SHORT_BYTES, LONG_BYTES = 600, 1000
CHARGED_BYTES = {SHORT_BYTES: 1280, LONG_BYTES: 2304}

STALLS_SECONDS = (0.2, 0.5, 1.0, 2.0)
RECOVERY_SECONDS = 2.0  # after a stall; by then the response times are to be normal
NORMAL_P99_MILLISECONDS = 200


class Held(NamedTuple):
    """How many datagrams of this length a stalled daemon's socket held, of so many that were sent."""

    length: int
    held: int
    sent: int

    @property
    def all(self) -> bool:
        return self.held == self.sent


class Stall(NamedTuple):
    """A stall under load. `dropped` messages are the kernel's count, the other figures SIPp's.

    `p99` is that of all responses, `late_p99` of those that came RECOVERY_SECONDS after the stall or later; both in
    milliseconds, None without any response.
    """

    kind: str
    seconds: float
    rate: int
    calls: int
    failed: int
    dropped: int
    retransmissions: int
    p99: float | None
    late_p99: float | None


class Measured(NamedTuple):
    """A state of a host; `buffer_bytes` as getsockopt(2) has it."""

    state: str
    buffer_bytes: int
    held: tuple[Held, ...]
    stalls: tuple[Stall, ...]

    def holds(self, length: int) -> Held | None:
        return next((held for held in self.held if held.length == length), None)


class Key(NamedTuple):
    """A kernel parameter that was set alone, before the daemon's restart; `live` is None where it could not be."""

    key: str
    value: str
    live: str | None
    held: int


class Bed(NamedTuple):
    """All that was measured on one host: `words` say on what, `versions` of what."""

    name: str
    words: str
    versions: Mapping[str, str]
    states: tuple[Measured, ...]
    keys: tuple[Key, ...]

    def state(self, key: str) -> Measured | None:
        return next((one for one in self.states if one.state == key), None)


def stall_of(
    kind: str, seconds: float, rate: int, totals: Totals, dropped: int, responses: Sequence[Response], woken_at: float
) -> Stall:
    """The record of a stall. `woken_at` is on the clock of the responses."""
    times = [response.milliseconds for response in responses]
    late = [response.milliseconds for response in responses if response.at >= woken_at + RECOVERY_SECONDS]
    p99 = percentile(times, 0.99), percentile(late, 0.99)
    return Stall(kind, seconds, rate, totals.calls, totals.failed, dropped, totals.retransmissions, *p99)


def longest_stall_seconds(held: Held, rate: int) -> float:
    """The longest stall without a loss: as long as this many datagrams take to come."""
    return held.held / rate


def to_document(beds: Sequence[Bed]) -> list[dict[str, Any]]:
    """The records as JSON has them."""
    return [
        {
            **bed._asdict(),
            "states": [
                {
                    **one._asdict(),
                    "held": [held._asdict() for held in one.held],
                    "stalls": [stall._asdict() for stall in one.stalls],
                }
                for one in bed.states
            ],
            "keys": [key._asdict() for key in bed.keys],
        }
        for bed in beds
    ]


def from_document(document: Sequence[Mapping[str, Any]]) -> list[Bed]:
    """The opposite of to_document."""
    return [
        Bed(
            bed["name"],
            bed["words"],
            bed["versions"],
            tuple(
                Measured(
                    one["state"],
                    one["buffer_bytes"],
                    tuple(Held(**held) for held in one["held"]),
                    tuple(Stall(**stall) for stall in one["stalls"]),
                )
                for one in bed["states"]
            ),
            tuple(Key(**key) for key in bed["keys"]),
        )
        for bed in document
    ]
