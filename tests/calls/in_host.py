# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs as root on the host that is measured, and gets there by python3's standard input: needs nothing else of ours.

Its argument is a JSON list of a command's name and its arguments by name. It prints the answer as JSON.

A burst has no clock in it: all of Kamailio's processes are stopped, so its socket's buffer is the only place for what
arrives. So the number of answers, once they run again, is the number of datagrams that the buffer holds.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

DAEMON = "kamailio"
DAEMON_PORT, CALLEE_PORT, CALLER_PORT = 5060, 5070, 5080
ADDRESS = "127.0.0.1"
CONFIGURATION = "/etc/kamailio/kamailio.cfg"
ENVIRONMENT_FILE = "/etc/default/kamailio"
SHARED_MIB = 256  # with the 64 of the package it is the memory for transactions that runs out first
PID_FILE = "/run/siptune-kamailio.pid"

# asm-generic/socket.h
SO_RCVBUFFORCE = 33
# asm/unistd.h, the same on x86-64 and arm64
PIDFD_GETFD = 438

LARGEST_CHARGE_BYTES = 4608  # of receive buffer, for a datagram of up to 1400 bytes, with room to spare
LOAD_BUFFER_BYTES = 64 << 20  # the load generator must not lose what the daemon does not
BURST_PAUSE_EVERY, BURST_PAUSE_SECONDS = 32, 0.001  # netdev_max_backlog holds 1000, or more, on the way
QUIET_SECONDS = 10.0  # no answer for so long: there will be none
LOOK_SECONDS = 0.25  # then see whether the answers and the drops are all that was sent
START_SECONDS = 60.0
# SIPp would give a call up on the first message that comes twice, or out of order; a telephone passes over it.
LENIENT = ("-default_behaviors", "all,-abortunexp")
PATIENCE_SECONDS, END_SECONDS = 6.0, 120.0
BEFORE_SECONDS, AFTER_SECONDS = 2.0, 4.0  # of load around a stall


# --- Kamailio -------------------------------------------------------------------------------


def pids() -> list[int]:
    """The processes of Kamailio, without those that have ended and that no init reaps. Source: proc_pid_stat(5)."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _end, rest = Path(path).read_text(encoding="utf-8").partition("(")[2].rpartition(")")
            if name == DAEMON and rest.split()[0] != "Z":
                found.append(int(path.split("/")[2]))
    return sorted(found)


def signal_all(number: int) -> None:
    for pid in pids():
        with contextlib.suppress(ProcessLookupError):  # the first one may have ended its workers
            os.kill(pid, number)


def answers_to_options() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        asking.bind((ADDRESS, 0))
        asking.sendto(options(0, 400, asking.getsockname()[1]), (ADDRESS, DAEMON_PORT))
        try:
            return asking.recv(65535).startswith(b"SIP/2.0 200")
        except OSError:
            return False


def restart(configuration: str) -> list[int]:
    """Start Kamailio with this configuration, or start it again, and wait until it answers. Returns its processes."""
    Path(CONFIGURATION).write_text(configuration, encoding="utf-8")
    Path(ENVIRONMENT_FILE).write_text(f"SHM_MEMORY={SHARED_MIB}\n", encoding="utf-8")
    if os.path.isdir("/run/systemd/system"):
        subprocess.run(["systemctl", "restart", DAEMON], check=True)
    else:
        _restart_without_systemd()
    return wait()


def wait() -> list[int]:
    """Wait until Kamailio answers. Returns its processes."""
    deadline = time.monotonic() + START_SECONDS
    while not answers_to_options():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{DAEMON} does not answer")
        time.sleep(0.05)
    return pids()


def _restart_without_systemd() -> None:
    signal_all(signal.SIGTERM)
    deadline = time.monotonic() + START_SECONDS
    while pids():
        if time.monotonic() > deadline:
            signal_all(signal.SIGKILL)
        time.sleep(0.05)
    Path(PID_FILE).unlink(missing_ok=True)  # it takes one that has ended, and that no init reaps, for a running one
    # Its processes would keep our output open, and whoever reads that would wait for them.
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [DAEMON, "-f", CONFIGURATION, "-P", PID_FILE, "-m", str(SHARED_MIB), "-u", DAEMON, "-g", DAEMON]
    subprocess.run(command, check=True, **quiet)


def socket_row() -> dict[str, int]:
    """Of Kamailio's socket: `inode`, and the datagrams it has `dropped`. Source: proc(5), /proc/net/udp."""
    for line in Path("/proc/net/udp").read_text(encoding="ascii").split("\n")[1:]:
        fields = line.split()
        if fields and int(fields[1].split(":")[1], 16) == DAEMON_PORT:
            return {"inode": int(fields[9]), "dropped": int(fields[12])}
    raise LookupError(f"nobody listens on port {DAEMON_PORT}")


def duplicate(pid: int, port: int) -> socket.socket | None:
    """The UDP socket of a process that is bound to this port, as a socket of ours. Source: pidfd_getfd(2)."""
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    process = os.pidfd_open(pid)
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
                continue
            descriptor = syscall(PIDFD_GETFD, process, int(name), 0)
            if descriptor < 0:
                raise OSError(ctypes.get_errno(), "pidfd_getfd")
            copy = socket.socket(fileno=descriptor)
            if copy.family == socket.AF_INET and copy.type == socket.SOCK_DGRAM and copy.getsockname()[1] == port:
                return copy
            copy.close()
    finally:
        os.close(process)
    return None


def buffer_bytes() -> int:
    """The receive buffer of Kamailio's socket. Not every one of its processes keeps the socket."""
    for pid in pids():
        copy = duplicate(pid, DAEMON_PORT)
        if copy:
            with copy:
                return copy.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    raise LookupError(f"{DAEMON} has no socket on port {DAEMON_PORT}")


def state() -> dict[str, object]:
    """Kamailio's processes, and its socket's inode, buffer in bytes and drops."""
    return {"pids": pids(), "buffer_bytes": buffer_bytes(), **socket_row()}


# --- a burst --------------------------------------------------------------------------------


def options(number: int, length: int, port: int) -> bytes:
    """An OPTIONS request of this many bytes."""
    head = (
        f"OPTIONS sip:{ADDRESS}:{DAEMON_PORT} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {ADDRESS}:{port};branch=z9hG4bK-{number:08}\r\n"
        f"From: <sip:burst@{ADDRESS}>;tag={number:08}\r\nTo: <sip:{ADDRESS}>\r\n"
        f"Call-ID: {number:08}@{ADDRESS}\r\nCSeq: {number + 1} OPTIONS\r\nMax-Forwards: 70\r\n"
        "Content-Length: 0\r\nX-Padding: "
    ).encode()
    return head + b"x" * (length - len(head) - 4) + b"\r\n\r\n"


def burst(count: int, length: int) -> dict[str, object]:
    """Send requests to the stopped Kamailio and wake it: how many it `answered`, and `dropped` by the kernel's count.

    `sent` is how many; `pids` are Kamailio's processes.
    """
    before, running = socket_row()["dropped"], pids()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, count * LARGEST_CHARGE_BYTES)
        sender.bind((ADDRESS, 0))
        port = sender.getsockname()[1]
        signal_all(signal.SIGSTOP)
        try:
            for number in range(count):
                sender.sendto(options(number, length, port), (ADDRESS, DAEMON_PORT))
                if number % BURST_PAUSE_EVERY == 0:
                    time.sleep(BURST_PAUSE_SECONDS)
        finally:
            signal_all(signal.SIGCONT)
        answered = len(_answers(sender, lambda got: got + socket_row()["dropped"] - before >= count))
    return {"sent": count, "answered": answered, "dropped": socket_row()["dropped"] - before, "pids": running}


def _answers(sender: socket.socket, complete: Callable[[int], bool]) -> set[bytes]:
    """The Call-IDs of all answers, until that many are complete, or until none comes any more."""
    found: set[bytes] = set()
    sender.settimeout(LOOK_SECONDS)
    last = time.monotonic()
    while time.monotonic() - last < QUIET_SECONDS:
        try:
            answer = re.search(rb"^Call-ID: ([0-9]+)@", sender.recv(65535), re.MULTILINE)
        except TimeoutError:
            if complete(len(found)):
                break
            continue
        last = time.monotonic()
        if answer:
            found.add(answer.group(1))
    return found


# --- load, and a stall in it ----------------------------------------------------------------


def stall(seconds: float, rate: int, caller: str, callee: str) -> dict[str, object]:
    """Stop Kamailio for a while under SIPp's load of so many requests or calls a second.

    A call that waits PATIENCE_SECONDS for a message, beside the stall, is a failed one.

    Returns SIPp's `statistics` and `response_times` as it writes them, `dropped` by the kernel's count at Kamailio's
    socket, `stalled_seconds` as they came to be, and `woken_at` in seconds of the epoch.
    """
    before = socket_row()["dropped"]
    count = int(rate * (BEFORE_SECONDS + seconds + AFTER_SECONDS))
    load = ("-r", str(rate), "-m", str(count), "-l", str(count), "-trace_rtt", "-rtt_freq", "1")
    load += ("-recv_timeout", f"{(PATIENCE_SECONDS + seconds) * 1000:.0f}")
    load += ("-trace_stat", "-stf", "statistics.csv", "-fd", "1", f"{ADDRESS}:{DAEMON_PORT}")
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        _sipp(stack, directory, CALLEE_PORT, callee)
        process = _sipp(stack, directory, CALLER_PORT, caller, *load)
        time.sleep(BEFORE_SECONDS)
        stopped_at = time.monotonic()
        signal_all(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            signal_all(signal.SIGCONT)
        woken_at, stalled = time.time(), time.monotonic() - stopped_at
        process.wait(timeout=END_SECONDS)
        (times,) = glob.glob(f"{directory}/*_rtt.csv")
        return {
            "statistics": Path(directory, "statistics.csv").read_text(encoding="utf-8"),
            "response_times": Path(times).read_text(encoding="utf-8"),
            "dropped": socket_row()["dropped"] - before,
            "stalled_seconds": stalled,
            "woken_at": woken_at,
        }


def _sipp(
    stack: contextlib.ExitStack, directory: str, port: int, scenario: str, *words: str
) -> subprocess.Popen[bytes]:
    """A SIPp on this port until the stack unwinds, with a buffer that loses nothing."""
    file = Path(directory, f"{port}.xml")
    file.write_text(scenario, encoding="utf-8")
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = ["sipp", "-sf", str(file), *words, "-i", ADDRESS, "-p", str(port), "-nostdin", *LENIENT]
    started = stack.enter_context(subprocess.Popen(command, cwd=directory, env={**os.environ, "TERM": "dumb"}, **quiet))
    stack.callback(started.kill)
    deadline = time.monotonic() + START_SECONDS
    while started.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            copy = duplicate(started.pid, port)
            if copy:
                with copy:
                    copy.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, LOAD_BUFFER_BYTES)
                return started
    raise RuntimeError(f"SIPp does not start: {command}")


# --- about the host -------------------------------------------------------------------------


def versions() -> dict[str, str]:
    """Of the kernel, without the name that somebody gave to a build of their own, and of Kamailio and SIPp."""
    daemon = subprocess.run([DAEMON, "-v"], stdout=subprocess.PIPE, text=True, check=True).stdout
    load = subprocess.run(["sipp", "-v"], stdout=subprocess.PIPE, text=True, check=False).stdout
    return {
        "Linux": re.match(r"[0-9.]+(-[0-9]+-[a-z0-9]+$)?", os.uname().release).group(),
        "Kamailio": daemon.split("kamailio ")[1].split(" ")[0],
        "SIPp": load.split("SIPp v")[1].split("-")[0],
    }


def sysctl(settings: dict[str, str | None]) -> dict[str, str | None]:
    """Write keys, those that have a value, and return what is there then; null where there is no such key.

    A value that the kernel refuses leaves the one that is there.
    """
    found: dict[str, str | None] = {}
    for key, value in settings.items():
        path = Path("/proc/sys", *key.split("."))
        with contextlib.suppress(OSError):
            if value is not None:
                path.write_text(f"{value}\n", encoding="ascii")
        try:
            found[key] = " ".join(path.read_text(encoding="ascii").split())
        except OSError:
            found[key] = None
    return found


COMMANDS = {function.__name__: function for function in (restart, wait, pids, state, burst, stall, versions, sysctl)}

if __name__ == "__main__":
    name, arguments = json.loads(sys.argv[1])
    print(json.dumps(COMMANDS[name](**arguments)))
