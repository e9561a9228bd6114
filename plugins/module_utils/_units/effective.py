# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of our drop-ins, and which line decides a directive: ours or that of another file."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .._core.change import Change
from .._core.setting import EXACT
from .._engine.owned_files import FileChange, OwnFile, plan_file, text_of
from .._systemd.names import SERVICE, unit_type
from .._systemd.parsers import Meaning
from .._systemd.units import HEADING, Assignment, deciding, effective_drop_ins, render
from .._systemd.values import Setting, agrees, bounded, describe, meets, shown_value, weakest
from .model import Decision, LoadedUnit, Observed, Request, UnitState

# --- our drop-ins ---------------------------------------------------------------------------


def needs_defaults(request: Request) -> bool:
    """Whether the plan may need systemd's defaults: for a floor or a ceiling that our own drop-in hides."""
    return any(setting.rule != EXACT for unit in request.units for setting in unit.settings)


class Effective(NamedTuple):
    """The lines of a unit's drop-in, and the settings whose floor or ceiling the unit meets without us.

    `asked` has the settings as given: the line of a floor may have a higher soft or hard limit that the unit has
    without us. `left` are floors and ceilings that only a run on the booted host can judge.
    """

    asked: Mapping[str, Setting]
    lines: Sequence[Setting]
    kept: Mapping[str, tuple[Setting, Meaning]]
    left: Sequence[Setting] = ()


def effective_by_unit(settings: Mapping[str, Sequence[Setting]], observed: Observed) -> dict[str, Effective]:
    """The settings of each unit, compared with the values it would have without the drop-ins of this call."""
    ours = {unit.path for unit in observed.units}
    others = {path: text for path, text in observed.texts.items() if path not in ours}
    return {state.name: _effective(state, settings[state.name], others, observed) for state in observed.units}


def _effective(
    state: UnitState, settings: Sequence[Setting], others: Mapping[str, str], observed: Observed
) -> Effective:
    lines, kept, left = [], {}, []
    for setting in settings:
        if setting.rule == EXACT:
            lines.append(setting)
            continue
        if observed.boot_only and _without_us(state, setting.directive, others, observed) is None:
            ours = own_lines(state, observed.texts).get(setting.directive)
            lines += [] if ours is None else [setting._replace(text=ours.text)]  # of a run on the booted host
            left += [setting] if ours is None else []
            continue
        there = _without_us(state, setting.directive, others, observed)
        written = bounded(setting.rule, setting.meaning, there)
        if there is not None and meets(setting.rule, setting.meaning, there):
            if not _would_hide(state, setting.directive, others):
                kept[setting.directive] = (setting, there)
                continue
            written = there
        text = setting.text if written == setting.meaning else describe(setting.directive, written)
        lines.append(setting._replace(text=text or setting.text))
    return Effective({setting.directive: setting for setting in settings}, lines, kept, left)


def _would_hide(state: UnitState, directive: str, others: Mapping[str, str]) -> bool:
    """Whether another drop-in of our name sets the directive, which ours would hide."""
    line = chain(state, others).get(directive)
    return line is not None and posixpath.basename(line.file) == posixpath.basename(state.path)


def _without_us(state: UnitState, directive: str, others: Mapping[str, str], observed: Observed) -> Meaning | None:
    """The unit's value without our drop-in: from its files, or else systemd's default. None if it is unknown.

    A percentage becomes the number that systemd shows for it, if it shows one.
    """
    line = chain(state, others).get(directive)
    written = line.meaning if line is not None else None
    now = chain(state, observed.texts).get(directive)
    ours = now is not None and now.file not in others
    if written is not None and isinstance(written[0], str):
        return None if ours else _shown(directive, state) or written
    if written is not None:
        return written
    # Systemd shows nothing of a unit that it has not loaded, such as a masked one, with our drop-in or without it.
    if ours or not state.loaded:
        return shown_value(directive, observed.defaults) if unit_type(state.name) == SERVICE else None
    return _shown(directive, state)


def _shown(directive: str, state: UnitState) -> Meaning | None:
    """The value that systemd shows for a unit, the least of several instances; None if one shows none."""
    shown = [shown_value(directive, unit.properties) for unit in state.loaded]
    known = [meaning for meaning in shown if meaning is not None]
    return weakest(directive, known) if known and len(known) == len(shown) else None


def own_lines(state: UnitState, texts: Mapping[str, str]) -> dict[str, Assignment]:
    """The lines of our drop-in."""
    return deciding([(state.path, texts.get(state.path, ""))], unit_type(state.name))


def chain(place: UnitState | LoadedUnit, texts: Mapping[str, str]) -> dict[str, Assignment]:
    """The deciding lines of a unit's own file and of the drop-ins that systemd reads for it."""
    drop_ins = effective_drop_ins(path for path in place.candidates if path in texts)
    return deciding([(path, texts.get(path, "")) for path in (place.fragment, *drop_ins)], unit_type(place.name))


def planned_drop_ins(effective: Mapping[str, Effective], observed: Observed) -> tuple[list[FileChange], list[Change]]:
    """The changes of drop-ins, and the items of those that somebody has edited: left alone, or put right."""
    files, notes = [], []
    for state in observed.units:
        lines = effective[state.name].lines
        text = render(lines, unit_type(state.name)) if lines else None
        own = OwnFile(state.path, state.own, HEADING)
        change, note = plan_file(own, text, observed.originals.files, observed.owner)
        files += [change] if change else []
        notes += [note] if note else []
    return files, notes


def texts_after(texts: Mapping[str, str], files: Iterable[FileChange]) -> dict[str, str]:
    """The texts of all files after the call."""
    after = dict(texts)
    for file in files:
        if file.after is None:
            after.pop(file.path, None)
        else:
            after[file.path] = text_of(file.after)
    return after


# --- which line decides ---------------------------------------------------------------------


def decisions_of(state: UnitState, effective: Effective, then: Mapping[str, str], observed: Observed) -> list[Decision]:
    """A decision for each directive of the request, and for each that leaves our drop-in."""
    lines_now, lines_then = chain(state, observed.texts), chain(state, then)
    decisions = []
    for setting in effective.lines:
        lines = lines_now.get(setting.directive), lines_then.get(setting.directive)
        asked = effective.asked[setting.directive]
        decisions.append(Decision(state, setting.directive, asked, setting.meaning, *lines))
    for directive, (setting, there) in effective.kept.items():
        lines = lines_now.get(directive), lines_then.get(directive)
        decisions.append(Decision(state, directive, setting, there, *lines, kept=True))
    for setting in effective.left:
        lines = lines_now.get(setting.directive), lines_then.get(setting.directive)
        decisions.append(Decision(state, setting.directive, setting, None, *lines, left=True))
    known = {decision.directive for decision in decisions}
    for directive in own_lines(state, observed.texts):
        if directive not in known:
            decisions.append(
                Decision(state, directive, None, None, lines_now.get(directive), lines_then.get(directive))
            )
    return decisions


def target_of(decision: Decision, place: UnitState | LoadedUnit, then: Mapping[str, str]) -> Meaning | None:
    """The directive's value in the files after the call; None for systemd's default."""
    line = chain(place, then).get(decision.directive)
    return line.meaning if line is not None else None


def shadow_of(decision: Decision, place: UnitState | LoadedUnit, then: Mapping[str, str]) -> str:
    """The line that decides the directive for this unit instead of our drop-in; '' if ours does or the value is equal.

    A template may meet a floor without us, while a drop-in of one of its instances sets less.
    """
    if decision.setting is None:
        return ""
    line = chain(place, then).get(decision.directive)
    if decision.kept and (line is None or line.meaning is None or decision.met_by(line.meaning)):
        return ""
    if line is None:
        return f"another drop-in named {decision.unit.path.rpartition('/')[2]} hides ours"
    if line.file == decision.unit.path or line.meaning == decision.wanted:
        return ""
    does = f"sets {line.text}" if line.meaning is not None else "resets it"
    return f"{line.file} line {line.line} {does}"


def disagreement(decision: Decision, unit: LoadedUnit, then: Mapping[str, str]) -> str | None:
    """The value that systemd shows instead of our drop-in's; None if it agrees, or if another file decides."""
    if decision.setting is None or decision.kept or shadow_of(decision, unit, then):
        return None
    target = target_of(decision, unit, then)
    if target is None:
        return None
    shown = shown_value(decision.directive, unit.properties)
    if agrees(decision.directive, target, shown):
        return None
    return describe(decision.directive, shown) or "nothing"


def reload_is_due(decisions: Iterable[Decision], observed: Observed, then: Mapping[str, str]) -> bool:
    """Whether systemd has not read yet a drop-in of ours that exists already."""
    return any(
        unit.properties.get("NeedDaemonReload") == "yes" and disagreement(decision, unit, then) is not None
        for decision in decisions
        for unit in decision.unit.loaded
    )
