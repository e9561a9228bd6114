# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.setting import hazard_warning, one_line
from hypothesis import given
from hypothesis import strategies as st


class WrongTextError(Exception):
    """What a module's own error stands for here."""

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__(f"{subject}: {reason}")


@pytest.mark.parametrize(
    ("given_text", "line"),
    [
        pytest.param(None, "", id="null"),
        pytest.param("", "", id="empty"),
        pytest.param(" Calls\n  of\ta day. ", "Calls of a day.", id="several lines"),
        pytest.param("Größe µ", "Größe µ", id="not ASCII"),
    ],
)
def test_a_text_becomes_one_line(given_text: object, line: str) -> None:
    assert one_line("x", "why", given_text, WrongTextError) == line


@pytest.mark.parametrize(
    ("given_text", "reason"),
    [
        pytest.param(5, "x: why is a text, not a int", id="number"),
        pytest.param(False, "x: why is a text, not a bool", id="boolean"),
        pytest.param(["a"], "x: why is a text, not a list", id="list"),
        pytest.param("a\0b", "x: why holds a control character", id="NUL"),
        pytest.param("a\x1b[2Jb", "x: why holds a control character", id="escape"),
        pytest.param("a\udc80", "x: why holds a control character", id="no character"),
    ],
)
def test_what_is_no_text(given_text: object, reason: str) -> None:
    with pytest.raises(WrongTextError, match=reason):
        one_line("x", "why", given_text, WrongTextError)


@given(st.text())
def test_nothing_breaks_out_of_a_comment(text: str) -> None:
    try:
        line = one_line("x", "why", text, WrongTextError)
    except WrongTextError:
        return
    assert line.isprintable()
    assert len(f"# {line}".splitlines()) == 1


def test_the_words_of_a_warning() -> None:
    assert hazard_warning("asterisk.service Nice", "5", "puts it last.") == "asterisk.service Nice = 5: puts it last."
