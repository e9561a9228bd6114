# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers of rtnetlink, taken apart: messages, and the attributes in them. Source: netlink(7), rtnetlink(7)."""

from __future__ import annotations

import struct

from .host import NETLINK_HEADER, NLMSG_DONE

# Interfaces. Sources: linux/rtnetlink.h, linux/if_link.h, linux/if.h, linux/if_arp.h
RTM_NEWLINK, RTM_GETLINK = 16, 18
IFLA_ADDRESS = 1
IFLA_IFNAME = 3
IFLA_TXQLEN = 13
IFLA_LINKINFO = 18
IFLA_STATS64 = 23
IFLA_PERM_ADDRESS = 54  # Linux 5.6 and later, also of a card that sleeps
IFLA_PARENT_DEV_NAME = 56  # Linux 5.14 and later
IFLA_INFO_KIND = 1  # inside IFLA_LINKINFO: there for every interface that is made of software
IFF_UP = 0x1
ARPHRD_LOOPBACK = 772

ATTRIBUTE_TYPE_MASK = 0x3FFF  # NLA_TYPE_MASK, linux/netlink.h: the upper two bits are flags

_ATTRIBUTE = struct.Struct("=HH")  # struct rtattr: length, type


def payloads(dump: bytes, wanted_type: int) -> list[bytes] | None:
    """What the messages of one type carry; None unless the dump is whole: ended by NLMSG_DONE and no error."""
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
    while offset + _ATTRIBUTE.size <= len(payload):
        length, attribute_type = _ATTRIBUTE.unpack_from(payload, offset)
        if length < _ATTRIBUTE.size or offset + length > len(payload):
            break
        found[attribute_type & ATTRIBUTE_TYPE_MASK] = payload[offset + _ATTRIBUTE.size : offset + length]
        offset += aligned(length)
    return found


def aligned(length: int) -> int:
    """NLMSG_ALIGN, RTA_ALIGN and RTNH_ALIGN: all round up to four bytes."""
    return (length + 3) & ~3


def text(attribute: bytes) -> str:
    """An attribute that is a C string."""
    return attribute.split(b"\0", 1)[0].decode("utf-8", "replace")
