# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files import model as link_files_model
from ansible_collections.siptune.linux.plugins.module_utils._nic.model import (
    Decision,
    GroupWrite,
    Nic,
    Outcome,
    Plan,
    Request,
    item_name,
    key_of,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import OPTIONS, RING_GROUP

NIC = Nic(Link(2, "eth0", True), {}, {})
NO_FILES = link_files_model.Plan([], [], [], {}, ["a warning"], {}, {}, {})
FILES = NO_FILES._replace(profiles=[link_files_model.ProfileChange("u", "uplink", "ethtool.ring-rx", "", "1")])


@pytest.mark.parametrize(("when", "live", "boot"), [("both", True, True), ("now", True, False), ("boot", False, True)])
def test_when(when: str, live: bool, boot: bool) -> None:
    request = Request("nic_ring", {}, [], when)
    assert (request.live, request.boot) == (live, boot)


@pytest.mark.parametrize(
    ("writes", "boot", "changed", "warnings"),
    [
        ([], None, False, []),
        ([GroupWrite(NIC, RING_GROUP, {}, {})], None, True, []),
        ([], NO_FILES, False, ["a warning"]),
        ([], FILES, True, ["a warning"]),
    ],
)
def test_a_plan(writes, boot: link_files_model.Plan | None, changed: bool, warnings: list[str]) -> None:
    planned = Plan([], writes, boot, NOTHING, [])
    assert (planned.changed, planned.warnings) == (changed, warnings)
    assert Outcome([], changed, boot).warnings == warnings


def test_names() -> None:
    assert item_name("eth0", "rx") == "eth0 rx"
    assert item_name("eth0", "link_mode") == "eth0 speed"
    assert Decision(NIC, OPTIONS["rx"], None).place == ("eth0", "rx")
    assert key_of(Link(2, "eth0", True)) == "eth0"
    assert key_of(Link(2, "eth0", True, permanent_mac="52:54:00:00:00:01")) == "eth0 52:54:00:00:00:01"
