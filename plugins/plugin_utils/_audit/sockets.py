# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SIP sockets of a host in an audit: what each holds, how long a stall it survives, and what it has lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIELDS = ("daemon", "unit", "socket", "buffer_bytes", "holds_messages", "survives_seconds", "drops", "drops_total")


def socket_records(result: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The sockets in a result of sip_counters_info, those that have lost most first; else in the result's order."""
    given = (result or {}).get("sip_sockets") or []
    rate = (result or {}).get("sip_datagrams_per_second")
    records = [
        {
            **{field: one.get(field) for field in FIELDS},
            "reason": one.get("reason") or "",
            "summary": summary(one, rate),
        }
        for one in given
    ]
    return sorted(records, key=lambda one: -(one["drops"] or 0))


def summary(socket: Mapping[str, Any], datagrams_per_second: int | None) -> str:
    """What a socket survives, such as `holds 2,730 messages: 1.4 s at the contract's 2,000/s`."""
    if socket.get("holds_messages") is None:
        return f"buffer unknown: {socket.get('reason') or 'no reason given'}"
    holds = f"holds {socket['holds_messages']:,} messages"
    if socket.get("survives_seconds") is None or not datagrams_per_second:
        return holds
    return f"{holds}: {socket['survives_seconds']:.1f} s at the contract's {datagrams_per_second:,}/s"


def name_of(socket: Mapping[str, Any]) -> str:
    """The socket as the items of sip_sockets name it, `kamailio udp 10.0.0.5:5060`."""
    return f"{socket['daemon']} udp {socket['socket']}"
