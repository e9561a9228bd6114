# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a layer's catalogue to settings: profile, sizing, capacity contract, overrides.

A catalogue maps a key to {sources | extra, classic, modern, why, hazard, instead_of}; the head of
roles/network/vars/main.yml explains the fields. `settings` is for those of kernel parameters. The module that applies
the settings parses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._sysctl.key import display_name, parse_key
from .._sysctl.settings import IRREVERSIBLE
from .capacity import CatalogueError, NotGivenError, parse_capacity
from .formulas import FORMULAS
from .layer import WHY_OF_OVERRIDE

MODERN, CLASSIC = "modern", "classic"
PROFILES = (MODERN, CLASSIC)
OVERRIDE_FIELDS = ("value", "rule", "why", IRREVERSIBLE)


def settings(
    catalogue: Mapping[str, Mapping[str, Any]],
    profile: str,
    host: Mapping[str, Any],
    capacity: Mapping[str, object],
    overrides: Mapping[str, object],
    options: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """The `settings` of sysctl_bulk for one layer: {dotted key: {value, rule, why[, hazard]}}.

    `host` is siptune_host, `capacity` siptune_capacity, `overrides` siptune_<layer>_sysctl, and `options` the role's
    further options, for the formulas. The order is that of the catalogue, then that of the inventory. Raises
    TuningError.
    """
    check_profile(profile)
    contract = parse_capacity(capacity)
    own = parse_overrides(overrides)
    chosen = {key: profile_setting(entry, profile, host, contract, options) for key, entry in catalogue.items()}
    for key, entry in catalogue.items():
        if chosen[key] is None or own.get(entry.get("instead_of")) is not None:
            del chosen[key]  # so that the order is the same where the catalogue has the entries of one profile alone
    chosen.update(own)
    return {key: setting for key, setting in chosen.items() if setting is not None}


def check_profile(profile: str) -> None:
    """Raises CatalogueError unless there is such a profile."""
    if profile not in PROFILES:
        raise CatalogueError(f"siptune_profile: there is no profile {profile!r}, only {' and '.join(PROFILES)}")


def parse_overrides(overrides: Mapping[str, object]) -> dict[Any, dict[str, Any] | None]:
    """The inventory's own settings by key, spelled as the catalogue does; None for a key to be left alone.

    A plain value is exact: the user asked for just that. Raises TuningError.
    """
    if not isinstance(overrides, Mapping):
        raise CatalogueError(f"the inventory's own settings must be a dictionary of keys, not {overrides!r}")
    own: dict[Any, dict[str, Any] | None] = {}
    for given, content in overrides.items():
        key = display_name(parse_key(given))
        if key in own:
            raise CatalogueError(f"{given}: is set twice, in two spellings of one key")
        own[key] = None if content is None else override(str(given), content)
    return own


def override(key: str, given: object) -> dict[str, Any]:
    """The inventory's own setting of a key; a plain value is exact. Raises CatalogueError."""
    if not isinstance(given, Mapping):
        return {"value": given, "rule": "exact", "why": WHY_OF_OVERRIDE}
    unknown = [str(field) for field in given if field not in OVERRIDE_FIELDS]
    if unknown:
        raise CatalogueError(f"{key}: there is no field {', '.join(unknown)}, only {', '.join(OVERRIDE_FIELDS)}")
    if given.get("value") is None:
        raise CatalogueError(f"{key}: has no value; write {key}: null to leave the key alone")
    own = {"value": given["value"], "rule": given.get("rule") or "exact", "why": given.get("why") or WHY_OF_OVERRIDE}
    return {**own, IRREVERSIBLE: given[IRREVERSIBLE]} if IRREVERSIBLE in given else own


def profile_setting(
    entry: Mapping[str, Any],
    profile: str,
    host: Mapping[str, Any],
    capacity: Mapping[str, int],
    options: Mapping[str, Any],
) -> dict[str, Any] | None:
    """The setting of an entry: {value, rule, why[, hazard]}, or None to leave the key alone. Raises TuningError.

    In an image, one whose size depends on a fact that is not given has the reason to leave it for later under `left`.
    """
    choice = entry[profile]
    if choice is None:
        return None
    value = choice.get("value")
    if "sized" in choice:
        try:
            value = FORMULAS[choice["sized"]].formula(host, capacity, options)
        except NotGivenError as missing:
            # Imported here, as only a run for an image needs it, and each run on a host compiles what it imports.
            from .image import left_setting

            return left_setting(entry, missing)
    if value is None:
        return None
    setting = {"value": value, "rule": choice["rule"], "why": entry["why"]}
    if profile == CLASSIC and entry.get("hazard"):
        setting["hazard"] = entry["hazard"]
    return setting
