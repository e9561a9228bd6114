# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Describes a plan of sysctl settings to the user: an item for each key, and warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from .._core.change import CHANGED, KEPT, OK, PENDING, SHADOWED, Change
from .._core.setting import RULE_WORDS, hazard_warning
from .._engine.owned_files import FileChange, text_of
from .._host.host import FileRecord
from .conf import Boot, boot_of, with_file
from .decide import meets
from .hazards import warning_of
from .key import display_name, is_spelled, read_key
from .model import Decision, Observed, Plan, Request, Write
from .safety import locked_in
from .value import same, stored


def items_of(
    request: Request, decisions: Iterable[Decision], files: Iterable[FileChange], observed: Observed
) -> list[Change]:
    """An item for each key that the settings name, as it will be after the call."""
    own_then = observed.own
    for file in files:
        if file.path == request.path:
            own_then = file.after
    boots = [_boot(request, own, observed) for own in (observed.own, own_then)]
    return [_change(decision, request, *boots) for decision in decisions]


def with_boot_before(changes: Iterable[Change], request: Request, observed: Observed) -> list[Change]:
    """The items of keys that go back, with what the next boot would set as things stand."""
    boot = _boot(request, observed.own, observed)
    found = {change.item: boot.assignment(read_key(change.item)) for change in changes}
    return [
        change if now is None else change._replace(at_boot_before=now.value)
        for change, now in ((change, found[change.item]) for change in changes)
    ]


def _boot(request: Request, own: FileRecord | None, observed: Observed) -> Boot:
    """What a boot sets if our file is this one; None for no file."""
    text = text_of(own) if own is not None else None
    return boot_of(with_file(observed.others, request.path, text), observed.later)


def _change(decision: Decision, request: Request, boot_now: Boot, boot_then: Boot) -> Change:
    path, setting, state, reason = decision.path, decision.setting, decision.state, decision.reason
    now, then = boot_now.assignment(path), boot_then.assignment(path)
    if decision.line is not None and (then is None or not meets(path, setting, then.value or "")):
        state, reason = SHADOWED, _shadow(path, request, boot_then)
        if then is None and not is_spelled(path):
            state, reason = PENDING, f"set now, but not at boot: no line of a file can name {display_name(path)}"
    if state is None:
        line_is_new = (now and (now.value, now.file)) != (then and (then.value, then.file))
        if decision.write is not None or (request.boot and line_is_new):
            state = CHANGED
            reason = locked_in(path, decision.write or decision.line or "", decision.before or "")
        else:
            state = KEPT if decision.reverted else OK
    wanted = f"{RULE_WORDS[setting.rule]}{setting.value}"
    boot = [None if assignment is None else assignment.value for assignment in (then, now)]
    values = decision.before, decision.after, boot[0]
    return Change(display_name(path), wanted, *values, state, setting.why, reason, boot[1])


def _shadow(path: str, request: Request, boot: Boot) -> str:
    """Which file overrides ours at boot, and the value it sets."""
    winner = boot.assignment(path)
    if winner is not None:
        return f"{winner.file} line {winner.line} sets {winner.value}"
    exclusion = boot.named(path)
    if exclusion is not None:
        return f"{exclusion.file} line {exclusion.line} excludes it"
    return f"a file of the same name in a directory of higher precedence hides {request.path}"


def warnings_of(changes: Iterable[Change], decisions: Sequence[Decision], observed: Observed) -> list[str]:
    """The hazards of the settings that are or will be in force, and what cannot be taken back."""
    chosen = {decision.path: decision.write or decision.line or decision.after or "" for decision in decisions}
    values = {**{path: key.value or "" for path, key in observed.live.items()}, **chosen}
    in_force = {change.item for change in changes if change.state in (OK, CHANGED, SHADOWED, PENDING)}
    hazards = [
        hazard_warning(display_name(decision.setting.path), decision.setting.value, decision.setting.hazard)
        for decision in decisions
        if decision.setting.hazard and display_name(decision.path) in in_force
    ]
    for path, value in chosen.items():
        reason = warning_of(path, value, values, observed.resources) if display_name(path) in in_force else ""
        hazards += [hazard_warning(display_name(path), value, reason)] if reason else []
    return list(dict.fromkeys([*hazards, *_locked(decisions)]))


def _locked(decisions: Iterable[Decision]) -> Iterator[str]:
    for decision in decisions:
        text = decision.write or decision.line
        reason = locked_in(decision.path, text, decision.before or "") if text is not None else ""
        if reason:
            yield f"{display_name(decision.path)} = {text} cannot go back: {reason}"


def moved(write: Write, live: Mapping[str, str | None]) -> bool:
    """Whether a write has changed its key. The kernel may read as before what was written in another form."""
    value = live[write.path]
    return value is None or not same(write.path, value, write.before)


def confirmed(planned: Plan, live: Mapping[str, str | None]) -> list[Change]:
    """The plan's items after the run. `live` has the values that were read back, by path."""
    writes = {display_name(write.path): write for write in planned.writes}
    changes = []
    for change in planned.changes:
        if change.item in writes and change.state == CHANGED:
            write = writes[change.item]
            value = live[write.path]
            if value is not None and not same(write.path, value, stored(write.path, write.text, write.before)):
                change = change._replace(reason=f"the kernel stored {value} for {write.text}")
            state = CHANGED if planned.files or moved(write, live) else OK
            change = change._replace(after=value, state=state)
        changes.append(change)
    return changes
