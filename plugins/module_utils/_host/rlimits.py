# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of running processes: /proc/PID/limits and prlimit(2).

Limits have systemd's names, such as LimitNOFILE, and are pairs (soft, hard) in the kernel's units: bytes, seconds for
LimitCPU, microseconds for LimitRTTIME.
"""

from __future__ import annotations

import errno
import os
import re
import resource
from collections.abc import Mapping
from typing import NamedTuple

from .._core.text import whole_number
from .capabilities import CAP_SYS_RESOURCE, has_capability, in_user_namespace
from .host import Host, HostError

INFINITY = 2**64 - 1  # RLIM_INFINITY, and systemd's "infinity"

# The names in /proc/PID/limits and the numbers of setrlimit(2). Sources: fs/proc/base.c, lnames; asm-generic/resource.h
LIMITS = {
    "Max cpu time": ("LimitCPU", resource.RLIMIT_CPU),
    "Max file size": ("LimitFSIZE", resource.RLIMIT_FSIZE),
    "Max data size": ("LimitDATA", resource.RLIMIT_DATA),
    "Max stack size": ("LimitSTACK", resource.RLIMIT_STACK),
    "Max core file size": ("LimitCORE", resource.RLIMIT_CORE),
    "Max resident set": ("LimitRSS", resource.RLIMIT_RSS),
    "Max processes": ("LimitNPROC", resource.RLIMIT_NPROC),
    "Max open files": ("LimitNOFILE", resource.RLIMIT_NOFILE),
    "Max locked memory": ("LimitMEMLOCK", resource.RLIMIT_MEMLOCK),
    "Max address space": ("LimitAS", resource.RLIMIT_AS),
    "Max file locks": ("LimitLOCKS", 10),  # RLIMIT_LOCKS, which Python does not name
    "Max pending signals": ("LimitSIGPENDING", resource.RLIMIT_SIGPENDING),
    "Max msgqueue size": ("LimitMSGQUEUE", resource.RLIMIT_MSGQUEUE),
    "Max nice priority": ("LimitNICE", resource.RLIMIT_NICE),
    "Max realtime priority": ("LimitRTPRIO", resource.RLIMIT_RTPRIO),
    "Max realtime timeout": ("LimitRTTIME", resource.RLIMIT_RTTIME),
}
NUMBERS = dict(LIMITS.values())
OPEN_FILES = "Max open files"
UNLIMITED = "unlimited"

_ROW = r"{} {{2,}}(\S+) +(\S+)"
_ANY_ROW = re.compile(rf"^{_ROW.format('(Max [a-z ]+?)')}", re.MULTILINE)
_OPEN_FILES_ROW = re.compile(rf"^{_ROW.format(OPEN_FILES)}", re.MULTILINE)

# In /proc/PID/stat, counted from the field after the command's name. Source: proc_pid_stat(5)
STAT_NICE, STAT_RT_PRIORITY, STAT_POLICY = 16, 37, 38
POLICIES = {0: "other", 1: "fifo", 2: "rr", 3: "batch", 5: "idle"}  # linux/sched.h

Pair = tuple  # of a soft and a hard limit


class Scheduling(NamedTuple):
    """How a process is scheduled."""

    nice: int
    policy: str
    rt_priority: int


class Process(NamedTuple):
    """A process as /proc shows it. `uids` are its real, effective and saved user, empty where they are hidden."""

    pid: int
    limits: Mapping[str, Pair]
    oom_score_adj: int | None
    scheduling: Scheduling | None
    uids: frozenset[int] = frozenset()


class Powers(NamedTuple):
    """The powers of this call over processes: to raise hard limits and lower OOM scores, its user, to reach others'."""

    sys_resource: bool
    uid: int
    reach: bool = False

    def may_change(self, process: Process) -> bool:
        """Whether prlimit(2) lets us touch the process at all."""
        return self.sys_resource or self.reach or process.uids == {self.uid}


# --- parsers --------------------------------------------------------------------------------


def parse_limits(text: str) -> dict[str, Pair]:
    """The limits in a /proc/PID/limits. Source: proc_pid_limits(5)."""
    found = {row: _pair(*values) for row, *values in _ANY_ROW.findall(text) if row in LIMITS}
    return {LIMITS[row][0]: pair for row, pair in found.items() if pair is not None}


def parse_open_files_limit(text: str) -> Pair | None:
    """LimitNOFILE alone, for callers that read it of every process of the host; None for a text without it."""
    found = _OPEN_FILES_ROW.search(text)
    return _pair(*found.groups()) if found else None


def _pair(soft: str, hard: str) -> Pair | None:
    values = [_value(text) for text in (soft, hard)]
    return None if None in values else tuple(values)


def _value(text: str) -> int | None:
    if text == UNLIMITED:
        return INFINITY
    return whole_number(text)


def parse_scheduling(stat: str) -> Scheduling | None:
    """Nice value, policy and real-time priority of a /proc/PID/stat. Source: proc_pid_stat(5)."""
    fields = stat.rpartition(")")[2].split()
    try:
        policy = POLICIES.get(int(fields[STAT_POLICY]), fields[STAT_POLICY])
        return Scheduling(int(fields[STAT_NICE]), policy, int(fields[STAT_RT_PRIORITY]))
    except (IndexError, ValueError):
        return None


def parse_uids(status: str) -> frozenset[int]:
    """The real, effective and saved user of a /proc/PID/status. Source: proc_pid_status(5)."""
    found = re.search(r"^Uid:\t([0-9]+)\t([0-9]+)\t([0-9]+)\t", status, re.MULTILINE)
    return frozenset(map(int, found.groups())) if found else frozenset()


def raised(now: Pair, wanted: Pair, powers: Powers) -> Pair:
    """The wanted pair as far as the powers allow it, with neither value of the limit lowered."""
    hard = max(now[1], wanted[1]) if powers.sys_resource else now[1]
    return (max(now[0], min(wanted[0], hard)), hard)


# --- effects --------------------------------------------------------------------------------


def read_limits(host: Host, pid: int | str) -> dict[str, Pair]:
    """The limits of a process, {} if it has ended or is hidden from us; `self` is our own."""
    return parse_limits(host.read_lenient(f"/proc/{pid}/limits") or "")


def read_open_files_limit(host: Host, pid: int | str) -> Pair | None:
    """LimitNOFILE of a process, None if it has ended or is hidden from us."""
    return parse_open_files_limit(host.read_lenient(f"/proc/{pid}/limits") or "")


def read_process(host: Host, pid: int) -> Process | None:
    """A process as it is now; None if it has ended."""
    limits = read_limits(host, pid)
    if not limits:
        return None
    score = (host.read_lenient(f"/proc/{pid}/oom_score_adj") or "").strip()
    return Process(
        pid,
        limits,
        int(score) if re.fullmatch("-?[0-9]+", score) else None,
        parse_scheduling(host.read_lenient(f"/proc/{pid}/stat") or ""),
        parse_uids(host.read_lenient(f"/proc/{pid}/status") or ""),
    )


def own_powers(host: Host) -> Powers:
    """The powers of this very process."""
    capable = bool(has_capability(host.read_lenient("/proc/self/status") or "", CAP_SYS_RESOURCE))
    return Powers(capable and not in_user_namespace(host), os.geteuid(), capable)


def set_limit(pid: int, limit: str, pair: Pair) -> bool:
    """prlimit(2): False if the process has ended. Raises HostError if the kernel refuses."""
    values = tuple(resource.RLIM_INFINITY if value == INFINITY else value for value in pair)
    try:
        resource.prlimit(pid, NUMBERS[limit], values)  # type: ignore[arg-type]
        return True
    except ProcessLookupError:
        return False
    except (OSError, ValueError, OverflowError) as error:
        # Python turns the kernel's EINVAL and EPERM into a ValueError for some limits.
        number = error.errno if isinstance(error, OSError) else errno.EPERM
        raise HostError(f"process {pid}", f"{limit} {pair[0]}:{pair[1]}: {error}", number) from error


def set_oom_score_adj(host: Host, pid: int, score: int) -> bool:
    """Set a process's OOM score adjustment; False if the process has ended. Raises HostError if the kernel refuses."""
    try:
        host.write_kernel(f"/proc/{pid}/oom_score_adj", str(score))
        return True
    except HostError as error:
        if error.errno in (errno.ENOENT, errno.ESRCH):
            return False
        raise
