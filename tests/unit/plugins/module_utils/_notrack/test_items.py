# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._notrack.items import (
    Moved,
    impossible_items,
    reverted_items,
    shown,
    wanted_items,
    warnings_of,
)
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ports import NONE_EXEMPT
from notrack_hosts import BOTH_EXEMPT, EXEMPT, PORTS, SHOWN, TCP_PORTS, TCP_SHOWN, observed, ours

UDP_ITEM, TCP_ITEM = "untracked UDP ports", "untracked TCP ports"
NOTHING = Moved(NONE_EXEMPT, NONE_EXEMPT)


def test_ports_are_shown_as_a_person_writes_them() -> None:
    assert (shown(PORTS), shown(())) == (SHOWN, "none")


@pytest.mark.parametrize(
    ("host", "state"),
    [
        ({}, None),
        ({"program": ""}, "absent"),
        ({"program": "", "not_own": "this container shares the network of its machine"}, "readonly"),
        ({"boot_only": True, "opaque": "left to a run on the booted host"}, "pending"),
        ({"opaque": "there are tables of iptables-legacy"}, None),
    ],
)
def test_hosts_that_cannot_have_it(host: dict, state: str | None) -> None:
    items = impossible_items(BOTH_EXEMPT, observed(**host), NONE_EXEMPT, NONE_EXEMPT)
    assert [item.state for item in items] == ([state, state] if state else [])
    assert all(item.reason and (item.before, item.after) == ("none", "none") for item in items)


@pytest.mark.parametrize(
    ("host", "state", "at_boot"),
    [
        ({}, "ok", SHOWN),
        ({"systemd": False}, "pending", "none"),
        ({"drop_ins": ("/run/systemd/system/siptune-notrack.service.d/x.conf",)}, "shadowed", None),
    ],
)
def test_hosts_that_have_it(host: dict, state: str, at_boot: str | None) -> None:
    same, boot = Moved(EXEMPT, EXEMPT), Moved(EXEMPT if state == "ok" else NONE_EXEMPT, EXEMPT)
    (item,) = wanted_items(EXEMPT, observed(**host), same, boot, False, "")
    assert (item.state, item.after, item.at_boot) == (state, SHOWN, at_boot)


def test_nothing_is_said_where_nothing_was() -> None:
    assert reverted_items(observed(), NOTHING, NOTHING, "", "") == []


def test_each_protocol_has_its_own_state() -> None:
    both, more = Moved(EXEMPT, BOTH_EXEMPT), Moved(BOTH_EXEMPT, EXEMPT)
    found = wanted_items(BOTH_EXEMPT, observed(), both, both, True, "")
    assert [(one.item, one.state) for one in found] == [(UDP_ITEM, "ok"), (TCP_ITEM, "changed")]
    found = wanted_items(EXEMPT, observed(), more, more, True, "")
    assert [(one.wanted, one.state) for one in found] == [(SHOWN, "ok"), (None, "changed")]
    found = wanted_items(BOTH_EXEMPT, observed(), Moved(*2 * [BOTH_EXEMPT]), Moved(*2 * [BOTH_EXEMPT]), True, "")
    assert [one.state for one in found] == ["changed", "changed"]  # another file of ours was gone


def test_tcp_ports_that_are_held_say_so() -> None:
    live = Moved(BOTH_EXEMPT, NONE_EXEMPT._replace(tcp=TCP_PORTS))
    (udp, tcp) = reverted_items(observed(), live, Moved(BOTH_EXEMPT, NONE_EXEMPT), "", "they would be invalid")
    assert (udp.state, udp.after, udp.at_boot) == ("changed", "none", "none")
    assert (tcp.state, tcp.before, tcp.after, tcp.at_boot) == ("pending", TCP_SHOWN, TCP_SHOWN, "none")
    assert tcp.reason == (
        "tracked again, they would be invalid. They stay untracked until a boot, or until somebody does nft delete "
        "table inet siptune"
    )


def test_copies_matter_on_the_way_back_alone() -> None:
    found = observed(files=ours(), copies=("/etc/nftables.conf",))
    assert (warnings_of(found, False), len(warnings_of(found, True))) == ([], 1)
    assert warnings_of(observed(copies=("/etc/nftables.conf",)), True) == []
