# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines are written into drop-ins, and which line has the last word: ours or that of another file."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .._core.change import Change
from .._core.setting import EXACT
from .._engine.owned_files import FileChange, OwnFile, plan_file, text_of
from .._systemd.directives import SERVICE
from .._systemd.parsers import Meaning
from .._systemd.units import HEADING, Assignment, deciding, effective_drop_ins, render, unit_type
from .._systemd.values import Setting, agrees, bounded, describe, meets, shown_value, weakest
from .model import Bearer, Decision, Observed, Request, UnitState

# --- what is written ------------------------------------------------------------------------


def needs_defaults(request: Request) -> bool:
    """Whether the plan may have to know systemd's defaults: for a floor or a ceiling that our own drop-in covers."""
    return any(setting.rule != EXACT for unit in request.units for setting in unit.settings)


class Effective(NamedTuple):
    """The settings of a unit as they are written, and those whose floor or ceiling it meets without us.

    `asked` has them as they were asked for: a floor is written together with what is higher without us.
    """

    asked: Mapping[str, Setting]
    lines: Sequence[Setting]
    kept: Mapping[str, tuple[Setting, Meaning]]


def effective_settings(state: UnitState, settings: Sequence[Setting], observed: Observed) -> Effective:
    """What becomes of the settings of a unit, given what it would have without the drop-ins of this call."""
    ours = {unit.path for unit in observed.units}
    others = {path: text for path, text in observed.texts.items() if path not in ours}
    lines, kept = [], {}
    for setting in settings:
        if setting.rule == EXACT:
            lines.append(setting)
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
    return Effective({setting.directive: setting for setting in settings}, lines, kept)


def _would_hide(state: UnitState, directive: str, others: Mapping[str, str]) -> bool:
    """Whether another drop-in of our name sets the directive, which is not read any more when ours is there."""
    line = chain(state, others).get(directive)
    return line is not None and posixpath.basename(line.file) == posixpath.basename(state.path)


def _without_us(state: UnitState, directive: str, others: Mapping[str, str], observed: Observed) -> Meaning | None:
    """What the unit would have without our drop-in: from its files, or systemd's default where they set nothing.

    None if that is not known. A percentage comes as the number that systemd has made of it, where it has.
    """
    line = chain(state, others).get(directive)
    written = line.meaning if line is not None else None
    now = chain(state, observed.texts).get(directive)
    ours = now is not None and now.file not in others
    if written is not None and isinstance(written[0], str):
        return None if ours else _shown(directive, state) or written
    if written is not None:
        return written
    if ours:
        return shown_value(directive, observed.defaults) if unit_type(state.name) == SERVICE else None
    return _shown(directive, state)


def _shown(directive: str, state: UnitState) -> Meaning | None:
    """What systemd has for a unit, of several instances the least; None if it is not known for each of them."""
    shown = [shown_value(directive, bearer.properties) for bearer in state.bearers]
    known = [meaning for meaning in shown if meaning is not None]
    return weakest(directive, known) if known and len(known) == len(shown) else None


def own_lines(state: UnitState, texts: Mapping[str, str]) -> dict[str, Assignment]:
    """The lines of our drop-in."""
    return deciding([(state.path, texts.get(state.path, ""))], unit_type(state.name))


def chain(place: UnitState | Bearer, texts: Mapping[str, str]) -> dict[str, Assignment]:
    """The lines that decide, of a unit's own file and of the drop-ins that are read for it."""
    drop_ins = effective_drop_ins(path for path in place.candidates if path in texts)
    return deciding([(path, texts.get(path, "")) for path in (place.fragment, *drop_ins)], unit_type(place.name))


def planned_drop_ins(effective: Mapping[str, Effective], observed: Observed) -> tuple[list[FileChange], list[Change]]:
    """The drop-ins that become others, and an item for each that somebody has edited and that is left alone."""
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


# --- who has the last word ------------------------------------------------------------------


def decisions_of(state: UnitState, effective: Effective, then: Mapping[str, str], observed: Observed) -> list[Decision]:
    """What becomes of each directive that is asked for, and of those that our drop-in has and loses."""
    lines_now, lines_then = chain(state, observed.texts), chain(state, then)
    decisions = []
    for setting in effective.lines:
        lines = lines_now.get(setting.directive), lines_then.get(setting.directive)
        asked = effective.asked[setting.directive]
        decisions.append(Decision(state, setting.directive, asked, setting.meaning, *lines))
    for directive, (setting, there) in effective.kept.items():
        lines = lines_now.get(directive), lines_then.get(directive)
        decisions.append(Decision(state, directive, setting, there, *lines, kept=True))
    known = {decision.directive for decision in decisions}
    for directive in own_lines(state, observed.texts):
        if directive not in known:
            decisions.append(
                Decision(state, directive, None, None, lines_now.get(directive), lines_then.get(directive))
            )
    return decisions


def target_of(decision: Decision, place: UnitState | Bearer, then: Mapping[str, str]) -> Meaning | None:
    """What the files say of the directive after the call; None for systemd's default."""
    line = chain(place, then).get(decision.directive)
    return line.meaning if line is not None else None


def shadow_of(decision: Decision, place: UnitState | Bearer, then: Mapping[str, str]) -> str:
    """Who decides the directive for this unit in place of our drop-in; '' if we do, or if it comes to the same.

    A template that meets a floor by itself may have an instance that does not, for a drop-in of its own.
    """
    if decision.setting is None:
        return ""
    line = chain(place, then).get(decision.directive)
    if decision.kept and (line is None or line.meaning is None or decision.met_by(line.meaning)):
        return ""
    if line is None:
        return f"another drop-in of the name {decision.unit.path.rpartition('/')[2]} hides ours"
    if line.file == decision.unit.path or line.meaning == decision.wanted:
        return ""
    does = f"sets {line.text}" if line.meaning is not None else "resets it"
    return f"{line.file} line {line.line} {does}"


def disagreement(decision: Decision, bearer: Bearer, then: Mapping[str, str]) -> str | None:
    """What systemd shows instead of the value of our drop-in; None if it agrees, or if others have the say."""
    if decision.setting is None or decision.kept or shadow_of(decision, bearer, then):
        return None
    target = target_of(decision, bearer, then)
    if target is None:
        return None
    shown = shown_value(decision.directive, bearer.properties)
    if agrees(decision.directive, target, shown):
        return None
    return describe(decision.directive, shown) or "nothing"


def reload_is_due(decisions: Iterable[Decision], observed: Observed, then: Mapping[str, str]) -> bool:
    """Whether systemd has not read a drop-in of ours that is in place already."""
    return any(
        bearer.properties.get("NeedDaemonReload") == "yes" and disagreement(decision, bearer, then) is not None
        for decision in decisions
        for bearer in decision.unit.bearers
    )
