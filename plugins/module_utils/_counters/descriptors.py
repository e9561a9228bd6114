# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many files the SIP daemons have open, and how many they may.

The limit is that of a process and not of a daemon, so what counts is the process that is nearest to its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .._host.host import Host, unless_refused
from .._host.processes import ProcessNames
from .._host.rlimits import INFINITY, read_open_files_limit
from .._sip.daemons import DAEMONS, Daemon, Process, belongs_to, first_processes


class OpenFiles(NamedTuple):
    """A process's open files, and the soft limit on them. `owner` is its unit, or the daemon where it has none."""

    owner: str
    daemon: str
    pid: int
    open: int
    limit: int


def share(process: OpenFiles) -> float:
    """How much of its limit a process has used up, 0 to 1; more where the limit was lowered later."""
    return process.open / process.limit if process.limit else 1.0


def fullest(processes: Iterable[OpenFiles]) -> dict[str, OpenFiles]:
    """For each owner the process that is nearest to its limit, the lowest pid of several."""
    found: dict[str, OpenFiles] = {}
    for process in sorted(processes, key=lambda process: (-share(process), process.pid)):
        found.setdefault(process.owner, process)
    return found


def daemon_processes(host: Host, processes: ProcessNames) -> list[tuple[Daemon, Process, int]]:
    """The processes of all SIP daemons, workers included, each with the first of its line."""
    return [
        (daemon, first, pid)
        for daemon in DAEMONS
        for first in first_processes(host, daemon, processes)
        for pid in (first.pid, *first.workers)
    ]


def open_files(host: Host, daemon: Daemon, first: Process, pid: int) -> OpenFiles | None:
    """The open files of a process; None if it has ended or is hidden from us."""
    limit = read_open_files_limit(host, pid)
    descriptors = unless_refused(host.list_directory, f"/proc/{pid}/fd")
    if limit is None or descriptors is None or limit[0] == INFINITY:
        return None
    # In a container the name of a unit would not be this host's.
    own = belongs_to(daemon, first.group.unit) and not first.status.in_child_namespace
    return OpenFiles(first.group.unit if own else daemon.name, daemon.name, pid, len(descriptors), limit[0])
