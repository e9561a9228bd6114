# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions on single options, by tables. Whole runs are in test_rings.py and test_links.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import LinkOriginal
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic.interfaces import resolve
from ansible_collections.siptune.linux.plugins.module_utils._nic.model import (
    Decision,
    Nic,
    Observed,
    Plan,
    Reading,
    Request,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import OPTIONS, RING_OPTIONS
from ansible_collections.siptune.linux.plugins.module_utils._nic.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._nic.settings import parse_rules
from nic_cards import NOTHING_OBSERVED

LINK = Link(2, "eth0", True, permanent_mac="52:54:00:00:00:01", driver="igb")
RINGS = {"rx": Reading("256", 4096), "tx": Reading("256", 4096)}
OURS = LinkOriginal("256", "512", "512")
FLOOR = {"value": 512, "rule": "at_least"}


def observed(nic: Nic, recorded: Mapping[str, LinkOriginal], rules: dict[str, Any]) -> Observed:
    wanted, unmatched = resolve(parse_rules(rules, OPTIONS), {"eth0": LINK})
    key = "eth0 52:54:00:00:00:01"
    return NOTHING_OBSERVED._replace(
        links={"eth0": LINK},
        nics={"eth0": nic},
        wanted=wanted,
        unmatched=unmatched,
        originals=NOTHING_OBSERVED.originals._replace(links={key: dict(recorded)} if recorded else {}),
        recorded={"eth0": dict(recorded)} if recorded else {},
        keys={"eth0": key} if recorded else {},
        known=frozenset(OPTIONS),
    )


def planned(
    options: dict[str, Any], now: str = "256", recorded: LinkOriginal | None = None, disruptive: bool = True
) -> Plan:
    nic = Nic(LINK, {"rx": Reading(now, 4096)}, {})
    request = Request("nic_ring", RING_OPTIONS, [], "both", disruptive)
    return plan(request, observed(nic, {"rx": recorded} if recorded else {}, {"eth0": options}))


def decided(options: dict[str, Any], **more: Any) -> Decision:
    (decision,) = planned(options, **more).decisions
    return decision


@pytest.mark.parametrize(
    ("content", "now", "recorded", "expected"),
    [
        pytest.param(512, "256", None, {"target": "512", "write": True, "boot_value": "512"}, id="exact"),
        pytest.param(512, "512", None, {"met": True, "boot_value": "512"}, id="exact, and met"),
        pytest.param(FLOOR, "1024", None, {"met": True, "state": "kept", "boot_value": None}, id="met without us"),
        pytest.param(FLOOR, "256", None, {"write": True, "boot_value": "512"}, id="floor not met"),
        pytest.param(FLOOR, "512", OURS, {"met": True, "state": None, "boot_value": "512"}, id="floor met by us"),
        pytest.param(
            {"value": 100, "rule": "at_least"},
            "512",
            OURS,
            {"target": "256", "write": True, "boot_value": None},
            id="the floor falls",
        ),
        pytest.param(
            {"value": 2048, "rule": "at_most"}, "1024", OURS, {"target": "1024", "state": "kept"}, id="somebody else's"
        ),
    ],
)
def test_wanted(content: object, now: str, recorded: LinkOriginal | None, expected: dict[str, Any]) -> None:
    decision = decided({"rx": content}, now=now, recorded=recorded)
    assert {name: getattr(decision, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("now", "recorded", "expected"),
    [
        pytest.param("512", OURS, {"target": "256", "write": True, "state": None}, id="ours"),
        pytest.param("256", OURS, {"met": True, "state": "ok"}, id="back already"),
        pytest.param("900", OURS, {"met": True, "state": "kept"}, id="somebody else's"),
    ],
)
def test_back(now: str, recorded: LinkOriginal, expected: dict[str, Any]) -> None:
    decision = decided({}, now=now, recorded=recorded)
    assert decision.setting is None
    assert {name: getattr(decision, name) for name in expected} == expected


def test_a_flap_without_permission_is_pending_and_persisted() -> None:
    decision = decided({"rx": 512}, disruptive=False)
    assert (decision.state, decision.write, decision.boot_value) == ("pending", False, "512")
    waiting = planned({"rx": 512}, disruptive=False)
    assert (waiting.writes, waiting.changed, waiting.warnings) == ([], False, [])


@pytest.mark.parametrize("unresponsive", [False, True])
def test_an_option_that_is_missing(unresponsive: bool) -> None:
    nic = Nic(LINK, {}, {"rx": "no rings"}, unresponsive=frozenset({"rx"} if unresponsive else ()))
    request = Request("nic_ring", RING_OPTIONS, [])
    (wanted,) = plan(request, observed(nic, {"rx": OURS}, {"eth0": {"rx": 512}})).decisions
    assert (wanted.state, wanted.reason) == ("absent", "no rings")
    assert wanted.boot_value == ("512" if unresponsive else None)  # stays persisted while the driver does not answer
    (back,) = plan(request, observed(nic, {"rx": OURS}, {})).decisions
    assert (back.state, back.met) == ("absent", not unresponsive)


def test_read_only() -> None:
    nic = Nic(LINK, {"rps_cpus": Reading("none")}, {}, {"rps_cpus": "/sys is read-only"})
    request = Request("nic_link", OPTIONS, [])
    (decision,) = plan(request, observed(nic, {}, {"eth0": {"rps_cpus": "0"}})).decisions
    assert (decision.state, decision.reason, decision.write) == ("readonly", "/sys is read-only", False)


def test_a_group_is_written_at_once_and_groups_in_their_order() -> None:
    readings = {**RINGS, "txqueuelen": Reading("1000"), "pause_rx": Reading("on")}
    request = Request("nic_link", OPTIONS, [], "both", disruptive=True)
    rules = {"eth0": {"txqueuelen": 2000, "pause_rx": False, "tx": 512, "rx": 512}}
    writes = plan(request, observed(Nic(LINK, readings, {}), {}, rules)).writes
    assert [[(option.name, value) for option, value in write.values.items()] for write in writes] == [
        [("tx", "512"), ("rx", "512")],
        [("pause_rx", "off")],
        [("txqueuelen", "2000")],
    ]
    assert [list(write.before.values()) for write in writes] == [["256", "256"], ["on"], ["1000"]]


@pytest.mark.parametrize(
    ("rules", "recorded", "reading", "negotiated"),
    [
        pytest.param({}, {}, "on", True, id="as it is"),
        pytest.param({}, {}, "off", False, id="off"),
        pytest.param({"pause_autoneg": True}, {}, "off", True, id="will be"),
        pytest.param({"pause_autoneg": False}, {}, "on", False, id="will not be"),
        pytest.param({}, {"pause_autoneg": LinkOriginal("on", "off", "off")}, "off", True, id="goes back to on"),
    ],
)
def test_negotiation(rules: dict[str, Any], recorded, reading: str, negotiated: bool) -> None:
    nic = Nic(LINK, {"pause_rx": Reading("on"), "pause_autoneg": Reading(reading)}, {})
    seen = observed(nic, recorded, {"eth0": {"pause_rx": False, **rules}})
    decisions = plan(Request("nic_link", OPTIONS, []), seen).decisions
    (decision,) = [one for one in decisions if one.option.name == "pause_rx"]
    assert decision.negotiated == negotiated
