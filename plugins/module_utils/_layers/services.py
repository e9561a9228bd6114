# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the service layer's catalogue to the settings of its three modules: logins, units and memory pools.

The catalogue has three parts: `logins` by `domain type item`, and `units` and `pools` by daemon. Their entries have
the fields of every catalogue; see the head of roles/network/vars/main.yml.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .._core.setting import AT_LEAST
from .._sip.daemons import DAEMONS, belongs_to
from .._systemd.units import check_unit_name
from .capacity import CatalogueError, parse_capacity
from .catalogue import check_profile, override, profile_setting
from .layer import LOGINS, POOLS, UNITS

DAEMON_NAMES = tuple(daemon.name for daemon in DAEMONS)
SERVICE_FIELDS = ("unit", "daemon")
LOGIN_FIELDS = ("domain", "type", "item", "value", "why", "hazard")
BOTH = "both"


class OwnSettings(NamedTuple):
    """The inventory's own settings: the role's variables of these names, without their prefix."""

    services: object = None
    units: object = None
    pools: object = None
    logins: object = None


def service_limits(
    catalogue: Mapping[str, Mapping[str, Any]],
    profile: str,
    host: Mapping[str, Any],
    capacity: Mapping[str, object],
    own: OwnSettings,
) -> dict[str, Any]:
    """`logins` for limits_file, `units` for systemd_limits and `pools` for daemon_pools.

    `host` is siptune_host, `capacity` siptune_capacity. Raises TuningError.
    """
    check_profile(profile)
    contract = parse_capacity(capacity)

    def chosen(entries: Mapping[str, Any]) -> dict[str, Any]:
        settings = {name: profile_setting(entry, profile, host, contract, {}) for name, entry in entries.items()}
        return {name: setting for name, setting in settings.items() if setting is not None}

    services = parse_services(own.services, host)
    return {
        LOGINS: _with_own_logins(_logins(chosen(catalogue["logins"])), own.logins or []),
        UNITS: _by_unit(
            "siptune_service_limits_units",
            services,
            {daemon: chosen(entries) for daemon, entries in catalogue["units"].items()},
            own.units or {},
        ),
        POOLS: _by_unit(
            "siptune_service_limits_pools",
            services,
            {daemon: chosen(entries) for daemon, entries in catalogue["pools"].items()},
            own.pools or {},
        ),
    }


# --- services -------------------------------------------------------------------------------


def parse_services(given: object, host: Mapping[str, Any]) -> dict[str, list[str]]:
    """Units with the daemons that each runs: those of siptune_service_limits_services, or those found on the host.

    A daemon that runs without a unit is not among them. Raises CatalogueError.
    """
    if given is None:
        services: dict[str, list[str]] = {}
        for daemon in host.get("sip_daemons") or []:
            if daemon.get("unit"):
                services.setdefault(str(daemon["unit"]), []).append(str(daemon.get("name")))
        return services
    if not isinstance(given, (list, tuple)):
        raise CatalogueError(f"siptune_service_limits_services: must be a list of units, not {given!r}")
    named: dict[str, list[str]] = {}
    for service in given:
        unit, daemon = _service(service)
        if unit in named:
            raise CatalogueError(f"siptune_service_limits_services: {unit} is named twice")
        named[unit] = [daemon]
    return named


def left_alone(given: object, host: Mapping[str, Any]) -> list[str]:
    """What to say of the daemons that run and get no limits, as no unit is found that could give them any."""
    if given is not None:
        return []
    alone = [
        f"service_limits leaves {daemon['name']} (process {daemon['main_pid']}) alone: {daemon['no_unit']}"
        for daemon in host.get("sip_daemons") or []
        if daemon.get("running") and daemon.get("no_unit")
    ]
    return alone + [
        f"service_limits leaves {one['name']} (process {one['pid']}) alone: the user {one['user']} has started it; "
        "if it is to be tuned, give it a service of the system"
        for one in host.get("sip_daemons_of_users") or []
    ]


def unusable_configuration(host: Mapping[str, Any]) -> list[str]:
    """What to say of daemons whose configuration cannot be used for the ports that a layer reserves."""
    return [
        f"{daemon.get('unit') or daemon['name']}: {note}{_way_out(daemon, note)}"
        for daemon in host.get("sip_daemons") or []
        for note in daemon.get("notes") or ()
    ]


def _way_out(daemon: Mapping[str, Any], note: str) -> str:
    """What to do about a note that does not say so itself."""
    if "siptune_network_reserved_ports" in note or "range of its own" in note:
        return ""
    taken = ", ".join(map(str, daemon.get("rtp_ports") or ())) or "none"
    return f"; if its media ports are others than {taken}, name them in siptune_network_reserved_ports"


def _service(given: object) -> tuple[str, str]:
    named = given if isinstance(given, Mapping) else {"unit": given}
    if not named.keys() <= set(SERVICE_FIELDS) or "unit" not in named:
        raise CatalogueError(
            f"siptune_service_limits_services: takes units, or dictionaries of unit and daemon, not {given!r}"
        )
    unit = check_unit_name(named["unit"])
    daemon = named.get("daemon") or next((one.name for one in DAEMONS if belongs_to(one, unit)), None)
    if daemon is None:
        raise CatalogueError(
            f"siptune_service_limits_services: the name {unit} does not say which daemon it runs; write "
            f"{{unit: {unit}, daemon: kamailio}}, or one of {', '.join(DAEMON_NAMES)}"
        )
    if daemon not in DAEMON_NAMES:
        raise CatalogueError(
            f"siptune_service_limits_services: {unit}: there is no daemon {daemon!r}, only {', '.join(DAEMON_NAMES)}"
        )
    return unit, str(daemon)


# --- units and pools ------------------------------------------------------------------------


def _by_unit(
    variable: str, services: Mapping[str, Sequence[str]], of_daemon: Mapping[str, dict[str, Any]], own: object
) -> dict[str, dict[str, Any]]:
    """The settings of each unit: its daemon's, then the inventory's for the daemon, then those for the unit itself.

    Units that the inventory alone names are welcome; null leaves a setting, or a whole unit, alone. A unit that several
    daemons run in gets the most that one of them needs.
    """
    if not isinstance(own, Mapping):
        raise CatalogueError(f"{variable}: must be a dictionary of units or daemons, not {own!r}")
    by_unit = {unit: _for_all([of_daemon.get(daemon, {}) for daemon in runs]) for unit, runs in services.items()}
    for daemon in DAEMON_NAMES:
        if daemon in own:
            for unit in [unit for unit, runs in services.items() if daemon in runs]:
                _overlay(by_unit, unit, own[daemon])
    for name, settings in own.items():
        if name not in DAEMON_NAMES:
            _overlay(by_unit, check_unit_name(name), settings)
    return {unit: settings for unit, settings in by_unit.items() if settings}


def _for_all(of_daemons: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One setting for each name: the first daemon's, or another one's that is a higher floor or a lower ceiling."""
    chosen: dict[str, Any] = {}
    for settings in of_daemons:
        for name, setting in settings.items():
            there = chosen.get(name)
            if there is None or _asks_for_more(setting, there):
                chosen[name] = setting
    return chosen


def _asks_for_more(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if one["rule"] != other["rule"] or not isinstance(one["value"], int) or not isinstance(other["value"], int):
        return False
    return one["value"] > other["value"] if one["rule"] == AT_LEAST else one["value"] < other["value"]


def _overlay(by_unit: dict[str, dict[str, Any]], unit: str, settings: object) -> None:
    if settings is None:
        by_unit.pop(unit, None)
        return
    if not isinstance(settings, Mapping):
        raise CatalogueError(f"{unit}: takes a dictionary of settings, not {settings!r}")
    there = by_unit.setdefault(unit, {})
    for name, given in settings.items():
        there.pop(name, None)
        if given is not None:
            there[name] = override(f"{unit} {name}", given)


# --- logins ---------------------------------------------------------------------------------


def _logins(chosen: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The elements of limits_file's `limits` for a catalogue's entries; all of their values are exact."""
    limits = []
    for name, setting in chosen.items():
        domain, kind, item = name.split(" ")
        limit = {field: setting[field] for field in ("value", "why", "hazard") if field in setting}
        limits.append({"domain": domain, "type": kind, "item": item, **limit})
    return limits


def _with_own_logins(limits: Iterable[Mapping[str, Any]], own: object) -> list[dict[str, Any]]:
    """The inventory's limits after the catalogue's, without those they stand for. A null value leaves one alone."""
    if not isinstance(own, (list, tuple)):
        raise CatalogueError(f"siptune_service_limits_logins: must be a list of limits, not {own!r}")
    for limit in own:
        if not isinstance(limit, Mapping) or not {"domain", "type", "item", "value"} <= limit.keys() <= set(
            LOGIN_FIELDS
        ):
            raise CatalogueError(
                f"siptune_service_limits_logins: takes dictionaries of {', '.join(LOGIN_FIELDS)}, not {limit!r}"
            )
    kept = [limit for limit in limits if not any(_stands_for(mine, limit) for mine in own)]
    return [dict(limit) for limit in (*kept, *own) if limit["value"] is not None]


def _stands_for(mine: Mapping[str, Any], limit: Mapping[str, Any]) -> bool:
    same = (mine["domain"], mine["item"]) == (limit["domain"], limit["item"])
    return same and mine["type"] in (limit["type"], BOTH)
