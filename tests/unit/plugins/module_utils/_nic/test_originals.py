# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import LinkOriginal
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic.model import Decision, Nic
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import OPTIONS
from ansible_collections.siptune.linux.plugins.module_utils._nic.originals import UNDER_WAY, finalize, record
from ansible_collections.siptune.linux.plugins.module_utils._nic.settings import Setting
from nic_cards import NOTHING_OBSERVED

LINK = Link(2, "eth0", True, permanent_mac="52:54:00:00:00:01")
KEY = "eth0 52:54:00:00:00:01"
WANTED = Decision(Nic(LINK, {}, {}), OPTIONS["rx"], Setting("rx", 512), before="256", target="512")
BACK = WANTED._replace(setting=None, before="512", target="256", record=LinkOriginal("256", "512", "512"))
PLACE = ("eth0", "rx")


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        pytest.param(WANTED._replace(write=True), LinkOriginal("256", "512", None, UNDER_WAY), id="set now"),
        pytest.param(WANTED._replace(boot_value="512"), LinkOriginal("256", "512", None, "boot"), id="pending"),
        pytest.param(WANTED._replace(met=True, boot_value="512"), None, id="met"),
        pytest.param(WANTED, None, id="nothing is done"),
        pytest.param(
            WANTED._replace(write=True, target="1024", record=LinkOriginal("128", "512", "512")),
            LinkOriginal("128", "1024", "512", UNDER_WAY),
            id="set again",
        ),
        pytest.param(BACK._replace(write=True), None, id="back"),
    ],
)
def test_recorded(decision: Decision, expected: LinkOriginal | None) -> None:
    assert record([decision], NOTHING_OBSERVED) == ({} if expected is None else {KEY: {"rx": expected}})


def test_a_pending_value_keeps_the_boot_it_waits_for() -> None:
    waiting = LinkOriginal("256", "512", None, "earlier")
    originals = NOTHING_OBSERVED.originals._replace(links={KEY: {"rx": waiting}})
    observed = NOTHING_OBSERVED._replace(originals=originals)
    assert record([WANTED._replace(boot_value="512", record=waiting)], observed) == {KEY: {"rx": waiting}}


def test_a_renamed_interface_gets_its_new_key() -> None:
    mine, other = LinkOriginal("256", "512", "512"), LinkOriginal("1", "2", "2")
    originals = NOTHING_OBSERVED.originals._replace(links={"old0": {"rx": mine, "txqueuelen": other}})
    observed = NOTHING_OBSERVED._replace(
        originals=originals, links={"eth0": LINK}, keys={"eth0": "old0"}, recorded={"eth0": {"rx": mine}}
    )
    assert record([], observed) == {KEY: {"rx": mine}, "old0": {"txqueuelen": other}}


SET = LinkOriginal("256", "512", None, UNDER_WAY)
DONE = SET._replace(left="508", boot=None)


@pytest.mark.parametrize(
    ("decision", "recorded", "after", "unsupported", "expected"),
    [
        pytest.param(WANTED._replace(write=True), SET, {PLACE: "508"}, [], DONE, id="set"),
        pytest.param(WANTED._replace(boot_value="512"), SET, {}, [], SET, id="pending"),
        pytest.param(WANTED._replace(met=True), SET, {}, [], DONE._replace(left="256"), id="met after a boot"),
        pytest.param(WANTED._replace(write=True), SET, {}, [PLACE], None, id="unsupported"),
        pytest.param(
            WANTED._replace(write=True, record=BACK.record), SET, {}, [PLACE], BACK.record, id="unsupported now"
        ),
        pytest.param(WANTED._replace(floor=True, met=True), SET, {}, [], None, id="a floor that is met without us"),
        pytest.param(BACK._replace(write=True), BACK.record, {PLACE: "256"}, [], None, id="back"),
        pytest.param(BACK, BACK.record, {}, [], BACK.record, id="back later"),
    ],
)
def test_finalized(decision: Decision, recorded, after, unsupported, expected: LinkOriginal | None) -> None:
    links = finalize({KEY: {"rx": recorded}}, [decision], after, frozenset(unsupported), NOTHING_OBSERVED)
    assert links == ({} if expected is None else {KEY: {"rx": expected}})


def test_options_of_an_interface_that_is_gone_are_forgotten_but_not_the_other_modules() -> None:
    observed = NOTHING_OBSERVED._replace(gone=[KEY], known=frozenset({"rx"}))
    other = LinkOriginal("1000", "2000", "2000")
    assert finalize({KEY: {"rx": SET, "txqueuelen": other}}, [], {}, frozenset(), observed) == {
        KEY: {"txqueuelen": other}
    }
