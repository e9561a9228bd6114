# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._engine.effects import store_originals
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import (
    NOTHING,
    LinkOriginal,
    ProfileOriginal,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._nic.model import Observed
from ansible_collections.siptune.linux.plugins.module_utils._nic.module import build_request
from ansible_collections.siptune.linux.plugins.module_utils._nic.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import OPTIONS
from nic_cards import FIRST_BOOT, CardHost, igb

ORIGINAL = LinkOriginal("1", "2", "2")
PARAMS = {"state": "present", "when": "both", "disruptive": False, "despite_calls": False}


def observed(host: Host, interfaces: dict[str, Any], **more: Any) -> Observed:
    return observe(host, build_request("nic_link", OPTIONS, {**PARAMS, "interfaces": interfaces, **more}))


def test_only_the_groups_that_are_needed_are_read(tmp_path: Path) -> None:
    seen = observed(CardHost(tmp_path, igb("eth0"), igb("eth1", mac="52:54:00:00:00:99")), {"eth0": {"rx": 512}})
    assert list(seen.nics) == ["eth0"]
    assert {*seen.nics["eth0"].readings, *seen.nics["eth0"].missing} == {"rx", "tx", "rx_mini", "rx_jumbo"}
    assert (seen.boot_id, seen.online, seen.blocked_by_calls) == (FIRST_BOOT, frozenset(), "")
    assert seen.links["eth0"].qdiscs == ()
    assert observed(CardHost(tmp_path / "b", igb()), {"eth0": {"txqueuelen": 5}}).links["eth0"].qdiscs == ("fq_codel",)


@pytest.mark.parametrize(("when", "boot"), [("both", True), ("boot", True), ("now", False)])
def test_files_are_read_only_if_the_boot_counts(tmp_path: Path, when: str, boot: bool) -> None:
    seen = observed(CardHost(tmp_path, igb()), {"eth0": {"rx": 512}}, when=when)
    assert (seen.boot is not None) == boot


def test_everything_that_may_be_ours_is_named(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    (tmp_path / "etc/systemd/network/00-siptune-old0.link").write_text("")
    (tmp_path / "etc/systemd/network/10-users.link").write_text("")
    recorded = NOTHING._replace(
        links={"eth9 52:54:00:00:00:77": {"rx": ORIGINAL}, "sip0": {"other": ORIGINAL}},
        profiles={"u-1": {"ethtool.ring-rx": ProfileOriginal("ens3", "", "512")}},
    )
    store_originals(host, recorded, UndoLog())
    seen = observed(host, {"eth0": {"rx": 512}})
    assert seen.boot_names == ["eth0", "eth9", "old0", "sip0", "ens3"]
    assert seen.gone == ["eth9 52:54:00:00:00:77"]
    assert seen.originals == recorded
