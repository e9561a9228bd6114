# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import FileChange
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.model import Plan, Request, Write
from sysctl_hosts import PATH, observed


@pytest.mark.parametrize(("when", "live", "boot"), [("both", True, True), ("now", True, False), ("boot", False, True)])
def test_when_settings_are_to_be_in_force(when: str, live: bool, boot: bool) -> None:
    request = Request(PATH, [], when)
    assert (request.live, request.boot) == (live, boot)


def test_both_is_the_default() -> None:
    assert Request(PATH, []) == Request(PATH, [], "both")


@pytest.mark.parametrize(
    ("path", "affected"),
    [
        ("net/core/somaxconn", []),
        ("vm/dirty_bytes", ["vm/dirty_ratio"]),
        ("vm/dirty_background_bytes", []),
        (
            "net/ipv4/ip_forward",
            [
                "net/ipv4/conf/all/forwarding",
                "net/ipv4/conf/default/forwarding",
                "net/ipv4/conf/eth0/forwarding",
                "net/ipv4/conf/all/accept_redirects",
            ],
        ),
        (
            "net/ipv4/conf/default/accept_redirects",
            ["net/ipv4/conf/eth0/accept_redirects", "net/ipv4/conf/eth0.100/accept_redirects"],
        ),
    ],
)
def test_a_write_affects_existing_keys_only(path: str, affected: list[str]) -> None:
    assert observed().affected_by(path) == affected


def test_a_plan_with_a_write_or_a_file_changes_something() -> None:
    nothing = Plan([], [], [], NOTHING, [], [], [])
    assert not nothing.changed
    assert nothing._replace(writes=[Write("net/core/somaxconn", "1", "1")]).changed
    assert nothing._replace(files=[FileChange(PATH, None, None)]).changed
