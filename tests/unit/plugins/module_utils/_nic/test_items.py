# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic.items import NO_LONGER_WANTED, items, wanted
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.model import Verdict
from ansible_collections.siptune.linux.plugins.module_utils._nic.model import Decision, Nic, Request, Unsupported
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import OPTIONS
from ansible_collections.siptune.linux.plugins.module_utils._nic.settings import Rule, Setting
from nic_cards import NOTHING_OBSERVED

LINK = Link(2, "eth0", True, qdiscs=("mq", "fq_codel"))
RX = Decision(Nic(LINK, {}, {}), OPTIONS["rx"], Setting("rx", 512, why="Bursts."), before="256", target="512")
QUEUE = RX._replace(option=OPTIONS["txqueuelen"], setting=Setting("txqueuelen", 512))
BACK = RX._replace(setting=None, before="512", target="256")
PAUSE = RX._replace(option=OPTIONS["pause_rx"], setting=Setting("pause_rx", "off"), before="on", target="off")
FILE = ("eth0", "RxBufferSize")
ROUNDED = "requested 512; the driver set 500"
MET = RX._replace(met=True, before="512")


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        (Setting("rx", 512), "512"),
        (Setting("rx", 512, "at_least"), "at least 512"),
        (Setting("rx", "max", "at_least", 4096), "at least max (limit 4096)"),
        (Setting("rx_usecs", 50, "at_most"), "at most 50"),
        (None, None),
    ],
)
def test_wanted(setting: Setting | None, text: str | None) -> None:
    assert wanted(setting) == text


def item(decision: Decision, when: str = "both", after: str | None = None, verdict: Verdict | None = None, **more):
    request = Request("nic_ring", OPTIONS, [], when)
    verdicts = {FILE: verdict} if verdict else {}
    return items(request, NOTHING_OBSERVED, [decision], {decision.place: after} if after else {}, verdicts, **more)[0]


@pytest.mark.parametrize(
    ("decision", "after", "verdict", "state", "reason"),
    [
        pytest.param(RX._replace(write=True), "512", None, "changed", "", id="set"),
        pytest.param(RX._replace(write=True), "500", None, "changed", ROUNDED, id="rounded"),
        pytest.param(MET, None, None, "ok", "", id="met"),
        pytest.param(RX._replace(state="absent", reason="no rings"), None, None, "absent", "no rings", id="absent"),
        pytest.param(RX._replace(state="readonly", reason="/sys"), None, None, "readonly", "/sys", id="read-only"),
        pytest.param(
            RX._replace(state="pending", reason="needs disruptive", boot_value="512"),
            None,
            Verdict("changed", "512", ""),
            "pending",
            "needs disruptive; takes effect at the next boot",
            id="pending, and persisted",
        ),
        pytest.param(
            RX._replace(write=True), "512", Verdict("shadowed", "9", "a file"), "shadowed", "a file", id="shadowed"
        ),
        pytest.param(
            RX._replace(write=True),
            "512",
            Verdict("pending", None, "no systemd"),
            "pending",
            "no systemd; in force until the next boot",
            id="cannot be persisted",
        ),
        pytest.param(MET, None, Verdict("changed", "512", ""), "changed", "", id="file"),
        pytest.param(BACK._replace(write=True), "256", None, "changed", "", id="back"),
        pytest.param(
            BACK._replace(state="pending", reason="flaps"),
            None,
            None,
            "pending",
            "flaps; the original value returns with the next boot",
            id="back later",
        ),
        pytest.param(
            PAUSE._replace(write=True, negotiated=True),
            "on",
            None,
            "ok",
            "requested off; the result is negotiated with the link partner",
            id="negotiated",
        ),
    ],
)
def test_states(decision: Decision, after: str | None, verdict: Verdict | None, state: str, reason: str) -> None:
    change = item(decision, after=after, verdict=verdict)
    assert (change.state, change.reason) == (state, reason)
    assert change.why == (decision.setting.why if decision.setting else NO_LONGER_WANTED)


def test_now_only_is_not_persisted() -> None:
    change = item(RX._replace(state="pending", reason="flaps"), when="now")
    assert change.reason == "flaps; not persisted for the next boots (when: now)"


def test_an_option_that_the_driver_turns_out_not_to_support() -> None:
    change = item(RX._replace(write=True), unsupported={RX.place: Unsupported("absent", "the driver cannot change it")})
    assert (change.state, change.reason, change.after) == ("absent", "the driver cannot change it", "256")


@pytest.mark.parametrize(
    ("qdiscs", "remark"),
    [(("mq", "fq_codel"), "eth0 has mq, fq_codel"), (("noqueue",), "eth0 has none"), (("pfifo_fast",), ""), ((), "")],
)
def test_a_queue_length_without_effect(qdiscs: tuple[str, ...], remark: str) -> None:
    nic = Nic(LINK._replace(qdiscs=qdiscs), {}, {})
    change = item(QUEUE._replace(nic=nic, write=True), after="512")
    assert change.reason.endswith(remark)
    assert bool(change.reason) == bool(remark)


def test_rules_that_match_no_interface_are_absent() -> None:
    rule = Rule("wlan*", {"rx": Setting("rx", 512, why="Bursts."), "tx": None})
    (change,) = items(Request("nic_ring", OPTIONS, []), NOTHING_OBSERVED._replace(unmatched=[rule]), [], {}, {})
    assert (change.item, change.wanted, change.state) == ("wlan* rx", "512", "absent")
    assert (change.why, change.reason) == ("Bursts.", "no hardware interface matches")
