# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs as root on a host whose connections are tracked, like in_host.py: a full table, calls, and what is counted.

A network namespace has a table of its own, and nf_conntrack_max of the machine, which only the machine can change. So
the table is filled until there is room for a few more: the kernel treats that as it treats a small table.
"""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

MAX, COUNT = "/proc/sys/net/netfilter/nf_conntrack_max", "/proc/sys/net/netfilter/nf_conntrack_count"
STATISTICS = "/proc/net/stat/nf_conntrack"
PEER, HOST = "192.0.2.2", "192.0.2.1"
CALLER_PORT, CALLEE_PORT, SIP_PORT = 5080, 5070, 5060
LENIENT = ("-default_behaviors", "all,-abortunexp")  # as in in_host.py
RECEIVE_TIMEOUT_MS, END_SECONDS = 6000, 120

# linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h, nf_conntrack_common.h, linux/netlink.h
NETLINK_NETFILTER = 12
NEW_CONNECTION = 1 << 8  # of the subsystem of connection tracking
LIST_CONNECTIONS, DONE = NEW_CONNECTION | 1, 3
REQUEST_DUMP = 0x301
REQUEST_CREATE = 0x1 | 0x400 | 0x200
NESTED = 0x8000
TUPLE_ORIGINAL, TUPLE_REPLY, STATUS, TIMEOUT = 1, 2, 3, 7
SEEN_REPLY_ASSURED_CONFIRMED = 2 | 4 | 8  # such entries are not dropped early to make room
LIFE_SECONDS = 3600
AT_ONCE = 400


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _tuple(kind: int, source: int, destination: int, source_port: int, destination_port: int) -> bytes:
    addresses = _attribute(1, struct.pack("!I", source)) + _attribute(2, struct.pack("!I", destination))
    ports = _attribute(2, struct.pack("!H", source_port)) + _attribute(3, struct.pack("!H", destination_port))
    protocol = _attribute(1, struct.pack("=B", socket.IPPROTO_UDP)) + ports
    return _attribute(kind | NESTED, _attribute(1 | NESTED, addresses) + _attribute(2 | NESTED, protocol))


def _connection(number: int) -> bytes:
    ends = (0x0A000000 + (number >> 15), 0x0B000001, 1024 + (number & 0x7FFF), 4000)
    body = struct.pack("=BBH", socket.AF_INET, 0, 0)
    body += _tuple(TUPLE_ORIGINAL, *ends) + _tuple(TUPLE_REPLY, ends[1], ends[0], ends[3], ends[2])
    body += _attribute(STATUS, struct.pack("!I", SEEN_REPLY_ASSURED_CONFIRMED))
    body += _attribute(TIMEOUT, struct.pack("!I", LIFE_SECONDS))
    return struct.pack("=IHHII", 16 + len(body), NEW_CONNECTION, REQUEST_CREATE, 0, 0) + body


def fill(room: int) -> dict[str, int]:
    """Fill the table but for this many connections. Returns its `count` and `max`."""
    found = tracked()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        for start in range(0, found["max"] - room - found["count"], AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, found["max"] - room - found["count"]))
            netlink.send(b"".join(map(_connection, numbers)))
    return tracked()


def tracked() -> dict[str, int]:
    """How many connections are in the table, and how many may be; and the packets that found no room in it.

    Source: net/netfilter/nf_conntrack_standalone.c, ct_cpu_seq_show(), whose numbers are hexadecimal.
    """
    head, *rows = [line.split() for line in Path(STATISTICS).read_text(encoding="ascii").splitlines()]
    lost = ("insert_failed", "drop", "early_drop")
    counted = {name: sum(int(row[head.index(name)], 16) for row in rows) for name in lost}
    return {"count": int(Path(COUNT).read_text()), "max": int(Path(MAX).read_text()), **counted}


def tcp_entries(port: int) -> int:
    """How many TCP connections to a port are in the table."""
    listed = b""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.send(struct.pack("=IHHIIBBH", 20, LIST_CONNECTIONS, REQUEST_DUMP, 1, 0, 0, 0, 0))
        kind = 0
        while kind != DONE:
            datagram = netlink.recv(1 << 16)
            kind = struct.unpack_from("=IH", datagram)[1]
            listed += datagram
    tcp, any_port = _attribute(1, struct.pack("=B", socket.IPPROTO_TCP)), _attribute(2, bytes(2))[:4]
    to_port = _attribute(3, struct.pack("!H", port))
    return len(re.findall(re.escape(tcp + any_port) + b".{4}" + re.escape(to_port), listed, re.DOTALL))


def answered(address: str) -> bool:
    """Whether a request over TCP to Kamailio at an address of this host is answered."""
    with socket.create_connection((address, SIP_PORT), timeout=5) as asking:
        lines = (
            f"OPTIONS sip:{address} SIP/2.0",
            "Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK1;rport",
            "From: <sip:a@localhost>;tag=1",
            "To: <sip:b@localhost>",
            "Call-ID: 1",
            "CSeq: 1 OPTIONS",
            "Max-Forwards: 70",
            "Content-Length: 0",
        )
        asking.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        return asking.recv(4096).startswith(b"SIP/2.0 200")


def calls(count: int, rate: int, caller: str, callee: str, transport: str = "un") -> str:
    """SIPp's statistics of calls from a peer through Kamailio, and back to the peer.

    With the transport `un` each is from a port of its own, and with `t1` all are over one TCP connection.
    """
    in_peer = ["nsenter", "--net=/run/netns/peer", "sipp", "-nostdin", *LENIENT, "-i", PEER]
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    quiet["env"] = {**os.environ, "TERM": "dumb"}
    with tempfile.TemporaryDirectory() as directory:
        for name, scenario in (("caller", caller), ("callee", callee)):
            Path(directory, f"{name}.xml").write_text(scenario, encoding="utf-8")
        load = ["-r", str(rate), "-m", str(count), "-l", str(count), "-recv_timeout", str(RECEIVE_TIMEOUT_MS)]
        load += [
            "-t",
            transport,
            "-max_socket",
            str(2 * count),
            "-trace_stat",
            "-stf",
            "statistics.csv",
            "-fd",
            "1",
            f"{HOST}:{SIP_PORT}",
        ]
        with subprocess.Popen(
            [*in_peer, "-sf", "callee.xml", "-p", str(CALLEE_PORT)], cwd=directory, **quiet
        ) as called:
            try:
                command = [*in_peer, "-sf", "caller.xml", "-p", str(CALLER_PORT), *load]
                subprocess.run(command, cwd=directory, timeout=END_SECONDS, check=False, **quiet)
            finally:
                called.kill()
        return Path(directory, "statistics.csv").read_text(encoding="utf-8")


def sent(address: str, port: int, count: int) -> int:
    """Send datagrams from as many ports of the peer; returns how many connections there are more."""
    before = tracked()["count"]
    family = "AF_INET6" if ":" in address else "AF_INET"
    script = (
        f"import socket; ends = [socket.socket(socket.{family}, socket.SOCK_DGRAM) for _one in range({count})]; "
        f"[end.sendto(b'x', ('{address}', {port})) for end in ends]"
    )
    subprocess.run(["nsenter", "--net=/run/netns/peer", "python3", "-c", script], check=True)
    return tracked()["count"] - before


COMMANDS = {function.__name__: function for function in (fill, tracked, tcp_entries, answered, calls, sent)}

if __name__ == "__main__":
    name, arguments = json.loads(sys.argv[1])
    print(json.dumps(COMMANDS[name](**arguments)))
