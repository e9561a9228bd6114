# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.setting import (
    AT_LEAST,
    AT_MOST,
    EXACT,
    RULE_WORDS,
    Given,
    bounded,
    hazard_warning,
    meets,
    one_line,
    parse_given,
    shown,
)
from hypothesis import given
from hypothesis import strategies as st


class WrongTextError(Exception):
    """Stands for a module's own error."""

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
        pytest.param("a\udc80", "x: why holds a control character", id="lone surrogate"),
    ],
)
def test_other_types_and_control_characters_are_refused(given_text: object, reason: str) -> None:
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


@pytest.mark.parametrize("content", [5, None, "5", True, [1]])
def test_a_plain_value_is_exact(content: object) -> None:
    assert parse_given("x", content, WrongTextError) == Given(content, EXACT, "", "", {})


def test_a_dictionary_has_all_fields() -> None:
    content = {"value": None, "rule": "at_most", "why": " a\nb ", "hazard": "c"}
    assert parse_given("x", content, WrongTextError) == Given(None, AT_MOST, "a b", "c", content)
    assert parse_given("x", {"value": 1, "why": None}, WrongTextError)[:4] == (1, EXACT, "", "")


def test_a_module_can_have_fields_of_its_own() -> None:
    given_setting = parse_given("x", {"value": 1, "limit": 2}, WrongTextError, ("value", "limit"))
    assert given_setting.fields["limit"] == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param({}, "x: has no value", id="nothing"),
        pytest.param({"rule": EXACT}, "x: has no value", id="no value"),
        pytest.param({"value": 1, "vale": 2, 3: 4}, "x: unknown option vale, 3; available: value, rule,", id="unknown"),
        pytest.param({"value": 1, "a\0" + 80 * "b": 2}, r"x: unknown option 'a.x00b+\.\.\.'; avail", id="unprintable"),
        pytest.param({"value": 1, "rule": "least"}, "x: rule is one of exact, at_least, .*, not 'least'", id="rule"),
        pytest.param({"value": 1, "rule": [EXACT]}, r"x: rule is one of .*, not \['exact'\]", id="rule as a list"),
        pytest.param({"value": 1, "rule": None}, "x: rule is one of .*, not None", id="rule null"),
        pytest.param({"value": 1, "rule": 3}, "x: rule is one of .*, not 3", id="rule as a number"),
        pytest.param({"value": 1, "rule": ""}, "x: rule is one of .*, not ''", id="rule empty"),
        pytest.param({"value": 1, "why": 5}, "x: why is a text", id="why"),
        pytest.param({"value": 1, "hazard": 5}, "x: hazard is a text", id="hazard"),
    ],
)
def test_bad_dictionaries_are_refused(content: object, reason: str) -> None:
    with pytest.raises(WrongTextError, match=reason):
        parse_given("x", content, WrongTextError)


@pytest.mark.parametrize(
    ("rule", "wanted", "value", "result"),
    [
        (EXACT, 5, 9, 5),
        (EXACT, 5, 5, 5),
        (AT_LEAST, 5, 9, 9),
        (AT_LEAST, 5, 1, 5),
        (AT_MOST, 5, 9, 5),
        (AT_MOST, 5, 1, 1),
    ],
)
def test_rules_on_numbers(rule: str, wanted: int, value: int, result: int) -> None:
    assert bounded(rule, wanted, value) == result
    assert meets(rule, wanted, value) is (value == result)


@given(st.sampled_from(sorted(RULE_WORDS)), st.integers(), st.integers())
def test_a_bounded_value_meets_its_rule(rule: str, wanted: int, value: int) -> None:
    assert meets(rule, wanted, bounded(rule, wanted, value))


@given(st.text())
def test_a_shown_word_is_short_and_printable(text: str) -> None:
    assert shown(text).isprintable()
    assert shown(text) == (text or "''") or len(text) > 60 or not text.isprintable()


def test_the_words_of_a_warning() -> None:
    assert hazard_warning("asterisk.service Nice", "5", "puts it last.") == "asterisk.service Nice = 5: puts it last."
