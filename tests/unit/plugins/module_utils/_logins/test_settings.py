# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._logins.conf import (
    BOTH,
    EVERYBODY,
    HARD,
    INFINITE,
    ITEMS,
    SOFT,
    USER,
    Domain,
    LimitsError,
    amount,
    parse,
)
from ansible_collections.siptune.linux.plugins.module_utils._logins.settings import Limit, parse_limits, render
from hypothesis import given
from hypothesis import strategies as st


def limit(domain: Any, kind: Any, item: Any, value: Any, **more: Any) -> dict[str, Any]:
    return {"domain": domain, "type": kind, "item": item, "value": value, **more}


GOOD = [
    limit("asterisk", "soft", "nofile", 65536),
    limit("asterisk", "hard", "nofile", "max"),
    limit("asterisk", "both", "core", "unlimited"),
    limit("asterisk", "both", "memlock", "infinity"),
    limit("asterisk", "both", "stack", -1),
    limit("asterisk", "both", "maxlogins", "-1"),
    limit("asterisk", "soft", "nice", -1),
    limit("asterisk", "soft", "priority", "-20"),
    limit("asterisk", "soft", "nonewprivs", 1),
    limit("asterisk", "hard", "core", 0),
    limit("asterisk", "hard", "rttime", 200000),
    limit("asterisk", "hard", "memlock", (INFINITE - 1) // 1024),
    limit("DOMAIN\\first.last-1_$", "soft", "nofile", 1024),
    limit("user@example.net", "soft", "nofile", 1024),
    limit("@voip", "soft", "nofile", 1024),
    limit("@DOMAIN\\voip", "soft", "nofile", 1024),
    limit("*", "soft", "nofile", 1024),
    limit("%", "hard", "maxlogins", 20),
    limit("%voip", "hard", "maxlogins", 20),
    limit("%:500", "hard", "maxlogins", 20),
    limit("1000:", "soft", "nofile", 1024),
    limit("1000:2000", "soft", "nofile", 1024),
    limit(":1000", "soft", "nofile", 1024),
    limit("0:0", "soft", "nofile", 1024),
    limit("@500:", "soft", "nofile", 1024),
    limit("@500:600", "soft", "nofile", 1024),
    limit("@:500", "soft", "nofile", 1024),
    *(limit("asterisk", "both", name, 1) for name in ITEMS),
]


@pytest.mark.parametrize("given", GOOD, ids=lambda given: "{domain} {type} {item} {value}".format(**given))
def test_good_limits_come_back_from_their_file(given: dict[str, Any]) -> None:
    (parsed,) = parse_limits([given])
    assert parsed.name == f"{given['domain']} {given['type']} {given['item']}"
    if parsed.value != "max":
        (entry,) = parse(render([parsed]), "a.conf")
        assert entry[:5] == (parsed.domain, parsed.spelling, parsed.type, parsed.item, str(given["value"]))


BAD = [
    # a part of the message besides the item
    (limit("", "soft", "nofile", 1), "no domain"),
    (limit(None, "soft", "nofile", 1), "no domain"),
    (limit(1000, "soft", "nofile", 1), "domain must be a string"),
    (limit("1000", "soft", "nofile", 1), "'1000:2000'"),
    (limit("a b", "soft", "nofile", 1), "must not have blanks"),
    (limit("a\tb", "soft", "nofile", 1), "must not have blanks"),
    (limit("a\u00a0b", "soft", "nofile", 1), "must not have blanks"),
    (limit("a\u2028b", "soft", "nofile", 1), "must not have blanks"),
    (limit("asterisk\nroot", "soft", "nofile", 1), "must not have blanks"),
    (limit("asterisk\0", "soft", "nofile", 1), "must not have blanks"),
    (limit("\udcff", "soft", "nofile", 1), "must not have blanks"),
    (limit("#asterisk", "soft", "nofile", 1), "must not have blanks, #"),
    (limit("aster#isk", "soft", "nofile", 1), "must not have blanks, #"),
    (limit("@", "soft", "nofile", 1), "a domain must be"),
    (limit("@@voip", "soft", "nofile", 1), "a domain must be"),
    (limit("-", "soft", "nofile", 1), "a domain must be"),
    (limit("**", "soft", "nofile", 1), "a domain must be"),
    (limit("ast*", "soft", "nofile", 1), "a domain must be"),
    (limit("@*", "soft", "nofile", 1), "a domain must be"),
    (limit("a" * 256, "soft", "nofile", 1), "255"),
    (limit(":", "soft", "nofile", 1), "not a range"),
    (limit("a:b", "soft", "nofile", 1), "not a range"),
    (limit("1000:2000:3000", "soft", "nofile", 1), "not a range"),
    (limit("-5:10", "soft", "nofile", 1), "not a range"),
    (limit("%5:10", "hard", "maxlogins", 1), "not a range"),
    (limit("2000:1000", "soft", "nofile", 1), "matches nobody"),
    (limit("@2000:1000", "soft", "nofile", 1), "matches nobody"),
    (limit("01000:", "soft", "nofile", 1), "leading zeros"),
    (limit("1000:4294967295", "soft", "nofile", 1), "4294967294"),
    (limit(":4294967295", "soft", "nofile", 1), "4294967294"),
    (limit("%", "hard", "nofile", 1), "maxlogins only"),
    (limit("%", "hard", "maxsyslogins", 1), "maxlogins only"),
    (limit("%voip", "hard", "nproc", 1), "maxlogins only"),
    (limit("asterisk", "-", "nofile", 1), "soft, hard, both"),
    (limit("asterisk", "Soft", "nofile", 1), "soft, hard, both"),
    (limit("asterisk", None, "nofile", 1), "no type"),
    (limit("asterisk", "soft", "nofiles", 1), "did you mean nofile?"),
    (limit("asterisk", "soft", "NOFILE", 1), "did you mean nofile?"),
    (limit("asterisk", "soft", "open files", 1), "unknown item"),
    (limit("asterisk", "soft", "", 1), "no item"),
    (limit("asterisk", "soft", "chroot", "/"), "Debian"),
    (limit("asterisk", "soft", "nofile", None), "no value"),
    (limit("asterisk", "soft", "nofile", ""), "plain whole number"),
    (limit("asterisk", "soft", "nofile", True), "whole number"),
    (limit("asterisk", "soft", "nofile", 4096.0), "whole number"),
    (limit("asterisk", "soft", "nofile", [4096]), "whole number"),
    (limit("asterisk", "soft", "nofile", "4k"), "without unit"),
    (limit("asterisk", "soft", "nofile", "4096 "), "plain whole number"),
    (limit("asterisk", "soft", "nofile", "4096\n"), "plain whole number"),
    (limit("asterisk", "soft", "nofile", "04096"), "leading zeros"),
    (limit("asterisk", "soft", "nofile", "\u0664"), "plain whole number"),
    (limit("asterisk", "soft", "nofile", "Unlimited"), "unlimited"),
    (limit("asterisk", "soft", "nofile", "-"), "unlimited"),
    (limit("asterisk", "soft", "nofile", -2), "-2"),
    (limit("asterisk", "soft", "nofile", 2**64 - 1), "between"),
    (limit("asterisk", "soft", "memlock", 2**54), "between"),
    (limit("asterisk", "soft", "nproc", "max"), "plain whole number"),
    (limit("asterisk", "hard", "nice", -21), "-20"),
    (limit("asterisk", "hard", "nice", 20), "19"),
    (limit("asterisk", "hard", "priority", -21), "-20"),
    (limit("asterisk", "hard", "priority", 20), "19"),
    (limit("asterisk", "hard", "nice", "unlimited"), "plain whole number"),
    (limit("asterisk", "hard", "priority", "infinity"), "plain whole number"),
    (limit("asterisk", "hard", "nonewprivs", 2), "between"),
    (limit("asterisk", "hard", "nonewprivs", "yes"), "plain whole number"),
    (limit("asterisk", "hard", "maxlogins", 2**31), "between"),
    (limit("asterisk", "hard", "maxlogins", 0), "lock out"),
    (limit("*", "hard", "nofile", 0), "lock out"),
    (limit("*", "hard", "nproc", 0), "lock out"),
    (limit("*", "hard", "as", 0), "lock out"),
    (limit("asterisk", "soft", "nofile", 1, why=["a"]), "why is a text"),
    (limit("asterisk", "soft", "nofile", 1, why="a\0b"), "why holds a control character"),
    (limit("asterisk", "soft", "nofile", 1, hazard="a\x7fb"), "hazard holds a control character"),
    (limit("asterisk", "soft", "nofile", 1, hazard=5), "hazard is a text, not a int"),
    (limit("asterisk", "soft", "nofile", 1, rule="exact"), "unknown option rule"),
    ("asterisk soft nofile 1", "dictionary"),
    (None, "dictionary"),
]


@pytest.mark.parametrize(("given", "reason"), BAD, ids=[repr(given)[:80] for given, _ in BAD])
def test_bad_limits_are_refused_by_name(given: Any, reason: str) -> None:
    with pytest.raises(LimitsError) as caught:
        parse_limits([limit("root", "soft", "core", 0), given])
    message = str(caught.value)
    assert reason in message
    assert message.isprintable(), message
    assert message.startswith("limit 2:") or given["item"] in message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (limit("asterisk", "soft", "nofile", 1), limit("asterisk", "soft", "nofile", 1)),
        (limit("asterisk", "both", "nofile", 1), limit("asterisk", "hard", "nofile", 2)),
        (limit(":1000", "soft", "nofile", 1), limit("1000:1000", "soft", "nofile", 2)),
        (limit("asterisk", "soft", "priority", 1), limit("asterisk", "hard", "priority", 2)),
        (limit("asterisk", "soft", "maxlogins", 1), limit("asterisk", "hard", "maxlogins", 2)),
    ],
)
def test_one_limit_twice(first: dict[str, Any], second: dict[str, Any]) -> None:
    with pytest.raises(LimitsError, match="set twice"):
        parse_limits([first, second])


def test_groups_of_one_id_are_not_twice_the_same() -> None:
    assert len(parse_limits([limit("@:5", "soft", "core", 1), limit("@5:5", "soft", "core", 2)])) == 2


def test_the_particular_comes_last() -> None:
    domains = ["asterisk", ":1000", "1000:2000", "1:", "@voip", "@5:9", "%voip", "%", "*"]
    parsed = parse_limits([limit(domain, "hard", "maxlogins", 5) for domain in domains])
    assert [one.spelling for one in parsed] == [
        "*",
        "%",
        "%voip",
        "@5:9",
        "@voip",
        "1:",
        "1000:2000",
        ":1000",
        "asterisk",
    ]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=2)
)


@given(st.text(), JUNK, st.sampled_from(["soft", "hard", "both"]), st.sampled_from(sorted(ITEMS)))
def test_a_file_has_the_given_limits_and_nothing_else(domain: str, value: Any, kind: str, item: str) -> None:
    try:
        (parsed,) = parse_limits([limit(domain, kind, item, value, why=domain)])
    except LimitsError:
        return
    if parsed.value == "max":
        return
    (entry,) = parse(render([parsed]), "a.conf")
    assert (entry.spelling, entry.type, entry.item, entry.value) == (domain, kind, item, str(value))
    assert amount(ITEMS[item], entry.value) is not None


# --- the file -------------------------------------------------------------------------------

WORDS = st.text(st.characters(whitelist_categories=("Lu", "Ll", "Nd"), whitelist_characters="-_.@%*"), min_size=1)
WRITTEN = st.builds(
    Limit,
    st.just(Domain(USER)),
    WORDS.filter(lambda word: word != "%" and not word.startswith("#")),
    st.sampled_from([SOFT, HARD, BOTH]),
    st.sampled_from(sorted(set(ITEMS) - {"nonewprivs"})),
    st.integers(0, 19).map(str),
    st.text(),
)


@given(st.lists(WRITTEN, max_size=6))
def test_a_written_file_is_read_back(limits: list[Limit]) -> None:
    """For any reasons, and without a line that old versions of pam_limits would cut in two."""
    text = render(limits)
    read = [(entry.spelling, entry.type, entry.item, entry.value) for entry in parse(text, "a.conf")]
    assert read == [limit[1:5] for limit in limits]
    assert all(len(line.encode("utf-8", "replace")) < 1024 for line in text.split("\n"))


def test_a_reason_stands_above_its_line() -> None:
    text = render([Limit(Domain(EVERYBODY), "*", BOTH, "core", "0", "No cores:\nthey hold  passwords.")])
    assert text.endswith("\n\n# No cores: they hold passwords.\n* - core 0\n")
