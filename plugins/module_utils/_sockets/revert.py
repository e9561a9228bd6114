# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the way back: the sockets that earlier calls have raised get the buffers that they had."""

from __future__ import annotations

from .._core.change import CHANGED, KEPT, PENDING, Change
from .items import returned_item
from .model import NO_PRIVILEGE, Decision, Observed, Plan, Recorded


def put_back(observed: Observed) -> Plan:
    """The plan that gives every recorded socket back what it had."""
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
    """The item and the decision of a raised socket. One that is gone, or has its original buffer, needs neither."""
    original = one.original
    if one.obstacle:
        return returned_item(one, PENDING, f"{one.obstacle}; it goes with its process"), None
    if one.place is None or one.bytes is None or one.bytes == original.found:
        return None, None
    if one.bytes not in (original.left, original.written):
        reason = f"somebody else has set {one.bytes} since: left alone; it goes with its process"
        return returned_item(one, KEPT, reason), None
    if one.option is None:
        return returned_item(one, PENDING, f"{NO_PRIVILEGE}; it goes with its process"), None
    decision = Decision(original.item, one.key, one.place, one.bytes, original.found, one.option)
    return returned_item(one, CHANGED), decision
