# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._logins.conf import (
    ALL_LOGINS,
    BOTH,
    EVERYBODY,
    GID_LOGINS,
    GIDS,
    GROUP,
    GROUP_LOGINS,
    HARD,
    INFINITE,
    ITEMS,
    LAST_ID,
    SOFT,
    UIDS,
    USER,
    Account,
    Decision,
    Domain,
    Entry,
    LimitsError,
    amount,
    check_file_path,
    decide,
    parse,
    rank_for,
    read_all,
    read_domain,
    reading_order,
)
from hypothesis import given
from hypothesis import strategies as st

MAIN = "/etc/security/limits.conf"
ASTERISK = Account("asterisk", 4321, 4321, frozenset({4321, 4400}), frozenset({"asterisk", "voip"}))
ROOT = Account("root", 0, 0, frozenset({0}), frozenset({"root"}))


# --- values ---------------------------------------------------------------------------------

AMOUNTS = [
    ("nofile", "65536", 65536),
    ("nofile", "unlimited", INFINITE),
    ("nofile", "infinity", INFINITE),
    ("nofile", "-1", INFINITE),
    ("nofile", "-", INFINITE),
    ("core", "100000", 102400000),
    ("cpu", "5", 300),
    ("cpu", "18446744073709551615", INFINITE),
    ("memlock", "18014398509481984", INFINITE),  # 2**64 bytes
    ("memlock", "64k", 65536),  # strtoull(3) stops at the letter
    ("nofile", "k64", None),
    ("nofile", "010", 10),  # never octal
    ("nofile", "-5", INFINITE - 4),
    ("nice", "-11", 31),
    ("nice", "19", 1),
    ("nice", "-30", 40),
    ("nice", "-1", 21),
    ("nice", "unlimited", None),
    ("priority", "-11", -11),
    ("priority", "unlimited", None),
    ("maxlogins", "-1", -1),
    ("maxlogins", "unlimited", -1),
    ("maxlogins", "4", 4),
    ("maxsyslogins", "99999999999", 2**31 - 1),
    ("nonewprivs", "1", 1),
    ("nonewprivs", "yes", 0),
    ("nonewprivs", "-1", 0),
]


@pytest.mark.parametrize(("item", "value", "expected"), AMOUNTS, ids=[f"{item} {value}" for item, value, _ in AMOUNTS])
def test_amount(item: str, value: str, expected: int | None) -> None:
    assert amount(ITEMS[item], value) == expected


@given(st.sampled_from(sorted(ITEMS)), st.text())
def test_amount_takes_any_text(item: str, value: str) -> None:
    number = amount(ITEMS[item], value)
    assert number is None or number <= INFINITE


# --- domains --------------------------------------------------------------------------------

DOMAINS = [
    ("asterisk", Domain(USER, "asterisk")),
    ("@voip", Domain(GROUP, "voip")),
    ("%voip", Domain(GROUP_LOGINS, "voip")),
    ("%", Domain(ALL_LOGINS)),
    ("*", Domain(EVERYBODY)),
    ("1000:", Domain(UIDS, "", 1000, LAST_ID)),
    ("1000:2000", Domain(UIDS, "", 1000, 2000)),
    (":1000", Domain(UIDS, "", 1000, 1000, True)),
    ("@500:", Domain(GIDS, "", 500, LAST_ID)),
    ("@500:600", Domain(GIDS, "", 500, 600)),
    ("@:500", Domain(GIDS, "", 500, 500, True)),
    ("%:500", Domain(GID_LOGINS, "", 500, 500, True)),
    ("%500:600", None),
    ("%500:", None),
    (":", None),
    ("@:", None),
    ("a:b", None),
    ("1000:x", None),
]


@pytest.mark.parametrize(("word", "expected"), DOMAINS, ids=[word for word, _ in DOMAINS])
def test_domain(word: str, expected: Domain | None) -> None:
    assert read_domain(word) == expected


RANKS = [
    # domain, rank for asterisk, for root upstream, for root on Debian
    ("asterisk", 0, None, None),
    ("root", None, 0, 0),
    (":4321", 0, None, None),
    ("4000:5000", 0, None, None),
    ("5000:", None, None, None),
    ("0:", 0, 0, 0),
    ("@voip", 1, None, None),
    ("@root", None, 1, None),
    ("@:4400", 1, None, None),
    ("@4400:4400", None, None, None),  # a range looks at the primary group only
    ("@4321:", 1, None, None),
    ("@0:", 1, 1, 0),  # Debian takes it for uids where root is concerned
    ("@:0", None, 1, 0),
    ("%voip", 2, None, None),
    ("%:4400", 2, None, None),
    ("%", 3, 3, None),
    ("*", 4, 4, None),
    ("nobody", None, None, None),
]


@pytest.mark.parametrize(("word", "asterisk", "upstream", "debian"), RANKS, ids=[rank[0] for rank in RANKS])
def test_whom_a_domain_is_for(word: str, asterisk: int | None, upstream: int | None, debian: int | None) -> None:
    domain = read_domain(word)
    assert domain is not None
    assert rank_for(domain, ASTERISK, spares_root=True) == asterisk
    assert rank_for(domain, ASTERISK, spares_root=False) == asterisk
    assert rank_for(domain, ROOT, spares_root=False) == upstream
    assert rank_for(domain, ROOT, spares_root=True) == debian


# --- files ----------------------------------------------------------------------------------

LINES = [
    ("asterisk soft nofile 4096", ["asterisk soft nofile"]),
    ("\tasterisk  -\tnofile   4096  # all", ["asterisk both nofile"]),
    ("asterisk SOFT NoFile UNLIMITED", ["asterisk soft nofile"]),
    ("asterisk soft nofile 4096 and more", ["asterisk soft nofile"]),
    ("asterisk soft nofile 4096\r", ["asterisk soft nofile"]),
    ("asterisk -", ["asterisk both "]),
    ("asterisk soft", []),
    ("asterisk - nofile", []),
    ("asterisk", []),
    ("asterisk soft#nofile 4096", []),
    ("# asterisk soft nofile 4096", []),
    ("", []),
    ("asterisk soft nosuch 4096", []),
    ("asterisk weird nofile 4096", []),
    ("asterisk weird maxlogins 4", ["asterisk both maxlogins"]),
    ("asterisk soft nofile many", []),
    ("asterisk soft nice unlimited", []),
    ("1000:x soft nofile 4096", []),
]


@pytest.mark.parametrize(("line", "names"), LINES, ids=[repr(line) for line, _ in LINES])
def test_a_line_of_a_file(line: str, names: list[str]) -> None:
    entries = parse(f"# first\n{line}\n", MAIN)
    assert [entry.name for entry in entries] == names
    assert all((entry.file, entry.line) == (MAIN, 2) for entry in entries)


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert all(entry.line <= text.count("\n") + 1 for entry in parse(text, MAIN))


PATHS = [
    "/etc/passwd",
    "/etc/security/limits.conf",
    "/etc/security/limits.d",
    "/etc/security/limits.d/",
    "/etc/security/limits.d/.conf",
    "/etc/security/limits.d/.90.conf",
    "/etc/security/limits.d/90",
    "/etc/security/limits.d/90.conf.bak",
    "/etc/security/limits.d/a/90.conf",
    "/etc/security/limits.d/../90.conf",
    "/etc/security/limits.d//90.conf",
    "/etc/security/limits.d/9 0.conf",
    "/etc/security/limits.d/90\n.conf",
    "/etc/security/limits.d/90\0.conf",
    "/etc/security/limits.d/\u00e4.conf",
    "limits.d/90.conf",
    "",
]


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_a_path_that_is_not_read_is_refused(path: str) -> None:
    with pytest.raises(LimitsError):
        check_file_path(path)


def test_a_good_path() -> None:
    check_file_path("/etc/security/limits.d/90-siptune.conf")


# --- the order ------------------------------------------------------------------------------

ETC, VENDOR = "/etc/security", "/usr/etc/security"


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        pytest.param(
            [f"{ETC}/limits.d/b.conf", f"{ETC}/limits.d/a.conf", f"{ETC}/limits.d/B.conf", MAIN],
            [MAIN, f"{ETC}/limits.d/B.conf", f"{ETC}/limits.d/a.conf", f"{ETC}/limits.d/b.conf"],
            id="limits.conf first, then by bytes",
        ),
        pytest.param(
            [f"{ETC}/limits.d/.a.conf", f"{ETC}/limits.d/a.conf.dpkg-old", f"{ETC}/limits.d/10.conf"],
            [f"{ETC}/limits.d/10.conf"],
            id="only what a shell's *.conf finds",
        ),
        pytest.param(
            [f"{VENDOR}/limits.conf", MAIN, f"{VENDOR}/limits.d/a.conf", f"{ETC}/limits.d/a.conf"],
            [MAIN, f"{ETC}/limits.d/a.conf"],
            id="the vendor's is hidden",
        ),
        pytest.param(
            [f"{VENDOR}/limits.conf", f"{VENDOR}/limits.d/a.conf", f"{ETC}/limits.d/b.conf"],
            [f"{VENDOR}/limits.conf", f"{VENDOR}/limits.d/a.conf", f"{ETC}/limits.d/b.conf"],
            id="the vendor's between ours",
        ),
        pytest.param(["/usr/share/limits.d/a.conf"], [], id="nowhere that is read"),
    ],
)
def test_the_order_of_files(paths: list[str], expected: list[str]) -> None:
    assert reading_order(paths, (ETC, VENDOR)) == expected


# --- who wins -------------------------------------------------------------------------------


def decision(text: str, item: str = "nofile", account: Account = ASTERISK, spares_root: bool = True) -> Decision:
    return decide(parse(text, MAIN), item, account, spares_root)


def numbers(found: Decision) -> tuple[int | None, int | None]:
    return found.soft and found.soft.line, found.hard and found.hard.line


WINNERS = [
    # text, the lines that win soft and hard for asterisk
    ("* soft nofile 1", (1, None)),
    ("* - nofile 1", (1, 1)),
    ("asterisk soft nofile 1\nasterisk soft nofile 2", (2, None)),
    ("asterisk soft nofile 1\n@voip soft nofile 2\n* soft nofile 3", (1, None)),
    ("* soft nofile 3\n@voip soft nofile 2", (2, None)),
    ("asterisk soft nofile 1\n4000: soft nofile 2", (2, None)),  # a range of uids counts as the user
    ("@voip hard nofile 1\n@4321: hard nofile 2", (None, 2)),
    ("asterisk soft nofile 1\n* - nofile 2", (1, None)),  # its soft side lost, so its hard side is not looked at
    ("asterisk hard nofile 1\n* - nofile 2", (2, 1)),
    ("% soft nofile 1", (None, None)),
    ("%voip soft nofile 1", (None, None)),
    ("other soft nofile 1\n@other soft nofile 2\n5000: soft nofile 3", (None, None)),
    ("asterisk soft core 1", (None, None)),
]


@pytest.mark.parametrize(("text", "winners"), WINNERS, ids=[text for text, _ in WINNERS])
def test_who_wins(text: str, winners: tuple[int | None, int | None]) -> None:
    assert numbers(decision(text)) == winners


@pytest.mark.parametrize("text", ["asterisk -", "@voip -", ":4321 -", "4000: -", "@:4400 -", "@4321:4321 -"])
def test_a_line_lifts_all_limits_wherever_it_stands(text: str) -> None:
    found = decision(f"asterisk hard nofile 1\n{text}\n")
    assert found.exemption is not None
    assert (found.exemption.line, found.soft, found.hard) == (2, None, None)


@pytest.mark.parametrize("text", ["* -", "other -", "@other -", "%voip -", "@4400:4400 -"])
def test_a_line_that_lifts_nothing_for_asterisk(text: str) -> None:
    assert numbers(decision(f"asterisk hard nofile 1\n{text}\n")) == (None, 1)


def test_of_priorities_the_last_one_wins_whomever_it_is_for() -> None:
    assert numbers(decision("asterisk soft priority 1\n* hard priority 2", "priority")) == (2, 2)


def test_both_kinds_of_logins_share_one_place() -> None:
    text = "asterisk - maxlogins 4\nasterisk - maxsyslogins 9\n%voip - maxlogins 2\n"
    assert numbers(decision(text, "maxlogins")) == (2, 2)
    assert numbers(decision("* - maxlogins 4\n%voip - maxlogins 2\n", "maxlogins")) == (2, 2)


def test_root_gets_the_lines_that_name_root() -> None:
    text = "root hard nofile 1\n@root hard nofile 2\n* hard nofile 3\n"
    assert numbers(decision(text, account=ROOT)) == (None, 1)
    assert numbers(decision("* hard nofile 3\n", account=ROOT)) == (None, None)
    assert numbers(decision("* hard nofile 3\n", account=ROOT, spares_root=False)) == (None, 1)


def test_files_are_read_in_their_order() -> None:
    texts = {f"{ETC}/limits.d/a.conf": "* hard nofile 2", MAIN: "* hard nofile 1"}
    found = decide(read_all(texts, (ETC,)), "nofile", ASTERISK, True)
    assert found.hard == Entry(Domain(EVERYBODY), "*", HARD, "nofile", "2", f"{ETC}/limits.d/a.conf", 1)


ENTRIES = st.lists(
    st.builds(
        "{} {} {} {}".format,
        st.sampled_from([rank[0] for rank in RANKS]),
        st.sampled_from(["soft", "hard", "-"]),
        st.sampled_from(["nofile", "core"]),
        st.integers(1, 99),
    ),
    max_size=12,
).map("\n".join)


@given(ENTRIES, st.sampled_from([ASTERISK, ROOT]), st.booleans())
def test_a_winner_is_the_last_of_the_most_specific(text: str, account: Account, spares_root: bool) -> None:
    entries = parse(text, MAIN)
    found = decide(entries, "nofile", account, spares_root)
    ranked = [
        (rank_for(entry.domain, account, spares_root), entry)
        for entry in entries
        if entry.item == "nofile" and entry.type in (SOFT, BOTH) and not entry.spelling.startswith("%")
    ]
    applying = [(rank, entry) for rank, entry in ranked if rank is not None]
    best = min((rank for rank, _ in applying), default=None)
    assert found.soft == ([entry for rank, entry in applying if rank == best] or [None])[-1]
