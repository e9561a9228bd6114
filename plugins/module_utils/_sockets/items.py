# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users see of receive buffers: an item for each socket, and one for a daemon that is left alone as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from .._core.change import CHANGED, KEPT, OK, PENDING, Change
from .._sip.receive_buffers import DOUBLING, OPENSIPS, PROXIES
from .model import Recorded, Socket, Unreached
from .settings import Floor

MOST_NAMED = 6  # sockets that one item names
RMEM_DEFAULT = "net.core.rmem_default"
NO_LONGER_WANTED = "no longer wanted"


def buffer_item(daemon: str, end: str) -> str:
    """An item as a person would say it: `kamailio udp 10.0.0.5:5060 receive buffer`."""
    return f"{daemon} udp {end} receive buffer"


def daemon_item(daemon: str) -> str:
    """The item of a daemon's sockets as a whole."""
    return f"{daemon} receive buffers"


def met_item(socket: Socket, floor: Floor, ours: bool) -> Change:
    """The item of a socket that has the floor already, by an earlier call or by itself."""
    return _item(socket, floor, socket.bytes, OK if ours or socket.bytes == floor.bytes else KEPT)


def raised_item(socket: Socket, floor: Floor, target: int) -> Change:
    """The item of a socket that is raised."""
    return _item(socket, floor, target, CHANGED)


def waiting_item(socket: Socket, floor: Floor, obstacle: str) -> Change:
    """The item of a socket that cannot be raised while its daemon runs."""
    change = _item(socket, floor, socket.bytes, PENDING)
    until = f"it stays as it is until {socket.daemon} starts the next time"
    return change._replace(reason="; ".join(filter(None, (f"{obstacle}; {until}", change.reason))))


def _item(socket: Socket, floor: Floor, after: int | None, state: str) -> Change:
    before, then, at_boot = (_text(number) for number in (socket.bytes, after, socket.at_next_start))
    reason = next_start(socket, floor)
    return Change(socket.item, floor.wanted, before, then, at_boot, state, floor.why, reason, at_boot)


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def further_item(daemon: str, left: Sequence[Socket], floor: Floor, bound: str) -> Change:
    """The item of a daemon's sockets that are left as they are, because there are too many."""
    named = ", ".join(socket.item.split(" ")[2] for socket in left[:MOST_NAMED])
    more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
    reason = f"{bound}: left as they are are {named}{more}"
    at_boot = _text(left[0].at_next_start)
    item = f"{daemon} further receive buffers"
    return Change(item, floor.wanted, None, None, at_boot, PENDING, floor.why, reason, at_boot)


def unreached_item(one: Unreached, floor: Floor) -> Change:
    """The item of a daemon whose sockets are left alone as a whole."""
    return Change(one.item, floor.wanted, None, None, None, one.state, floor.why, one.reason)


def returned_item(one: Recorded, state: str, reason: str = "") -> Change:
    """The item of a socket that goes back to what it was."""
    after = one.original.found if state == CHANGED else one.bytes
    return Change(one.original.item, None, _text(one.bytes), _text(after), None, state, NO_LONGER_WANTED, reason)


def next_start(socket: Socket, floor: Floor) -> str:
    """What to do about a daemon that has less than the floor at its next start; empty if there is nothing to do.

    Nobody is told to raise maxbuffer above what gives the floor, nor to change what an administrator has set.
    """
    then, asked = socket.at_next_start, socket.asked
    if then is None or then >= floor.bytes:
        return ""
    has = f"at its next start it has {then}"
    if socket.daemon not in PROXIES or asked is None:
        return f"{has}, which {RMEM_DEFAULT} decides"
    if asked.set_by:
        return f"{has}, as {asked.set_by} sets maxbuffer to {asked.bytes}"
    request = -(-floor.bytes // DOUBLING)
    advice = f"{has}: {RMEM_DEFAULT}, or maxbuffer={request} in {asked.configuration}, gives it more"
    if socket.daemon == OPENSIPS:
        advice += "; maxbuffer is the send buffer of each TCP and TLS connection of OpenSIPS, too"
    return advice
