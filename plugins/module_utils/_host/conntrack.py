# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TCP connections that the kernel tracks, and how to make it forget some of them.

Sources: linux/netfilter/nfnetlink.h, linux/netfilter/nfnetlink_conntrack.h, linux/netlink.h
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .host import NETLINK_HEADER, NLM_F_REQUEST, NLMSG_ERROR, Host, HostError
from .netlink import aligned, attributes

NETLINK_NETFILTER = 12
CONNTRACK = 1 << 8  # NFNL_SUBSYS_CTNETLINK, the upper byte of a type
NEW, GET, DELETE = CONNTRACK, CONNTRACK | 1, CONNTRACK | 2
TUPLE_ORIGINAL, IDENTIFIER, ZONE = 1, 12, 18  # CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE
TUPLE_ADDRESSES, TUPLE_PROTOCOL = 1, 2  # CTA_TUPLE_IP, CTA_TUPLE_PROTO
NUMBER, SOURCE_PORT, DESTINATION_PORT = 1, 2, 3  # CTA_PROTO_NUM, _SRC_PORT, _DST_PORT
SOURCES, DESTINATIONS = (1, 3), (2, 4)  # CTA_IP_V4_SRC and V6, CTA_IP_V4_DST and V6
NESTED = 0x8000  # NLA_F_NESTED
TCP = b"\x06"  # IPPROTO_TCP
COUNT = "/proc/sys/net/netfilter/nf_conntrack_count"
DELETED_AT_ONCE = 256  # of 100 bytes or so: far below what a socket takes at once
MOST_BYTES = 1 << 30  # of a dump: four million connections

_HEAD = struct.Struct("=BBH")  # struct nfgenmsg: family, version, resource
_ATTRIBUTE = struct.Struct("=HH")  # struct nlattr: length, type
_ERROR = struct.Struct("=i")  # struct nlmsgerr: the negative number of an error
_PORT = struct.Struct("!H")


class Connection(NamedTuple):
    """A connection as its first packet began it: packed addresses, and ports. `name` is what the kernel knows it by."""

    source: bytes
    source_port: int
    destination: bytes
    destination_port: int
    name: bytes


def forget(host: Host, is_meant: Callable[[Connection], bool]) -> int:
    """Have the kernel no longer track these of its TCP connections; returns how many. Raises HostError.

    Nothing is asked, and no module loaded, where nothing is tracked.
    """
    if (host.read_lenient(COUNT) or "0").strip() == "0":
        return 0
    datagrams = host.netlink_dump(NETLINK_NETFILTER, GET, _HEAD.pack(0, 0, 0), MOST_BYTES)
    names = [one.name for datagram in datagrams for one in connections(datagram) if is_meant(one)]
    for start in range(0, len(names), DELETED_AT_ONCE):
        host.netlink_send(NETLINK_NETFILTER, b"".join(map(_deletion, names[start : start + DELETED_AT_ONCE])))
    return len(names)


def connections(datagram: bytes) -> Iterator[Connection]:
    """The TCP connections in a datagram of a dump; what is malformed is left out. Raises HostError."""
    offset = 0
    while offset + NETLINK_HEADER.size <= len(datagram):
        length, kind = NETLINK_HEADER.unpack_from(datagram, offset)[:2]
        if length < NETLINK_HEADER.size or offset + length > len(datagram):
            return
        if kind == NLMSG_ERROR and length >= NETLINK_HEADER.size + _ERROR.size:
            number = -_ERROR.unpack_from(datagram, offset + NETLINK_HEADER.size)[0]
            raise HostError("connection tracking", f"does not list its connections: {os.strerror(number)}", number)
        if kind == NEW:
            found = _connection(datagram[offset + NETLINK_HEADER.size : offset + length])
            if found:
                yield found
        offset += aligned(length)


def _connection(payload: bytes) -> Connection | None:
    found = attributes(payload, _HEAD.size)
    ends = attributes(found.get(TUPLE_ORIGINAL, b""), 0)
    protocol = attributes(ends.get(TUPLE_PROTOCOL, b""), 0)
    if protocol.get(NUMBER) != TCP:
        return None
    addresses = attributes(ends.get(TUPLE_ADDRESSES, b""), 0)
    ports = [protocol.get(field, b"") for field in (SOURCE_PORT, DESTINATION_PORT)]
    source, destination = (next(filter(None, map(addresses.get, kinds)), b"") for kinds in (SOURCES, DESTINATIONS))
    if not source or not destination or any(len(port) != _PORT.size for port in ports):
        return None
    (first,), (second,) = map(_PORT.unpack, ports)
    name = payload[:1].ljust(_HEAD.size, b"\0") + _attribute(TUPLE_ORIGINAL | NESTED, found[TUPLE_ORIGINAL])
    name += b"".join(_attribute(kind, found[kind]) for kind in (IDENTIFIER, ZONE) if kind in found)
    return Connection(source, first, destination, second, name)


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value.ljust(aligned(len(value)), b"\0")


def _deletion(name: bytes) -> bytes:
    """The message that has the kernel forget one, unless it has gone or been replaced since."""
    return NETLINK_HEADER.pack(NETLINK_HEADER.size + len(name), DELETE, NLM_F_REQUEST, 1, 0) + name
