# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a SIP socket survives, in words."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._site.sockets import (
    name_of,
    socket_line,
    socket_records,
    summary,
    tuned_sockets,
)
from socket_results import sip_socket


@pytest.mark.parametrize(
    ("fields", "rate", "expected"),
    [
        ({}, 2000, "holds 2,730 messages: 1.4 s at the contract's 2,000/s"),
        ({"survives_seconds": None}, None, "holds 2,730 messages"),
        ({"holds_messages": None, "reason": "no right"}, 2000, "buffer unknown: no right"),
        ({"holds_messages": None, "reason": ""}, None, "buffer unknown: no reason given"),
    ],
)
def test_a_summary(fields: dict[str, Any], rate: int | None, expected: str) -> None:
    assert summary(sip_socket(**fields), rate) == expected


def test_records_have_the_losers_first_and_a_summary() -> None:
    result = {"sip_datagrams_per_second": 2000, "sip_sockets": [sip_socket(), sip_socket("10.0.0.6:5060", 5)]}
    first, second = socket_records(result)
    assert (first["socket"], first["drops"], second["drops"]) == ("10.0.0.6:5060", 5, 0)
    assert first["summary"] == "holds 2,730 messages: 1.4 s at the contract's 2,000/s"
    assert name_of(first) == "kamailio udp 10.0.0.6:5060"
    assert socket_records(None) == socket_records({}) == []


def buffer_item(end: str, after: str | None) -> dict[str, Any]:
    return {"item": f"kamailio udp {end} receive buffer", "state": "changed", "after": after}


def test_the_sockets_of_a_run_are_as_it_leaves_them_the_smallest_first() -> None:
    items = [
        {"item": "net.core.rmem_max", "state": "ok", "after": "6291456"},
        buffer_item("10.0.0.5:5060", "6291456"),
        buffer_item("[::1]:5060", "524288"),
        buffer_item("10.0.0.6:5060", None),  # out of reach: its own line says why
        {"item": "kamailio further receive buffers", "state": "pending", "after": None},
    ]
    assert [socket_line(one) for one in tuned_sockets(items, 2000)] == [
        "kamailio [::1]:5060: 524,288 bytes, holds 227 messages: 0.1 s at the contract's 2,000/s",
        "kamailio 10.0.0.5:5060: 6,291,456 bytes, holds 2,730 messages: 1.4 s at the contract's 2,000/s",
    ]
    assert tuned_sockets(items, None)[1]["summary"] == "holds 2,730 messages"
