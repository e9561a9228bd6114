# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SIP sockets of a host: what each holds, how long a stall it survives, and what it has lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.text import plural
from ansible_collections.siptune.linux.plugins.module_utils._sip.receive_buffers import MESSAGE_CHARGE_BYTES

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


def tuned_sockets(items: Iterable[Mapping[str, Any]], datagrams_per_second: int | None) -> list[dict[str, Any]]:
    """The sockets among the items of a run, as the run leaves them, those that hold least first."""
    records = []
    for item in items:
        if is_socket(item) and item.get("after"):
            daemon, _protocol, end, *_more = str(item["item"]).split(" ")
            size = int(item["after"])
            holds = size // MESSAGE_CHARGE_BYTES
            survives = holds / datagrams_per_second if datagrams_per_second else None
            said = summary({"holds_messages": holds, "survives_seconds": survives}, datagrams_per_second)
            records.append({"daemon": daemon, "socket": end, "buffer_bytes": size, "summary": said})
    return sorted(records, key=lambda one: one["buffer_bytes"])


def is_socket(item: Mapping[str, Any]) -> bool:
    """Whether an item is the receive buffer of a socket, such as `kamailio udp 10.0.0.5:5060 receive buffer`."""
    words = str(item["item"]).split(" ")
    return len(words) == 5 and words[1] == "udp" and words[3:] == ["receive", "buffer"]


def socket_line(socket: Mapping[str, Any]) -> str:
    """A socket in a line of text, such as `kamailio 10.0.0.5:5060: 6,291,456 bytes, holds 2,730 messages`."""
    size = "" if socket["buffer_bytes"] is None else f"{socket['buffer_bytes']:,} bytes, "
    return f"{socket['daemon']} {socket['socket']}: {size}{socket['summary']}"


def summary(socket: Mapping[str, Any], datagrams_per_second: int | None) -> str:
    """What a socket survives, such as `holds 2,730 messages: 1.4 s at the contract's 2,000/s`."""
    if socket.get("holds_messages") is None:
        return f"buffer unknown: {socket.get('reason') or 'no reason given'}"
    holds = f"holds {socket['holds_messages']:,} {plural(socket['holds_messages'], 'message')}"
    if socket.get("survives_seconds") is None or not datagrams_per_second:
        return holds
    return f"{holds}: {socket['survives_seconds']:.1f} s at the contract's {datagrams_per_second:,}/s"


def name_of(socket: Mapping[str, Any]) -> str:
    """The socket as the items of sip_sockets name it, `kamailio udp 10.0.0.5:5060`."""
    return f"{socket['daemon']} udp {socket['socket']}"
