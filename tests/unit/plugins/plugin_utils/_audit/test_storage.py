# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about storage in the audit: words, document, page, metrics, and what a host may not say."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.document import FAILED, document, host_record
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.html import pack
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.prometheus import render as render_prometheus
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.storage import storage_lines
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.text import render_host

from .test_document import GONE, host

SYNC = {
    "kind": "sync",
    "finding": "on /dev/sdb1 mounted sync: each write waits for the disk",
    "advice": "mount it without sync",
}


def finding(path: str = "/var/spool/asterisk/monitor", purpose: str = "recordings", **more: Any) -> dict[str, Any]:
    plain = {"path": path, "purpose": purpose, "daemon": "asterisk", "mount": "/var/spool", "device": "/dev/sdb1"}
    return {**plain, **SYNC, "free_bytes": 3 << 30, **more}


LOG = finding(
    "/var/log/syslog", "logs", daemon="rsyslogd", mount="/", kind="no_cap", finding="rotated by time", advice="a"
)


def audited(*findings: dict[str, Any]) -> Any:
    return host()._replace(storage=list(findings))


def test_paths_with_one_fault_are_one_line() -> None:
    assert storage_lines([finding(), LOG, finding("/var/spool/asterisk", "spool"), finding("/x")]) == [
        (
            "/var/spool/asterisk/monitor, /x (recordings of asterisk), /var/spool/asterisk (spool of asterisk)",
            "on /dev/sdb1 mounted sync: each write waits for the disk; mount it without sync",
        ),
        ("/var/log/syslog (logs of rsyslogd)", "rotated by time; 3.0 GiB are free on /; a"),
    ]


def test_on_the_terminal() -> None:
    said = " ".join(" ".join(render_host(host_record("pbx", audited(finding())))).split())
    assert (
        "storage /var/spool/asterisk/monitor (recordings of asterisk): on /dev/sdb1 mounted sync: each write waits for "
        "the disk; mount it without sync"
    ) in said


def test_in_the_document_and_on_the_page() -> None:
    audit = document({"pbx": audited(finding(free_bytes=None))}, "2026-11-24T03:15:00+00:00", 0, "0.1.0")
    assert audit["hosts"][0]["storage"] == [finding(free_bytes=None)]
    page = pack(audit)
    [[what, said]] = page["hosts"][0][-2]
    assert page["strings"][what] == "/var/spool/asterisk/monitor (recordings of asterisk)"
    assert page["strings"][said].endswith("waits for the disk; mount it without sync")


def test_metrics_of_all_kinds_so_that_an_alert_ends() -> None:
    hosts = {"pbx": audited(finding(), finding("/x")), "gone": host(network=[GONE])}
    metrics = render_prometheus(document(hosts, "2026-11-24T03:15:00+00:00", 0, "0.1.0"))
    assert 'siptune_audit_storage_findings{host="pbx",kind="sync"} 2' in metrics
    assert 'siptune_audit_storage_findings{host="pbx",kind="no_cap"} 0' in metrics
    assert 'siptune_audit_storage_findings{host="gone"' not in metrics


@pytest.mark.parametrize(
    "evil",
    [
        finding(kind="harmless"),
        finding(kind=["sync"]),
        finding(free_bytes=-1),
        finding(free_bytes="much"),
        {"path": "/x"},
        "sync",
    ],
)
def test_a_host_may_not_say_anything_else(evil: Any) -> None:
    record = host_record("pbx", audited(evil))
    assert record["status"] == FAILED
    assert "its results cannot be used: storage" in record["message"]
    assert record["storage"] == []


def test_what_a_host_says_more_is_left_out() -> None:
    assert host_record("pbx", audited(finding(ansible_become=True)))["storage"] == [finding()]
    too_many = host_record("pbx", audited(*[finding()] * 501))
    assert too_many["message"] == "its results cannot be used: storage: must have at most 500 elements, not 501"
