# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the limits of units from a request and the observed host; pure.

The plan has an item per directive, the drop-ins to write, and the raises and restarts of running units. `confirmed`
builds the items again from the values that were read back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .._core.change import ABSENT, KEPT, Change
from .._core.setting import hazard_warning
from .._engine.operation import BOTH
from .._engine.owned_files import record_files, released_files
from .._systemd.directives import DIRECTIVES
from .._systemd.values import Setting, SystemdError
from .containers import item_of_container, set_by_podman
from .effective import decisions_of, effective_by_unit, planned_drop_ins, reload_is_due, texts_after
from .forecast import forecast, to_restart
from .items import items_of, wanted_words
from .model import Decision, LoadedUnit, Observed, Plan, Request, UnitState
from .processes import planned_raises
from .safety import check_hiding, check_safety
from .settings import item_name


def plan(request: Request, observed: Observed) -> Plan:
    """The plan that brings the host to the request. Raises SystemdError if a safety check fails."""
    asked = _settings_by_unit(request, observed)
    states = {state.name: state for state in observed.units}
    known = {
        name: [one for one in settings if not (_unknown(one, observed) or set_by_podman(one, states[name]))]
        for name, settings in asked.items()
    }
    effective = effective_by_unit(known, observed)
    files, notes = planned_drop_ins(effective, observed)
    then = texts_after(observed.texts, files)
    edited = {note.item for note in notes if note.state == KEPT}
    decisions = [
        decision
        for state in observed.units
        if state.path not in edited
        for decision in decisions_of(state, effective[state.name], then, observed)
    ]
    check_safety(decisions, observed)
    check_hiding(observed, then)
    reload = observed.systemd_running and (bool(files) or reload_is_due(decisions, observed, then))
    written = {file.path for file in files}
    lagging = to_restart(decisions, written, observed, then)
    restarts = lagging if request.restart and not observed.blocked_by_calls else []
    raises = planned_raises(decisions, observed, then, restarts) if request.when == BOTH else {}
    predicted = forecast(decisions, observed, written, raises, restarts, then)
    notes = notes + _items_without_effect(asked, decisions, observed)
    return Plan(
        changes=items_of(decisions, predicted, observed, then) + notes,
        decisions=decisions,
        notes=notes,
        files=files,
        then=then,
        originals=observed.originals._replace(files=record_files(observed.originals.files, files)),
        released=released_files({unit.path: unit.own for unit in observed.units}, files, observed.originals.files),
        reload=reload,
        raises=raises,
        restarts=restarts,
        warnings=_warnings(decisions),
    )


def _settings_by_unit(request: Request, observed: Observed) -> dict[str, Sequence[Setting]]:
    """The settings by the real names of the units. Raises SystemdError for two names of one unit."""
    asked = {unit.name: unit.settings for unit in request.units}
    by_name: dict[str, str] = {}
    for state in observed.units:
        other = by_name.setdefault(state.name, state.asked)
        if other != state.asked:
            raise SystemdError(state.asked, f"is given twice, also as {other}: both are {state.name}")
    return {state.name: asked.get(state.asked, []) for state in observed.units}


def _unknown(setting: Setting, observed: Observed) -> bool:
    """Whether this systemd is too old for a directive, which it would ignore, and complain of in the journal."""
    return observed.version is not None and observed.version < DIRECTIVES[setting.directive].since


def _items_without_effect(
    asked: Mapping[str, Sequence[Setting]], decisions: Iterable[Decision], observed: Observed
) -> list[Change]:
    """The items of directives that have no effect here; one that leaves our drop-in has an item already."""
    leaving = {decision.item for decision in decisions}
    items = [
        _unknown_item(setting, state, observed) if _unknown(setting, observed) else item_of_container(setting, state)
        for state in observed.units
        for setting in asked[state.name]
        if _unknown(setting, observed) or set_by_podman(setting, state)
    ]
    return [item for item in items if item.item not in leaving]


def _unknown_item(setting: Setting, state: UnitState, observed: Observed) -> Change:
    """The item of a directive that this systemd does not know."""
    since = DIRECTIVES[setting.directive].since
    return Change(
        item=item_name(state.asked, setting.directive),
        wanted=wanted_words(setting),
        before=None,
        after=None,
        at_boot=None,
        state=ABSENT,
        why=setting.why,
        reason=f"{setting.directive}= needs systemd {since}, and this is {observed.version}",
    )


def confirmed(planned: Plan, observed: Observed, after: Mapping[str, LoadedUnit]) -> list[Change]:
    """The items of the loaded units as they were read back."""
    return items_of(planned.decisions, after, observed, planned.then) + planned.notes


def _warnings(decisions: Iterable[Decision]) -> list[str]:
    """Warnings of deprecated names, and the hazards of the values that our drop-ins set."""
    warnings = []
    for decision in decisions:
        setting = decision.setting
        if setting is not None and setting.translated:
            given = item_name(decision.unit.asked, setting.given)
            warnings.append(f"{given} is deprecated; written as {decision.directive}={setting.text}")
        if setting is not None and setting.hazard and not decision.kept:
            warnings.append(hazard_warning(decision.item, setting.text, setting.hazard))
    return warnings
