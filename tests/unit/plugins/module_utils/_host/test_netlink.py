# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink messages built as linux/netlink.h describes them, and interfaces in two dumps captured on Linux 6.18."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import (
    IFLA_ADDRESS,
    IFLA_IFNAME,
    IFLA_INFO_KIND,
    IFLA_LINKINFO,
    IFLA_PARENT_DEV_NAME,
    IFLA_PERM_ADDRESS,
    IFLA_TXQLEN,
    RTM_NEWLINK,
    Link,
    aligned,
    attributes,
    link_attributes,
    parse_links,
    payloads,
    text,
)
from hypothesis import given
from hypothesis import strategies as st

CAPTURED = Path(__file__).parents[1] / "captured"
MAC = bytes.fromhex("525400123456")
PERMANENT = bytes.fromhex("525400ffffff")

little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the dumps hold little-endian numbers")


def captured(name: str) -> bytes:
    return bytes.fromhex((CAPTURED / f"{name}.hex").read_text())


def message(message_type: int, payload: bytes = b"") -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), message_type, 2, 1, 0) + payload + b"\0" * (-len(payload) % 4)


def attribute(number: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), number) + value + b"\0" * (-len(value) % 4)


DONE = message(3, b"\0" * 4)


def link_message(*attributes: bytes, arp_type: int = 1, flags: int = 1) -> bytes:
    return message(RTM_NEWLINK, struct.pack("=BxHiII", 0, arp_type, 5, flags, 0) + b"".join(attributes))


@little_endian
def test_links_of_a_namespace() -> None:
    links = parse_links(captured("two_uplinks_links"))
    assert links is not None
    assert [(link.ifindex, link.name, link.up, link.kind, link.mac, link.virtual) for link in links] == [
        (1, "lo", True, "loopback", None, True),
        (2, "uplink1", True, "veth", "02:00:00:00:00:11", True),
        (3, "uplink0", True, "veth", "02:00:00:00:00:10", True),
    ]


@little_endian
def test_a_link_on_a_bus_is_hardware() -> None:
    links = parse_links(captured("virtual_machine_links"))
    assert links is not None
    assert [(link.name, link.virtual, link.mac) for link in links] == [
        ("lo", True, None),
        ("eth0", False, "02:fc:00:00:00:01"),
    ]


NAME = attribute(IFLA_IFNAME, b"e\xff\0")
KIND = attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, b"dsa\0"))
ON_BUS = attribute(IFLA_PARENT_DEV_NAME, b"0000:00:02.0\0")
PERMANENT_MAC = attribute(IFLA_PERM_ADDRESS, PERMANENT)


@pytest.mark.parametrize(
    ("given_message", "expected", "virtual", "virtual_kind"),
    [
        pytest.param(link_message(NAME), Link(5, "e\udcff", True), None, "", id="a name that is not UTF-8"),
        pytest.param(
            link_message(attribute(IFLA_ADDRESS, MAC), attribute(IFLA_TXQLEN, struct.pack("=I", 1000)), PERMANENT_MAC),
            Link(5, "", True, mac=MAC.hex(":"), permanent_mac=PERMANENT.hex(":"), tx_queue_length=1000),
            None,
            "",
            id="a card of an older kernel",
        ),
        pytest.param(
            link_message(KIND, PERMANENT_MAC, flags=0), Link(5, "", False, kind="dsa"), True, "dsa", id="software"
        ),
        pytest.param(
            link_message(KIND, ON_BUS, PERMANENT_MAC),
            Link(5, "", True, kind="dsa", on_bus=True, permanent_mac=PERMANENT.hex(":")),
            False,
            "",
            id="a port of a switch chip",
        ),
        pytest.param(
            link_message(attribute(IFLA_ADDRESS, bytes(6)), arp_type=772),
            Link(5, "", True, kind="loopback"),
            True,
            "loopback",
            id="loopback",
        ),
        pytest.param(
            link_message(attribute(IFLA_TXQLEN, b"\1"), attribute(IFLA_ADDRESS, bytes(range(20)))),
            Link(5, "", True, mac=bytes(range(20)).hex(":")),
            None,
            "",
            id="a cut number, and the address of an InfiniBand card",
        ),
    ],
)
def test_links(given_message: bytes, expected: Link, virtual: bool | None, virtual_kind: str) -> None:
    links = parse_links(given_message + DONE)
    assert links == [expected]
    assert (links[0].virtual, links[0].virtual_kind) == (virtual, virtual_kind)


@pytest.mark.parametrize(
    ("dump", "expected"),
    [(b"", None), (DONE, []), (link_message(NAME), None), (message(RTM_NEWLINK, b"\0") + DONE, [])],
    ids=["nothing", "no interface", "no end", "too short for an interface"],
)
def test_dumps(dump: bytes, expected: list[Link] | None) -> None:
    assert parse_links(dump) == expected


def test_one_attribute_of_each_link() -> None:
    dump = link_message(NAME, attribute(IFLA_ADDRESS, MAC)) + link_message(NAME) + DONE
    assert link_attributes(dump, IFLA_ADDRESS) == [("e\udcff", MAC)]
    assert link_attributes(dump[:-4], IFLA_ADDRESS) == []


@given(dump=st.binary(max_size=300))
def test_arbitrary_dumps_never_raise(dump: bytes) -> None:
    for whole in (dump, message(RTM_NEWLINK, dump) + DONE):
        parse_links(whole)
        link_attributes(whole, IFLA_ADDRESS)


@given(data=st.data())
def test_a_damaged_dump_never_raises(data: st.DataObject) -> None:
    dump = bytearray(captured("two_uplinks_links"))
    for position in data.draw(st.lists(st.integers(0, len(dump) - 1), max_size=6)):
        dump[position] = data.draw(st.integers(0, 255))
    parse_links(bytes(dump))


# --- messages and attributes ---

ERROR = message(2, struct.pack("=i", -1))


@pytest.mark.parametrize(
    ("dump", "found"),
    [
        pytest.param(DONE, [], id="empty"),
        pytest.param(message(RTM_NEWLINK, b"ab") + message(RTM_NEWLINK, b"") + DONE, [b"ab", b""], id="two messages"),
        pytest.param(message(RTM_NEWLINK, b"a") + DONE + message(RTM_NEWLINK, b"b"), [b"a"], id="the end is the end"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(message(RTM_NEWLINK, b"a"), None, id="no end"),
        pytest.param(message(RTM_NEWLINK, b"a") + ERROR + DONE, None, id="an error"),
        pytest.param(message(RTM_NEWLINK + 1, b"a") + DONE, None, id="another type"),
        pytest.param((message(RTM_NEWLINK, b"abcd") + DONE)[:18], None, id="cut"),
        pytest.param(bytes(32), None, id="zeros"),
    ],
)
def test_payloads_of_a_dump(dump: bytes, found: list[bytes] | None) -> None:
    assert payloads(dump, RTM_NEWLINK) == found


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        pytest.param(attribute(1, b"abc") + attribute(3, b""), {1: b"abc", 3: b""}, id="two"),
        pytest.param(attribute(7 | 0x8000, b"x"), {7: b"x"}, id="nested: a flag in the type"),
        pytest.param(attribute(1, b"a") + attribute(1, b"b"), {1: b"b"}, id="the last of a type"),
        pytest.param(attribute(1, b"a") + struct.pack("=HH", 2, 9), {1: b"a"}, id="shorter than its header"),
        pytest.param(attribute(1, b"a") + struct.pack("=HH", 99, 9), {1: b"a"}, id="longer than the message"),
        pytest.param(b"", {}, id="none"),
    ],
)
def test_attributes(payload: bytes, found: dict[int, bytes]) -> None:
    assert attributes(payload, 0) == found
    assert attributes(b"\xff" * 8 + payload, 8) == found


@given(st.binary(max_size=200))
def test_no_parser_raises(rubbish: bytes) -> None:
    payloads(rubbish, RTM_NEWLINK)
    payloads(message(RTM_NEWLINK, rubbish) + DONE, RTM_NEWLINK)
    attributes(rubbish, 0)


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_messages_survive_a_round_trip(found: list[bytes]) -> None:
    assert payloads(b"".join(message(RTM_NEWLINK, payload) for payload in found) + DONE, RTM_NEWLINK) == found


def test_lengths_are_rounded_up_to_four() -> None:
    assert [aligned(length) for length in (0, 1, 4, 5, 8)] == [0, 4, 4, 8, 8]


@pytest.mark.parametrize(
    ("attribute", "expected"), [(b"eth0\0", "eth0"), (b"eth0", "eth0"), (b"", ""), (b"\xff\0x", "\udcff")]
)
def test_texts_end_with_their_nul(attribute: bytes, expected: str) -> None:
    assert text(attribute) == expected
