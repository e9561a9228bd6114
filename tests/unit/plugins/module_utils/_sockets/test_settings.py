# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sockets.settings import (
    HIGHEST_BYTES,
    LOWEST_BYTES,
    Floor,
    SocketsError,
    parse_floor,
    parse_units,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("given_value", "floor"),
    [
        (None, None),
        ({}, None),
        (6291456, Floor(6291456)),
        ("6291456", Floor(6291456)),
        (LOWEST_BYTES, Floor(LOWEST_BYTES)),
        (HIGHEST_BYTES, Floor(HIGHEST_BYTES)),
        ({"value": 8192}, Floor(8192)),
        ({"value": "8192", "rule": "at_least", "why": "A\nstall."}, Floor(8192, "A stall.")),
        ({"value": 8192, "why": None}, Floor(8192)),
    ],
)
def test_a_floor(given_value: object, floor: Floor | None) -> None:
    assert parse_floor(given_value) == floor


def test_a_floor_in_words() -> None:
    assert Floor(8192).wanted == "at least 8192"


@pytest.mark.parametrize(
    ("given_value", "message"),
    [
        (-1, "must be 4096 to 2147483646 bytes, not -1"),
        (0, "must be 4096 to 2147483646 bytes, not 0"),
        (LOWEST_BYTES - 1, "not 4095"),
        (2**31 - 1, "not 2147483647"),
        (2**31, "not 2147483648"),
        (10**400, "not 1000"),
        ("6M", "must be a whole number of bytes, not '6M'"),
        ("", "must be a whole number of bytes, not ''"),
        ("9" * 400, "must be a whole number of bytes"),
        ("\u0666", "must be a whole number of bytes"),
        (1.5, "must be a whole number of bytes, not 1.5"),
        (True, "must be a whole number of bytes, not True"),
        ([8192], "must be a whole number of bytes"),
        ({"why": "x"}, "has no value"),
        ({"value": None}, "must be a whole number of bytes, not no value"),
        ({"value": 8192, "rule": "exact"}, "is a floor: the rule can only be at_least, not exact"),
        ({"value": 8192, "rule": []}, "rule is one of"),
        ({"value": 8192, "hazard": "x"}, "unknown option hazard; available: value, rule, why"),
        ({"value": 8192, "why": 7}, "why is a text"),
    ],
)
def test_a_bad_buffer_is_refused(given_value: object, message: str) -> None:
    with pytest.raises(SocketsError, match=rf"^receive_buffer_bytes: .*{re.escape(message)}") as failed:
        parse_floor(given_value)
    assert failed.value.item == "receive_buffer_bytes"
    assert len(str(failed.value)) < 200


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_nothing_but_the_domain_error(given_value: object) -> None:
    try:
        floor = parse_floor(given_value)
    except SocketsError:
        return
    assert floor is None or LOWEST_BYTES <= floor.bytes <= HIGHEST_BYTES


def test_units() -> None:
    assert parse_units(["kamailio.service", "a@b.service", "kamailio.service"]) == ("kamailio.service", "a@b.service")
    for name in ("kamailio", "kamailio@.service", "sip.socket", "../x.service", "a\nb.service"):
        with pytest.raises(SocketsError, match=r"^units: "):
            parse_units([name])
