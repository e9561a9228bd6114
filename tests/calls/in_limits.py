# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs as root on a host whose ports or connections are used up, and gets there by python3's standard input.

Its argument is a JSON list of a command's name and its arguments by name. It prints the answer as JSON.
"""

from __future__ import annotations

import collections
import json
import resource
import select
import socket
import sys
import threading
import time

ADDRESS = "127.0.0.1"
START_SECONDS, ANSWER_SECONDS = 60.0, 20.0
SETTLE_SECONDS = 3.0  # in which a daemon closes what it does not take
SDP = (
    "v=0\r\no=- {number} 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
)


def allow_files(count: int) -> None:
    """Let this process have so many files open."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


# --- rtpengine ------------------------------------------------------------------------------


def bencode(value: dict | str) -> bytes:
    """Source: rtpengine, docs/ng_control_protocol.md."""
    if isinstance(value, dict):
        return b"d" + b"".join(bencode(key) + bencode(one) for key, one in sorted(value.items())) + b"e"
    return f"{len(value.encode())}:{value}".encode()


def command(control: int, number: str, request: dict) -> bytes:
    """rtpengine's answer to a request; empty where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(ANSWER_SECONDS)
        asking.connect((ADDRESS, control))
        try:
            asking.send(f"{number} ".encode() + bencode(request))
            return asking.recv(65535)
        except OSError:
            return b""


def answers(control: int) -> None:
    """Wait until rtpengine answers."""
    deadline = time.monotonic() + START_SECONDS
    number = 0
    while b"pong" not in command(control, f"ping{number}", {"command": "ping"}):
        if time.monotonic() > deadline:
            raise TimeoutError("rtpengine does not answer")
        number += 1
        time.sleep(0.1)


class Outgoing(threading.Thread):
    """Binds to ports that the kernel chooses, again and again, and has so many of them at a time."""

    def __init__(self, count: int) -> None:
        super().__init__(daemon=True)
        self.first, self.last, self.bound = 65536, 0, 0
        self._sockets: collections.deque[socket.socket] = collections.deque()
        self._count = count
        self._done = threading.Event()
        for _one in range(count):
            self._bind()

    def _bind(self) -> None:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((ADDRESS, 0))
        port = one.getsockname()[1]
        self.first, self.last, self.bound = min(self.first, port), max(self.last, port), self.bound + 1
        self._sockets.append(one)

    def run(self) -> None:
        while not self._done.is_set():
            self._sockets.popleft().close()
            self._bind()

    def end(self) -> None:
        self._done.set()
        self.join()
        while self._sockets:
            self._sockets.pop().close()


def allocate(control: int, calls: int, outgoing: int, prefix: str) -> dict[str, int]:
    """Offer calls to rtpengine while others bind to ports that the kernel chooses, and delete them again.

    Returns how many calls it took, how many times a port was chosen, and the lowest and the highest of those.
    """
    allow_files(outgoing + 1024)
    answers(control)
    others = Outgoing(outgoing)
    others.start()
    taken = 0
    for number in range(calls):
        call = {"call-id": f"{prefix}{number}", "from-tag": "a"}
        answer = command(control, f"o{prefix}{number}", {**call, "command": "offer", "sdp": SDP.format(number=number)})
        taken += b"6:result2:ok" in answer
    others.end()
    for number in range(calls):
        command(control, f"d{prefix}{number}", {"command": "delete", "call-id": f"{prefix}{number}", "from-tag": "a"})
    return {"taken": taken, "chosen": others.bound, "first": others.first, "last": others.last}


# --- connections ------------------------------------------------------------------------------


def connect(port: int, count: int) -> dict[str, int]:
    """Open so many TCP connections to a daemon; returns how many of them it keeps."""
    allow_files(count + 1024)
    opened = []
    for _one in range(count):
        one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        one.settimeout(ANSWER_SECONDS)
        one.connect((ADDRESS, port))
        opened.append(one)
    time.sleep(SETTLE_SECONDS)
    waiting = select.poll()
    for one in opened:
        waiting.register(one, select.POLLIN | select.POLLHUP)
    ended = waiting.poll(0)  # nothing is sent: what can be read is the end
    return {"opened": len(opened), "kept": len(opened) - len(ended)}


COMMANDS = {function.__name__: function for function in (allocate, connect)}

if __name__ == "__main__":
    name, arguments = json.loads(sys.argv[1])
    print(json.dumps(COMMANDS[name](**arguments)))
