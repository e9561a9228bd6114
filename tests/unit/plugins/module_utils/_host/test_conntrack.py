# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections as the kernel lists them, in messages as linux/netfilter/nfnetlink_conntrack.h has them."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.conntrack import (
    COUNT,
    DELETED_AT_ONCE,
    Connection,
    connections,
    forget,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from hypothesis import given
from hypothesis import strategies as st

ENDS = ("192.0.2.2", 40000, "192.0.2.1", 5060)
ENDS6 = ("2001:db8::2", 40001, "2001:db8::1", 5061)
DONE = struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def message(body: bytes, kind: int = 256) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 2, 1, 0) + body


def listed(ends: tuple, number: int = 6, zone: int = 0) -> bytes:
    """A connection as the kernel lists it, with its reply, its status and its timeout."""
    source, source_port, destination, destination_port = ends
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    kinds = (3, 4) if family == socket.AF_INET6 else (1, 2)
    ip = [attribute(kind, socket.inet_pton(family, one)) for kind, one in zip(kinds, (source, destination))]
    ports = attribute(1, bytes([number]))
    ports += attribute(2, struct.pack("!H", source_port)) + attribute(3, struct.pack("!H", destination_port))
    one = attribute(0x8001, b"".join(ip)) + attribute(0x8002, ports)
    body = struct.pack("=BBH", family, 0, 0) + attribute(0x8001, one) + attribute(0x8002, one)
    body += attribute(3, bytes(4)) + attribute(7, bytes(4)) + attribute(12, b"\x01\x02\x03\x04")
    return message(body + (attribute(18, struct.pack("!H", zone)) if zone else b""))


def ends_of(found: Connection) -> tuple:
    family = socket.AF_INET6 if len(found.source) == 16 else socket.AF_INET
    source, destination = (socket.inet_ntop(family, one) for one in (found.source, found.destination))
    return source, found.source_port, destination, found.destination_port


class Kernel(Host):
    """A kernel that lists these datagrams, and notes what it is to forget."""

    def __init__(self, root: Path, *datagrams: bytes, count: str = "3\n") -> None:
        super().__init__(str(root))
        self.datagrams, self.sent = datagrams, [b""][:0]
        file = root / COUNT[1:]
        file.parent.mkdir(parents=True)
        file.write_text(count)

    def netlink_dump(self, protocol: int, message_type: int, body: bytes, most_bytes: int) -> Iterator[bytes]:
        assert (protocol, message_type, body) == (12, 257, bytes(4))
        yield from self.datagrams

    def netlink_send(self, protocol: int, messages: bytes) -> None:
        self.sent.append(messages)


def test_tcp_connections_of_both_families() -> None:
    found = list(connections(listed(ENDS) + listed(ENDS, number=17) + listed(ENDS6) + DONE))
    assert [ends_of(one) for one in found] == [ENDS, ENDS6]


def test_the_kernel_is_told_to_forget_those_that_are_meant(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, listed(ENDS) + listed(ENDS6, zone=7), DONE)
    assert forget(kernel, lambda one: one.destination_port == 5061) == 1
    (sent,) = kernel.sent
    assert struct.unpack_from("=IHH", sent) == (len(sent), 258, 1)
    assert sent[16:17] == bytes([socket.AF_INET6])
    assert b"\x01\x02\x03\x04" in sent
    assert sent.endswith(struct.pack("!H", 7) + bytes(2))
    assert [ends_of(one) for one in connections(sent.replace(b"\x02\x01", b"\x00\x01", 1))] == [ENDS6]


def test_many_are_forgotten_in_parts(tmp_path: Path) -> None:
    many = [listed(("192.0.2.2", 1024 + number, "192.0.2.1", 5060)) for number in range(2 * DELETED_AT_ONCE + 1)]
    kernel = Kernel(tmp_path, *many)
    assert forget(kernel, lambda one: True) == len(many)
    assert len(kernel.sent) == 3


def test_nothing_is_asked_where_nothing_is_tracked(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, b"never read", count="0\n")
    assert forget(kernel, lambda one: True) == 0
    (tmp_path / COUNT[1:]).unlink()
    assert forget(kernel, lambda one: True) == 0


def test_a_kernel_that_does_not_list_them(tmp_path: Path) -> None:
    refused = struct.pack("=IHHIIi", 20, 2, 0, 1, 0, -errno.EPERM)
    with pytest.raises(HostError, match="connection tracking: does not list its connections: Operation not permitted"):
        forget(Kernel(tmp_path, refused), lambda one: True)


@given(st.binary(max_size=200))
def test_nothing_makes_the_parser_fail(noise: bytes) -> None:
    whole = listed(ENDS)
    for text in (noise, whole[:40] + noise, message(noise), whole + noise):
        for one in connections(text):
            assert one.name


def test_a_real_kernel_lists_its_interfaces_in_datagrams() -> None:
    host = Host()
    datagrams = list(host.netlink_dump(socket.NETLINK_ROUTE, 18, bytes(16), 1 << 20))
    assert datagrams
    with pytest.raises(HostError, match="rtnetlink: answers with more than 1 bytes"):
        list(host.netlink_dump(socket.NETLINK_ROUTE, 18, bytes(16), 1))
    host.netlink_send(socket.NETLINK_ROUTE, struct.pack("=IHHII", 16, 1, 1, 1, 0))  # NLMSG_NOOP
