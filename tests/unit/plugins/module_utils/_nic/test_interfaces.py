# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import LinkOriginal
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic.interfaces import assign_records, resolve
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import OPTIONS, NicError
from ansible_collections.siptune.linux.plugins.module_utils._nic.settings import parse_rules

LINKS = {
    link.name: link
    for link in (
        Link(1, "lo", True, kind="loopback"),
        Link(2, "eth0", True, permanent_mac="52:54:00:00:00:01", driver="igb"),
        Link(3, "eth1", True, permanent_mac="52:54:00:00:00:02", driver="ixgbe"),
        Link(4, "eth0.100", True, kind="vlan"),
        Link(5, "sip0", True, kind="veth"),
        Link(6, "lan1", True, kind="dsa", on_bus=True),
        Link(7, "eth\udce9", True, permanent_mac="52:54:00:00:00:03", driver="igb"),  # no file can be named after it
    )
}


def resolved(rules: dict[str, Any]) -> dict[str, Any]:
    wanted, unmatched = resolve(parse_rules(rules, OPTIONS), LINKS)
    found = {f"{one.link.name} {one.setting.option}": one.setting.value for one in wanted}
    return {**found, **{rule.pattern: "unmatched" for rule in unmatched}}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param({"eth0": {"rx": 1}}, {"eth0 rx": 1}, id="a name"),
        pytest.param({"sip0": {"rx": 1}}, {"sip0 rx": 1}, id="an end of a virtual pair"),
        pytest.param({"lan1": {"rx": 1}}, {"lan1 rx": 1}, id="a port of a switch chip"),
        pytest.param({"*": {"rx": 1}}, {"eth0 rx": 1, "eth1 rx": 1, "lan1 rx": 1}, id="hardware only"),
        pytest.param({"driver:i*": {"rx": 1}}, {"eth0 rx": 1, "eth1 rx": 1}, id="drivers"),
        pytest.param({"wlan*": {"rx": 1}, "driver:x": {}}, {"wlan*": "unmatched", "driver:x": "unmatched"}, id="none"),
        pytest.param(
            {"*": {"rx": 1, "tx": 1}, "eth*": {"rx": 2}, "eth0": {"rx": 3}},
            {"eth0 rx": 3, "eth0 tx": 1, "eth1 rx": 2, "eth1 tx": 1, "lan1 rx": 1, "lan1 tx": 1},
            id="ranks, option by option",
        ),
        pytest.param({"eth*": {"rx": 1}, "eth0": {"rx": None}}, {"eth1 rx": 1}, id="left alone"),
        pytest.param(
            {"eth*": {"rx": 1}, "driver:igb": {"rx": {"value": 1, "why": "x"}}},
            {"eth0 rx": 1, "eth1 rx": 1},
            id="two that agree",
        ),
    ],
)
def test_rules(rules: dict[str, Any], expected: dict[str, Any]) -> None:
    assert resolved(rules) == expected


@pytest.mark.parametrize(
    ("rules", "item", "reason"),
    [
        ({"eth9": {"rx": 1}}, "eth9", "no such interface; available: eth0, eth1, eth\udce9, lan1"),
        ({"eth0.100": {"rx": 1}}, "eth0.100", "is a software interface (vlan); name the hardware below it"),
        ({"lo": {"rx": 1}}, "lo", "is a software interface (loopback); name the hardware below it"),
        (
            {"eth*": {"rx": 1}, "driver:igb": {"rx": 2}},
            "eth0 rx",
            "eth* and driver:igb set it differently; set it for eth0 itself to decide",
        ),
    ],
)
def test_errors(rules: dict[str, Any], item: str, reason: str) -> None:
    with pytest.raises(NicError) as caught:
        resolved(rules)
    assert (caught.value.item, caught.value.reason) == (item, reason)


RX, TX = LinkOriginal("256", "512", "512"), LinkOriginal("256", "1024", None, "boot")


def assigned(recorded: dict[str, dict[str, LinkOriginal]], *links: Link) -> tuple[object, ...]:
    return assign_records(recorded, links, ("rx", "tx"))


def test_records_of_present_interfaces() -> None:
    recorded = {"eth0 52:54:00:00:00:01": {"rx": RX, "txqueuelen": TX}, "sip0": {"tx": TX}, "other": {"rps_cpus": TX}}
    keys = {"eth0": "eth0 52:54:00:00:00:01", "sip0": "sip0"}
    assert assigned(recorded, *LINKS.values()) == ({"eth0": {"rx": RX}, "sip0": {"tx": TX}}, keys, [])


def test_a_renamed_card_is_found_by_its_address_unless_two_have_it() -> None:
    recorded = {"eth0 52:54:00:00:00:01": {"rx": RX}}
    renamed = LINKS["eth0"]._replace(name="lan0")
    assert assigned(recorded, renamed) == ({"lan0": {"rx": RX}}, {"lan0": "eth0 52:54:00:00:00:01"}, [])
    assert assigned(recorded, renamed, renamed._replace(name="lan1")) == ({}, {}, ["eth0 52:54:00:00:00:01"])


def test_another_card_under_the_old_name_is_not_the_recorded_one() -> None:
    other = LINKS["eth0"]._replace(permanent_mac="52:54:00:00:00:ff")
    assert assigned({"eth0 52:54:00:00:00:01": {"rx": RX}}, other) == ({}, {}, ["eth0 52:54:00:00:00:01"])


def test_a_software_interface_that_is_gone_is_not_taken_for_another() -> None:
    assert assigned({"sip9": {"rx": RX}}, *LINKS.values()) == ({}, {}, ["sip9"])
