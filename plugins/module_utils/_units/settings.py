# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users want of units: their settings, validated before anything is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._core.setting import parse_given
from .._systemd.directives import DIRECTIVES, REALTIME_POLICIES
from .._systemd.units import ROOT_SLICE, check_unit_name, template_of, unit_type
from .._systemd.values import Setting, SystemdError, parse_setting

LONGEST_SHOWN = 80  # of what somebody else has typed


class UnitSettings(NamedTuple):
    """What is wanted of a unit; without settings, that its drop-in goes back to what it was."""

    name: str
    settings: Sequence[Setting]


def item_name(unit: str, directive: str) -> str:
    """How a directive of a unit is called in results and messages."""
    return f"{unit} {directive}"


def parse_units(given: Mapping[object, object]) -> list[UnitSettings]:
    """The settings of a mapping `unit: {directive: value or {value, rule, why, hazard}}`. Raises SystemdError.

    An instance whose template is given as well gets the template's settings, too, unless it has its own: its
    drop-in has the same name and so hides that of the template.
    """
    units: dict[str, UnitSettings] = {}
    for given_name, settings in given.items():
        name = check_unit_name(given_name)
        units[name] = UnitSettings(name, _parse_unit(name, settings))
    for unit in units.values():
        _check_together(unit)
    return [_with_template(unit, units) for unit in units.values()]


def _with_template(unit: UnitSettings, units: Mapping[str, UnitSettings]) -> UnitSettings:
    template = units.get(template_of(unit.name) or "")
    if template is None or not unit.settings:
        return unit
    own = {setting.directive for setting in unit.settings}
    merged = [*unit.settings, *(setting for setting in template.settings if setting.directive not in own)]
    _check_together(unit._replace(settings=merged))
    return unit._replace(settings=merged)


def _parse_unit(unit: str, given: object) -> list[Setting]:
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise SystemdError(unit, f"takes a dictionary of directives, not a {type(given).__name__}")
    if unit == ROOT_SLICE and given:
        raise SystemdError(unit, "is the whole machine, and the kernel limits only what is below it")
    settings: dict[str, Setting] = {}
    for name, content in given.items():
        if not isinstance(name, str) or not name.isprintable():
            raise SystemdError(unit, f"a directive is a name such as LimitNOFILE, not {name!r}"[:LONGEST_SHOWN])
        setting = _parse_one(item_name(unit, name[:LONGEST_SHOWN]), name, content)
        if setting.directive in settings:
            raise SystemdError(
                item_name(unit, setting.directive), f"is named twice, as {settings[setting.directive].given} and {name}"
            )
        if unit_type(unit) not in DIRECTIVES[setting.directive].types:
            raise SystemdError(item_name(unit, name), f"is a setting of services, not of a {unit_type(unit)}")
        settings[setting.directive] = setting
    return list(settings.values())


def _parse_one(item: str, name: str, content: object) -> Setting:
    given = parse_given(item, content, SystemdError)
    return parse_setting(item, name, given.value, given.rule, given.why, given.hazard)


def _check_together(unit: UnitSettings) -> None:
    """Raises SystemdError for settings that contradict each other."""
    meanings = {setting.directive: setting.meaning for setting in unit.settings}
    policy = meanings.get("CPUSchedulingPolicy", REALTIME_POLICIES)[0]
    if "CPUSchedulingPriority" in meanings and policy not in REALTIME_POLICIES:
        raise SystemdError(
            item_name(unit.name, "CPUSchedulingPriority"),
            f"has a meaning with the policies {' and '.join(REALTIME_POLICIES)} only, not with {policy}",
        )
    high, most = meanings.get("MemoryHigh", (0,))[0], meanings.get("MemoryMax", ("",))[0]
    if isinstance(high, int) and isinstance(most, int) and high > most:
        raise SystemdError(item_name(unit.name, "MemoryHigh"), "is above MemoryMax, so it would never be reached")
