# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes with real UDP sockets that go by the name of a SIP daemon and answer every datagram with its number."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import sandbox

PROGRAMS = Path("/run/stand-ins")  # a process is called like the script that it runs
NUMBER = struct.Struct("!I")
SMALL_BYTES = 600  # an OPTIONS request of usual size
SO_RCVBUFFORCE = 33
ANSWERS_BUFFER_BYTES = 32 * 1024 * 1024
QUIET_SECONDS = 1.0  # after which no more answers come

PROGRAM = f"""\
#!{sys.executable}
import os, selectors, socket

def bound(end):
    address, port, kind = end.split(" ")
    one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    if kind == "shared":
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind((address, int(port)))
    return one

ends = [end for end in os.environ["ENDS"].split(",") if end]
own = [end for end in os.environ["OWN_ENDS"].split(",") if end]
sockets = [bound(end) for end in ends]
reader, writer = os.pipe()
for _worker in range(int(os.environ["WORKERS"])):
    if os.fork() == 0:
        sockets += [bound(end) for end in own]
        break
os.write(writer, b"!")
if int(os.environ["WORKERS"]) == 0 or os.getppid() == int(os.environ["STARTER"]):
    for _one in range(int(os.environ["WORKERS"]) + 1):
        os.read(reader, 1)
    print("ready", flush=True)
waiting = selectors.DefaultSelector()
for one in sockets:
    one.setblocking(False)
    waiting.register(one, selectors.EVENT_READ)
while True:
    for key, _events in waiting.select():
        try:
            while True:
                request, sender = key.fileobj.recvfrom(65536)
                key.fileobj.sendto(request[:4], sender)
        except BlockingIOError:
            pass
"""


class StandIn:
    """A running stand-in, all of whose processes are one process group."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.pid = process.pid
        self._process = process

    def signal(self, number: signal.Signals) -> None:
        os.killpg(self.pid, number)

    def end(self) -> None:
        """Kill it, and see it gone."""
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)
        self._process.wait()

    def pids(self) -> list[int]:
        """Its processes, in order of their ids."""
        groups = {int(entry): _process_group(entry) for entry in os.listdir("/proc") if entry.isdecimal()}
        return sorted(pid for pid, group in groups.items() if group == self.pid)


def _process_group(pid: str) -> int:
    with contextlib.suppress(OSError):
        return int(Path("/proc", pid, "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[2])
    return 0


@contextlib.contextmanager
def running(
    name: str,
    ends: Sequence[str],
    words: Sequence[str] = (),
    workers: int = 0,
    own_ends: Sequence[str] = (),
    before: Sequence[str] = (),
) -> Iterator[StandIn]:
    """A daemon of this name with sockets on these ends, `127.0.0.1 5060`, with `shared` behind it where it may be.

    Workers share them, and each has `own_ends` for itself. `before` is a command that starts it.
    """
    assert sandbox.processes_are_own(), "tests beside this one would see the daemon: mark it own_processes"
    PROGRAMS.mkdir(exist_ok=True)
    program = PROGRAMS / name
    program.write_text(PROGRAM, encoding="utf-8")
    program.chmod(0o755)
    texts = {variable: ",".join(end if end.count(" ") == 2 else f"{end} alone" for end in given)
             for variable, given in (("ENDS", ends), ("OWN_ENDS", own_ends))}  # fmt: skip
    environment = {**os.environ, **texts, "WORKERS": str(workers), "STARTER": str(os.getpid())}
    command = [*before, str(program), *words]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    stand_in = StandIn(process)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield stand_in
    finally:
        stand_in.end()


def held_in_a_stall(stand_in: StandIn, end: tuple[str, int], datagrams: int) -> int:
    """How many of so many datagrams a daemon answers that arrive while all of its processes are stopped."""
    family = socket.AF_INET6 if ":" in end[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        with contextlib.suppress(OSError):
            sender.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ANSWERS_BUFFER_BYTES)
        stand_in.signal(signal.SIGSTOP)
        for number in range(datagrams):
            sender.sendto(NUMBER.pack(number).ljust(SMALL_BYTES, b"x"), end)
            if number % 100 == 0:
                time.sleep(0.001)
        stand_in.signal(signal.SIGCONT)
        sender.settimeout(QUIET_SECONDS)
        answered = set()
        with contextlib.suppress(socket.timeout):
            while len(answered) < datagrams:
                answered.add(sender.recv(NUMBER.size))
    return len(answered)


def buffers(stand_in: StandIn) -> dict[str, int]:
    """The receive buffers of a daemon's UDP sockets by their local ends, as ss(8) shows them."""
    shown = subprocess.run(["ss", "-H", "-u", "-a", "-n", "-p", "-m", "-O"], capture_output=True, text=True, check=True)
    found = {}
    for line in shown.stdout.splitlines():
        if any(f"pid={pid}," in line for pid in stand_in.pids()):
            found[line.split()[3]] = int(line.partition(",rb")[2].partition(",")[0])
    return found
