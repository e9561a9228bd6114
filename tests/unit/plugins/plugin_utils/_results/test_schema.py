# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._results.schema import (
    Check,
    ResultError,
    flag,
    integer,
    line,
    many,
    maybe,
    number,
    one_of,
    record,
    scalar,
    sentence,
    text,
)
from hypothesis import given
from hypothesis import strategies as st

PAIR = record({"name": line(8)}, {"size": integer(0, 9)})


@pytest.mark.parametrize(
    ("check", "value", "expected"),
    [
        (line(), "a\tb\x1b[2Jc\x9bd", "a b?[2Jc?d"),
        (line(), "\ud800 \u202eabc", "? ?abc"),
        (sentence(), "  one\r\ntwo\x0bthree\x1b ", "one two three?"),
        (text(99), "a\n\tb\r\x1b\n", "a\n\tb??\n"),
        (flag, True, True),
        (integer(0, 9), 9, 9),
        (number(0, 9), 1.5, 1.5),
        (one_of(("a", "b")), "b", "b"),
        (maybe(flag), None, None),
        (scalar(9), "x", "x"),
        (scalar(9), False, False),
        (scalar(9), 7, 7),
        (many(PAIR, 2, unique="name"), [{"name": "a", "more": {}}, {"name": "b"}], [{"name": "a"}, {"name": "b"}]),
    ],
)
def test_values_are_built_anew(check: Check, value: Any, expected: Any) -> None:
    assert check(value, "x") == expected


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (line(), "a\nb", r"^x: must be a text of one line, not 'a\\nb'$"),
        (line(), "a\x85b", "must be a text of one line"),
        (line(3), "abcd", "^x: must be at most 3 characters, not 'abcd'$"),
        (line(), 7, "^x: must be a text, not 7$"),
        (line(), b"a", "must be a text, not bytes"),
        (flag, 1, "must be true or false, not 1"),
        (flag, "yes", "must be true or false, not 'yes'"),
        (integer(0, 9), True, "must be a whole number from 0 to 9, not True"),
        (integer(0, 9), 10, "must be a whole number"),
        (integer(0, 9), 1.0, "must be a whole number"),
        (integer(0, 9), "1\n2", r"must be a whole number from 0 to 9, not '1\\n2'"),
        (number(0, 9), float("nan"), "must be a number from 0 to 9, not nan"),
        (number(0, 9), float("inf"), "must be a number"),
        (one_of(("a", "b")), "pwned", "^x: must be one of a, b, not 'pwned'$"),
        (one_of(("a", "b")), ["a"], "must be one of a, b, not list"),
        (maybe(flag), 0, "must be true or false"),
        (scalar(9), {}, "must be a text, not dict"),
        (many(PAIR, 2), "ab", "^x: must be a list, not 'ab'$"),
        (many(PAIR, 2), {"0": {}}, "must be a list, not dict"),
        (many(PAIR, 2), [{"name": "a"}] * 3, "^x: must have at most 2 elements, not 3$"),
        (many(PAIR, 2, unique="name"), [{"name": "a"}] * 2, "^x: must not have the same name twice$"),
        (many(PAIR, 2), [{"name": "a"}, {}], r"^x\[1\]\.name: is missing$"),
        (many(PAIR, 2), [None], r"^x\[0\]: must be a dictionary, not None$"),
        (PAIR, {"name": "a", "size": -1}, r"^x\.size: must be a whole number from 0 to 9, not -1$"),
        (PAIR, {"name": "a" * 400}, r"^x\.name: must be at most 8 characters, not 'a{60}\.\.\.'$"),
    ],
)
def test_what_is_not_of_the_shape_is_named(check: Check, value: Any, message: str) -> None:
    with pytest.raises(ResultError, match=message):
        check(value, "x")


@given(st.text(max_size=200))
def test_no_text_obeys_nobody(value: str) -> None:
    for found in (sentence()(value, "x"), *text(999)(value, "x").split("\n")):
        assert found.replace("\t", "").replace("\u2028", "").replace("\u2029", "").splitlines() in (
            [],
            [found.replace("\t", "").replace("\u2028", "").replace("\u2029", "")],
        )
        assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in found.replace("\t", ""))
        found.encode("utf-8")
