# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What settings depend on beside the card, each looked at only where a setting asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic.model import Surroundings, WantedSetting
from ansible_collections.siptune.linux.plugins.module_utils._nic.settings import Setting
from ansible_collections.siptune.linux.plugins.module_utils._nic.steering import Near
from ansible_collections.siptune.linux.plugins.module_utils._nic.surroundings import (
    lower_interfaces,
    observe_surroundings,
    parse_fragments,
)
from nic_cards import CardHost, igb

FOUR = frozenset(range(4))


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_what_nobody_asks_for_is_not_looked_at(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    host.cpus("0-3", "3")
    assert observe_surroundings(host, {"txqueuelen"}, [], FOUR) == Surroundings()


def test_steering(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    host.cpus("0-3", "3")
    host.interrupts("eth0", {24: "0"})
    write(tmp_path, "sys/devices/system/cpu/nohz_full", " (null)\n")
    for node, cpus in ((0, "0-1"), (1, "2-3")):
        write(tmp_path, f"sys/devices/system/node/node{node}/cpulist", f"{cpus}\n")
    write(tmp_path, "sys/class/net/eth0/device/numa_node", "1\n")
    wanted = [WantedSetting(Link(2, "eth0", True), Setting("rps_cpus", "auto"))]
    seen = observe_surroundings(host, {"rps_cpus"}, wanted, FOUR)
    assert seen.isolated == {3}
    assert seen.near == {"eth0": Near(frozenset({2, 3}), frozenset({0}))}
    assert seen.nodes == {0: {0, 1}, 1: {2, 3}}


def test_the_rest(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    write(tmp_path, "usr/bin/ethtool", "")
    write(tmp_path, "proc/sys/net/core/rps_sock_flow_entries", "32768\n")
    seen = observe_surroundings(host, {"rps_flow_cnt", "udp_hash", "irq_cpus"}, [], FOUR)
    assert (seen.flow_table, seen.fragments, seen.ethtool) == (32768, 0, "/usr/bin/ethtool")
    assert seen.balancer is not None
    assert not seen.balancer.daemon.running


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ip: Forwarding ReasmReqds\nIp: 1 12\nUdp: InDatagrams\nUdp: 1\n", 12),
        ("Ip: Forwarding\nIp: 1\n", 0),
        ("Ip: ReasmReqds\nIp: many\n", 0),
        ("Ip: ReasmReqds\n", 0),
        ("", 0),
    ],
)
def test_fragments(text: str, expected: int) -> None:
    assert parse_fragments(text) == expected


def test_the_bottom_of_software_interfaces(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    for upper, lower in (("br0", "vlan5"), ("br0", "eth9"), ("vlan5", "bond0"), ("bond0", "eth0"), ("loop0", "loop0")):
        (tmp_path / f"sys/class/net/{upper}/lower_{lower}").mkdir(parents=True)
    found = lower_interfaces(host, ["br0", "bond0", "loop0", "none0"])
    assert found == {"br0": ["eth9", "eth0"], "bond0": ["eth0"], "loop0": ["loop0"], "none0": []}
