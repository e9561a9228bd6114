# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of a host, as /proc shows them: names, parents, owners, environments.

Parsers take text and never raise; text that they cannot read is None or left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from .host import Host, unless_refused

FIRST_PROCESS = 1
STAT_START_TIME = 19  # in /proc/PID/stat, counted from the field after the command's name: proc_pid_stat(5)
COMM_CHARACTERS = 15  # TASK_COMM_LEN less its NUL, linux/sched.h: longer names are cut


class ProcessStatus(NamedTuple):
    """Of /proc/PID/status: the parent (0 is none), the real user, and whether a child PID namespace holds it."""

    parent: int
    uid: int
    in_child_namespace: bool


class ProcessNames(NamedTuple):
    """The command name of each process by its id.

    `complete` is False where the host shows us our own processes only (hidepid, proc(5)): then a
    name that is missing proves nothing.
    """

    by_pid: Mapping[int, str]
    complete: bool

    def pids_named(self, name: str) -> list[int]:
        """The processes with this command name, in order of their ids."""
        return sorted(pid for pid, comm in self.by_pid.items() if comm == name[:COMM_CHARACTERS])


def parse_status(status: str) -> ProcessStatus | None:
    """The fields we use of /proc/PID/status. Source: proc_pid_status(5)."""
    parent = re.search(r"^PPid:\t([0-9]{1,10})$", status, re.MULTILINE)
    uid = re.search(r"^Uid:\t([0-9]{1,10})\t", status, re.MULTILINE)
    namespaces = re.search(r"^NSpid:((?:\t[0-9]{1,10})+)$", status, re.MULTILINE)
    if not parent or not uid:
        return None
    nested = namespaces is not None and len(namespaces.group(1).split()) > 1
    return ProcessStatus(int(parent.group(1)), int(uid.group(1)), nested)


def parse_environment(environ: str) -> dict[str, str]:
    """The variables of /proc/PID/environ. Source: proc_pid_environ(5)."""
    pairs = (entry.partition("=") for entry in environ.split("\0") if "=" in entry)
    return {name: value for name, _, value in pairs}


def parse_start_ticks(stat: str) -> int | None:
    """When a process began, in clock ticks since boot, of its /proc/PID/stat. Source: proc_pid_stat(5)."""
    fields = stat.rpartition(")")[2].split()
    found = fields[STAT_START_TIME] if len(fields) > STAT_START_TIME else ""
    return int(found) if re.fullmatch(r"[0-9]{1,20}", found) else None


def start_ticks(host: Host, pid: int) -> int | None:
    """When a process began, which with its id tells it from a later one; None if it has ended."""
    return parse_start_ticks(host.read_lenient(f"/proc/{pid}/stat") or "")


def process_status(host: Host, pid: int | str) -> ProcessStatus | None:
    """A process's status, None if it has ended or is hidden from us; `self` is our own."""
    return parse_status(host.read_lenient(f"/proc/{pid}/status") or "")


def process_environment(host: Host, pid: int | str) -> dict[str, str]:
    """The environment a process was started with, empty where we may not see it; `self` is our own."""
    return parse_environment(host.read_lenient(f"/proc/{pid}/environ") or "")


def process_names(host: Host) -> ProcessNames:
    """The command names of all processes we can see."""
    names = {}
    for entry in unless_refused(host.list_directory, "/proc") or []:
        if entry.isdecimal():
            comm = host.read_lenient(f"/proc/{entry}/comm")
            if comm:
                names[int(entry)] = comm.rstrip("\n")
    return ProcessNames(names, FIRST_PROCESS in names)
