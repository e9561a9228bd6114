# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.accounts import Account
from ansible_collections.siptune.linux.plugins.module_utils._logins.conf import INFINITE, LAST_ID, read_domain
from ansible_collections.siptune.linux.plugins.module_utils._logins.effective import (
    effective,
    effective_amount,
    is_line_of,
    missing_account,
    people,
)
from ansible_collections.siptune.linux.plugins.module_utils._logins.settings import parse_limits
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.nr_open import NrOpen
from login_hosts import ASTERISK, LATER, MAIN, OLD, PATH, ROOT, host, limit


def ids(account: Account) -> tuple[str, int, set[int], set[str]]:
    return account.name, account.uid, set(account.gids), set(account.groups)


PEOPLE = [
    ("asterisk", [ids(ASTERISK)], ""),
    ("kamailio", [("kamailio", -1, set(), set())], "this host has no user kamailio"),
    (":4321", [ids(ASTERISK)], ""),
    ("77:77", [("", 77, set(), set())], "this host has no user with uid 77"),
    ("1000:", [("", 1000, set(), set()), ("", LAST_ID, set(), set())], ""),
    ("@voip", [("", -1, {4400}, {"voip"})], ""),
    ("%gone", [("", -1, set(), {"gone"})], "this host has no group gone"),
    ("@:4400", [("", -1, {4400}, {"voip"})], ""),
    ("%:77", [("", -1, {77}, set())], "this host has no group with gid 77"),
    ("@5:9", [("", -1, {5}, set()), ("", -1, {9}, set())], ""),
    ("@5:5", [("", -1, {5}, set())], ""),
    ("*", [("", -1, set(), set())], ""),
    ("%", [("", -1, set(), set())], ""),
]


@pytest.mark.parametrize(("word", "expected", "missing"), PEOPLE, ids=[word for word, *_ in PEOPLE])
def test_people_of_a_domain(word: str, expected: list[tuple], missing: str) -> None:
    domain = read_domain(word)
    assert domain is not None
    directory = host().directory
    assert [ids(account) for account in people(domain, directory)] == expected
    assert missing_account(domain, directory) == missing


@pytest.mark.parametrize(
    ("item", "value", "mapped", "unmapped"),
    [
        ("nofile", "unlimited", 5000, INFINITE),
        ("nofile", "7", 7, 7),
        ("core", "unlimited", INFINITE, INFINITE),
        ("memlock", "2", 2048, 2048),
        ("nice", "many", 0, 0),
    ],
)
def test_amounts(item: str, value: str, mapped: int, unmapped: int) -> None:
    nr_open = NrOpen(5000, 4000)
    assert effective_amount(item, value, host(nr_open=nr_open)) == mapped
    assert effective_amount(item, value, host(nr_open=nr_open, pam=OLD)) == unmapped


def test_our_text_is_read_among_the_other_files() -> None:
    (nofile,) = parse_limits([limit("asterisk both nofile 9")])
    found = host(others={MAIN: "asterisk soft nofile 1\n", LATER: "asterisk hard nofile 3\n"})
    assert effective(PATH, None, found).value(nofile) == "1:3"
    assert effective(PATH, "asterisk - nofile 2\n", found).value(nofile) == "2:3"
    assert effective(PATH, None, host()).value(nofile) is None


def test_the_hard_limit_of_a_session_counts_where_no_line_sets_one() -> None:
    without = effective(PATH, None, host())
    assert without.hard("nofile", without.decide("nofile", ASTERISK)) == 524288
    assert without.hard("sigpending", without.decide("sigpending", ASTERISK)) is None
    with_line = effective(PATH, "@voip hard nofile 10\n", host())
    assert with_line.hard("nofile", with_line.decide("nofile", ASTERISK)) == 10


def test_lines_are_recognized_by_domain_type_and_item() -> None:
    (core,) = parse_limits([limit("root soft core 1")])
    lines = effective(PATH, "root soft core 2\nroot hard core 1\n:0 soft core 1\nroot soft cpu 1\n", host()).entries
    assert [is_line_of(line, core) for line in lines] == [True, False, False, False]
    assert host().directory.root == ROOT
