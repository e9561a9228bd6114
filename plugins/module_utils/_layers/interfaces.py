# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the catalogue of network interfaces to the settings of nic_ring and nic_link: profile, speed, overrides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._host.cpus import NONE
from .._nic.options import RPS_CPUS, RPS_FLOW_CNT
from .._nic.settings import AUTO, EVERY, Rule, fits
from .capacity import CatalogueError, NotGivenError
from .catalogue import check_profile
from .formulas import FORMULAS
from .layer import WHY_OF_OVERRIDE
from .sizing import carries_media


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
    facts = dict(host)  # plain ones also for an image, in which what is not given says nothing against media or cards
    for option, entry in catalogue.items():
        if entry[profile] is None:
            continue
        setting = {**entry[profile], "why": entry["why"]}
        if setting.pop("with_media", False) and not (carries_media(facts) and _may_have_cards(facts)):
            continue
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
        for interface in _cards(dict(host))  # an image may have no interfaces: then none is fast
        if (interface.get("speed_mbps") or 0) >= lowest_mbps
        and interface["name"].isascii()
        and interface["name"].isprintable()
    ]


def _cards(host: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The interfaces of the facts that are hardware, or may be."""
    return [interface for interface in host.get("interfaces") or () if not interface.get("virtual")]


def _may_have_cards(host: Mapping[str, Any]) -> bool:
    return host.get("interfaces") is None or bool(_cards(host))


def of_links(links: Mapping[str, Any], host: Mapping[str, Any]) -> dict[str, bool]:
    """What formulas need to know of the settings of nic_link: whether they steer packets, or flows, of any card."""
    host = dict(host)
    cards = _cards(host)
    return {
        "steers_packets": any(_is_steered(card, _value(links, card, RPS_CPUS), host) for card in cards),
        "steers_flows": any(_value(links, card, RPS_FLOW_CNT) not in (None, 0, "0") for card in cards),
    }


def _is_steered(interface: Mapping[str, Any], wanted: object, host: Mapping[str, Any]) -> bool:
    queues, processors = interface.get("rx_queues"), host.get("processors")
    if wanted == AUTO:
        return bool(queues and processors and queues < processors)
    return wanted not in (None, NONE)


def _value(links: Mapping[str, Any], card: Mapping[str, Any], option: str) -> object:
    """The value of an option that a card gets; None without one. The module refuses contradicting rules."""
    found: dict[int, object] = {}
    for pattern, content in links.items():
        if not isinstance(content, Mapping) or option not in content:
            continue
        if fits(str(pattern), str(card.get("name")), card.get("driver")):
            setting = content[option]
            found[Rule(str(pattern), {}).rank] = setting.get("value") if isinstance(setting, Mapping) else setting
    return found[min(found)] if found else None


def _own(value: Any) -> Any:
    if value is None or (isinstance(value, Mapping) and value.get("why")):
        return value
    return {**(value if isinstance(value, Mapping) else {"value": value}), "why": WHY_OF_OVERRIDE}
