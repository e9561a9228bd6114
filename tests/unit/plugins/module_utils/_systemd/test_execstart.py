# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._systemd.execstart import (
    Command,
    Variable,
    Word,
    expand,
    expand_specifiers,
    options_of,
    read_start,
    split_words,
    variables_of,
)

UNIT = "/usr/lib/systemd/system/sipd.service"
DROP_IN = "/etc/systemd/system/sipd.service.d/50-x.conf"


def variables(**given: str) -> dict[str, Variable]:
    return {name: Variable(value, "/f", 1) for name, value in given.items()}


def texts(words: list[Word]) -> list[str]:
    return [word.text for word in words if not word.empty]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        ("A='x y' \"B=z\"", ["A=x y", "B=z"]),
        (r"a\x20b \t\\ \s", ["a b", "\t\\", " "]),
        ("''", [""]),
        ("", []),
        ("a 'b", None),
        ('"a', None),
    ],
)
def test_words(text: str, words: list[str] | None) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize(
    ("unit", "text", "expanded"),
    [
        ("kamailio@edge.service", "/etc/default/kamailio-%i", "/etc/default/kamailio-edge"),
        ("kamailio@edge-a\\x2db.service", "%i %I", "edge-a\\x2db edge/a-b"),
        ("sip-a.service", "%n %N %p %j %t %E %% %H", "sip-a.service sip-a sip-a a /run /etc % %H"),
    ],
)
def test_specifiers(unit: str, text: str, expanded: str) -> None:
    assert expand_specifiers(text, unit) == expanded


def test_a_unit_and_its_drop_in() -> None:
    unit = (
        "[Unit]\nEnvironment=A=no\n[Service]\nEnvironment=A=1 'B=2 3'\nEnvironment=A=4\n"
        "EnvironmentFile=-/etc/default//sipd\nEnvironmentFile=/etc/default/sipd.d/*\n"
        "ExecStart=/usr/sbin/sipd -m $A \\\n  -f /x.cfg\nUnsetEnvironment=C\n"
    )
    start = read_start([(UNIT, unit), (DROP_IN, "[Service]\nEnvironment=B=5\n")], "sipd.service")
    assert {name: one.value for name, one in start.environment.items()} == {"A": "4", "B": "5"}
    assert start.environment["B"].file == DROP_IN
    assert start.environment["A"].line == 5
    assert [(file.pattern, file.optional, file.plain) for file in start.files] == [
        ("/etc/default/sipd", True, True),
        ("/etc/default/sipd.d/*", False, False),
    ]
    assert start.commands == [Command(["/usr/sbin/sipd", "-m", "$A", "-f", "/x.cfg"], True, UNIT, 8)]
    assert start.unset == {"C"}


def test_an_empty_assignment_begins_anew() -> None:
    unit = "[Service]\nEnvironment=A=1\nEnvironmentFile=/a\nExecStart=/bin/a\n"
    drop_in = "[Service]\nEnvironment=\nEnvironmentFile=\nEnvironmentFile=/b\nExecStart=\nExecStart=:/bin/b $A\n"
    start = read_start([(UNIT, unit), (DROP_IN, drop_in)], "sipd.service")
    assert start.environment == {}
    assert [file.pattern for file in start.files] == ["/b"]
    assert [(command.words, command.expands) for command in start.commands] == [(["/bin/b", "$A"], False)]


def test_several_commands_and_prefixes() -> None:
    unit = "[Service]\nExecStart=-@/bin/a name -x ; /bin/b\nExecStart=/bin/c\n"
    commands = read_start([(UNIT, unit)], "sipd.service").commands
    assert [command.words for command in commands] == [["/bin/a", "-x"], ["/bin/b"], ["/bin/c"]]


def test_files_win_and_later_ones_over_earlier() -> None:
    start = read_start([(UNIT, "[Service]\nEnvironment=A=1 B=1 C=1 D=1\nUnsetEnvironment=C D=2\n")], "sipd.service")
    files = [("/f", variables(B="2", D="2")), ("/g", variables(B="3"))]
    assert {name: one.value for name, one in variables_of(start, files).items()} == {"A": "1", "B": "3"}


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("$A", ["64"]),
        ("${A}", ["64"]),
        ("-m${A}", ["-m64"]),
        ("-m$A", ["-m$A"]),
        ("$OPTIONS", ["-m", "1 2", "-d"]),
        ("${OPTIONS}", ["-m '1 2' -d"]),
        ("$NONE", []),
        ("${NONE}", [""]),
        ("$$A", ["$A"]),
        ("$EMPTY", []),
    ],
)
def test_expansion(word: str, words: list[str]) -> None:
    found = expand(Command([word], True, UNIT, 1), variables(A="64", OPTIONS="-m '1 2' -d", EMPTY=" "))
    assert texts(found) == words


def test_where_a_word_comes_from() -> None:
    values = variables(A="64", OPTIONS="-m 1")
    command = Command(["-m", "$A", "-M${A}", "${A}x", "$OPTIONS", "$NONE", "$\udce9A", "$A-B"], True, UNIT, 1)
    assert [(word.variable, word.whole, word.empty) for word in expand(command, values)] == [
        ("", False, False),
        ("A", True, False),
        ("A", True, False),
        ("A", False, False),
        ("OPTIONS", False, False),
        ("OPTIONS", False, False),
        ("NONE", True, True),
        ("", False, True),
        ("", False, True),
    ]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("-m 64 -M 8", {"m": "64", "M": "8"}),
        ("-m64 -DDM8", {"m": "64", "M": "8"}),
        ("-m 64 -m 128", {"m": "128"}),
        ("-f -m -M 8", {"f": "-m", "M": "8"}),
        ("-m 64 -- -m 1", {"m": "64"}),
        ("--atexit=no -m 64", {"m": "64"}),
        ("--alias -m64 -m 32", {"m": "32"}),
        ("--version -m 32", {"m": "32"}),
        ("file -m 32", {"m": "32"}),
        ("-d -m", {"m": ""}),
    ],
)
def test_options(line: str, found: dict[str, str]) -> None:
    words = [Word(word) for word in line.split()]
    assert {letter: word.text for letter, word in options_of(words, "mMf", ("alias",)).items()} == found
