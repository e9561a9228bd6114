# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of all pages."""

from __future__ import annotations

import json

from ansible_collections.siptune.linux.plugins.plugin_utils._reports.page import json_in_script, render
from hypothesis import given
from hypothesis import strategies as st


@given(st.text())
def test_json_in_a_script_is_the_same_json(text: str) -> None:
    written = json_in_script({"a": text})
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == {"a": text}


def test_what_is_filled_in_is_left_alone() -> None:
    page = render("t", "<p>@STYLE@ @SCRIPTS@</p>", "/* @BODY@ */", "f('@TITLE@')", "@DATA@")
    assert "<p>@STYLE@ @SCRIPTS@</p>" in page
    assert "/* @BODY@ */" in page
    assert "f('@TITLE@')" in page
    assert '"@DATA@"' in page


def test_a_page_without_a_script_allows_none() -> None:
    page = render("t", "<p></p>", "")
    assert "script-src 'none'" in page
    assert "<script" not in page
