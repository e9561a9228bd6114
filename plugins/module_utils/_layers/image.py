# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizing for an image: the facts of the host to be, as far as siptune_machine gives them.

Pure. A setting whose size depends on a fact that is not given is left to a run on the booted host, and has an item
that says so. Nothing is guessed from the machine that builds the image.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._core.change import PENDING, Change
from .._nic.model import Card
from .capacity import CatalogueError, NotGivenError
from .layer import KERNEL, LINKS, POOLS, RINGS, SOCKETS, UNITS

VARIABLE = "siptune_machine"
BOOT_ONLY = "siptune_boot_only"
LEFT = "left to a run on the booted host"  # begins the reason of what an image does not get
FIELDS = ("memory", "processors", "swap", "forwarding", "interfaces")
INTERFACE_FIELDS = ("name", "mac", "speed_mbps", "addresses", "default_route", "driver", "rx_queues")
SWAP_KINDS = {"none": (), "disk": ("disk",), "file": ("file",), "zram": ("zram",)}
FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
SIZE = re.compile(r"([0-9]{1,15})\s*([KMGT]?)(?:i?B)?\Z", re.ASCII | re.IGNORECASE)
NAME = re.compile(r"[!-.0-9;-~]{1,15}\Z")  # dev_valid_name(), net/core/dev.c
GLOB = re.compile(r"[*?[]")
NO_CARDS = (".", "..", "lo", "all", "default")  # the last two stand for all interfaces in keys below net.ipv4.conf
DRIVER = re.compile(r"[A-Za-z0-9_-]{1,31}\Z")  # struct ethtool_drvinfo, linux/ethtool.h
MOST_QUEUES = 4096  # netdev_queue counts of the largest cards
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z", re.IGNORECASE)
MOST_PROCESSORS = 8192  # NR_CPUS of the largest builds
SMALLEST_MEMORY_BYTES = 64 << 20  # less is a slip: 16 for 16G
ANY_ADDRESS = "0.0.0.0/0"  # an interface has an IPv4 address unless its own are given

# What a size may depend on, by the fact that a formula asks for. The other facts are those of the image's files.
GIVEN_BY = {
    "memory_bytes": "memory",
    "processors": "processors",
    "swap": "swap",
    "forwarding": "forwarding",
    "interfaces": "interfaces",
    "default_routes": "interfaces",
}


class ImageFacts(dict):
    """The facts of an image as siptune_host. `get` raises NotGivenError for one of the machine that is not given."""

    def get(self, name: str, default: Any = None) -> Any:
        value = super().get(name)
        if value is None and name in GIVEN_BY:
            raise NotGivenError(GIVEN_BY[name])
        return default if value is None else value


def image_facts(facts: Mapping[str, Any], given: object) -> ImageFacts:
    """The facts of an image's files with those that siptune_machine gives. Raises CatalogueError."""
    return ImageFacts({**facts, **parse_machine(given)})


def left_setting(entry: Mapping[str, Any], missing: NotGivenError) -> dict[str, Any]:
    """A catalogue's setting that is not sized, with the reason under `left`."""
    return {"value": None, "rule": "", "why": entry["why"], "left": _not_given(missing.field)}


def _not_given(field: str) -> str:
    return f"{LEFT}: its size depends on {VARIABLE}.{field}, which is not given"


def for_image(settings: Mapping[str, Any], absent: bool, cards_given: bool) -> dict[str, tuple[Any, list[Change]]]:
    """The settings of each part that has files in an image, and the items of what is left to a run on the booted host.

    Sockets are of daemons that run. Network cards are those of the host to be (`cards_given`): if they are not known,
    files for cards stay as they are, unless everything goes back (`absent`).
    """
    parts = {part: _split(part, given) for part, given in settings.items()}
    if absent or KERNEL not in parts:
        return parts
    parts.pop(SOCKETS, None)
    given, left = parts[KERNEL]
    for part in (RINGS, LINKS):
        of_cards, left_of_cards = parts.get(part, ({}, []))
        if not cards_given and part in parts:
            del parts[part]
            left_of_cards = [
                Change(f"network cards {option}", None, None, None, None, PENDING, why, _not_given("interfaces"))
                for option, why in _options(of_cards).items()
            ] + left_of_cards
        left = [*left, *left_of_cards]
        if part in parts:
            parts[part] = (of_cards, [])
    return {**parts, KERNEL: (given, left)}


def cards_of(host: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of nic_ring and nic_link for the cards of the machine that will boot an image, if it is given."""
    facts = dict(host)
    if facts.get("interfaces") is None:
        return {}
    cards = tuple(Card(one["name"], one["mac"], one.get("driver")) for one in facts["interfaces"])
    return {"cards": cards, "processors": facts.get("processors")}


def _split(part: str, settings: Any) -> tuple[Any, list[Change]]:
    """The settings of a part without those that are left, and the items of these."""
    if part == KERNEL:
        return _without_left(settings, "")
    if part in (RINGS, LINKS):
        split = {pattern: _without_left(own, "network cards ") for pattern, own in settings.items()}
        return {pattern: own for pattern, (own, _left) in split.items()}, _all_left(split)
    if part not in (UNITS, POOLS):
        return settings, []
    split = {unit: _without_left(own, f"{unit} ") for unit, own in settings.items()}
    kept = {unit: own for unit, (own, _left) in split.items() if own}
    return kept, _all_left(split)


def _all_left(split: Mapping[str, tuple[dict[str, Any], list[Change]]]) -> list[Change]:
    return [item for _own, left in split.values() for item in left]


def _without_left(settings: Mapping[str, Any], prefix: str) -> tuple[dict[str, Any], list[Change]]:
    left = {name: setting for name, setting in settings.items() if isinstance(setting, Mapping) and "left" in setting}
    kept = {name: setting for name, setting in settings.items() if name not in left}
    items = [
        Change(f"{prefix}{name}", None, None, None, None, PENDING, setting["why"], setting["left"])
        for name, setting in left.items()
    ]
    return kept, items


def _options(interfaces: Mapping[str, Any]) -> dict[str, str]:
    """The options that are set for any interface, with the reason of the first."""
    found: dict[str, str] = {}
    for own in interfaces.values():
        for name, setting in own.items() if isinstance(own, Mapping) else ():
            if setting is not None:
                found.setdefault(str(name), str(setting.get("why") or "") if isinstance(setting, Mapping) else "")
    return found


# --- siptune_machine ------------------------------------------------------------------------


def parse_machine(given: object) -> dict[str, Any]:
    """The facts that siptune_machine gives, in the form of siptune_host. Raises CatalogueError, with the variable."""
    if not isinstance(given, Mapping):
        raise CatalogueError(f"{VARIABLE}: must be a dictionary, such as {{memory: 16G, processors: 8}}")
    facts: dict[str, Any] = {}
    for field, value in given.items():
        if field not in FIELDS:
            raise CatalogueError(f"{VARIABLE}: there is no {field!r}, only {', '.join(FIELDS)}")
        if value is not None:
            facts.update(_PARSERS[field](value))
    return facts


def _memory(value: object) -> dict[str, Any]:
    found = None if isinstance(value, bool) else SIZE.match(str(value).strip())
    size = int(found.group(1)) * FACTORS[found.group(2).upper()] if found else 0
    if size < SMALLEST_MEMORY_BYTES:
        raise CatalogueError(f"{VARIABLE}.memory: must be a size such as 16G, or bytes, not {value!r}")
    return {"memory_bytes": size}


def _processors(value: object) -> dict[str, Any]:
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch("[0-9]{1,5}", text) or not 0 < int(text) <= MOST_PROCESSORS:
        raise CatalogueError(f"{VARIABLE}.processors: must be from 1 to {MOST_PROCESSORS}, not {value!r}")
    return {"processors": int(text)}


def _swap(value: object) -> dict[str, Any]:
    kind = str(value)
    if kind not in SWAP_KINDS:
        raise CatalogueError(f"{VARIABLE}.swap: must be one of {', '.join(SWAP_KINDS)}, not {value!r}")
    return {"swap": [{"kind": kind} for kind in SWAP_KINDS[kind]]}


def _forwarding(value: object) -> dict[str, Any]:
    if not isinstance(value, bool):
        raise CatalogueError(f"{VARIABLE}.forwarding: must be true or false, not {value!r}")
    return {"forwarding": value}


def _interfaces(value: object) -> dict[str, Any]:
    if not isinstance(value, (list, tuple)):
        raise CatalogueError(f"{VARIABLE}.interfaces: must be a list, such as [{{name: eth0, speed_mbps: 10000}}]")
    found = [_interface(one) for one in value]
    names = [one["name"] for one in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CatalogueError(f"{VARIABLE}.interfaces: {', '.join(twice)} is there twice")
    routes = sorted(one["name"] for one in found if one.pop("default_route"))
    return {"interfaces": found, "default_routes": {"ipv4": routes, "ipv6": None}}


def _interface(given: object) -> dict[str, Any]:
    place = f"{VARIABLE}.interfaces"
    own = {"name": given} if isinstance(given, str) else given
    if not isinstance(own, Mapping) or not own.keys() <= set(INTERFACE_FIELDS):
        raise CatalogueError(f"{place}: takes names, or dictionaries of {', '.join(INTERFACE_FIELDS)}, not {given!r}")
    name, mac, speed, addresses = (own.get(field) for field in INTERFACE_FIELDS[:4])
    if not isinstance(name, str) or not NAME.match(name) or GLOB.search(name) or name in NO_CARDS:
        raise CatalogueError(f"{place}: {name!r} is no name of an interface")
    if mac is not None and not (isinstance(mac, str) and MAC.match(mac)):
        raise CatalogueError(f"{place}: {name}: {mac!r} is no Ethernet address; write it in quotes")
    if speed is not None and (isinstance(speed, bool) or not isinstance(speed, int) or speed <= 0):
        raise CatalogueError(f"{place}: {name}: speed_mbps must be a whole number, not {speed!r}")
    if addresses is not None and not (isinstance(addresses, list) and all(isinstance(one, str) for one in addresses)):
        raise CatalogueError(f"{place}: {name}: addresses must be a list of texts, not {addresses!r}")
    driver, rx_queues = own.get("driver"), own.get("rx_queues")
    if driver is not None and not (isinstance(driver, str) and DRIVER.match(driver)):
        raise CatalogueError(f"{place}: {name}: driver must be a name such as igb, not {driver!r}")
    if rx_queues is not None and not _is_from_1(rx_queues, MOST_QUEUES):
        raise CatalogueError(f"{place}: {name}: rx_queues must be from 1 to {MOST_QUEUES}, not {rx_queues!r}")
    default_route = own.get("default_route", False)
    if not isinstance(default_route, bool):
        raise CatalogueError(f"{place}: {name}: default_route must be true or false, not {default_route!r}")
    return {
        "name": name,
        "mac": mac.lower() if mac else None,
        "virtual": False,
        "speed_mbps": speed,
        "addresses": [ANY_ADDRESS] if addresses is None else addresses,
        "default_route": default_route,
        **({"driver": driver} if driver is not None else {}),
        **({"rx_queues": rx_queues} if rx_queues is not None else {}),
    }


def _is_from_1(value: object, most: int) -> bool:
    """Whether a value is a whole number in this range. Ansible has a type of its own for those of an inventory."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most


_PARSERS = {
    "memory": _memory,
    "processors": _processors,
    "swap": _swap,
    "forwarding": _forwarding,
    "interfaces": _interfaces,
}
