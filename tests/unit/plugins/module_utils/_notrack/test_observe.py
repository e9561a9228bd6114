# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._notrack.model import PATHS
from ansible_collections.siptune.linux.plugins.module_utils._notrack.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ports import NONE_EXEMPT
from ansible_collections.siptune.linux.plugins.module_utils._notrack.settings import Request
from notrack_hosts import EXEMPT, FirewallHost


def test_no_process_runs_where_nothing_is_wanted_and_nothing_is_ours(tmp_path: Path) -> None:
    host = FirewallHost(tmp_path, "firewalld")
    found = observe(host, Request(NONE_EXEMPT))
    assert (found.asked, found.ruleset, host.calls) == (False, None, [])


@pytest.mark.parametrize("path", PATHS)
def test_one_process_runs_where_something_is_ours(tmp_path: Path, path: str) -> None:
    host = FirewallHost(tmp_path)
    host.write(path, "x")
    found = observe(host, Request(NONE_EXEMPT))
    assert found.asked
    assert host.calls == [("nft", "-j", "list", "ruleset")]


def test_one_process_runs_where_ports_are_wanted(tmp_path: Path) -> None:
    host = FirewallHost(tmp_path, "firewalld")
    found = observe(host, Request(EXEMPT))
    assert (found.program, found.systemd, found.families) == ("/usr/sbin/nft", True, ("ip",))
    assert found.ruleset is not None
    assert host.calls == [("nft", "-j", "list", "ruleset")]
