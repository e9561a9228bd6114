# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that run beside a module for a while, and never for longer than it, nor than its connection.

A module whose connection is lost runs on, and so would what it has started. So each program dies with the module, by
the kernel's own hand, and the module watches whether somebody is still there to read its answer.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import resource
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from .host import Host, HostError, unless_refused
from .processes import FIRST_PROCESS, process_status

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOOK_SECONDS = 0.1
STANDARD_OUTPUT = 1
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
MOST_PARENTS = 32  # between a module and the server of its connection: shells, sudo, Ansible's own wrappers


class Child(NamedTuple):
    """A program that runs, and the file that its output goes to."""

    process: subprocess.Popen[bytes]
    output: str


class LostError(HostError):
    """Nobody is there any more to read the answer."""


@contextlib.contextmanager
def children() -> Iterator[Callable[..., Child]]:
    """A function that starts programs: `start(words, directory, output, most_files, user)`. All are killed at the end.

    It raises HostError where one cannot be started.
    """
    started: list[Child] = []

    def start(words: Sequence[str], directory: str, output: str, most_files: int, user: str) -> Child:
        child = _start(words, directory, output, most_files, pwd.getpwnam(user))
        started.append(child)
        return child

    with ended_by_signals():
        try:
            yield start
        finally:
            for child in started:
                with contextlib.suppress(OSError):
                    os.killpg(child.process.pid, signal.SIGKILL)
            for child in started:
                child.process.wait()


def _start(words: Sequence[str], directory: str, output: str, most_files: int, user: pwd.struct_passwd) -> Child:
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # loaded here, as nothing may be loaded after fork(2)
    parent = os.getpid()

    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)  # before the death signal, which it would clear: prctl(2)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # which has ended before the kernel knew
            os.kill(os.getpid(), signal.SIGKILL)

    with open(output, "wb") as stream:
        try:
            process = subprocess.Popen(
                list(words),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=dict(os.environ, LC_ALL="C", TERM="dumb"),
                start_new_session=True,
                preexec_fn=prepare,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise HostError(words[0], f"cannot be started: {error}") from error
    return Child(process, output)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let the signals by which a session ends leave by the way of all errors, so that what was begun is ended."""

    def leave(number: int, _frame: object) -> None:
        raise LostError("this run", f"was ended by {signal.Signals(number).name}")

    before = {number: signal.signal(number, leave) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for(running: Sequence[Child], seconds: float, check: Callable[[], None]) -> bool:
    """Wait until all have ended, or for this time at most; returns whether they have. `check` may raise an error."""
    deadline = time.monotonic() + seconds
    while any(child.process.poll() is None for child in running):
        check()
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


class Caller:
    """Who waits for a module's answer: the reader of its standard output, and the processes above it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._above = _ancestors(host)

    def check(self) -> None:
        """Raises LostError where the connection is lost."""
        if _reader_has_gone() or not all(map(_is_there, self._above)):
            raise LostError("this run", "the connection is lost, so that nobody would read its result")


def _ancestors(host: Host) -> list[int]:
    """The processes above this one, but for the first, which is everybody's."""
    found: list[int] = []
    pid = os.getppid()
    while pid > FIRST_PROCESS and len(found) < MOST_PARENTS:
        found.append(pid)
        status = unless_refused(process_status, host, pid)
        pid = status.parent if status else 0
    return found


def _is_there(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")


def _reader_has_gone() -> bool:
    """Whether the pipe or the socket that the result goes to has no reader. Source: poll(2), pipe(7)."""
    watcher: Any = select.poll()
    watcher.register(STANDARD_OUTPUT, 0)  # errors are told unasked
    return any(events & (select.POLLERR | select.POLLHUP) for _descriptor, events in watcher.poll(0))
