# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a SIP socket survives, in words."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.sockets import name_of, socket_records, summary

from .test_document import sip_socket


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
