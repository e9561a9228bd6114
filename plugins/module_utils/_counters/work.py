# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How busy a host is: its processors, its SIP daemons, the control groups that hold these back, and its traffic.

All are sums since some beginning, so that the difference of two readings is what happened in between. Parsers take
text and never raise.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from .._core.text import whole_number
from .._counters import table
from .._host.host import Host
from .._host.processes import process_names
from .._sip.daemons import Daemon, Process
from .descriptors import daemon_processes

STAT = "/proc/stat"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
OWN_NETWORK = "/proc/self/ns/net"
CGROUPS = "/sys/fs/cgroup"
CPU_HIERARCHIES = ("cpu,cpuacct", "cpu")  # where version 1 is mounted
MOST_LEVELS = 16  # of control groups above each other
MOST_DAEMONS = 32
NANOSECONDS, MICROSECONDS = 1_000_000_000, 1_000_000
# What has come in, by which a packet that was dropped before can be told from one that nobody has answered.
TRAFFIC = {
    table.SNMP: ("UdpInDatagrams", "UdpNoPorts", "TcpPassiveOpens", "TcpInSegs"),
    table.SNMP6: ("Udp6InDatagrams", "Udp6NoPorts"),
}


class Throttled(NamedTuple):
    """What a control group's quota has held back: in how many periods, and for how many seconds. Source: cgroups(7)."""

    periods: int
    seconds: float


def work(host: Host) -> dict[str, Any]:
    """The field `work` of sip_counters_info, as that module documents it."""
    running = daemon_processes(host, process_names(host))
    return {
        "machine": identity(host),
        "processors": processors(host),
        "daemons": list(_daemons(host, running)),
        "throttled": _throttled(host, running),
        "traffic": _traffic(host),
    }


def identity(host: Host) -> str:
    """What two names of one host have in common: its boot, and its network namespace."""
    return f"{(host.read_lenient(BOOT_ID) or '').strip()} {host.read_link(OWN_NETWORK) or ''}"


# --- processors ------------------------------------------------------------------------------

# Columns of a line of /proc/stat. Processes that are nice make room for a daemon, and do not count. Source:
# proc_stat(5)
BUSY_COLUMNS = (0, 2, 5, 6, 7)  # user, system, irq, softirq, steal


def processors(host: Host) -> list[float]:
    """The seconds that each processor was busy since boot, in the order of their numbers."""
    return [ticks / os.sysconf("SC_CLK_TCK") for ticks in parse_processors(host.read_lenient(STAT) or "")]


def parse_processors(stat: str) -> list[int]:
    """The clock ticks that each processor of a /proc/stat was busy."""
    lines = re.findall(r"^cpu[0-9]+ ([0-9 ]+)$", stat, re.MULTILINE)
    columns = [[int(word) for word in line.split()] for line in lines]
    return [sum(words[column] for column in BUSY_COLUMNS if column < len(words)) for words in columns]


# --- daemons ---------------------------------------------------------------------------------

STAT_UTIME, STAT_STIME = 11, 12  # in /proc/PID/stat, counted from the field after the command's name: proc_pid_stat(5)


def _daemons(host: Host, running: list[tuple[Daemon, Process, int]]) -> Iterator[dict[str, Any]]:
    """Each running copy with the seconds of processor of all its processes, and how many they are."""
    copies: dict[int, tuple[str, list[float]]] = {}
    for daemon, first, pid in running:
        seconds = parse_processor_ticks(host.read_lenient(f"/proc/{pid}/stat") or "") / os.sysconf("SC_CLK_TCK")
        copies.setdefault(first.pid, (daemon.name, []))[1].append(seconds)
    for pid, (name, found) in list(copies.items())[:MOST_DAEMONS]:
        yield {"daemon": name, "pid": pid, "seconds": round(sum(found), 2), "processes": len(found)}


def parse_processor_ticks(stat: str) -> int:
    """The ticks that a process has been running, of its /proc/PID/stat; 0 where it has ended."""
    fields = stat.rpartition(")")[2].split()
    words = [fields[column] for column in (STAT_UTIME, STAT_STIME) if column < len(fields)]
    return sum(whole_number(word) or 0 for word in words)


# --- control groups --------------------------------------------------------------------------


def _throttled(host: Host, running: list[tuple[Daemon, Process, int]]) -> list[dict[str, Any]]:
    """The control groups with a quota that daemons run in, and those above them."""
    found: dict[str, dict[str, Any]] = {}
    for daemon, first, _pid in running:
        for path, name in _groups(host.read_lenient(f"/proc/{first.pid}/cgroup") or ""):
            held = None if path in found else parse_throttled(host.read_lenient(f"{path}/cpu.stat") or "")
            if held is not None:
                found[path] = {"daemon": daemon.name, "group": name, **held._asdict()}
    return list(found.values())[:MOST_DAEMONS]


def _groups(cgroup: str) -> Iterator[tuple[str, str]]:
    """Directory and name of each control group that holds a process, by its /proc/PID/cgroup: its own comes first."""
    for line in cgroup.split("\n"):
        _number, _colon, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        if not colon or (controllers and "cpu" not in controllers.split(",")):
            continue
        parts = [part for part in path.split("/") if part]
        for root in [f"{CGROUPS}/{name}" for name in CPU_HIERARCHIES] if controllers else [CGROUPS]:
            for level in range(len(parts), -1, -1)[:MOST_LEVELS]:
                yield "/".join([root, *parts[:level]]), "/" + "/".join(parts[:level])


def parse_throttled(cpu_stat: str) -> Throttled | None:
    """What a cpu.stat says of a quota, of either version; None where there is none, or it has never counted."""
    values = {
        name: whole_number(value) for name, _blank, value in (line.partition(" ") for line in cpu_stat.split("\n"))
    }
    periods, held = values.get("nr_periods"), values.get("nr_throttled")
    if not periods or held is None:
        return None
    microseconds, nanoseconds = values.get("throttled_usec"), values.get("throttled_time")
    seconds = microseconds / MICROSECONDS if microseconds is not None else (nanoseconds or 0) / NANOSECONDS
    return Throttled(held, round(seconds, 3))


# --- traffic ---------------------------------------------------------------------------------


def _traffic(host: Host) -> dict[str, int]:
    """The counts of TRAFFIC; those that the host does not have are left out."""
    snmp = table.parse_pairs(host.read_lenient(table.SNMP) or "")
    snmp6 = table.parse_names(host.read_lenient(table.SNMP6) or "")
    return {
        name: found[name]
        for where, found in ((table.SNMP, snmp), (table.SNMP6, snmp6))
        for name in TRAFFIC[where]
        if name in found
    }
