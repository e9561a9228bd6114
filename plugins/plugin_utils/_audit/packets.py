# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of packets in the audit: what each setting of a machine costs and brings, findings in words, and the picture.

Pure: from the field `packets` of siptune.linux.tune to plain data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._host.cpus import listed_cpus
from ansible_collections.siptune.linux.plugins.module_utils._packets.model import (
    GOVERNOR,
    HUGE_PAGES,
    IDLE_STATES,
    ISOLATED_PROCESSORS,
    NOHZ_FULL,
    NUMA_BALANCING,
    SCHEDULING,
)

MOST_COLUMNS = 256  # processors in the picture
MOST_ROWS = 64  # queues in it


class Worth(NamedTuple):
    """What a setting brings to calls, and what it costs."""

    brings: str
    costs: str


# Sources: Documentation/admin-guide/pm/{cpufreq,cpuidle}.rst, mm/transhuge.rst, sysctl/kernel.rst (numa_balancing),
# kernel-parameters.txt (isolcpus, nohz_full), sched(7).
WORTH = {
    GOVERNOR: Worth(
        "performance keeps the clock up, so that a packet after a pause does not wait for it: microseconds on a real "
        "machine, nothing in a virtual one",
        "power and heat; less turbo for others",
    ),
    IDLE_STATES: Worth(
        "without deep states (cpupower idle-set, or PM QoS) a processor wakes for a packet in a few microseconds and "
        "not in the time that is named here: jitter of RTP at low load, on a real machine alone",
        "power and heat; without any idle state less turbo",
    ),
    HUGE_PAGES: Worth(
        "little either way: the pools of SIP daemons are shared memory, which it does not reach. madvise is fine",
        "always may stall a daemon for a compaction, and bloats databases beside it",
    ),
    NUMA_BALANCING: Worth(
        "moves memory to the processors that use it, where nobody has pinned anything",
        "faults and moves pages of running daemons: off for those that are pinned to a node",
    ),
    ISOLATED_PROCESSORS: Worth(
        "nothing but what is pinned there runs on them: no jitter for such a daemon",
        "all else has fewer processors, and interrupts and RPS have to be kept away as well",
    ),
    NOHZ_FULL: Worth(
        "no timer interrupts one busy thread on each of them",
        "each system call takes longer, which a daemon of many packets pays for: not for SIP and RTP",
    ),
    SCHEDULING: Worth(
        "fifo or rr, or a lower nice, takes the processor from others at once: Asterisk -p, Kamailio's children with "
        "real-time priority, FreeSWITCH do so by themselves",
        "a daemon that spins starves all else of its processors, ssh too; softirqs in ksoftirqd wait as well",
    ),
}


def packet_record(packets: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The way of packets in the document, None for a host of which it was not looked at."""
    if packets is None:
        return None
    settings = [{**one, **_worth(one["name"])} for one in packets.get("settings") or ()]
    return {**packets, "settings": settings, "findings": list(packets.get("findings") or ())}


def _worth(name: str) -> dict[str, str]:
    known = next((worth for known, worth in WORTH.items() if name == known or name.endswith(f" {known}")), None)
    return {"brings": known.brings if known else "", "costs": known.costs if known else ""}


def findings_of(host: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The findings of a host of the document."""
    return host["packets"]["findings"] if host["packets"] else ()


def packet_lines(findings: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The subject of each finding, and what is wrong with it and what to do."""
    return [(one["subject"], "; ".join(filter(None, (one["finding"], one["advice"])))) for one in findings]


def setting_lines(packets: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The settings of the machine with their values, and what they bring and cost."""
    return [
        (f"{one['name']}: {one['value']}", f"brings: {one['brings']}; costs: {one['costs']}")
        for one in packets["settings"]
    ]


# --- the picture -----------------------------------------------------------------------------


class Row(NamedTuple):
    """A queue in the picture: its name, what it has counted, and its counts by column."""

    label: str
    total: int
    cells: list[tuple[int, int]]


class Picture(NamedTuple):
    """The load of each processor, and of each queue on it. `apart` are the columns of isolated processors."""

    processors: list[int]
    net_rx: list[int]
    apart: list[int]
    rows: list[Row]


def picture(packets: Mapping[str, Any]) -> Picture | None:
    """The picture of a host; None where nothing is known of its processors."""
    processors = (packets.get("processors") or ())[:MOST_COLUMNS]
    if not processors:
        return None
    columns = {one["cpu"]: column for column, one in enumerate(processors)}
    isolated = (listed_cpus(packets.get("isolated")) or frozenset()) | (
        listed_cpus(packets.get("nohz_full")) or frozenset()
    )
    rows = [
        _row(interface["interface"], queue, columns)
        for interface in packets.get("interfaces") or ()
        for queue in interface.get("queues") or ()
        if queue.get("interrupt") is not None
    ]
    return Picture(
        list(columns),
        [one["net_rx"] for one in processors],
        [column for cpu, column in columns.items() if cpu in isolated],
        rows[:MOST_ROWS],
    )


def _row(interface: str, queue: Mapping[str, Any], columns: Mapping[int, int]) -> Row:
    counts = {one["cpu"]: one["interrupts"] for one in queue.get("by_processor") or ()}
    cells = [(columns[cpu], count) for cpu, count in sorted(counts.items()) if cpu in columns and count]
    name = queue["name"]
    return Row(name if interface in name else f"{interface} {name}", sum(counts.values()), cells)
