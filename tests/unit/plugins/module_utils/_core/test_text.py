# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that leave a host: valid UTF-8 and nothing that a terminal obeys, hides or reorders; inside, every byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.text import (
    decoded,
    encoded,
    plural,
    printable,
    printable_result,
)
from hypothesis import given
from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(), max_size=40) | st.binary(max_size=40).map(decoded)
RESULT = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT | st.just("diff"), inner, max_size=4),
    max_leaves=20,
)


@given(content=st.binary())
def test_a_text_has_every_byte(content: bytes) -> None:
    assert encoded(decoded(content)) == content


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("net.core.rmem_max = 4096 – für", "net.core.rmem_max = 4096 – für"),
        (decoded(b"caf\xe9"), "caf\\xe9"),
        (decoded(b"a\x9b31m"), "a\\x9b31m"),
        (decoded(b"a\xc2\x9b31m"), "a\\x9b31m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\nok: [other]", "a\\nok: [other]"),
        ("a\rb\tc\x00\x7f", "a\\rb\\tc\\x00\\x7f"),
        ("a\u2028b\u2029c\x85d\x0bd\x0c", "a\\u2028b\\u2029c\\x85d\\x0bd\\x0c"),
        ("\u202egnp\u2066x\u200b\u200d\ufeff", "\\u202egnp\\u2066x\\u200b\\u200d\\ufeff"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        (r"dev-disk\x2dby", r"dev-disk\x2dby"),
        (7, "7"),
    ],
    ids=repr,
)
def test_what_people_see_of_a_text(text: object, shown: str) -> None:
    assert printable(text) == shown


@given(text=ANY_TEXT)
def test_a_printable_text_stays_as_it_is(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    shown.encode("utf-8")
    assert printable(shown) == shown


def test_the_diff_of_a_file_keeps_its_lines_and_nothing_else_does() -> None:
    text = decoded(b"# caf\xe9\n\tkey = \x1b[2J\r\n")
    shown = "# caf\\xe9\n\tkey = \\x1b[2J\\r\n"
    part = {"before_header": text, "after_header": "a\nb", "before": text, "after": None}
    expected = {"before_header": printable(text), "after_header": "a\\nb", "before": shown, "after": None}
    items = [{"item": "x", "before": text}]
    assert printable_result({"diff": [part], "items": items}) == {
        "diff": [expected],
        "items": [{"item": "x", "before": printable(text)}],
    }
    assert printable_result({"layers": [{"diff": part}]}) == {"layers": [{"diff": expected}]}


def test_the_trace_of_a_crash_keeps_its_lines() -> None:
    result = {"exception": "a\n\tb\x1b", "module_stderr": "c\nd", "msg": "e\nf", "module_stdout": None}
    shown = {"exception": "a\n\tb\\x1b", "module_stderr": "c\nd", "msg": "e\\nf", "module_stdout": None}
    assert printable_result(result) == shown


def test_what_is_no_text_stays_as_it_is() -> None:
    result = {"changed": False, "count": 1, "share": 0.5, "none": None, "tuple": (1, "a\n"), "a\x1b": {}}
    shown = {"changed": False, "count": 1, "share": 0.5, "none": None, "tuple": [1, "a\\n"], "a\\x1b": {}}
    assert printable_result(result) == shown


@given(result=RESULT)
def test_any_result_can_be_sent_and_shown(result: Any) -> None:
    shown = printable_result(result)
    line = json.dumps(shown, ensure_ascii=False).encode()
    assert json.loads(line) == shown
    assert all(character.isprintable() for character in line.decode())
    assert printable_result(shown) == shown


@pytest.mark.parametrize(
    ("count", "words", "expected"),
    [
        (0, ("host",), "hosts"),
        (1, ("host",), "host"),
        (1.0, ("second",), "second"),
        (1.5, ("second",), "seconds"),
        (2, ("item drifts", "items drift"), "items drift"),
        (1, ("item drifts", "items drift"), "item drifts"),
    ],
)
def test_one_and_many(count: float, words: tuple[str, ...], expected: str) -> None:
    assert plural(count, *words) == expected
