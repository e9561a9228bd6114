# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs as root on a host that is fed with packets: in_steering.py INTERFACE PORT takes them all from one socket.

Prints `ready`, and when nothing has come for a while, as JSON: how many packets the socket got (`got`), the card's
(`card`), and by processor those that were passed on (`processed`) and lost in its queue (`dropped`).
"""

from __future__ import annotations

import ctypes
import json
import select
import socket
import sys
from pathlib import Path

SO_RCVBUFFORCE = 33
BUFFER_BYTES = 64 << 20  # what is lost is to be lost before the socket
AT_ONCE, DATAGRAM_BYTES = 64, 2048
START_SECONDS, QUIET_SECONDS = 120, 3


class _Vector(ctypes.Structure):  # readv(2)
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class _Message(ctypes.Structure):  # recvmmsg(2): a message header, and the length of what was received
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("padding", ctypes.c_int),
        ("received", ctypes.c_uint),
    ]


def take(receiver: socket.socket) -> int:
    """How many datagrams came until it was quiet. Many are read at once, as relays of media do."""
    buffer = ctypes.create_string_buffer(DATAGRAM_BYTES)
    vector = _Vector(ctypes.addressof(buffer), DATAGRAM_BYTES)
    messages = (_Message * AT_ONCE)(*[_Message(vectors=ctypes.pointer(vector), vector_count=1)] * AT_ONCE)
    receive = ctypes.CDLL(None, use_errno=True).recvmmsg
    got, patience = 0, START_SECONDS
    while select.select([receiver], [], [], patience)[0]:
        got += max(0, receive(receiver.fileno(), messages, AT_ONCE, socket.MSG_DONTWAIT, None))
        patience = QUIET_SECONDS
    return got


def counters(interface: str) -> dict[str, list[int]]:
    """The card's packets, and the first two columns of softnet_stat by processor."""
    rows = [line.split() for line in Path("/proc/net/softnet_stat").read_text(encoding="ascii").splitlines()]
    card = int(Path(f"/sys/class/net/{interface}/statistics/rx_packets").read_text(encoding="ascii"))
    return {
        "card": [card],
        **{name: [int(row[at], 16) for row in rows] for at, name in enumerate(("processed", "dropped"))},
    }


def main(interface: str, port: int) -> None:
    """Take packets, and say what became of them."""
    with socket.socket(type=socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        receiver.bind(("0.0.0.0", port))
        before = counters(interface)
        print("ready", flush=True)
        got = take(receiver)
    after = counters(interface)
    grown = {name: [new - old for old, new in zip(before[name], after[name])] for name in before}  # noqa: B905 - Python 3.9
    print(json.dumps({"got": got, **grown}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
