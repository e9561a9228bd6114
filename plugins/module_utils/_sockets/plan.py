# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the receive buffers of sockets. Nothing here reads or writes anything.

A floor raises and never lowers. A socket is raised whole or not at all; an item names those that a bound leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .._core.change import Change
from .._engine.originals import SocketOriginal
from .items import further_item, met_item, raised_item, unreached_item, waiting_item
from .model import NO_PRIVILEGE, Decision, Observed, Plan, Request, Socket
from .revert import put_back
from .settings import OPTION, Floor, SocketsError

MOST_SOCKETS = 64  # that are raised, of all daemons together
SHARE_OF_MEMORY = 100  # all raised buffers together may take one part in so many


def plan(request: Request, observed: Observed) -> Plan:
    """The plan that brings the sockets to what is requested. Raises SocketsError where that must not be done."""
    if request.absent:
        return put_back(observed)
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
