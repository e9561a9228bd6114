# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers of rtnetlink's answers: messages, attributes, and interfaces as `Link`. Source: netlink(7), rtnetlink(7).

Parsers never raise. Interfaces come from here and not from /sys/class/net, because a /sys mounted in another network
namespace shows that namespace's interfaces.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from .._core.text import decoded
from .host import NETLINK_HEADER, NLMSG_DONE, Host, unless_refused

# Interfaces. Sources: linux/rtnetlink.h, linux/if_link.h, linux/if.h, linux/if_arp.h
RTM_NEWLINK, RTM_GETLINK = 16, 18
IFLA_ADDRESS = 1
IFLA_IFNAME = 3
IFLA_TXQLEN = 13
IFLA_LINKINFO = 18
IFLA_STATS64 = 23
IFLA_PERM_ADDRESS = 54  # Linux 5.6 and later, also of a card that sleeps
IFLA_PARENT_DEV_NAME = 56  # Linux 5.14 and later
IFLA_INFO_KIND = 1  # inside IFLA_LINKINFO, of every software interface
IFF_UP = 0x1
ARPHRD_LOOPBACK = 772

ATTRIBUTE_TYPE_MASK = 0x3FFF  # NLA_TYPE_MASK, linux/netlink.h: the upper two bits are flags

LOOPBACK_KIND = "loopback"  # the kind we give to lo, which has none of its own

_ATTRIBUTE = struct.Struct("=HH")  # struct rtattr: length, type
_LINK = struct.Struct("=BxHiII")  # struct ifinfomsg: family, ARP type, index, flags, change mask
_U32 = struct.Struct("=I")


def payloads(dump: bytes, wanted_type: int) -> list[bytes] | None:
    """The payloads of the messages of one type; None unless the dump is whole: ended by NLMSG_DONE and no error."""
    found: list[bytes] = []
    offset = 0
    while offset + NETLINK_HEADER.size <= len(dump):
        length, message_type = NETLINK_HEADER.unpack_from(dump, offset)[:2]
        if length < NETLINK_HEADER.size or offset + length > len(dump):
            return None
        if message_type == NLMSG_DONE:
            return found
        if message_type != wanted_type:
            return None
        found.append(dump[offset + NETLINK_HEADER.size : offset + length])
        offset += aligned(length)
    return None


def attributes(payload: bytes, offset: int) -> dict[int, bytes]:
    """The attributes that begin at an offset, by type; what follows a malformed one is left out."""
    found = {}
    size, unpack, end = _ATTRIBUTE.size, _ATTRIBUTE.unpack_from, len(payload)
    while offset + size <= end:
        length, attribute_type = unpack(payload, offset)
        if length < size or offset + length > end:
            break
        found[attribute_type & ATTRIBUTE_TYPE_MASK] = payload[offset + size : offset + length]
        offset += (length + 3) & ~3  # as `aligned`, without its call: an interface has some 50 attributes
    return found


def messages(dump: bytes, wanted_type: int, header: struct.Struct) -> list[tuple[bytes, dict[int, bytes]]] | None:
    """The payloads of the messages of one type with the attributes behind their own header; None as of `payloads`."""
    found = payloads(dump, wanted_type)
    if found is None:
        return None
    return [(payload, attributes(payload, header.size)) for payload in found if len(payload) >= header.size]


def aligned(length: int) -> int:
    """NLMSG_ALIGN, RTA_ALIGN and RTNH_ALIGN: all round up to four bytes."""
    return (length + 3) & ~3


def text(attribute: bytes) -> str:
    """An attribute that is a C string."""
    return decoded(attribute.split(b"\0", 1)[0])


class Link(NamedTuple):
    """An interface as rtnetlink describes it.

    `kind` is its IFLA_INFO_KIND (bond, vlan, veth), LOOPBACK_KIND for lo, empty without one. `on_bus` says that it
    sits on a bus such as PCI, which kernels before 5.14 do not report. `mac` and `permanent_mac` are None where the
    interface has none, or zeros; `permanent_mac` is of hardware only. `driver` and `qdiscs` come from other requests:
    None and empty until somebody asks.
    """

    ifindex: int
    name: str
    up: bool
    kind: str = ""
    on_bus: bool = False
    mac: str | None = None
    permanent_mac: str | None = None
    tx_queue_length: int | None = None
    driver: str | None = None
    qdiscs: tuple[str, ...] = ()

    @property
    def virtual_kind(self) -> str:
        """The kind of a software interface; empty for hardware, as a port of a switch chip, which has a kind too."""
        return "" if self.on_bus else self.kind

    @property
    def virtual(self) -> bool | None:
        """Whether it is a software interface; None where the kernel does not say."""
        if self.on_bus:
            return False
        return True if self.kind else None


def observe_links(host: Host) -> list[Link] | None:
    """The interfaces of our network namespace; None if rtnetlink gives no whole answer."""
    return parse_links(unless_refused(host.route_dump, RTM_GETLINK) or b"")


def parse_links(dump: bytes) -> list[Link] | None:
    """The interfaces of an RTM_GETLINK dump; None if the dump is broken or not whole."""
    found = messages(dump, RTM_NEWLINK, _LINK)
    return None if found is None else [_link(*message) for message in found]


def link_attributes(dump: bytes, kind: int) -> list[tuple[str, bytes]]:
    """One attribute of each interface of an RTM_GETLINK dump that has it, with the interface's name."""
    links = messages(dump, RTM_NEWLINK, _LINK) or []
    return [(_name(found), found[kind]) for _payload, found in links if kind in found]


def _link(payload: bytes, found: dict[int, bytes]) -> Link:
    _family, arp_type, ifindex, flags, _change = _LINK.unpack_from(payload)
    kind = text(attributes(found.get(IFLA_LINKINFO, b""), 0).get(IFLA_INFO_KIND, b""))
    length = found.get(IFLA_TXQLEN, b"")
    link = Link(
        ifindex=ifindex,
        name=_name(found),
        up=bool(flags & IFF_UP),
        kind=LOOPBACK_KIND if arp_type == ARPHRD_LOOPBACK else kind,
        on_bus=IFLA_PARENT_DEV_NAME in found,
        mac=_address(found.get(IFLA_ADDRESS, b"")),
        tx_queue_length=_U32.unpack(length)[0] if len(length) == _U32.size else None,
    )
    return link if link.virtual_kind else link._replace(permanent_mac=_address(found.get(IFLA_PERM_ADDRESS, b"")))


def _name(found: dict[int, bytes]) -> str:
    return text(found.get(IFLA_IFNAME, b""))


def _address(packed: bytes) -> str | None:
    return packed.hex(":") if any(packed) else None
