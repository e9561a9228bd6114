# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import string
import time

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._systemd.environment_file import (
    EnvironmentFileError,
    Mark,
    assignments,
    is_certain,
    notes,
    parse,
    read_number,
    revert_line,
    set_number,
    shown_lines,
    values,
    why_skipped,
)
from hypothesis import example, given
from hypothesis import strategies as st

FILE = "/etc/default/opensips"
MARK = Mark("opensips.service", None)

# The shape of the file of the OpenSIPS package.
PACKAGED = """\
#
# OpenSIPS startup options
#

# Set to yes to enable it
RUN_OPENSIPS=no

# Shared memory (in Mb)
S_MEMORY=64

# Memory of each process (in Mb)
P_MEMORY=4

OPTIONS=""
"""


# --- reading --------------------------------------------------------------------------------

# What systemd makes of each was looked at with `systemctl show` of a service that prints its environment.
VALUES = {
    "plain": ("A=64\n", "64"),
    "no-newline": ("A=64", "64"),
    "crlf": ("A=64\r\nB=1\r\n", "64"),
    "blanks-around": (" \tA \t= \t64 \t\n", "64"),
    "empty": ("A=\n", ""),
    "double": ('A="64"\n', "64"),
    "single": ("A='a \"b\" \\n'\n", 'a "b" \\n'),
    "two-quoted": ("A=\"a\" 'b'\n", "ab"),
    "quoted-then-bare": ('A="a" b c  \n', "ab c"),
    "quote-inside": ('A=a"b c"\n', 'a"b c"'),
    "comment-is-value": ("A=64 # Mb\n", "64 # Mb"),
    "escaped": ("A=a\\ b\\\\c\\n\n", "a b\\cn"),
    "escaped-end": ("A=a\\ \n", "a "),
    "continued": ("A=a\\\nb\n", "ab"),
    "continued-quotes": ('A="a\\\nb\nc"\n', "ab\nc"),
    "double-escapes": ('A="\\$\\`\\"\\\\\\n"\n', '$`"\\\\n'),
    "equals": ("A=B=C\n", "B=C"),
    "last-wins": ("A=1\nA=2\n", "2"),
    "after-comment": ("; c\n # d\nA=1\n", "1"),
}


@pytest.mark.parametrize(("text", "value"), VALUES.values(), ids=VALUES.keys())
def test_value(text: str, value: str) -> None:
    assert assignments(text)["A"].value == value


# What systemd passes over, and what it makes of the lines around it.
IGNORED = {
    "no-equals": ("A=1\nhello there\nB=2\n", {"A": "1", "B": "2"}),
    "ulimit": ("ulimit -n 65536\nA=1\n", {"A": "1"}),
    "export": ("\nexport A=1\nB=2\n", {"B": "2"}),
    "dot": (". /etc/default/locale\nA=1\n", {"A": "1"}),
    "section": ("[Service]\nA=1\n", {"A": "1"}),
    "shell": ("if true; then\nA=1\nfi\n", {"A": "1"}),
    "byte-order-mark": ("\ufeffA=1\nB=2\n", {"B": "2"}),
    "byte-order-mark-comment": ("\ufeff# comment\nB=2\n", {"B": "2"}),
    "dotted": ("a.b=c\nA=1\n", {"A": "1"}),
    "digit": ("1A=1\nA=2\n", {"A": "2"}),
    "blank-in-name": ("A B=1\nA=2\n", {"A": "2"}),
    "no-name": ("=1\n==A=2\nB=3\n", {"B": "3"}),
    "plus": ("A=1\nA+=2\n", {"A": "1"}),
    "letters": ("\u00c4=1\nA=2\n", {"A": "2"}),
    "open-double": ('A=1\nB="x\nC=3\n', {"A": "1", "B": "x\nC=3\n"}),
    "open-double-escape": ('B="x\\', {"B": "x"}),
    "open-single": ("B='x\nA=1", {"B": "x\nA=1"}),
    "open-ignored": ("export B='x\nA=1\n", {}),
    "ignored-with-quotes": ("export B='x\nC=3'\nA=1\n", {"A": "1"}),
    "no-name-with-quotes": ("=B='x\nC=3'\nA=1\n", {"A": "1"}),
    "open-end": ("A=1\\", {"A": "1"}),
    "open-end-newline": ("A=1 \\\n", {"A": "1 "}),
    "open-end-carriage-return": ("A=1\\\r\nB=2\n", {"A": "1", "B": "2"}),
    "many-backslashes": ("A=" + "\\" * 131 + "\nB=2\n", {"A": "\\" * 65 + "B=2"}),
    "quote-after-continuation": ('A="a"\\\n"b"\n', {"A": 'a"b"'}),
    "bytes-in-comment": ("# K\udcf6ln\nA=1\n", {"A": "1"}),
    "bytes-in-ignored-line": ("K\udcf6ln\nA=1\n", {"A": "1"}),
    "form-feed": ("\fA=1\nB=2\n", {"B": "2"}),
}


@pytest.mark.parametrize(("text", "expected"), IGNORED.values(), ids=IGNORED.keys())
def test_what_systemd_ignores_is_passed_over(text: str, expected: dict[str, str]) -> None:
    assert {name: entry.value for name, entry in assignments(text).items()} == expected
    assert not why_skipped(text)


def test_a_comment_is_continued_by_a_backslash_before_systemd_254() -> None:
    text = "# a \\\nA=1\n#b\\x\\\\\nB=2\n"
    assert values(text) == ({"A": "1", "B": "2"}, {"B": "2"})
    assert not is_certain(text, "A")
    assert is_certain(text, "B")


SKIPPED = {
    "nul": ("A=1\0\n", "line 1 has a NUL"),
    "nul-in-comment": ("A=1\n# \0\n", "line 2 has a NUL"),
    "bytes": ("B=2\nA=\udcff\n", "line 2 is not UTF-8"),
    "bytes-in-name": ("\n\nexp\udcf6rt A=1\n", "line 3 is not UTF-8"),
    "no-character": ("A=\uffff\n", "line 1 is not UTF-8"),
    "no-character-either": ("A=1\nB=\ufdd0\n", "line 2 is not UTF-8"),
    "long": ("A=1\n" + "#" * 4 * 1024 * 1024, "longer than 4 MiB"),
}


@pytest.mark.parametrize(("text", "reason"), SKIPPED.values(), ids=SKIPPED.keys())
def test_a_file_that_systemd_skips_is_told(text: str, reason: str) -> None:
    assert reason in why_skipped(text)
    assert assignments(text) == {}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("A=64\n", 64),
        ("A='8'\n", 8),
        (' A = "16" \n', 16),
        ("#A=64\n", None),
        ("AB=1\nB=2\n", None),
        ("A=1\nA=007\n", 7),
        ("A=6\\\n4\n", 64),
        ("A=\"6\"'4'\n", 64),
        ("A=64\\", 64),
        ("A=1\nexport A=64\n", 1),
    ],
)
def test_number(text: str, number: int | None) -> None:
    assert read_number(text, FILE, "A") == number


NO_NUMBERS = {
    "unit": ("A=64M\n", "'64M'"),
    "empty": ("A=\n", "nothing"),
    "comment": ("A=64 # Mb\n", "'64 # Mb'"),
    "hexadecimal": ("A=0x40\n", "'0x40'"),
    "open": ('A="64\n', "'64\\n'"),
    "two-lines": ('A="6\n4"\n', "'6\\n4'"),
}


@pytest.mark.parametrize(("text", "reason"), NO_NUMBERS.values(), ids=NO_NUMBERS.keys())
def test_anything_but_a_plain_number_is_refused(text: str, reason: str) -> None:
    with pytest.raises(EnvironmentFileError, match="line") as caught:
        read_number(text, FILE, "A")
    assert reason in str(caught.value)


def test_another_variables_oddities_do_not_matter_for_a_number() -> None:
    assert read_number("export B=1\nA=5\n", FILE, "A") == 5


# --- writing --------------------------------------------------------------------------------


def test_a_line_is_replaced_in_its_place() -> None:
    text = set_number(PACKAGED, FILE, "S_MEMORY", 512, Mark("opensips.service", 64, "Many registrations."))
    ours = (
        "# siptune.linux: S_MEMORY=512 for opensips.service; was 64 in this file. "
        "(Ansible, siptune.linux.daemon_pools)\n"
        "# siptune.linux:   Many registrations.\n"
        "S_MEMORY=512\n"
    )
    assert text == PACKAGED.replace("S_MEMORY=64\n", ours)
    assert revert_line(text, "S_MEMORY", PACKAGED) == PACKAGED


def test_a_line_that_is_not_there_comes_last() -> None:
    text = set_number("#SHM_MEMORY=64\nX=1", FILE, "SHM_MEMORY", 128, MARK)
    assert text.startswith("#SHM_MEMORY=64\nX=1\n# siptune.linux: ")
    assert text.endswith("\nSHM_MEMORY=128\n")
    assert "was not set in this file" in text
    assert revert_line(text, "SHM_MEMORY", "#SHM_MEMORY=64\nX=1") == "#SHM_MEMORY=64\nX=1"


def test_the_last_of_several_lines_is_replaced() -> None:
    assert set_number("A=1\nA=2\nB=3\n", FILE, "A", 9, MARK).endswith("A=9\nB=3\n")


def test_line_endings_are_those_of_the_file() -> None:
    text = set_number("A=1\r\nB=2\r\n", FILE, "B", 3, Mark("x.service", 2, "why"))
    assert "\n" not in text.replace("\r\n", "")
    assert revert_line(text, "B", "A=1\r\nB=2\r\n") == "A=1\r\nB=2\r\n"


def test_a_reason_never_continues_a_comment() -> None:
    text = set_number("A=1\n", FILE, "A", 2, Mark("x.service", 1, "a path C:\\"))
    assert "C:\\.\n" in text
    assert read_number(text, FILE, "A") == 2


def test_a_note_is_found_among_comments_of_others() -> None:
    text = set_number(PACKAGED, FILE, "S_MEMORY", 512, Mark("opensips.service", 64, "Many. " * 40))
    head, line = text.split("S_MEMORY=512\n")
    edited = "# mine\n" + head + "# between\n\nS_MEMORY=512\n" + line + "EXTRA=1\n"
    note = notes(edited)["S_MEMORY"]
    assert (note.value, note.unit, note.was, note.in_force) == (512, "opensips.service", 64, True)
    expected = "# mine\n" + PACKAGED.replace("S_MEMORY=64\n", "# between\n\nS_MEMORY=64\n") + "EXTRA=1\n"
    assert revert_line(edited, "S_MEMORY", PACKAGED) == expected


def test_a_line_that_somebody_else_has_changed_stays() -> None:
    tuned = set_number(PACKAGED, FILE, "S_MEMORY", 512, Mark("opensips.service", 64))
    text = tuned.replace("\nS_MEMORY=512\n", "\nS_MEMORY=300\n")
    assert not notes(text)["S_MEMORY"].in_force
    assert revert_line(text, "S_MEMORY", PACKAGED) == PACKAGED.replace("S_MEMORY=64\n", "S_MEMORY=300\n")


def test_a_line_that_somebody_else_has_removed_is_not_restored() -> None:
    text = set_number("A=1\nB=2\n", FILE, "A", 5, Mark("x.service", 1)).replace("\nA=5\n", "\n")
    assert notes(text)["A"].assignment is None
    assert revert_line(text, "A", "A=1\nB=2\n") == "B=2\n"


def test_without_a_record_the_comment_has_the_old_value() -> None:
    assert revert_line(set_number("A='1'\n", FILE, "A", 5, Mark("x.service", 1)), "A", None) == "A=1\n"
    assert revert_line(set_number("B=2\n", FILE, "A", 5, MARK), "A", None) == "B=2\n"


def test_the_value_at_the_time_of_setting_is_restored() -> None:
    """Somebody set 300 after the file was recorded, and we set that."""
    text = set_number("A=300\n", FILE, "A", 5, Mark("x.service", 300))
    assert revert_line(text, "A", "A=64\n") == "A=300\n"


def test_a_text_without_a_note_stays() -> None:
    assert revert_line(PACKAGED, "S_MEMORY", "") == PACKAGED


# --- round trips ----------------------------------------------------------------------------

NAMES = st.sampled_from(["A", "S_MEMORY", "P_MEMORY", "OPTIONS"])
ENDINGS = st.sampled_from(["\n", "\n", "\r\n", "\n\n", "\r"])
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=12)
LINES = st.one_of(
    st.builds("{}={}".format, NAMES, st.integers(0, 9999)),
    st.builds(" {} = '{}' ".format, NAMES, st.integers(0, 9999)),
    st.builds("#{}".format, PRINTABLE),
    st.builds('OTHER="{}"'.format, st.text(string.ascii_letters + " '#;\n", max_size=8)),
    st.builds("MORE={}".format, st.text(string.ascii_letters + " #;", max_size=8)),
    st.sampled_from(["", "  ", "; x", "LONG=a\\\n b", "LONG=a\\", "# siptune.linux: hello", "\ufeffA=1", "a.b=c"]),
    st.sampled_from(["ulimit -n 65536", "export A=1", ". /x", "[a]", "if true", "fi", "=A='b", "MORE='", 'export X="']),
)
FILES = st.builds(
    lambda lines, rest: "".join(line + ending for line, ending in lines) + rest,
    st.lists(st.tuples(LINES, ENDINGS), max_size=8),
    st.one_of(st.just(""), LINES),
)
REASONS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=300).map(
    lambda text: " ".join(text.split())
)


def readable(text: str, name: str) -> bool:
    try:
        read_number(text, FILE, name)
    except EnvironmentFileError:
        return False
    return True


def others(text: str, *names: str) -> dict:
    return {name: entry.value for name, entry in assignments(text).items() if name not in names}


@given(FILES)
def test_entries_are_all_there_is(text: str) -> None:
    entries = parse(text)
    assert "".join(text[entry.start : entry.after] for entry in entries) == text


@given(st.text(max_size=60))
def test_any_text_is_parsed_without_a_gap(text: str) -> None:
    assert "".join(text[entry.start : entry.after] for entry in parse(text)) == text


@given(FILES, NAMES, st.integers(1, 99999), REASONS)
@example("A=007\n", "A", 5, "")
@example("A=6\\\n4", "A", 5, "")
@example("X='", "A", 5, "")
@example("X=1\\", "A", 5, "")
@example("# x\\\nA=1\n", "A", 5, "")
@example("# x\\", "A", 5, "")
def test_set_and_reverted(text: str, name: str, value: int, why: str) -> None:
    if not readable(text, name):
        return
    tuned = set_number(text, FILE, name, value, Mark("x.service", read_number(text, FILE, name), why))
    assert read_number(tuned, FILE, name) == value
    assert others(tuned, name) == others(text, name)
    assert notes(tuned)[name].in_force
    assert revert_line(tuned, name, text) == text


@given(FILES, st.integers(1, 99999), st.integers(1, 99999), st.permutations(["S_MEMORY", "P_MEMORY"]))
def test_two_lines_are_reverted_in_any_order(text: str, shared: int, private: int, order: list) -> None:
    if not readable(text, "S_MEMORY") or not readable(text, "P_MEMORY"):
        return
    tuned = text
    for name, value in (("S_MEMORY", shared), ("P_MEMORY", private)):
        tuned = set_number(tuned, FILE, name, value, Mark("x.service", read_number(tuned, FILE, name)))
    for name in order:
        tuned = revert_line(tuned, name, text)
    assert tuned == text


@given(FILES, NAMES, st.integers(1, 99999), st.sampled_from(["# mine", "NEW=1"]), st.booleans())
def test_lines_that_others_add_survive(text: str, name: str, value: int, line: str, first: bool) -> None:
    if not readable(text, name):
        return
    tuned = set_number(text, FILE, name, value, Mark("x.service", read_number(text, FILE, name)))
    if not tuned.endswith(("\n", "\r")):
        tuned += "\n"
    edited = f"{line}\n{tuned}" if first else f"{tuned}{line}\n"
    back = revert_line(edited, name, text)
    assert read_number(back, FILE, name) == read_number(text, FILE, name)
    assert others(back, name) == others(edited, name)
    assert line + "\n" in back


@given(FILES, NAMES, st.integers(1, 99999))
def test_nothing_is_shown_but_our_comments_and_plain_numbers(text: str, name: str, value: int) -> None:
    if not readable(text, name):
        return
    was = read_number(text, FILE, name)
    try:
        tuned = set_number(text, FILE, name, value, Mark("x.service", was))
    except EnvironmentFileError:
        return
    (comment,) = Mark("x.service", was).lines(name, value)
    assert shown_lines(tuned, [name]) == f"{comment}\n{name}={value}\n"
    assert shown_lines(text, []) == ""


def test_an_edit_that_would_change_another_variable_is_refused() -> None:
    """Before systemd 254 the last line is a part of the comment, which a line between them would end."""
    with pytest.raises(EnvironmentFileError, match="remove that backslash"):
        set_number("# x \\\nB='", FILE, "A", 1, MARK)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("A=1\n", id="short lines"),
        pytest.param("ulimit -n 1\n", id="ignored"),
        pytest.param("'", id="quotes"),
        pytest.param('A="\\\n', id="open and escaped"),
        pytest.param("A='\n'\n", id="quoted"),
        pytest.param("\\", id="backslashes"),
        pytest.param("A=\\\n", id="continued"),
        pytest.param("A=1 \\ \n", id="blanks"),
        pytest.param('"" ', id="quoted parts"),
        pytest.param(" ", id="blanks alone"),
        pytest.param("# x\\\n", id="comments"),
        pytest.param("=", id="equals"),
    ],
)
def test_the_time_is_linear_in_the_size(line: str) -> None:
    """Four times as much takes about four times as long; what takes the square would take sixteen times."""

    def seconds(size: int) -> float:
        # A number of its own in each text: what has been parsed once is not parsed again.
        times = []
        for number in range(3):
            text = f"X={number}\nY=" + line * (size // len(line))
            before = time.process_time()
            assert values(text)[0]["X"] == str(number)
            times.append(time.process_time() - before)
        return min(times)

    small, large = seconds(16 * 1024), seconds(64 * 1024)
    assert large < 10 * max(small, 0.002)


@pytest.mark.parametrize(("was", "before"), [("64", "S_MEMORY=64\n"), ("not set", "")])
def test_a_line_of_the_first_versions_is_known_as_ours(was: str, before: str) -> None:
    end = "(Ansible, siptune.linux.daemon_pools)"
    comment = f"# siptune.linux: S_MEMORY=512 for opensips.service; here it was {was}. {end}\n"
    text = f"# options\n{comment}# siptune.linux:    Room for calls.\nS_MEMORY=512\nRUN=yes\n"
    note = notes(text)["S_MEMORY"]
    assert (note.unit, note.was, note.in_force) == ("opensips.service", None if was == "not set" else 64, True)
    assert revert_line(text, "S_MEMORY", None) == f"# options\n{before}RUN=yes\n"
