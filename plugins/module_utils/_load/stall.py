# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop the processes of a daemon for a moment, as a busy hypervisor does, and wake them whatever happens.

A second process, in a session of its own that no signal of a terminal or of a connection reaches, wakes them when the
one that has stopped them ends, however it ends, and at the latest when the time is over. It is a program of its own, so
that whoever kills all that looks like the module does not kill it, too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence

from .._host.children import ended_by_signals
from .._host.host import Host, HostError
from .._host.processes import process_names, start_ticks
from .._sip.daemons import DAEMONS_IN_CALLS, first_processes

LONGEST_MILLISECONDS = 10_000
LONGEST_DELAY_MILLISECONDS = 60_000
SPARE_SECONDS = 1.0  # that the second process leaves the first one to do it
# The second process. Its arguments: the longest time, and the processes. Its input ends with who has stopped them.
WAKER = 'trap "" TERM HUP INT; timeout "$0" cat >/dev/null; kill -CONT "$@"'


def daemon_processes(host: Host, name: str) -> list[int]:
    """All processes of a daemon that runs. Raises HostError where none does."""
    names = process_names(host)
    found = [
        first for daemon in DAEMONS_IN_CALLS if daemon.name == name for first in first_processes(host, daemon, names)
    ]
    pids = [pid for first in found if not first.status.in_child_namespace for pid in (first.pid, *first.workers)]
    if not pids:
        raise HostError(name, "does not run on this host, or only in a container: stop it there")
    return pids


def stall(host: Host, pids: Sequence[int], seconds: float, delay_seconds: float) -> float:
    """Stop these processes after a while, and wake them after `seconds`; returns the time that it came to.

    Raises HostError.
    """
    begun = {pid: start_ticks(host, pid) for pid in pids}
    waker = _start_waker(pids, delay_seconds + seconds + SPARE_SECONDS)
    try:
        with ended_by_signals():
            time.sleep(delay_seconds)
            return _stop_and_wake([pid for pid in pids if start_ticks(host, pid) == begun[pid]], seconds)
    finally:
        waker.communicate()


def stall_later(host: Host, pids: Sequence[int], seconds: float, delay_seconds: float) -> None:
    """The same in a process of its own, which nobody waits for: it ends by itself, and so does what it has begun."""
    child = os.fork()
    if child == 0:
        try:
            if os.fork() == 0:
                os.setsid()
                _let_go_of_streams()
                stall(host, pids, seconds, delay_seconds)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def _let_go_of_streams() -> None:
    """A connection waits for all who hold its streams."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)


def _stop_and_wake(pids: Sequence[int], seconds: float) -> float:
    stopped_at = time.monotonic()
    try:
        _signal_all(pids, signal.SIGSTOP)
        time.sleep(seconds)
    finally:
        _signal_all(pids, signal.SIGCONT)
    return time.monotonic() - stopped_at


def _start_waker(pids: Sequence[int], seconds: float) -> subprocess.Popen[bytes]:
    """The second process. Raises HostError."""
    words = ["sh", "-c", WAKER, f"{seconds:.1f}", *map(str, pids)]
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise HostError(words[0], f"cannot be started: {error}; nothing was stopped") from error


def _signal_all(pids: Sequence[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
