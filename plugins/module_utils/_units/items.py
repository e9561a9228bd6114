# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The items of the result: one for each directive of each unit, with its state and the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .._core.change import CHANGED, KEPT, OK, PENDING, READONLY, SHADOWED, Change
from .._core.setting import RULE_WORDS
from .._core.text import plural
from .._host.rlimits import Pair
from .._systemd.directives import AT_RELOAD, AT_START, DIRECTIVES
from .._systemd.names import LOADED, MASKED, NOT_FOUND
from .._systemd.parsers import Meaning
from .._systemd.units import Assignment
from .._systemd.values import Setting, describe, shown_value, weakest
from .effective import shadow_of, target_of
from .model import Decision, LoadedUnit, Observed, UnitState
from .processes import live_values, of_each_process, start_score, start_value

_WORST_FIRST = (SHADOWED, PENDING, READONLY, CHANGED, KEPT, OK)


def items_of(
    decisions: Iterable[Decision], after: Mapping[str, LoadedUnit], observed: Observed, then: Mapping[str, str]
) -> list[Change]:
    """The items, from the loaded units as predicted or read back after the call."""
    return [_change(decision, after, observed, then) for decision in decisions]


class _Verdict(NamedTuple):
    state: str
    before: str | None
    after: str | None
    reason: str


def _change(decision: Decision, after: Mapping[str, LoadedUnit], observed: Observed, then: Mapping[str, str]) -> Change:
    state = decision.unit
    verdicts = [
        (unit.name, _judge(decision, unit, after.get(unit.name, unit), observed, then)) for unit in state.loaded
    ]
    if not verdicts:
        verdicts = [(state.name, _judge_by_files(decision, observed, then))]
    worst = min((verdict.state for _unit, verdict in verdicts), key=_WORST_FIRST.index)
    return Change(
        item=decision.item,
        wanted=wanted_words(decision.setting),
        before=_joined(verdict.before for _unit, verdict in verdicts),
        after=_joined(verdict.after for _unit, verdict in verdicts),
        at_boot=_text(decision.then),
        state=worst,
        why=decision.setting.why if decision.setting else "no longer set here: back to the unit's own value",
        reason="; ".join(_reasons(decision, verdicts)),
        at_boot_before=_text(decision.now),
    )


def _text(line: Assignment | None) -> str | None:
    return None if line is None else line.text or None


def wanted_words(setting: Setting | None) -> str | None:
    """What is wanted, with its rule in words; None for a directive that leaves our drop-in."""
    if setting is None:
        return None
    return f"{RULE_WORDS[setting.rule]}{setting.text}"


def _joined(values: Iterable[str | None]) -> str | None:
    """The one value of all units, or all their values."""
    known = list(dict.fromkeys(value for value in values if value is not None))
    return ", ".join(known) if known else None


def _reasons(decision: Decision, verdicts: Sequence[tuple[str, _Verdict]]) -> list[str]:
    state = decision.unit
    reasons = []
    if state.asked != state.name:
        reasons.append(f"{state.asked} is another name of {state.name}")
    if decision.setting is not None and decision.setting.translated:
        reasons.append(f"asked for as {decision.setting.given}, a deprecated name")
    if decision.setting is not None and DIRECTIVES[decision.directive].note:
        reasons.append(DIRECTIVES[decision.directive].note)
    for name, verdict in verdicts:
        if verdict.reason:
            reasons.append(verdict.reason if name == state.name else f"{name}: {verdict.reason}")
    return list(dict.fromkeys(reasons))


def _judge_by_files(decision: Decision, observed: Observed, then: Mapping[str, str]) -> _Verdict:
    """An item of a unit that systemd has not loaded, judged by its files alone."""
    before = describe(decision.directive, decision.now.meaning if decision.now else None)
    after = describe(decision.directive, decision.then.meaning if decision.then else None)
    if decision.left:
        # Imported here, as only a run for an image needs it, and each run on a host compiles what it imports.
        from .image import LEFT

        return _Verdict(PENDING, before, after, LEFT)
    shadow = shadow_of(decision, decision.unit, then)
    if shadow:
        return _Verdict(SHADOWED, before, after, shadow)
    state, reason = _not_loaded(decision.unit, observed) if decision.setting is not None else (None, "")
    if state is None:
        state = CHANGED if decision.changed else KEPT if decision.kept else OK
    return _Verdict(state, before, after, reason)


def _not_loaded(unit: UnitState, observed: Observed) -> tuple[str | None, str]:
    if not observed.systemd_running and not (observed.boot_only and unit.load in (LOADED, MASKED, NOT_FOUND)):
        return PENDING, "systemd does not run here: in force when it starts the unit"
    if unit.load == MASKED:
        return PENDING, "the unit is masked: in force once it is unmasked and started"
    if unit.load == NOT_FOUND:
        return PENDING, "the unit is not installed: in force once it is"
    if unit.load != LOADED:
        return PENDING, f"systemd could not load the unit: {unit.load_error or unit.load}"
    return None, ""


def _judge(
    decision: Decision, before: LoadedUnit, after: LoadedUnit, observed: Observed, then: Mapping[str, str]
) -> _Verdict:
    """An item of one loaded unit, from its state before and after."""
    had, has = _in_force(decision.directive, before), _in_force(decision.directive, after)
    texts = describe(decision.directive, had), describe(decision.directive, has)
    shadow = shadow_of(decision, before, then)
    if shadow:
        return _Verdict(SHADOWED, *texts, shadow)
    state, reason = judge_running(decision, after, observed, then)
    if state == PENDING and observed.blocked_by_calls and not before.transient:
        reason = f"{reason}; not restarted now: {observed.blocked_by_calls}"
    if state is None and after.starting and DIRECTIVES[decision.directive].in_force == AT_START:
        return _Verdict(PENDING, *texts, _starting_words(after))
    if state is None:
        moved = decision.changed or had != has
        state = CHANGED if moved else KEPT if decision.kept else OK
    if state in (CHANGED, OK) and before.transient and not reason:
        reason = "a transient unit: systemd removes it when it ends, the drop-in stays"
    return _Verdict(state, *texts, reason)


def _in_force(directive: str, unit: LoadedUnit) -> Meaning | None:
    """The value in force: the worst of the running processes, or else the value of the unit's next start."""
    if DIRECTIVES[directive].in_force != AT_RELOAD:
        live = live_values(directive, unit)
        if live:
            return weakest(directive, live)
    return shown_value(directive, unit.properties)


def judge_running(
    decision: Decision, unit: LoadedUnit, observed: Observed, then: Mapping[str, str]
) -> tuple[str | None, str]:
    """The state of running processes that differ from the target, with the reason; (None, '') if none does."""
    directive = DIRECTIVES[decision.directive]
    if directive.in_force == AT_RELOAD or shadow_of(decision, unit, then):
        return None, ""
    target = target_of(decision, unit, then)
    if decision.bound is not None:
        target = decision.bound.meaning
    elif target is None:  # systemd's default, as the properties show it
        target = shown_value(decision.directive, unit.properties)
    if target is None:
        keeps = unit.processes and unit.started_before_drop_in
        return (PENDING, f"the processes keep their values until {_restart_words(unit)}") if keeps else (None, "")
    if directive.is_limit:
        return _judge_limit(decision, target, unit, observed)
    return _judge_other(decision, target, unit, observed) if unit.processes else (None, "")


def _judge_other(decision: Decision, target: Meaning, unit: LoadedUnit, observed: Observed) -> tuple[str | None, str]:
    """Judge scheduling and OOM scores, which systemd sets when it starts a process."""
    name = decision.directive
    live = live_values(name, unit)
    possible: Meaning = (start_score(target[0], observed),) if name == "OOMScoreAdjust" else target
    right = [value for value in live if value == target or decision.met_by(value)]
    different = [value for value in live if value not in right and value != possible]
    if not different and possible != target and len(right) < len(live):
        return READONLY, f"systemd may not go below {possible[0]} here, and silently starts the unit with that"
    if (live and not different) or not (live or unit.started_before_drop_in):
        return None, ""
    if unit.started_before_drop_in:
        have = _have(name, different, live) if live else "set when a process starts"
        return PENDING, f"{have}: in force when {_restart_words(unit)}"
    return KEPT, f"a process has set {_listed(name, different)} itself"


def _judge_limit(decision: Decision, target: Pair, unit: LoadedUnit, observed: Observed) -> tuple[str | None, str]:
    name = decision.directive
    possible = start_value(name, target, observed)
    cut = ""
    if possible != target and decision.setting is not None:
        cut = f"systemd silently cuts it to {describe(name, possible)}: it may not exceed its own hard limit here"
    live = live_values(name, unit)
    short = [pair for pair in live if pair[0] < possible[0] or pair[1] < possible[1]]
    above = [] if decision.bound else [pair for pair in live if pair != possible and pair not in short]
    if short and unit.started_before_drop_in:
        helpless = decision.setting is not None and not observed.powers.sys_resource
        by = "raising it now requires CAP_SYS_RESOURCE" if helpless else ""
        have = f"{_have(name, short, live)}: in force when {_restart_words(unit)}"
        return PENDING, "; ".join(filter(None, (have, by, cut)))
    if above and unit.started_before_drop_in:
        have = f"{_have(name, above, live)}, and a limit in use is never lowered: in force when "
        return PENDING, "; ".join(filter(None, (have + _restart_words(unit), cut)))
    if cut:
        return READONLY, cut
    if short or above:
        return KEPT, f"a process has set {_listed(name, short or above)} itself"
    return None, ""


def _starting_words(unit: LoadedUnit) -> str:
    pids = ", ".join(map(str, unit.starting))
    return f"systemd is still starting process {pids} of {unit.name}, which has no limits of the unit yet: run again"


def _have(directive: str, some: Sequence[Meaning], live: Sequence[Meaning]) -> str:
    if of_each_process(directive):
        processes = plural(len(live), "process", "processes")
        return f"{len(some)} of {len(live)} {processes} {plural(len(some), 'has', 'have')} {_listed(directive, some)}"
    return f"the main process has {_listed(directive, some)}"


def _restart_words(unit: LoadedUnit) -> str:
    if unit.transient:
        return "the transient unit is created again"
    return f"{unit.name} is restarted"


def _listed(directive: str, values: Iterable[Meaning]) -> str:
    return " or ".join(sorted({describe(directive, value) or "" for value in values}))
