# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sockets of SIP daemons: whose they are, how many messages they hold in a stall, and what they have lost.

A counter of the kernel does not say which socket has lost a datagram, and a socket does not say what its daemon is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._host.host import Host, HostError
from .._host.sockets import SocketGoneError, receive_buffer, why_out_of_reach
from .._sip.receive_buffers import MESSAGE_CHARGE_BYTES, SMALL_MESSAGE_CHARGE_BYTES
from .._sip.sockets import Running, SipSocket, sip_sockets
from .table import UNSIGNED_INT_BITS, growth

DROPS = "UdpSocketDrops"
MOST_SOCKETS = 64  # in a result; SIP's own ports come first

Sample = Mapping  # of a counter's name to its parts, Mapping[str, int], or None


def socket_results(
    host: Host, before: Sample | None, after: Sample, datagrams_per_second: int | None = None
) -> list[dict[str, Any]]:
    """The sockets on which SIP daemons listen, as sip_counters_info documents them. Media is not among them.

    `before` and `after` are samples of the counters, `before` None for drops since the socket was opened.
    `datagrams_per_second` is the peak that the sockets are measured by, None if it is not known.
    """
    totals = after[DROPS] or {}
    grown = totals if before is None else growth(before[DROPS], totals, UNSIGNED_INT_BITS) or {}
    found = [(one, each) for one in sip_sockets(host) for each in one.sockets]
    results = (_result(host, one, each, grown, totals) for one, each in found[:MOST_SOCKETS])
    return [{**result, "survives_seconds": _survives(result, datagrams_per_second)} for result in results if result]


def _survives(result: Mapping[str, Any], datagrams_per_second: int | None) -> float | None:
    """The longest stall in which the socket loses no message of usual size, in seconds."""
    if result["holds_messages"] is None or not datagrams_per_second:
        return None
    return round(result["holds_messages"] / datagrams_per_second, 2)


def _result(
    host: Host, one: Running, each: SipSocket, grown: Mapping[str, int], totals: Mapping[str, int]
) -> dict[str, Any] | None:
    """A socket as it is; None for one that is gone."""
    size, reason = None, ""
    try:
        size = receive_buffer(each.place)
    except SocketGoneError:
        return None
    except HostError as error:
        reason = why_out_of_reach(host, error)
    name = f"{each.socket.end} {each.socket.inode}"
    return {
        "daemon": one.daemon,
        "unit": one.unit or None,
        "socket": each.socket.end,
        "buffer_bytes": size,
        "holds_messages": None if size is None else size // MESSAGE_CHARGE_BYTES,
        "holds_small_messages": None if size is None else size // SMALL_MESSAGE_CHARGE_BYTES,
        "drops": grown.get(name, 0),
        "drops_total": totals.get(name, 0),
        "reason": reason,
    }
