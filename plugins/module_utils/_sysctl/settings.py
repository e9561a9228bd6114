# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses the settings of a user, and validates them before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .._core.setting import EXACT, parse_given, shown
from .._core.setting import FIELDS as GIVEN_FIELDS
from .kernel import mutually_exclusive, other_name
from .key import SysctlError, display_name, parse_key
from .value import check_rule, parse_value

IRREVERSIBLE = "irreversible"  # the field of a setting that allows a value which the kernel does not take back
FIELDS = (*GIVEN_FIELDS, IRREVERSIBLE)


class Setting(NamedTuple):
    """One validated setting. `path` may be a glob; `value` is the text for the kernel."""

    path: str
    value: str
    rule: str = EXACT
    why: str = ""
    hazard: str = ""
    irreversible: bool = False  # may be set although the kernel does not take it back before a boot


def parse_settings(given: Mapping[object, object]) -> list[Setting]:
    """The settings of a mapping `key: value` or `key: {value, rule, why, hazard, irreversible}`.

    Raises SysctlError.
    """
    settings: dict[str, Setting] = {}
    spellings: dict[str, object] = {}
    for key, content in given.items():
        path = parse_key(key)
        if path in settings:
            raise SysctlError(str(key), f"is named twice, also as {spellings[path]}")
        spellings[path] = key
        settings[path] = _parse_setting(path, content)
    check_together((path, setting.value) for path, setting in settings.items())
    return list(settings.values())


def check_together(values: Iterable[tuple[str, str]]) -> None:
    """Raises SysctlError for (key, value) pairs that contradict each other."""
    wanted = dict(values)
    for path, value in wanted.items():
        twin = other_name(path)
        if twin is not None and wanted.get(twin, value) != value:
            raise SysctlError(display_name(path), f"is one switch with {display_name(twin)}, and their values differ")
        other = mutually_exclusive(path)
        if other in wanted:
            raise SysctlError(
                display_name(path),
                f"is set together with {display_name(other)}, but they exclude each other: the kernel sets one to 0 "
                "for the other",
            )


def checked_for(setting: Setting, path: str) -> Setting:
    """The setting of a glob, after a check of its value for one of its keys. Raises SysctlError."""
    _checked(setting._replace(path=path, value=parse_value(path, setting.value)))
    return setting


def _parse_setting(path: str, content: object) -> Setting:
    name = display_name(path)
    given = parse_given(name, content, SysctlError, FIELDS)
    irreversible = given.fields.get(IRREVERSIBLE, False)
    if not isinstance(irreversible, bool):
        raise SysctlError(name, f"{IRREVERSIBLE} is true or false, not {shown(repr(irreversible))}")
    return _checked(Setting(path, parse_value(path, given.value), given.rule, given.why, given.hazard, irreversible))


def _checked(setting: Setting) -> Setting:
    check_rule(setting.path, setting.rule, setting.value)
    other = mutually_exclusive(setting.path)
    if other and setting.value == "0":
        raise SysctlError(display_name(setting.path), f"cannot be set to 0; set {display_name(other)} instead")
    return setting
