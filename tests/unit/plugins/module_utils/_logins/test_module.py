# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Outcome
from ansible_collections.siptune.linux.plugins.module_utils._engine.policy import NotAcceptableError, Policy
from ansible_collections.siptune.linux.plugins.module_utils._logins.conf import LimitsError
from ansible_collections.siptune.linux.plugins.module_utils._logins.module import LIMITS_FILE
from login_hosts import LATER, PATH, host, limit, planned


def params(*texts: str, **others: Any) -> dict[str, Any]:
    limits = [limit(text) for text in texts]
    return {"path": PATH, "limits": limits, "state": "present", "missing": "report", "shadowed": "report", **others}


def test_a_request_has_the_limits_of_its_parameters() -> None:
    request = LIMITS_FILE.parse(params("asterisk soft core 5"))
    assert (request.path, [one.name for one in request.limits]) == (PATH, ["asterisk soft core"])
    assert LIMITS_FILE.parse(params("asterisk soft core 5", state="absent")).limits == []


@pytest.mark.parametrize(
    ("given", "item"),
    [
        (params(path="/etc/passwd"), "/etc/passwd"),
        (params("asterisk soft core x"), "asterisk soft core"),
        (params("asterisk soft core x", state="absent"), "asterisk soft core"),
    ],
)
def test_a_refused_parameter_is_named(given: dict[str, Any], item: str) -> None:
    with pytest.raises(LimitsError) as caught:
        LIMITS_FILE.parse(given)
    assert caught.value.item == item


def test_the_report_has_items_diff_warnings_and_pam() -> None:
    found = host()
    done = planned(found, "asterisk soft core 5")
    report = LIMITS_FILE.report(found, done, None)
    assert report.as_result()["pam"] == [
        {"service": "su", "applies": True, "where": "/etc/pam.d/su line 3", "reason": ""},
        {"service": "login", "applies": None, "where": "", "reason": ""},
    ]
    assert (report.changed, report.changes, report.warnings) == (True, done.changes, done.warnings)
    assert [diff["after_header"] for diff in report.diff] == [PATH]
    assert not LIMITS_FILE.report(found, done, Outcome([], False)).changed


@pytest.mark.parametrize(
    ("text", "policy", "refused"),
    [
        ("asterisk soft core 5", Policy("fail", "fail"), False),
        ("asterisk soft rss 5", Policy("fail", "report"), True),
        ("asterisk soft rss 5", Policy("report", "fail"), False),
        ("kamailio soft core 5", Policy("fail", "report"), True),
        ("kamailio soft core 5", Policy("report", "fail"), False),
        ("root soft core 5", Policy("report", "fail"), True),
        ("root soft core 5", Policy("fail", "report"), False),
    ],
)
def test_missing_and_shadowed(text: str, policy: Policy, refused: bool) -> None:
    done = planned(host(others={LATER: "root soft core 7\n"}), text)
    with pytest.raises(NotAcceptableError) if refused else contextlib.nullcontext():
        policy.check(done.changes, lambda change: LIMITS_FILE.is_missing(done, change))
