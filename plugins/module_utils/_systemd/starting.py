# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a process of a unit still runs systemd's own program, and so does not have the unit's limits yet.

Between fork and exec a service's process runs systemd's code with the limits of PID 1, while systemd shows the unit
as active. Up to version 254 that code is a fork of the manager; since 255 it is systemd-executor. Sources: systemd,
src/core/exec-invoke.c and src/core/execute.c; seen with 247, 252 and 257.
"""

from __future__ import annotations

import posixpath
import time
from collections.abc import Iterable
from typing import NamedTuple

from .._host.host import Host
from .._host.processes import FIRST_PROCESS, process_status

# How long to wait for processes that still run systemd's own program. That usually takes milliseconds, but seconds
# where the unit's user comes from a slow directory service.
STARTING_SECONDS = 10
STARTING_POLL_SECONDS = 0.05

EXECUTOR = "systemd-executor"
EXECUTOR_COMM = EXECUTOR[:15]  # TASK_COMM_LEN less its NUL
PAM_HELPER = "(sd-pam)"  # of PAMName=: runs systemd's program for as long as the service runs, with the unit's limits
DELETED = " (deleted)"  # ends the link of a program that an upgrade has replaced, proc_pid_exe(5)


class Program(NamedTuple):
    """Which program a process runs, as /proc shows it.

    `executable` is None where its link cannot be read. `command_line` still has its NUL characters.
    """

    executable: str | None
    comm: str
    command_line: str
    parent: int


def is_starting(program: Program, manager: Program) -> bool:
    """Whether a process is still on its way from systemd to its own program. `manager` is PID 1.

    systemd renames the process to the last characters of its program's name, in parentheses. Before that, a forked
    process looks like the manager. The executor is named after the number of a file descriptor, so that its comm
    proves nothing. A program of the unit's own may rename itself to "(udev-worker)", so that parentheses alone prove
    nothing either.
    """
    if program.comm == PAM_HELPER:
        return False
    renamed = program.comm.startswith("(")
    if program.executable is None:
        return program.comm == EXECUTOR_COMM or (renamed and program.parent == FIRST_PROCESS)
    # Not the whole path: after a change of root (RootDirectory=) its beginning may be another one.
    name = _file_name(program.executable)
    if name == EXECUTOR:
        return True
    if manager.executable is None or name != _file_name(manager.executable):
        return False
    forked = program.parent == FIRST_PROCESS and program.command_line == manager.command_line
    return renamed or forked


def _file_name(executable: str) -> str:
    path = executable[: -len(DELETED)] if executable.endswith(DELETED) else executable
    return posixpath.basename(path)


def starting(host: Host, pid: int) -> bool:
    """Whether a process is still on its way to its own program. One that has ended is not."""
    executable = host.read_link(f"/proc/{pid}/exe")
    manager = host.read_link(f"/proc/{FIRST_PROCESS}/exe")
    if executable is not None and _file_name(executable) not in (EXECUTOR, _file_name(manager or "")):
        return False  # spares the other reads for nearly every process
    return is_starting(_program(host, pid, executable), _program(host, FIRST_PROCESS, manager))


def wait_for_programs(host: Host, pids: Iterable[int]) -> None:
    """Wait until these processes run their own programs, but no longer than STARTING_SECONDS."""
    deadline = time.monotonic() + STARTING_SECONDS
    for pid in pids:
        while pid and starting(host, pid) and time.monotonic() < deadline:
            time.sleep(STARTING_POLL_SECONDS)


def _program(host: Host, pid: int, executable: str | None) -> Program:
    status = process_status(host, pid)
    return Program(
        executable,
        (host.read_lenient(f"/proc/{pid}/comm") or "").rstrip("\n"),
        host.read_lenient(f"/proc/{pid}/cmdline") or "",
        status.parent if status else 0,
    )
