# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to an audit."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.document import document
from ansible_collections.siptune.linux.plugins.plugin_utils._reports.query import compile_query, search

from .test_document import GONE, counter, host

AUDIT = document({"a": host(), "b": host(network=[GONE])}, "2026-11-24T03:15:00+00:00", 0, "0.1.0")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("hosts[?drift>`0`].name", ["a"]),
        ("hosts[?status=='unreachable'].[name, message]", [["b", "Failed to connect to the host via ssh"]]),
        ("hosts[].items[?state=='shadowed'].reason | []", ["/etc/sysctl.d/99-x.conf line 1 sets 128"]),
        ("totals.hosts", 2),
        ("nothing.of.the.kind", None),
    ],
)
def test_questions(query: str, expected: object) -> None:
    assert search(compile_query(query, "siptune_audit_query"), AUDIT, "siptune_audit_query", "the audit") == expected


def documented_queries() -> list[str]:
    page = (Path(__file__).resolve().parents[5] / "docs" / "audit.md").read_text(encoding="utf-8")
    return page.split("```jmespath\n")[1].split("\n```")[0].split("\n")


@pytest.mark.parametrize("query", documented_queries())
def test_the_questions_in_the_documentation_have_answers(query: str) -> None:
    counted = {"since_boot": True, "seconds": 1.0, "counters": [counter("UdpRcvbufErrors", 3)]}
    audit = document({"a": host(counted), "b": host(network=[GONE])}, "2026-11-24T03:15:00+00:00", 0, "0.1.0")
    assert search(compile_query(query, "siptune_audit_query"), audit, "siptune_audit_query", "the audit")
