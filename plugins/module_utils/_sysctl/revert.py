# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans which keys that are no longer wanted go back to their originals, and which stay as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .._core.change import CHANGED, KEPT, OK, PENDING, READONLY, REFUSED, Change
from .._engine.originals import KeyOriginal
from .kernel import follows_other, is_locked, mutually_exclusive
from .key import display_name, interface_of
from .model import Decision, Observed, Plan, Request, Reverts, Write
from .safety import objection, switches_ipv6_off
from .value import same


def planned_reverts(request: Request, observed: Observed, decisions: Sequence[Decision]) -> Reverts:
    """The reverts of the keys that this file has set in an earlier run and does not want any more."""
    reverts = Reverts([], [], [], {})
    wanted = {decision.path for decision in decisions}
    derived = _derived(decisions, observed)
    for path, record in observed.originals.keys.items():
        if request.path not in record.owners or path in wanted or record.cause in wanted:
            continue
        if path in derived:
            reverts.derived[path] = derived[path]
            continue
        live = observed.live.get(path)
        if record.owners != (request.path,) or live is None or live.value is None:
            reverts.reverted.append(path)
            continue
        _revert(path, record, live.value, request, observed, reverts)
    return reverts


def _derived(decisions: Iterable[Decision], observed: Observed) -> dict[str, str]:
    """The keys that the kernel derives from a wanted key that is not at its original, each with that key.

    `conf/default` does not count: the kernel only copies it, and only to interfaces without an address.
    """
    changed = [
        decision.path
        for decision in decisions
        if decision.write is not None or decision.path in observed.originals.keys
    ]
    return {
        affected: path for path in changed if interface_of(path) != "default" for affected in observed.affected_by(path)
    }


def _revert(path: str, record: KeyOriginal, now: str, request: Request, observed: Observed, reverts: Reverts) -> None:
    """Add the revert of one key, which reads `now`, to `reverts`, or the reason against it."""
    state, reason, after = OK, "", now
    danger = objection(path, record.value, now, observed)
    if same(path, record.value, now):
        reverts.reverted.append(path)
    elif record.left is not None and not same(path, record.left, now):
        state, reason = KEPT, f"changed by somebody else since (this module left {record.left}): left alone"
        reverts.reverted.append(path)
    elif danger is not None:
        state, reason = KEPT, f"not put back: {danger}"
    elif is_locked(path, now):
        state, reason = PENDING, f"goes back with the next boot: the kernel takes nothing else back from {now} before"
    elif not request.live:
        state, reason = PENDING, "goes back to its original with the next boot (when: boot)"
    elif not observed.live[path].writable:
        state, reason = READONLY, "not writable any more"
    else:
        state, after = CHANGED, record.value
        if switches_ipv6_off(path, now):
            reason = "the addresses that it took come back with the network's own configuration, not by this"
        reverts.reverted.append(path)
        if not follows_other(path, record.value):
            reverts.writes.append(Write(path, record.value, now, reverts=True))
    if record.cause is None or state not in (OK, KEPT):
        why = "no longer wanted: back to its original"
        reverts.changes.append(Change(display_name(path), None, now, after, None, state, why, reason))


def without_refused(planned: Plan, refused: Mapping[str, str]) -> Plan:
    """The plan without the reverts that the kernel has refused, given by path with the reason.

    Their items say so, and their records stay, so that a later run can try again.
    """
    reasons = dict(refused)
    for path, reason in refused.items():
        other = mutually_exclusive(path)
        if other in planned.reverted:  # a 0 that would have come back with the refused value
            reasons[other] = reason
    names = {display_name(path): reason for path, reason in reasons.items()}
    return planned._replace(
        changes=[
            change._replace(state=REFUSED, after=change.before, reason=f"not put back: {names[change.item]}")
            if change.item in names
            else change
            for change in planned.changes
        ],
        writes=[write for write in planned.writes if write.path not in reasons],
        reverted=[path for path in planned.reverted if path not in reasons],
    )
