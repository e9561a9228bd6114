# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions that cannot be asked."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._reports import query
from ansible_collections.siptune.linux.plugins.plugin_utils._reports.query import QueryError, compile_query, search

VARIABLE = "siptune_audit_query"


@pytest.mark.parametrize("query", ["hosts[?drift>`0`", "hosts[", "!!", ""])
def test_what_is_not_jmespath(query: str) -> None:
    with pytest.raises(QueryError, match=r"^siptune_audit_query: .* is not JMESPath: [^\n]+$"):
        compile_query(query, VARIABLE)


def test_what_does_not_fit() -> None:
    with pytest.raises(QueryError, match=r"^siptune_audit_query: 'abs\(hosts\)' does not fit the audit: [^\n]+$"):
        search(compile_query("abs(hosts)", VARIABLE), {"hosts": []}, VARIABLE, "the audit")


def test_without_the_library_there_is_a_word_on_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "jmespath", None)
    with pytest.raises(QueryError, match="python3-jmespath in Debian"):
        compile_query("hosts", VARIABLE)
