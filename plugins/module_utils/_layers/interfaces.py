# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the catalogue of network interfaces to the settings of nic_ring and nic_link: profile, speed, overrides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._nic.settings import EVERY
from .capacity import CatalogueError, NotGivenError
from .catalogue import check_profile
from .formulas import FORMULAS
from .layer import WHY_OF_OVERRIDE


def nic_settings(
    catalogue: Mapping[str, Any], part: str, profile: str, host: Mapping[str, Any], overrides: object
) -> dict[str, Any]:
    """The `interfaces` of nic_ring (`part` is RINGS) or nic_link (LINKS). Raises CatalogueError.

    `host` is siptune_host. An override replaces the catalogue's option of the same pattern, and null leaves the
    option, or all options of an interface, alone.
    """
    check_profile(profile)
    given = {} if overrides is None else overrides
    if not isinstance(given, Mapping):
        raise CatalogueError(f"siptune_network_nic_{part}: must be a dictionary of interfaces, not {given!r}")
    chosen: dict[str, Any] = _of_profile(catalogue[part], profile, host)
    options = sorted({option for content in chosen.values() for option in content})
    for pattern, content in given.items():
        own = dict.fromkeys(options) if content is None else content
        if isinstance(own, Mapping):  # if not, the module refuses it
            own = {**chosen.get(pattern, {}), **{name: _own(value) for name, value in own.items()}}
        chosen[pattern] = own
    return chosen


def _of_profile(catalogue: Mapping[str, Any], profile: str, host: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    chosen: dict[str, dict[str, Any]] = {}
    for option, entry in catalogue.items():
        if entry[profile] is None:
            continue
        setting = {**entry[profile], "why": entry["why"]}
        lowest = setting.pop("from_mbps", None)
        if "sized_limit" in setting:
            setting = _sized(entry, setting, host)
        for pattern in [EVERY] if lowest is None else _fast(host, lowest):
            chosen.setdefault(pattern, {})[option] = setting
    return chosen


def _sized(entry: Mapping[str, Any], setting: dict[str, Any], host: Mapping[str, Any]) -> dict[str, Any]:
    """A setting with its limit. In an image, one that depends on a fact that is not given is left, with the reason."""
    formula = FORMULAS[setting.pop("sized_limit")].formula
    try:
        return {**setting, "limit": formula(host, {}, {})}
    except NotGivenError as missing:
        # Imported here, as only a run for an image needs it, and each run on a host compiles what it imports.
        from .image import left_setting

        return left_setting(entry, missing)


def _fast(host: Mapping[str, Any], lowest_mbps: int) -> list[str]:
    """The hardware interfaces with a known speed of at least `lowest_mbps`, and a name that a setting can have."""
    return [
        interface["name"]
        for interface in dict(host).get("interfaces") or ()  # which an image may not have: then none is fast
        if not interface.get("virtual")
        and (interface.get("speed_mbps") or 0) >= lowest_mbps
        and interface["name"].isascii()
        and interface["name"].isprintable()
    ]


def _own(value: Any) -> Any:
    if value is None or (isinstance(value, Mapping) and value.get("why")):
        return value
    return {**(value if isinstance(value, Mapping) else {"value": value}), "why": WHY_OF_OVERRIDE}
