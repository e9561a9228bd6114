# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check between the batches of a rollout: do hosts lose more since they were tuned than before?

Takes results of siptune.linux.sip_counters_info. A host's counters are read for a while before it is tuned, and for as
long afterwards; when a later batch ends, its losses since then count.

A counter has worsened when it has grown by more than its rate before, plus a tolerance, and by more than one: a single
lost datagram is not a rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# Counters of lost SIP or RTP, or of refused connections. SoftnetTimeSqueeze, a CPU that had to come back for more
# packets, is not a loss, and the drops of sockets are in the counters of UDP already.
LOSSES = (
    "UdpRcvbufErrors",
    "Udp6RcvbufErrors",
    "UdpMemErrors",
    "Udp6MemErrors",
    "UdpSndbufErrors",
    "Udp6SndbufErrors",
    "SoftnetDropped",
    "NicRxMissed",
    "NicRxFifo",
    "ConntrackDrop",
    "ConntrackInsertFailed",
    "ListenOverflows",
    "ListenDrops",
    "TCPBacklogDrop",
)
SINGLE = 1
WHOLE = 100


class Window(NamedTuple):
    """The growth of counters in a while, by name, without those that could not be read."""

    growth: Mapping[str, int]
    seconds: float


def window(reading: Mapping[str, Any]) -> Window | None:
    """The growth in a reading over a while; None for any other reading."""
    if not _usable(reading) or reading["since_boot"] or not reading["seconds"]:
        return None
    return Window(_numbers(reading, "value"), float(reading["seconds"]))


def since(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> Window | None:
    """The growth between two readings; None if it is unknown, as after a reboot."""
    if not _usable(earlier) or not _usable(later):
        return None
    begun, ended = earlier["uptime_seconds"], later["uptime_seconds"]
    if begun is None or ended is None or ended <= begun:
        return None
    before, after = _numbers(earlier, "total"), _numbers(later, "total")
    # A total below the one before belongs to a recreated interface or socket, and has grown from zero.
    growth = {
        name: after[name] - before[name] if after[name] >= before[name] else after[name]
        for name in after
        if name in before
    }
    return Window(growth, ended - begun)


def joined(first: Mapping[str, Any], last: Mapping[str, Any]) -> Mapping[str, Any]:
    """The reading from the beginning of the first to the end of the last one, of several readings over a while."""
    between = since(first, last)
    if between is None or first.get("since_boot"):
        return last
    begun, seconds = _numbers(first, "value"), float(first["seconds"]) + between.seconds
    growth = {name: begun[name] + more for name, more in between.growth.items() if name in begun}
    counters = [{**one, "value": growth.get(one["name"], one["value"])} for one in last["counters"]]
    return {**last, "seconds": round(seconds, 3), "counters": counters}


def _usable(reading: Mapping[str, Any]) -> bool:
    return bool(reading) and not reading.get("failed") and not reading.get("unreachable") and "counters" in reading


def _numbers(reading: Mapping[str, Any], field: str) -> dict[str, int]:
    return {
        one["name"]: one[field] for one in reading["counters"] if one["kind"] == "counter" and one[field] is not None
    }


def worsened(
    host: str, before: Window | None, after: Window | None, counters: Sequence[str], tolerance_percent: int
) -> list[str]:
    """A sentence with the figures for each counter of a host that has worsened."""
    if before is None or after is None:
        return []
    found = []
    for name in counters:
        if name not in before.growth or name not in after.growth:
            continue
        expected = before.growth[name] / before.seconds * after.seconds
        allowed = expected * (1 + tolerance_percent / WHOLE) + SINGLE
        if after.growth[name] > allowed:
            found.append(f"{host} {name}: {_rate(after, name)} since it was tuned, {_rate(before, name)} before")
    return found


def _rate(seen: Window, name: str) -> str:
    return f"{seen.growth[name] / seen.seconds:.2f} a second ({seen.growth[name]} in {seen.seconds:.0f} s)"
