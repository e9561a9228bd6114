# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our file of udev rules: what queues get when an interface is added, where no .link file has a word for it. Pure.

An interface of today has lines of its own, found by its address or its slot. A glob or a driver has lines for the
interfaces that appear later. Source: udev(7); a rule that sets an attribute writes it at once, so the last one wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from .._engine.conf_files import comment_lines
from .._host.cpus import NONE, cpu_list
from .link_files.match import Device
from .options import RPS_CPUS, RPS_FLOW_CNT, UDP_HASH
from .parts import QUEUE_FILES, cpus_of, value_of
from .settings import ALL, AUTO, DRIVER_PREFIX, EVERY, Rule, Setting
from .target import SENDING_HASH_ONLY, table_size

HEADING = "# Managed by Ansible (siptune.linux.nic_link). Edits made here are lost with the next run.\n"
HELD = "#-- "  # begins the line that says what follows: an interface, an option and its value
MOST_QUEUES = 64  # of an interface that is not there yet
END = 'GOTO="siptune_end"'
CARD = 'DRIVERS=="?*"'  # a parent with a driver, which VLANs, bonds and bridges have not
NAME = ".SIPTUNE_NAME"  # the dot keeps it out of udev's database

_HEAD = f"""{HEADING}# udev goes through this when it adds an interface: at each boot, and when a card is plugged in.
ACTION!="add", {END}
SUBSYSTEM!="net", {END}
ENV{{{NAME}}}="$name"
"""
_HELD = re.compile(rf"^{HELD}(\S+) ([a-z_]+)=(.*)$", re.MULTILINE)
_GLOB = re.compile(r"[A-Za-z0-9_.*?\[\]!-]+")  # nothing that ends a text or means something else in a rule
_PLAIN = re.compile(r"[A-Za-z0-9_.:@,+-]+")


class Own(NamedTuple):
    """What an interface gets. `parts` are its queues, or the kinds of packets that are hashed."""

    interface: str
    option: str
    value: str
    parts: Sequence[str]
    why: str


class Machine(NamedTuple):
    """What lines for later interfaces depend on: the CPUs online, the isolated ones, and those of each NUMA node.

    `ethtool` is the path of that program, empty without one.
    """

    online: frozenset[int]
    isolated: frozenset[int] = frozenset()
    nodes: Mapping[int, frozenset[int]] = {}
    ethtool: str = ""


def held_values(text: str) -> dict[tuple[str, str], str]:
    """What a text of ours gives each interface, by its name and option."""
    return {(name, option): value for name, option, value in _HELD.findall(text)}


def match_alone(device: Device, cards: Iterable[Device]) -> str | None:
    """The keys of a rule that match this device when it is added, and no other one; None without such.

    `cards` are all that are hardware. A card is found by its address or its slot, with its driver where these are not
    enough: a virtual function has the address of its synthetic twin.
    """
    if device.virtual:
        return f'KERNEL=="{device.name}"' if device.original_name == device.name and _is_plain(device.name) else None
    address = device.mac or "" if device.permanent_mac in ("", device.mac) else ""  # a bond gives its cards one address
    traits = [("ATTR{address}", address), ("ENV{ID_PATH}", device.path or "")]
    found = [(key, value) for key, value in traits if _is_plain(value)]
    driver = [("ENV{ID_NET_DRIVER}", device.driver or "")] if _is_plain(device.driver or "") else []
    others = [other for other in cards if other.ifindex != device.ifindex]
    for keys in (*([one] for one in found), *([one, *driver] for one in found), [*found, *driver]):
        if found and not any(all(_has(other, key, value) for key, value in keys) for other in others):
            return ", ".join([*(f'{key}=="{value}"' for key, value in keys), CARD])
    return None


def _has(device: Device, key: str, value: str) -> bool:
    """Whether a device has, or may have, this value."""
    if key == "ATTR{address}":
        return value in (device.mac, device.permanent_mac)
    return (device.path if key == "ENV{ID_PATH}" else device.driver) in (value, None)


def _is_plain(value: str) -> bool:
    return _PLAIN.fullmatch(value) is not None


def render(
    own: Sequence[Own], matches: Mapping[str, str], known: Sequence[str], rules: Iterable[Rule], machine: Machine
) -> str | None:
    """The text of the file; None where it would say nothing.

    `matches` are the keys of `match_alone` by interface, `known` the interfaces that globs and drivers do not concern
    any more, and `rules` those of the call.
    """
    later = [line for rule in sorted(rules, key=lambda rule: -rule.rank) for line in _later(rule, machine)]
    names = [*dict.fromkeys(one.interface for one in own), *(known if later else ())]
    if not own and not later:
        return None
    lines = []
    for name in dict.fromkeys(name for name in names if name in matches):
        lines.append("")
        for one in own:
            if one.interface == name:
                lines += [f"{HELD}{name} {one.option}={one.value}", *comment_lines(one.why)]
                lines += _assignments(one, matches[name], machine.ethtool)
        lines.append(f"{matches[name]}, {END}")
    if later:
        lines += ["", "# --- interfaces that appear later ---", *later]
    return _HEAD + "\n".join([*lines, "", 'LABEL="siptune_end"']) + "\n"


def _assignments(own: Own, match: str, ethtool: str) -> Iterator[str]:
    for part in own.parts:
        value = value_of(own.value, part)
        if value is None:
            continue
        if own.option == UDP_HASH:
            yield f"{match}, {_hash(ethtool, part, value)}"
        else:
            yield _queue_line(match, own.option, part, value)


def _queue_line(match: str, option: str, queue: str, value: str) -> str:
    file = QUEUE_FILES[option]
    path = f"queues/{queue}/{file.file}"
    return f'{match}, TEST=="{path}", ATTR{{{path}}}="{file.content(value)}"'


def _hash(ethtool: str, flow: str, letters: str) -> str:
    return f'RUN+="{ethtool} -N $name rx-flow-hash {flow} {letters}"'


# --- interfaces that appear later -----------------------------------------------------------


def _later(rule: Rule, machine: Machine) -> Iterator[str]:
    match = _later_match(rule)
    if match is None:
        return
    for option, setting in rule.settings.items():
        lines = list(_later_lines(match, option, setting, machine)) if setting is not None else []
        if lines and setting is not None:
            yield from ("", f"# {rule.pattern} {option}: {setting.value}", *comment_lines(setting.why), *lines)


def _later_match(rule: Rule) -> str | None:
    """The keys of a rule that match as a glob or a driver does; None for a name, and for what a rule cannot say."""
    if rule.is_name:
        return None
    if rule.pattern == EVERY:
        return CARD
    driver = rule.pattern.startswith(DRIVER_PREFIX)
    glob = rule.pattern[len(DRIVER_PREFIX) :] if driver else rule.pattern
    key = "ID_NET_DRIVER" if driver else NAME
    return f'ENV{{{key}}}=="{glob}", {CARD}' if _GLOB.fullmatch(glob) else None


def _later_lines(match: str, option: str, setting: Setting, machine: Machine) -> Iterator[str]:
    if option == UDP_HASH and machine.ethtool:
        guards = [match, *(f'ENV{{ID_NET_DRIVER}}!="{driver}"' for driver in SENDING_HASH_ONLY)]
        for flow in ("udp4", "udp6"):
            yield f"{', '.join(guards)}, {_hash(machine.ethtool, flow, str(setting.value))}"
    if option not in QUEUE_FILES:
        return
    queues = range(min(len(machine.online), MOST_QUEUES))
    if option == RPS_CPUS and setting.value == AUTO:
        yield from _automatic(match, machine)
        return
    value = _later_value(option, setting, machine)
    for queue in queues if value is not None else ():
        yield _queue_line(match, option, f"{QUEUE_FILES[option].queue}-{queue}", value or NONE)


def _later_value(option: str, setting: Setting, machine: Machine) -> str | None:
    """What each queue gets; None where that depends on how many queues there are."""
    if option == RPS_FLOW_CNT:
        return str(table_size(int(str(setting.value))))
    if setting.value == AUTO:
        return None
    cpus = machine.online if setting.value == ALL else cpus_of(str(setting.value))
    return cpu_list(cpus - machine.isolated if option == RPS_CPUS else cpus)


def _automatic(match: str, machine: Machine) -> Iterator[str]:
    """Steering where there are fewer queues than CPUs, to those of the card's node; of its interrupts nothing is known.

    A card of no node, as on machines that have but one, has -1 there.
    """
    fewer = f'{match}, TEST!="queues/rx-{len(machine.online) - 1}"'
    nodes = machine.nodes if len(machine.nodes) > 1 else {}
    places = [(fewer, machine.online)]
    places += [(f'{fewer}, ATTRS{{numa_node}}=="{node}"', cpus) for node, cpus in nodes.items()]
    for keys, near in places:
        cpus = (near & machine.online) - machine.isolated
        for queue in range(min(len(machine.online) - 1, MOST_QUEUES)) if cpus else ():
            yield _queue_line(keys, RPS_CPUS, f"rx-{queue}", cpu_list(cpus))
