# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of udev rules as text: whose lines there are, and what they match."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.match import Device
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import LINK_OPTIONS
from ansible_collections.siptune.linux.plugins.module_utils._nic.settings import parse_rules
from ansible_collections.siptune.linux.plugins.module_utils._nic.udev_rules import (
    HEADING,
    Machine,
    Own,
    held_values,
    match_alone,
    render,
)

ETH0 = Device(
    "eth0", 2, "52:54:00:00:00:01", "52:54:00:00:00:01", "pci-0000:00:04.0", "igb", "ether", "", None, False, {}
)
TWIN = ETH0._replace(name="eth1", ifindex=3, path="pci-0000:00:05.0", driver="mlx5_core")
VLAN = ETH0._replace(name="eth0.5", ifindex=4, virtual=True, original_name="eth0.5", path="")
FOUR = Machine(frozenset(range(4)))
ADDRESS = 'ATTR{address}=="52:54:00:00:00:01"'
CARD = 'DRIVERS=="?*"'


@pytest.mark.parametrize(
    ("device", "others", "expected"),
    [
        pytest.param(ETH0, [VLAN], f"{ADDRESS}, {CARD}", id="a VLAN has its address, and no driver"),
        pytest.param(ETH0, [TWIN], f'ENV{{ID_PATH}}=="pci-0000:00:04.0", {CARD}', id="another card has its address"),
        pytest.param(
            ETH0._replace(path=None),
            [TWIN],
            f'{ADDRESS}, ENV{{ID_NET_DRIVER}}=="igb", {CARD}',
            id="the slot is unknown",
        ),
        pytest.param(
            ETH0._replace(mac="52:54:00:00:00:09"), [], f'ENV{{ID_PATH}}=="pci-0000:00:04.0", {CARD}', id="in a bond"
        ),
        pytest.param(ETH0._replace(path="", driver=None), [TWIN._replace(path="")], None, id="nothing of its own"),
        pytest.param(ETH0._replace(mac="", permanent_mac="", path='a"b'), [], None, id="no text for a rule"),
        pytest.param(VLAN._replace(name="veth0", original_name="veth0"), [ETH0], 'KERNEL=="veth0"', id="software"),
        pytest.param(VLAN._replace(original_name=None), [ETH0], None, id="software that was renamed"),
    ],
)
def test_matches(device: Device, others: list[Device], expected: str | None) -> None:
    assert match_alone(device, [card for card in (device, *others) if not card.virtual]) == expected


def text_of(rules: dict[str, Any], *own: Own, machine: Machine = FOUR, known: tuple[str, ...] = ("eth0",)) -> str:
    matches = {"eth0": f"{ADDRESS}, {CARD}"}
    return render(own, matches, known, parse_rules(rules, LINK_OPTIONS), machine) or ""


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_an_interface_of_today() -> None:
    own = Own("eth0", "rps_cpus", "rx-0=1 rx-1=none", ("rx-0", "rx-1"), "Because.")
    text = text_of({"eth0": {"rps_cpus": "1"}}, own)
    assert text.startswith(HEADING)
    assert "#-- eth0 rps_cpus=rx-0=1 rx-1=none\n# Because.\n" in text
    assert lines_of(text)[3:] == [
        f'{ADDRESS}, {CARD}, TEST=="queues/rx-0/rps_cpus", ATTR{{queues/rx-0/rps_cpus}}="00000002"',
        f'{ADDRESS}, {CARD}, TEST=="queues/rx-1/rps_cpus", ATTR{{queues/rx-1/rps_cpus}}="00000000"',
        f'{ADDRESS}, {CARD}, GOTO="siptune_end"',
        'LABEL="siptune_end"',
    ]
    assert held_values(text) == {("eth0", "rps_cpus"): "rx-0=1 rx-1=none"}


def test_nothing_to_say() -> None:
    assert (
        render([], {}, ["eth0"], parse_rules({"eth0": {"rps_cpus": 1}, "*": {"rx_usecs": 5}}, LINK_OPTIONS), FOUR)
        is None
    )


def test_steering_of_later_interfaces_by_their_queues() -> None:
    lines = lines_of(text_of({"*": {"rps_cpus": "auto"}}, machine=FOUR._replace(isolated=frozenset({3}))))
    assert lines[3] == f'{ADDRESS}, {CARD}, GOTO="siptune_end"'  # what is there today has been decided
    fewer = f'{CARD}, TEST!="queues/rx-3"'
    assert lines[4:-1] == [
        f'{fewer}, TEST=="queues/rx-{queue}/rps_cpus", ATTR{{queues/rx-{queue}/rps_cpus}}="00000007"'
        for queue in range(3)
    ]


def test_steering_of_later_interfaces_by_their_nodes() -> None:
    machine = FOUR._replace(nodes={0: frozenset({0, 1}), 1: frozenset({2, 3})}, isolated=frozenset({2, 3}))
    lines = lines_of(text_of({"*": {"rps_cpus": "auto"}}, machine=machine))[4:-1]
    assert [line.count("numa_node") for line in lines] == [0, 0, 0, 1, 1, 1]  # the second node has isolated ones only
    assert all('ATTRS{numa_node}=="0"' in line and line.endswith('="00000003"') for line in lines[3:])


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("driver:virtio_net", f'ENV{{ID_NET_DRIVER}}=="virtio_net", {CARD}'),
        ("enp*", f'ENV{{.SIPTUNE_NAME}}=="enp*", {CARD}'),
        ("*", CARD),
        ('e"*', None),
        ("e|*", None),
    ],
)
def test_patterns_of_later_interfaces(pattern: str, expected: str | None) -> None:
    text = text_of({pattern: {"rps_flow_cnt": 3000}})
    lines = lines_of(text)[4:-1]
    if expected is None:
        assert text == ""
    else:
        assert [line.startswith(f"{expected}, TEST==") for line in lines] == [True] * 4
        ends = [f'ATTR{{queues/rx-{place}/rps_flow_cnt}}="4096"' for place in range(4)]
        assert [line.endswith(end) for line, end in zip(lines, ends)] == [True] * 4


def test_the_narrower_rule_comes_last_and_wins() -> None:
    text = text_of({"driver:igb": {"rps_cpus": "1"}, "*": {"rps_cpus": "all"}, "eth9": {"rps_cpus": "0"}})
    assert text.index("# * rps_cpus: all") < text.index("# driver:igb rps_cpus: 1")
    assert "eth9" not in text


def test_hashes_are_set_by_ethtool_and_never_of_netvsc() -> None:
    machine = FOUR._replace(ethtool="/usr/sbin/ethtool")
    own = Own("eth0", "udp_hash", "sdfn", ("udp4",), "")
    lines = lines_of(text_of({"*": {"udp_hash": "sdfn"}}, own, machine=machine))[3:-1]
    run = 'RUN+="/usr/sbin/ethtool -N $name rx-flow-hash udp4 sdfn"'
    assert lines[0] == f"{ADDRESS}, {CARD}, {run}"
    assert lines[2] == f'{CARD}, ENV{{ID_NET_DRIVER}}!="hv_netvsc", {run}'
    assert text_of({"*": {"udp_hash": "sdfn"}}) == ""  # without the program


def test_what_depends_on_the_number_of_queues_is_left_to_the_next_run() -> None:
    assert text_of({"*": {"xps_cpus": "auto"}}) == ""
    assert len(lines_of(text_of({"*": {"xps_cpus": "0-1"}}))) == 3 + 1 + 4 + 1
