# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps of queueing disciplines, built as linux/rtnetlink.h and linux/gen_stats.h describe them."""

from __future__ import annotations

import struct

from ansible_collections.siptune.linux.plugins.module_utils._host.qdisc import TC_H_ROOT, parse_drops, parse_kinds
from hypothesis import given
from hypothesis import strategies as st


def attribute(kind: int, content: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(content), kind) + content + bytes(-len(content) % 4)


def message(kind: int, payload: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, 2, 1, 0) + payload


def qdisc(ifindex: int, parent: int, kind: str, drops: int) -> bytes:
    queue = struct.pack("=5I", 1, 2, drops, 4, 5)
    basic = attribute(1, bytes(16))
    values = attribute(1, kind.encode() + b"\0") + attribute(7 | 0x8000, basic + attribute(3, queue))
    return message(36, struct.pack("=BxxxiIII", 0, ifindex, 0x80010000, parent, 0) + values)


END = message(3, bytes(4))
DUMP = (
    qdisc(2, TC_H_ROOT, "mq", 9)
    + qdisc(2, 0x80010001, "fq_codel", 4)
    + qdisc(2, 0x80010002, "fq_codel", 5)
    + qdisc(3, TC_H_ROOT, "noqueue", 0)
    + qdisc(3, 0xFFFFFFF1, "ingress", 7)
)


def test_the_roots_count_has_that_of_all_below_it() -> None:
    assert parse_drops(DUMP + END) == {2: 9, 3: 0}


def test_kinds_of_each_interface() -> None:
    assert parse_kinds(DUMP + END) == {2: ("mq", "fq_codel"), 3: ("noqueue", "ingress")}


def test_a_dump_that_is_not_whole_says_nothing() -> None:
    assert parse_drops(DUMP) == {}
    assert parse_drops(DUMP[:-3] + END) == {}


@given(st.binary(max_size=200))
def test_no_parser_ever_raises(rubbish: bytes) -> None:
    parse_drops(message(36, rubbish) + END)
    parse_kinds(message(36, rubbish) + END)
    parse_drops(rubbish)
