# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The predicted state of loaded units after apply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._core.change import PENDING
from .._host.rlimits import INFINITY
from .._systemd.directives import DIRECTIVES
from .._systemd.values import agrees, shown_value
from .effective import target_of
from .items import judge_running
from .model import Decision, LoadedUnit, Observed, Raise
from .processes import raised_process, restarted


def forecast(
    decisions: Sequence[Decision],
    observed: Observed,
    written: Iterable[str],
    raises: Mapping[str, Raise],
    restarts: Iterable[str],
    then: Mapping[str, str],
) -> dict[str, LoadedUnit]:
    """The predicted state of loaded units after apply, by name."""
    predicted = {}
    for state in observed.units:
        mine = [decision for decision in decisions if decision.unit.name == state.name]
        for unit in state.loaded:
            after = unit._replace(properties=properties_after(mine, unit, then))
            if unit.name in restarts:
                fresh = [restarted(process, mine, unit, observed, then) for process in unit.processes]
                after = after._replace(processes=fresh, started_before_drop_in=False, starting=())
            else:
                what = raises.get(unit.name, Raise())
                given = [raised_process(process, unit, what, observed.powers) for process in unit.processes]
                early = unit.started_before_drop_in or state.path in written
                after = after._replace(processes=given, started_before_drop_in=early)
            predicted[unit.name] = after
    return predicted


def properties_after(decisions: Iterable[Decision], unit: LoadedUnit, then: Mapping[str, str]) -> dict[str, str]:
    """The properties that `systemctl show` will print, as predicted from the files."""
    properties = dict(unit.properties)
    for decision in decisions:
        target = target_of(decision, unit, then)
        shown = shown_value(decision.directive, properties)
        if decision.kept or (target is not None and agrees(decision.directive, target, shown)):
            continue
        names = DIRECTIVES[decision.directive].properties
        values = target if target is not None and len(target) == len(names) else ("",) * len(names)
        for name, value in zip(names, values):
            properties[name] = _property_text(decision.directive, value)
    return properties


def _property_text(directive: str, value: Any) -> str:
    if value == INFINITY:
        return "infinity"
    if DIRECTIVES[directive].properties[0].endswith("USec") and isinstance(value, int):
        return f"{value}us"
    return str(value)


def to_restart(
    decisions: Iterable[Decision], written: Iterable[str], observed: Observed, then: Mapping[str, str]
) -> list[str]:
    """The running units of which some item takes effect only with a restart."""
    names = []
    for decision in decisions:
        for unit in decision.unit.loaded:
            after = unit._replace(
                properties=properties_after([decision], unit, then),
                started_before_drop_in=unit.started_before_drop_in or decision.unit.path in written,
            )
            state = judge_running(decision, after, observed, then)[0]
            if state == PENDING and not unit.transient:
                names.append(unit.name)
    return sorted(set(names))
