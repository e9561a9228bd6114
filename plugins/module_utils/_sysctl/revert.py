# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans which keys that are no longer wanted go back to their originals, and which stay as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from .._core.change import ABSENT, CHANGED, KEPT, OK, PENDING, READONLY, REFUSED, Change
from .._engine.originals import KeyOriginal
from .kernel import follows_other, is_locked, mutually_exclusive, other_name
from .key import display_name, for_interface, interface_of
from .model import Decision, Observed, Plan, Request, Reverts, Write
from .originals import OurFiles, changes_at_boot, original_text, set_by_boot
from .safety import objection, switches_ipv6_off
from .value import same, stored

BACK = "no longer wanted: back to its original"
NO_MORE = "no longer wanted: a boot does not set it any more"


def planned_reverts(request: Request, observed: Observed, decisions: Sequence[Decision], ours: OurFiles) -> Reverts:
    """The reverts of the keys that this file has set in an earlier run and does not want any more."""
    wanted = {decision.path for decision in decisions}
    reverts = Reverts([], [], [], {}, ours.held(wanted), [])
    derived = _derived(decisions, reverts.held, observed)
    dropped = []
    for path, record in observed.originals.keys.items():
        live = observed.live.get(path)
        if request.path not in record.owners:
            continue
        if live is not None and live.value is not None and ours.has_booted(path, record, live.value):
            reverts.confirmed.append(path)
        if path not in wanted and (record.cause not in wanted or live is None):
            dropped.append(path)
    names = {name for path in dropped for name in (path, other_name(path), mutually_exclusive(path))}
    for path in reverts.held:
        if path in names:
            _hand_over(path, request, observed, ours, reverts)
    for path in dropped:
        _drop(path, derived, request, observed, ours, reverts)
    if set_by_boot(request, observed):
        # Imported here, as only a host from an image needs it, and each run on a host compiles what it imports.
        from .image import items_of_boot

        reverts.changes.extend(items_of_boot(request, observed, decisions))
    return reverts


def _drop(
    path: str, derived: Mapping[str, str], request: Request, observed: Observed, ours: OurFiles, reverts: Reverts
) -> None:
    """Add to `reverts` what becomes of a key that this file does not want any more."""
    record, live = observed.originals.keys[path], observed.live.get(path)
    if path in reverts.held or observed.boot_only:
        reverts.reverted.append(path)
        if observed.boot_only and record.cause is None:
            reverts.changes.append(_item(path, None, None, CHANGED, why=NO_MORE))
    elif path in derived and (record.cause is not None or record.owners == (request.path,)):
        reverts.derived[path] = derived[path]
        reverts.reverted.extend([path] if derived[path] in reverts.held else [])
    elif record.owners != (request.path,):
        reverts.reverted.append(path)
    elif live is None or live.value is None:
        _leave(path, record, request, observed, ours, reverts)
    else:
        _revert(path, record, live.value, request, observed, ours, reverts)


def _derived(decisions: Iterable[Decision], held: Iterable[str], observed: Observed) -> dict[str, str]:
    """The keys that the kernel derives from a wanted or held key not at its original, each with that key.

    `conf/default` does not count: the kernel only copies it, and only to interfaces without an address.
    """
    changed = [
        decision.path
        for decision in decisions
        if decision.write is not None or decision.path in observed.originals.keys or changes_at_boot(decision)
    ]
    return {
        affected: path
        for path in (*held, *changed)
        if interface_of(path) != "default"
        for affected in observed.affected_by(path)
    }


def keep_side_effects(reverts: Reverts, effects: Mapping[str, str], decisions: Iterable[Decision]) -> None:
    """Keep the records of keys that are back at their originals and that a wanted write is about to change."""
    wanted = {decision.path for decision in decisions}
    for path in set(reverts.reverted).intersection(effects):
        if effects[path] in wanted:
            reverts.derived[path] = effects[path]
            reverts.reverted.remove(path)


def _hand_over(path: str, request: Request, observed: Observed, ours: OurFiles, reverts: Reverts) -> None:
    """Add the way of a key to what another file of ours wants of it, unless somebody else has set it."""
    record, wanted = observed.originals.keys[path], reverts.held[path]
    live = observed.live[path]
    now = live.value or ""
    if not ours.is_ours(path, record, now):
        by_hand = f"another file of siptune's wants {wanted}: sysctl -w {display_name(path)}='{wanted}'"
        reverts.changes.append(_item(path, now, now, KEPT, f"{_left_alone(record, now)}; {by_hand}"))
    elif same(path, wanted, now) or same(path, record.value, now):
        reverts.confirmed.append(path)
    elif request.live and live.writable and path not in {write.path for write in reverts.writes}:
        reverts.writes.append(Write(path, wanted, now, reverts=True))
        why = f"no longer wanted here: back to what {' and '.join(o for o in record.owners if o != request.path)} sets"
        reverts.changes.append(_item(path, now, wanted, CHANGED, why=why))


def _bring_back_other(path: str, request: Request, observed: Observed, reverts: Reverts) -> None:
    """Let a key go back to 0 with its mutually exclusive one, where that is another file's, too."""
    other = mutually_exclusive(path) or ""
    record, live = observed.originals.keys.get(other), observed.live.get(other)
    if record is not None and live is not None and record.owners != (request.path,) and other not in reverts.held:
        reverts.writes.append(Write(other, record.value, live.value or "", reverts=True))
        reverts.reverted.append(other)


def _item(path: str, now: str | None, after: str | None, state: str, reason: str = "", why: str = BACK) -> Change:
    return Change(display_name(path), None, now, after, None, state, why, reason)


def _left_alone(record: KeyOriginal, now: str) -> str:
    return f"changed by somebody else since (this module left {record.left}): left alone at {now}"


def _leave(
    path: str, record: KeyOriginal, request: Request, observed: Observed, ours: OurFiles, reverts: Reverts
) -> None:
    """Add the item of a key that is away or cannot be read now. Its record stays for when it is back.

    A value that came from a glob, or with another key, ends with its interface, unless that only has another name.
    """
    live, interface = observed.live.get(path), interface_of(path)
    if live is not None:
        reason = "cannot be read now"
    else:
        reason = "this kernel does not have it now" if interface is None else f"there is no interface {interface} now"
    if live is None and interface is not None and not ours.names(path):
        renamed = record.cause is None and _may_be_renamed(path, record, observed)
        if not renamed:
            reverts.reverted.append(path)
        if record.cause is not None or request.settings:
            return
        kept = f"its original, {record.value}, stays on record, as it may have another name" if renamed else ""
    else:
        kept = f"its original, {record.value}, stays on record"
    reason = f"not put back: {reason}" + (f"; {kept}" if kept else ", and its value went with it")
    reverts.changes.append(_item(path, None, None, ABSENT if live is None else READONLY, reason))


def _may_be_renamed(path: str, record: KeyOriginal, observed: Observed) -> bool:
    """Whether another interface, of which there is no record, has the value that this one was left with."""
    others = (other for other in observed.matches.get(for_interface(path, "*"), ()) if interface_of(other) != "all")
    return any(
        other not in observed.originals.keys and observed.live[other].value == record.left
        for other in others
        if other in observed.live and interface_of(other) != "default"
    )


def _revert(
    path: str, record: KeyOriginal, now: str, request: Request, observed: Observed, ours: OurFiles, reverts: Reverts
) -> None:
    """Add the revert of one key, which reads `now`, to `reverts`, or the reason against it."""
    state, reason, after = OK, "", now
    text = original_text(path, record)
    target = stored(path, text, now)
    danger = objection(path, target, now, observed)
    if same(path, target, now):
        reverts.reverted.append(path)
    elif not ours.is_ours(path, record, now):
        by_hand = f"to put it back: sysctl -w {display_name(path)}='{text}'"
        state, reason = KEPT, f"{_left_alone(record, now)}; before siptune it was {record.value}; {by_hand}"
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
        state, after = CHANGED, target
        if switches_ipv6_off(path, now):
            reason = "the addresses that it took come back with the network's own configuration, not by this"
        reverts.reverted.append(path)
        if not follows_other(path, record.value):
            reverts.writes.append(Write(path, text, now, reverts=True))
        else:
            _bring_back_other(path, request, observed, reverts)
    if record.cause is None or state not in (OK, KEPT) or (state == KEPT and record.left != record.value):
        reverts.changes.append(_item(path, now, after, state, reason))


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


def without_gone(planned: Plan, gone: Collection[str], observed: Observed) -> Plan:
    """The plan without the keys, given by path, that went away while it was applied, with their interface.

    A key that was to go back stays on record. One that was new needs no record: its value went with it.
    """
    names = {display_name(path) for path in gone}
    reason = "went away while this call ran"
    new = set(gone) - set(observed.originals.keys)
    keys = {path: record for path, record in planned.originals.keys.items() if path not in new}
    return planned._replace(
        changes=[
            change._replace(state=ABSENT, after=None, reason=reason) if change.item in names else change
            for change in planned.changes
        ],
        writes=[write for write in planned.writes if write.path not in gone],
        originals=planned.originals._replace(keys=keys),
        reverted=[path for path in planned.reverted if path not in gone],
    )
