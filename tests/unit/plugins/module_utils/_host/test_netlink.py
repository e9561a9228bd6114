# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink messages, built as linux/netlink.h describes them."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import aligned, attributes, payloads, text
from hypothesis import given
from hypothesis import strategies as st

KIND = 16


def message(kind: int, payload: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, 2, 1, 0) + payload + bytes(-len(payload) % 4)


def attribute(kind: int, content: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(content), kind) + content + bytes(-len(content) % 4)


DONE = message(3, bytes(4))
ERROR = message(2, struct.pack("=i", -1))


@pytest.mark.parametrize(
    ("dump", "found"),
    [
        pytest.param(DONE, [], id="empty"),
        pytest.param(message(KIND, b"ab") + message(KIND, b"") + DONE, [b"ab", b""], id="two messages"),
        pytest.param(message(KIND, b"a") + DONE + message(KIND, b"b"), [b"a"], id="the end is the end"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(message(KIND, b"a"), None, id="no end"),
        pytest.param(message(KIND, b"a") + ERROR + DONE, None, id="an error"),
        pytest.param(message(KIND + 1, b"a") + DONE, None, id="another type"),
        pytest.param((message(KIND, b"abcd") + DONE)[:18], None, id="cut"),
        pytest.param(bytes(32), None, id="zeros"),
    ],
)
def test_payloads_of_a_dump(dump: bytes, found: list[bytes] | None) -> None:
    assert payloads(dump, KIND) == found


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
    payloads(rubbish, KIND)
    payloads(message(KIND, rubbish) + DONE, KIND)
    attributes(rubbish, 0)


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_messages_survive_a_round_trip(found: list[bytes]) -> None:
    assert payloads(b"".join(message(KIND, payload) for payload in found) + DONE, KIND) == found


def test_lengths_are_rounded_up_to_four() -> None:
    assert [aligned(length) for length in (0, 1, 4, 5, 8)] == [0, 4, 4, 8, 8]


@pytest.mark.parametrize(
    ("attribute", "expected"), [(b"eth0\0", "eth0"), (b"eth0", "eth0"), (b"", ""), (b"\xff\0x", "\ufffd")]
)
def test_texts_end_with_their_nul(attribute: bytes, expected: str) -> None:
    assert text(attribute) == expected
