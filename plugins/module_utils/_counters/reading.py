# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the counters of a host: once for their values since boot, or twice for what they grow by in between."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .._core.text import whole_number
from .._counters import descriptors, table
from .._host import qdisc
from .._host.driver_statistics import losses
from .._host.host import Host, unless_refused
from .._host.machine import child_network_namespace
from .._host.netlink import IFLA_STATS64, RTM_GETLINK, link_attributes, parse_links
from .._host.network import LOOPBACK
from .._host.processes import FIRST_PROCESS, process_names, start_ticks
from .relays import relay_results, relayed, running_relays
from .sip_sockets import socket_results
from .table import COUNTERS, WHOLE, Counter

DESCRIPTORS = "Descriptors"
RELAYED = "relayed"  # in a sample: what each rtpengine has relayed, by its process
CONNTRACK_ENTRIES = "ConntrackEntries"
CONNTRACK_COUNT = "/proc/sys/net/netfilter/nf_conntrack_count"
CONNTRACK_MAX = "/proc/sys/net/netfilter/nf_conntrack_max"
DESCRIPTORS_SOURCE = "/proc/PID/fd and /proc/PID/limits"
UPTIME = "/proc/uptime"

NO_CONNTRACK = "connection tracking is not in use"
UNREADABLE = "cannot be read from here"
UNKNOWN_FIELD = "this kernel does not count it"

OF_DRIVERS = ("NicRxNoBuffer", "NicQueueDrops", "NicAllowanceExceeded")  # in the order of `Losses`
MANY_IN_A_PLACE = (table.SOCKETS, table.DRIVERS)  # whose parts are told by more than the place

Sample = dict  # of a counter's name to its parts, dict[str, int], or None


class Readings(NamedTuple):
    """Two samples; `before` is None and `seconds` the time since the counters began where there is only the one.

    `relays` are the rtpengines of the second one, as host_facts documents them.
    """

    before: Sample | None
    after: Sample
    seconds: float | None
    relays: Sequence[Mapping[str, Any]] = ()


def counted(
    host: Host,
    seconds: int,
    datagrams_per_second: int | None = None,
    relays: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The result of sip_counters_info: the counters as they stand, or with `seconds` those that a wait adds.

    `datagrams_per_second` is the peak of the capacity contract, if there is one. `relays` is the fact `rtpengine` where
    it is known, and nothing has changed since.
    """
    readings = read(host, seconds, relays=relays)
    return {
        "seconds": None if readings.seconds is None else round(readings.seconds, 3),
        "uptime_seconds": uptime_seconds(host),
        "since_boot": readings.before is None,
        "since": begun(host)[0],
        "counters": as_results(readings) + gauges(host),
        "sip_datagrams_per_second": datagrams_per_second,
        "sip_sockets": socket_results(host, readings.before, readings.after, datagrams_per_second),
        "rtpengine": relay_results(
            readings.relays, readings.before and readings.before[RELAYED], readings.after[RELAYED]
        ),
    }


def read(
    host: Host,
    seconds: int,
    sleep: Callable[[float], None] = time.sleep,
    relays: Sequence[Mapping[str, Any]] | None = None,
) -> Readings:
    """The counters as they stand, or with `seconds` as they stand before and after a wait."""
    if relays is None:
        relays = running_relays(host)
    if not seconds:
        return Readings(None, sample(host, relays), begun(host)[1], relays)
    started = time.monotonic()
    before = sample(host, relays)
    sleep(seconds)
    relays = running_relays(host)  # one that has been started meanwhile counts
    after = sample(host, relays)
    return Readings(before, after, time.monotonic() - started, relays)


def uptime_seconds(host: Host) -> float | None:
    """Seconds since the machine's boot. Source: proc_uptime(5)."""
    words = (host.read_lenient(UPTIME) or "").split()
    try:
        return float(words[0]) if words else None
    except ValueError:
        return None


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def begun(host: Host, clock: Callable[[], float] = _boottime) -> tuple[str, float | None]:
    """What the counters are since, one of table.SINCE, and how many seconds ago that was; None where nobody can tell.

    A container's network namespace is made just before its first process. The kernel does not tell when any other
    namespace was made. `clock` is that of the start times in /proc: not /proc/uptime, which lxcfs makes up.
    """
    if not child_network_namespace(host):
        return table.BOOT, uptime_seconds(host)
    ours, first = (host.read_link(f"/proc/{pid}/ns/net") for pid in ("self", FIRST_PROCESS))
    if ours is None or ours != first:
        return table.NAMESPACE, None
    ticks = start_ticks(host, FIRST_PROCESS)
    seconds = -1.0 if ticks is None else clock() - ticks / os.sysconf("SC_CLK_TCK")
    return table.CONTAINER, seconds if seconds >= 0 else None


def sample(host: Host, relays: Sequence[Mapping[str, Any]] = ()) -> Sample:
    """Every counter's parts; None where the host does not have it, or does not show it to us."""
    links = unless_refused(host.route_dump, RTM_GETLINK)
    tables = {
        table.SNMP: _whole(host, table.SNMP, table.parse_pairs),
        table.SNMP6: _whole(host, table.SNMP6, table.parse_names),
        table.NETSTAT: _whole(host, table.NETSTAT, table.parse_pairs),
        table.SOFTNET: _parsed(host, table.SOFTNET, table.parse_softnet),
        table.CONNTRACK: _parsed(host, table.CONNTRACK, table.parse_conntrack),
        table.SOCKETS: {"drops": _socket_drops(host)},
        table.LINKS: _link_statistics(links),
        table.DRIVERS: {} if links is None else _driver_losses(host, _cards(links)),
        table.QDISCS: _qdisc_drops(host, links),
    }
    counts = {counter.name: tables[counter.source].get(counter.field) for counter in COUNTERS}
    return {**counts, RELAYED: relayed(host, relays)}


def _parsed(host: Host, path: str, parse: Callable[[str], Mapping[str, Any]]) -> Mapping[str, Any]:
    return parse(host.read_lenient(path) or "")


def _whole(host: Host, path: str, parse: Callable[[str], Mapping[str, int]]) -> dict[str, dict[str, int]]:
    return {name: {WHOLE: value} for name, value in _parsed(host, path, parse).items()}


def _socket_drops(host: Host) -> dict[str, int] | None:
    """The drops of all UDP sockets; None where there is no table at all, as for want of IPv6 there may be one only."""
    found = [host.read_lenient(path) for path in table.UDP_SOCKETS]
    if not any(found):
        return None
    return {name: drops for text in found if text for name, drops in table.parse_socket_drops(text).items()}


def _link_statistics(links: bytes | None) -> dict[str, dict[str, int]]:
    """The statistics of each interface but lo, which has no card.

    From rtnetlink, as a /sys mounted in another network namespace shows that namespace's interfaces.
    """
    if links is None:
        return {}
    found: dict[str, dict[str, int]] = {field: {} for field in table.LINK_STATISTICS}
    for name, attribute in link_attributes(links, IFLA_STATS64):
        if name == LOOPBACK:
            continue
        for field, value in table.parse_link_statistics(attribute).items():
            found[field][name] = value
    return found


def _driver_losses(host: Host, cards: list[str]) -> dict[str, dict[str, int]]:
    fields = {counter.name: counter.field for counter in COUNTERS}
    return dict(zip((fields[name] for name in OF_DRIVERS), losses(host, cards)))


def _cards(links: bytes) -> list[str]:
    names = (link.name for link in parse_links(links) or [])
    return [name for name in names if name != LOOPBACK]


def _qdisc_drops(host: Host, links: bytes | None) -> dict[str, dict[str, int]]:
    names = {link.ifindex: link.name for link in parse_links(links or b"") or []}
    dumped = qdisc.dump(host)
    if dumped is None or not names:
        return {}
    drops = qdisc.parse_drops(dumped)
    return {"drops": {names[ifindex]: number for ifindex, number in drops.items() if ifindex in names}}


# --- the result ------------------------------------------------------------------------------


def as_results(readings: Readings) -> list[dict[str, Any]]:
    """The counters as sip_counters_info documents them."""
    return [_result(counter, readings) for counter in COUNTERS]


def _result(counter: Counter, readings: Readings) -> dict[str, Any]:
    totals = readings.after[counter.name]
    values = totals
    if readings.before is not None:
        values = table.growth(readings.before[counter.name], totals, counter.bits)
    notes = table.names_by_place(values or {}) if counter.source == table.DRIVERS else {}
    if counter.source in MANY_IN_A_PLACE:
        totals, values = table.by_place(totals), table.by_place(values)
    known = totals is not None and values is not None
    named = []
    if counter.parts and totals and values:
        named = [_part(name, values[name], totals[name], note=notes.get(name, "")) for name in values]
    return {
        "name": counter.name,
        "kind": "counter",
        "unit": counter.unit,
        "source": f"{counter.source} {counter.field}",
        "value": sum(values.values()) if known and values is not None else None,
        "total": sum(totals.values()) if known and totals is not None else None,
        "limit": None,
        "part_is": counter.parts,
        "parts": table.largest(named),
        "reason": "" if known else _why_unknown(counter, readings.after),
    }


def _part(name: str, value: int, total: int | None, limit: int | None = None, note: str = "") -> dict[str, Any]:
    return {"part": name, "value": value, "total": total, "limit": limit, "note": note}


def _why_unknown(counter: Counter, sampled: Sample) -> str:
    siblings = [other for other in COUNTERS if other.source == counter.source]
    if any(sampled[other.name] is not None for other in siblings):
        return UNKNOWN_FIELD
    return NO_CONNTRACK if counter.source == table.CONNTRACK else UNREADABLE


# --- levels and their limits -----------------------------------------------------------------


def gauges(host: Host) -> list[dict[str, Any]]:
    """The levels in use now with their limits, in the shape of the counters."""
    return [_conntrack_entries(host), _open_files(host)]


def _gauge(name: str, unit: str, source: str) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "gauge",
        "unit": unit,
        "source": source,
        "value": None,
        "total": None,
        "limit": None,
        "part_is": None,
        "parts": [],
        "reason": "",
    }


def _conntrack_entries(host: Host) -> dict[str, Any]:
    gauge = _gauge(CONNTRACK_ENTRIES, "entries", CONNTRACK_COUNT)
    count, limit = (_number(host.read_lenient(path)) for path in (CONNTRACK_COUNT, CONNTRACK_MAX))
    return {**gauge, "value": count, "limit": limit, "reason": "" if count is not None else NO_CONNTRACK}


def _number(text: str | None) -> int | None:
    return whole_number((text or "").strip())


def _open_files(host: Host) -> dict[str, Any]:
    """The open files of each SIP daemon's fullest process; as a whole, of the one that is nearest to its limit."""
    gauge = {**_gauge(DESCRIPTORS, "files", DESCRIPTORS_SOURCE), "part_is": "unit"}
    names = process_names(host)
    running = descriptors.daemon_processes(host, names)
    seen = [descriptors.open_files(host, daemon, first, pid) for daemon, first, pid in running]
    known = [process for process in seen if process is not None]
    by_owner = descriptors.fullest(known)
    parts = []
    for owner, process in sorted(by_owner.items(), key=lambda pair: (-descriptors.share(pair[1]), pair[0])):
        count = sum(other.owner == owner for other in known)
        note = f"{process.daemon}, process {process.pid}" + (f", the fullest of {count}" if count > 1 else "")
        parts.append(_part(owner, process.open, None, process.limit, note))
    if not parts:
        return {**gauge, "reason": _why_no_descriptors(bool(running), names.complete)}
    return {**gauge, "value": parts[0]["value"], "limit": parts[0]["limit"], "parts": parts[: table.MOST_PARTS]}


def _why_no_descriptors(running: bool, complete: bool) -> str:
    if running:
        return UNREADABLE + ", which takes root"
    return "no SIP daemon is running" if complete else UNREADABLE
