# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a wanted receive buffer and the sockets there are to what must be done. Nothing here reads or writes anything.

A floor raises and never lowers. A socket is raised whole or not at all; what a bound leaves over is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .._core.change import CHANGED, KEPT, PENDING, Change
from .._engine.originals import SocketOriginal
from .items import further_item, met_item, raised_item, returned_item, unreached_item, waiting_item
from .model import Decision, Observed, Plan, Recorded, Request, Socket
from .settings import OPTION, Floor, SocketsError

MOST_SOCKETS = 64  # that are raised, of all daemons together
SHARE_OF_MEMORY = 100  # all raised buffers together may take one part in so many

NO_PRIVILEGE = "more than net.core.rmem_max requires CAP_NET_ADMIN"


def plan(request: Request, observed: Observed) -> Plan:
    """The plan that brings the sockets to what is requested. Raises SocketsError where that must not be done."""
    if request.absent:
        return _put_back(observed)
    if request.floor is None:
        return Plan([], [], observed.originals, (), [])
    return _raise(request.floor, observed)


# --- raise ----------------------------------------------------------------------------------


class _Room(NamedTuple):
    """What may still be raised: so many sockets, with so many bytes together."""

    sockets: int
    bytes: int

    def why_not(self, size: int) -> str:
        """Why there is no room for one more, empty if there is."""
        if self.sockets <= 0:
            return f"no more than {MOST_SOCKETS} sockets are raised"
        if self.bytes < size:
            return f"all raised buffers together take no more than 1/{SHARE_OF_MEMORY} of the memory"
        return ""

    def less(self, size: int) -> _Room:
        return _Room(self.sockets - 1, self.bytes - size)


def _raise(floor: Floor, observed: Observed) -> Plan:
    room = _Room(MOST_SOCKETS, (observed.memory_bytes or 0) // SHARE_OF_MEMORY)
    if observed.memory_bytes is not None and floor.bytes > room.bytes:
        raise SocketsError(
            OPTION,
            f"{floor.bytes} bytes for a socket are more than 1/{SHARE_OF_MEMORY} of this host's memory, which is "
            f"{room.bytes}",
        )
    changes: list[Change] = []
    decisions: list[Decision] = []
    left: dict[str, list[Socket]] = {}
    bounds: dict[str, str] = {}
    for socket in observed.sockets:
        if socket.bytes is None or (observed.option is None and socket.bytes < floor.bytes):
            changes.append(waiting_item(socket, floor, socket.obstacle or NO_PRIVILEGE))
            continue
        full = room.why_not(floor.bytes)
        if socket.bytes >= floor.bytes:
            changes.append(met_item(socket, floor, socket.key in observed.originals.sockets))
        elif full:
            left.setdefault(socket.daemon, []).append(socket)
            bounds.setdefault(socket.daemon, full)
            continue
        elif observed.option is not None:
            changes.append(raised_item(socket, floor, floor.bytes))
            decisions.append(
                Decision(socket.item, socket.key, socket.place, socket.bytes, floor.bytes, observed.option)
            )
        room = room.less(floor.bytes)
    further = [further_item(daemon, sockets, floor, bounds[daemon]) for daemon, sockets in left.items()]
    changes += [*further, *(unreached_item(one, floor) for one in observed.unreached)]
    recorded = _recorded(decisions, observed)
    warnings = [f"{change.item}: {change.reason}" for change in further]
    return Plan(changes, decisions, observed.originals._replace(sockets=recorded), observed.gone, warnings)


def _recorded(decisions: Iterable[Decision], observed: Observed) -> dict[str, SocketOriginal]:
    """The records as they must stand before the first effect: what will change is recorded, once."""
    recorded = dict(observed.originals.sockets)
    for one in decisions:
        known = recorded.get(one.key)
        found = one.before if known is None else known.found
        recorded[one.key] = SocketOriginal(one.item, observed.boot_id, one.place.port, found, one.target, None)
    return recorded


# --- put back -------------------------------------------------------------------------------


def _put_back(observed: Observed) -> Plan:
    changes: list[Change] = []
    decisions: list[Decision] = []
    released = list(observed.gone)
    for one in observed.recorded:
        change, decision = _returned(one)
        changes += [] if change is None else [change]
        decisions += [] if decision is None else [decision]
        if change is None or change.state != PENDING:
            released.append(one.key)
    return Plan(changes, decisions, observed.originals, released, [])


def _returned(one: Recorded) -> tuple[Change | None, Decision | None]:
    """What becomes of a socket that was raised. One that is gone, or as it was found, needs nothing."""
    original = one.original
    if one.obstacle:
        return returned_item(one, PENDING, f"{one.obstacle}; it goes with its process"), None
    if one.place is None or one.bytes is None or one.bytes == original.found:
        return None, None
    if one.bytes not in (original.left, original.written):
        return returned_item(one, KEPT, f"somebody else has made it {one.bytes} since: left alone"), None
    if one.option is None:
        return returned_item(one, PENDING, f"{NO_PRIVILEGE}; it goes with its process"), None
    decision = Decision(original.item, one.key, one.place, one.bytes, original.found, one.option)
    return returned_item(one, CHANGED), decision
