# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import STATES, Change, Outcome
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import SysctlError
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.model import Plan, Request
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.module import SYSCTL_BULK
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.settings import Setting
from sysctl_hosts import PATH, observed, request

PARAMETERS: dict[str, Any] = {"path": PATH, "settings": {"net.ipv4.tcp_sack": 1}, "state": "present", "when": "both"}
SACK = Setting("net/ipv4/tcp_sack", "1")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, Request(PATH, [SACK]), id="present"),
        pytest.param({"when": "boot"}, Request(PATH, [SACK], "boot"), id="boot"),
        pytest.param({"state": "absent"}, Request(PATH, []), id="absent"),
        pytest.param({"settings": None}, Request(PATH, []), id="no settings"),
    ],
)
def test_parameters_become_a_request(given: dict[str, Any], expected: Request) -> None:
    assert SYSCTL_BULK.parse({**PARAMETERS, **given}) == expected


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        pytest.param({"path": "/etc/passwd"}, "/etc/passwd: is not directly in", id="path"),
        pytest.param({"settings": {"net.ipv4.tcp_sack": 7}}, r"net\.ipv4\.tcp_sack: 7 is outside", id="value"),
        pytest.param({"state": "absent", "settings": {"../x": 1}}, r"'\.\./x'", id="a key that is not used"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SysctlError, match=complaint):
        SYSCTL_BULK.parse({**PARAMETERS, **given})


def test_absent_and_readonly_keys_are_missing() -> None:
    planned = Plan([], [], [], NOTHING, [], [], [])
    changes = [Change("net.ipv4.tcp_sack", "1", None, None, None, state) for state in STATES]
    missing = [change.state for change in changes if SYSCTL_BULK.is_missing(planned, change)]
    assert missing == ["absent", "readonly"]


def test_the_diff_shows_files_and_live_values() -> None:
    found = observed()
    shown = SYSCTL_BULK.report(found, plan(request({"net.ipv4.tcp_sack": 0}), found), None).as_result()["diff"]
    assert [part["after_header"] for part in shown] == [PATH, "live values"]
    assert shown[0]["after"].endswith("\nnet.ipv4.tcp_sack = 0\n")
    assert (shown[1]["before"], shown[1]["after"]) == ("net.ipv4.tcp_sack = 1\n", "net.ipv4.tcp_sack = 0\n")


def test_the_diff_of_a_run_shows_the_values_that_were_read_back() -> None:
    found = observed()
    planned = plan(request({"net.core.somaxconn": 9000}), found)
    outcome = Outcome([planned.changes[0]._replace(after="8192")], True)
    assert SYSCTL_BULK.report(found, planned, outcome).live[0]["after"] == "net.core.somaxconn = 8192\n"


def test_the_result_names_the_files_that_are_written() -> None:
    found = observed()
    report = SYSCTL_BULK.report(found, plan(request({"net.ipv4.tcp_sack": 0}), found), None)
    assert report.as_result()["files"] == [{"path": PATH, "change": "created"}]
    assert SYSCTL_BULK.report(found, plan(request({}), found), None).as_result()["files"] == []
