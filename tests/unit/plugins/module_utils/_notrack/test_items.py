# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._notrack.items import (
    no_item,
    reverted_item,
    shown,
    wanted_item,
    warnings_of,
)
from notrack_hosts import PORTS, SHOWN, observed, ours


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
    item = no_item(PORTS, observed(**host), (), ())
    assert getattr(item, "state", None) == state
    assert item is None or (item.reason and (item.before, item.after) == ("none", "none"))


@pytest.mark.parametrize(
    ("host", "state", "at_boot"),
    [
        ({}, "ok", SHOWN),
        ({"systemd": False}, "pending", "none"),
        ({"drop_ins": ("/run/systemd/system/siptune-notrack.service.d/x.conf",)}, "shadowed", None),
    ],
)
def test_hosts_that_have_it(host: dict, state: str, at_boot: str | None) -> None:
    item = wanted_item(PORTS, observed(**host), PORTS, PORTS, False)
    assert (item.state, item.after, item.at_boot) == (state, SHOWN, at_boot)


def test_nothing_is_said_where_nothing_was() -> None:
    assert reverted_item(observed(), (), (), (), "") is None


def test_copies_matter_on_the_way_back_alone() -> None:
    found = observed(files=ours(), copies=("/etc/nftables.conf",))
    assert (warnings_of(found, False), len(warnings_of(found, True))) == ([], 1)
    assert warnings_of(observed(copies=("/etc/nftables.conf",)), True) == []
