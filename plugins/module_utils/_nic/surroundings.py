# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the settings of cards depend on beside the card: its processors, fragments, the kernel's table of flows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from .._host.cpus import NONE
from .._host.host import Host, unless_refused
from .._host.netlink import Link
from .._host.network import SYS_CLASS_NET
from .._packets.facts import NODE_CPUS, NOHZ_FULL_CPUS, isolated_cpus, node_cpus, numa_node, read_cpus
from .._packets.interrupts import card_takers
from .model import Surroundings, WantedSetting
from .options import IRQ_CPUS, RPS_CPUS, RPS_FLOW_CNT, UDP_HASH
from .settings import AUTO, Rule
from .steering import Near

if TYPE_CHECKING:
    from .balancer import Balancer

FLOW_TABLE = "/proc/sys/net/core/rps_sock_flow_entries"
SNMP = "/proc/net/snmp"
NODES, NODE = "/sys/devices/system/node", "node"
ETHTOOL = ("/usr/sbin/ethtool", "/sbin/ethtool", "/usr/bin/ethtool")
LOWER = "lower_"  # the links of /sys/class/net/bond0 to the interfaces below it
MOST_LOWER = 8  # of one interface are named
MOST_STEPS = 3  # down: a bridge on a VLAN on a bond


def named_options(rules: Iterable[Rule]) -> set[str]:
    """The options that rules set, also those that match no interface yet."""
    return {setting.option for rule in rules for setting in rule.settings.values() if setting is not None}


def observe_surroundings(
    host: Host, options: Collection[str], wanted: Iterable[WantedSetting], online: frozenset[int]
) -> Surroundings:
    """What these options, and the settings that are wanted, depend on. Never raises."""
    isolated: frozenset[int] = frozenset()
    if RPS_CPUS in options:
        isolated = (isolated_cpus(host) or frozenset()) | (read_cpus(host, NOHZ_FULL_CPUS) or frozenset())
    automatic = [one.link for one in wanted if one.setting.option == RPS_CPUS and one.setting.value == AUTO]
    return Surroundings(
        isolated=isolated,
        near={link.name: _near(host, link, online) for link in automatic},
        nodes=_nodes(host) if RPS_CPUS in options else {},
        flow_table=_number(host.read_lenient(FLOW_TABLE)) if RPS_FLOW_CNT in options else None,
        fragments=parse_fragments(host.read_lenient(SNMP) or "") if UDP_HASH in options else 0,
        ethtool=next(filter(host.exists, ETHTOOL), "") if UDP_HASH in options else "",
        balancer=_balancer(host) if IRQ_CPUS in options else None,
    )


def _balancer(host: Host) -> Balancer:
    # Imported here: few calls set interrupts, and every run on a host compiles what it imports.
    from .bans import observe_balancer

    return observe_balancer(host)


def _near(host: Host, link: Link, online: frozenset[int]) -> Near:
    node = node_cpus(host, numa_node(host, link.name), online) or online
    return Near(node, card_takers(host, link.name))


def _nodes(host: Host) -> dict[int, frozenset[int]]:
    """The online CPUs of each NUMA node; empty where the kernel knows no nodes."""
    names = unless_refused(host.list_directory, NODES) or []
    numbers = sorted(int(name[len(NODE) :]) for name in names if re.fullmatch(rf"{NODE}[0-9]{{1,4}}", name))
    found = {number: read_cpus(host, NODE_CPUS.format(number)) for number in numbers}
    return {number: cpus for number, cpus in found.items() if cpus}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.strip().isdecimal() else None


def parse_fragments(text: str) -> int:
    """How many fragments have come in, of /proc/net/snmp: ReasmReqds of proc_pid_net(5); 0 where it does not say."""
    rows = [line.split() for line in text.splitlines() if line.startswith("Ip:")]
    if len(rows) != 2:
        return 0
    value = dict(zip(*rows)).get("ReasmReqds", NONE)
    return int(value) if value.isdecimal() else 0


def lower_interfaces(host: Host, names: Collection[str]) -> Mapping[str, list[str]]:
    """The interfaces at the bottom of each of these: the cards of a bond that a VLAN is on, the ports of a bridge."""
    return {name: _below(host, name) for name in names}


def _below(host: Host, name: str, steps: int = MOST_STEPS) -> list[str]:
    entries = unless_refused(host.list_directory, f"{SYS_CLASS_NET}/{name}") or []
    lower = sorted(entry[len(LOWER) :] for entry in entries if entry.startswith(LOWER))[:MOST_LOWER]
    return [card for one in lower for card in (_below(host, one, steps - 1) if steps else []) or [one]]
