# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._engine.own_paths import may_be_made, may_be_written
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import FilesPlan
from ansible_collections.siptune.linux.plugins.module_utils._notrack.model import PATHS, Plan


def test_our_files_can_be_recorded_with_their_directories() -> None:
    assert all(map(may_be_written, PATHS))
    directories = ("/etc/siptune", "/etc/systemd/system/multi-user.target.d", "/etc/systemd/system/nftables.service.d")
    assert all(map(may_be_made, directories))


def test_no_other_files_come_with_that() -> None:
    for path in ("/etc/siptune/x.nft", "/etc/siptune/a/notrack.nft", "/etc/systemd/system/ssh.service"):
        assert not may_be_written(path)
    assert not may_be_written("/etc/systemd/system/sysinit.target.d/a.conf")


def test_a_plan_changes_the_host_by_files_or_by_the_table() -> None:
    nothing = FilesPlan([], [], NOTHING, [], [])
    assert not Plan(nothing).changed
    assert Plan(nothing, load="table inet siptune").changed
