# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching a function's system calls with strace, and killing it before a chosen one of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

# What can change a file, a directory or the kernel's state. Opening is not among them: what open(2) creates or
# truncates is followed by one of these, and a kill before that one leaves what the opening left.
CHANGING = (
    "write,pwrite64,writev,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat,"
    "ftruncate,truncate,fchmod,fchmodat,chmod,fchown,fchownat,chown,fsync,fdatasync"
)
STARTING = "execve,execveat,fork,vfork,clone,clone3"
LOG = "/run/strace.log"

# A write to a key of the network may find the kernel's lock taken and is then made again. Such a call is left out, or
# the same run would now have one call more and now one less.
RESTARTED = "ERESTART"


class Call(NamedTuple):
    """A system call that was made: its name, the how-many-eth of this name it was, and strace's line."""

    name: str
    ordinal: int
    line: str


def calls_of(function: Callable[[], object], which: str, children: bool = True) -> list[Call]:
    """The calls of these kinds that a function makes, in their order. The function must succeed.

    Without `children` those of the programs that it starts are left out: only its own can be chosen to be killed at.
    """
    status = _traced(function, [*(["-f"] if children else []), "-e", f"trace={which}"])
    assert status == 0, f"the traced function failed: {os.waitstatus_to_exitcode(status)}"
    return _logged()


def started_by(command: Sequence[str]) -> list[Call]:
    """The programs and processes that a whole command starts, itself included. The command must succeed."""
    subprocess.run(["strace", "-o", LOG, "-f", "-e", f"trace={STARTING}", *command], check=True, capture_output=True)
    return _logged()


def _logged() -> list[Call]:
    counts: dict[str, int] = {}
    calls = []
    for line in Path(LOG).read_text(encoding="utf-8", errors="replace").splitlines():
        match = re.match(r"(?:[0-9]+ +)?([a-z_0-9]+)\(", line)
        if match and RESTARTED not in line:
            counts[match[1]] = counts.get(match[1], 0) + 1
            calls.append(Call(match[1], counts[match[1]], line))
    return calls


def kill_before(call: Call, function: Callable[[], object], by: signal.Signals = signal.SIGKILL) -> bool:
    """Run a function and kill it by a signal as it makes this call, before the call does anything.

    Returns whether it was killed; False if it ended before it came so far. SIGKILL takes effect before the call, any
    other signal right after it.
    """
    name = by.name.removeprefix("SIG")
    status = _traced(
        function, ["-e", f"trace={call.name}", "-e", f"inject={call.name}:signal={name}:when={call.ordinal}"]
    )
    assert status == 0 or os.WTERMSIG(status) == by, f"ended with status {status}"
    return status != 0


def fail_at(call: Call, function: Callable[[], object]) -> int:
    """Run a function and let this one call of it fail with EIO, without doing anything.

    Returns the exit status of the process that the function ran in: 0, or what it chose for itself.
    """
    status = _traced(function, ["-e", f"trace={call.name}", "-e", f"inject={call.name}:error=EIO:when={call.ordinal}"])
    return os.waitstatus_to_exitcode(status)


def refuse(name: str, error: str, function: Callable[[], object]) -> int:
    """Run a function and let every system call of this name fail with this error, as an older kernel or a filter does.

    Returns the exit status of the process that the function ran in.
    """
    status = _traced(function, ["-e", f"trace={name}", "-e", f"inject={name}:error={error}"])
    return os.waitstatus_to_exitcode(status)


def _traced(function: Callable[[], object], options: Sequence[str]) -> int:
    """The wait status of a forked child that calls the function while strace watches it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _call_when_told(function, reader)
    try:
        command = ["strace", "-o", LOG, *options, "-p", str(child)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            said = tracer.stderr.readline()
            if "attached" not in said:
                os.kill(child, signal.SIGKILL)
                raise AssertionError(f"strace cannot watch: {said}")
            os.write(writer, b"!")
            _, status = os.waitpid(child, 0)
            tracer.stderr.read()
        return status
    finally:
        os.close(reader)
        os.close(writer)


def _call_when_told(function: Callable[[], object], reader: int) -> None:
    status = 1
    try:
        os.read(reader, 1)
        function()
        status = 0
    finally:
        os._exit(status)
