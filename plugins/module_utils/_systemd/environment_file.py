# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that systemd reads through EnvironmentFile=: how they are parsed, and how a number is set and reverted.

All functions work on texts, and keep every byte of all lines but ours. Above each line of ours is a comment, by which
it is found again. Source: systemd.exec(5), "EnvironmentFile="; behaviour that it leaves open was tested with systemd
247, 252 and 257.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from .._core.errors import ItemError
from .._engine.conf_files import comment_lines

COMMENT = "comment"
BLANK = "blank"
ASSIGNMENT = "assignment"
OTHER = "other"

COMMENT_CHARACTERS = "#;"
BLANKS = " \t"
LONGEST_SHOWN = 60

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE_ENDING = re.compile(r"\r\n|\n|\r")
_DOUBLE_QUOTED = r'"(?:\\[\s\S]|[^"\\])*"'
_SINGLE_QUOTED = r"'[^']*'"
# Quotes count at the beginning of a value, one quoted part after another; past the first bare character they do not.
_VALUE = re.compile(
    rf"((?:[ \t]*(?:{_SINGLE_QUOTED}|{_DOUBLE_QUOTED}))*)[ \t]*((?:\\[\s\S]|[^\\\r\n])*)"
)
_QUOTED = re.compile(rf"{_SINGLE_QUOTED}|{_DOUBLE_QUOTED}")
_OUR_NUMBER = re.compile(r"[ \t]*[A-Za-z_][A-Za-z0-9_]*[ \t]*=[ \t]*([\"']?)([0-9]{1,18})\1[ \t]*")

_MARK = "# siptune.linux:"
_HEADING = re.compile(
    rf"{re.escape(_MARK)} (?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>[0-9]{{1,18}}) for (?P<unit>\S+);"
    r" was (?P<was>[0-9]{1,18}|not set) in this file\. \(Ansible, siptune\.linux\.daemon_pools\)"
)
_CONTINUED = f"{_MARK}   "


class EnvironmentFileError(ItemError):
    """A line that cannot be parsed with certainty: the file, the line, and the reason."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file} line {line}", reason)
        self.item, self.line = file, line
        self.reason = f"line {line}: {reason}"


class Entry(NamedTuple):
    """A line of the file, or the lines of one assignment.

    `text[start:end]` is the line, and `text[start:after]` the line with its ending. `value` is the value that systemd
    reads. `problem` says why the line cannot be parsed, and is empty otherwise.
    """

    kind: str
    line: int
    start: int
    end: int
    after: int
    name: str = ""
    value: str = ""
    problem: str = ""


class Note(NamedTuple):
    """The comment above a line of ours: the value and the unit, and the value before us (None: not set).

    `comments` are its lines, `assignment` is the line below it, None if somebody has removed that.
    """

    name: str
    value: int
    unit: str
    was: int | None
    comments: Sequence[Entry]
    assignment: Entry | None

    @property
    def in_force(self) -> bool:
        """Whether the line below still has our value."""
        return self.assignment is not None and self.assignment.value == str(self.value)


# --- reading --------------------------------------------------------------------------------


def parse(text: str) -> list[Entry]:
    """The entries of a file, in their order."""
    return list(_entries(text))


def _entries(text: str) -> Iterator[Entry]:
    position, line = 0, 1
    while position < len(text):
        entry = _entry(text, position, line)
        yield entry
        line += len(_LINE_ENDING.findall(text, position, entry.after))
        position = entry.after


def _entry(text: str, start: int, line: int) -> Entry:
    end, after = _line_end(text, start)
    first = text[start:end].strip(BLANKS)
    if not first:
        return Entry(BLANK, line, start, end, after)
    if first[0] in COMMENT_CHARACTERS:
        return Entry(COMMENT, line, start, end, after, value=first)
    name, equals, _rest = text[start:end].partition("=")
    if not equals:
        return Entry(OTHER, line, start, end, after, problem="is neither a comment nor NAME=VALUE")
    value, value_end, problem = _value(text, start + len(name) + 1)
    end, after = _line_end(text, value_end)
    name = name.strip(BLANKS)
    if not _NAME.fullmatch(name):
        problem = f"{_shown(name)} is not a valid variable name: systemd skips the line"
    elif not _is_text(text[start:end]):
        problem = "is not UTF-8, or contains NUL: systemd skips the whole file"
    return Entry(ASSIGNMENT, line, start, end, after, name, value, problem)


def _line_end(text: str, position: int) -> tuple[int, int]:
    """Where the next line ending begins, and where it ends."""
    found = _LINE_ENDING.search(text, position)
    return (len(text), len(text)) if found is None else found.span()


def _value(text: str, start: int) -> tuple[str, int, str]:
    """A value, where it ends, and why it cannot be parsed."""
    found = next(_VALUE.finditer(text, start))  # at `start`, as it matches the empty string
    quoted, bare = found.groups()
    value = "".join(_unquoted(part) for part in _QUOTED.findall(quoted)) + _unescaped(bare)
    if bare[:1] in ('"', "'"):
        return value, len(text), f"a quote {bare[0]} is not closed"  # it would include all that follows
    rest = text[found.end() :]
    if rest == "\\" or (not rest and bare.endswith(("\\\n", "\\\r"))):
        return value, len(text), "ends in a backslash with nothing after it"
    return value, found.end(), ""


def _unquoted(part: str) -> str:
    if part[0] == "'":
        return part[1:-1]
    return re.sub(r"\\([\s\S])", _double_quoted_escape, part[1:-1])


def _double_quoted_escape(found: re.Match[str]) -> str:
    character = found.group(1)
    if character in '"\\`$':
        return character
    return "" if character == "\n" else "\\" + character


def _unescaped(bare: str) -> str:
    """A value outside quotes, without blanks at its end, unless escaped, and without escaped line endings."""
    pieces = re.findall(r"\\[\s\S]|[^\\]", bare)
    while pieces and pieces[-1] in BLANKS:
        pieces.pop()
    return "".join(piece if len(piece) == 1 else piece[1].strip("\r\n") for piece in pieces)


def _is_text(text: str) -> bool:
    return "\0" not in text and not re.search("[\ud800-\udfff]", text)


def _shown(text: str) -> str:
    return repr(text[:LONGEST_SHOWN] + "..." * (len(text) > LONGEST_SHOWN))


def assignments(text: str) -> dict[str, Entry]:
    """The line that decides each variable of a file, which is the last one. Lines that systemd skips are left out."""
    return {entry.name: entry for entry in parse(text) if entry.kind == ASSIGNMENT and not entry.problem}


def check(text: str, file: str) -> None:
    """Raises EnvironmentFileError for the first line of a file that cannot be parsed."""
    for entry in parse(text):
        if entry.problem:
            raise EnvironmentFileError(file, entry.line, entry.problem)


def read_number(text: str, file: str, name: str) -> int | None:
    """The whole number that a file assigns to a variable, None if it does not set it. Raises EnvironmentFileError."""
    entries = parse(text)
    for entry in entries:
        if entry.problem and re.search(rf"\b{name}\b", text[entry.start : entry.end]):
            raise EnvironmentFileError(file, entry.line, entry.problem)
    deciding = assignments(text).get(name)
    if deciding is None:
        return None
    found = _OUR_NUMBER.fullmatch(text, deciding.start, deciding.end)
    if found is None:
        value = _shown(deciding.value) if deciding.value else "nothing"
        raise EnvironmentFileError(
            file, deciding.line, f"{name} is set to {value}, not to a plain whole number on a line of its own"
        )
    before = [entry for entry in entries if entry.after == deciding.start]
    if before and before[0].kind == COMMENT and before[0].value.endswith("\\"):
        raise EnvironmentFileError(
            file,
            deciding.line,
            f"{name} follows a comment that ends in a backslash, which systemd before 254 continues",
        )
    return int(found.group(2))


# --- writing --------------------------------------------------------------------------------


class Mark(NamedTuple):
    """The comment above a line of ours: the unit, the value in this file before us (None: not set), and the reason."""

    unit: str
    was: int | None
    why: str = ""

    def lines(self, name: str, value: int) -> list[str]:
        """The lines of the comment."""
        was = "not set" if self.was is None else self.was
        head = f"{_MARK} {name}={value} for {self.unit}; was {was} in this file. (Ansible, siptune.linux.daemon_pools)"
        # A comment that ends in a backslash would swallow the next line, before systemd 254.
        return [head, *(line + "." * line.endswith("\\") for line in comment_lines(self.why, _CONTINUED))]


def set_number(text: str, name: str, value: int, mark: Mark) -> str:
    """A file's text with the line that decides a variable replaced, or with a new last line.

    The text must have passed `check` and must not have a note about this variable.
    """
    found = _LINE_ENDING.search(text)
    ending = found.group() if found else "\n"
    comment = "".join(line + ending for line in mark.lines(name, value))
    old = assignments(text).get(name)
    if old is not None:
        return text[: old.start] + comment + f"{name}={value}" + text[old.end :]
    return _whole_lines(text, ending) + comment + f"{name}={value}" + ending


def _whole_lines(text: str, ending: str) -> str:
    return text + ending if text and not text.endswith(("\n", "\r")) else text


def notes(text: str) -> dict[str, Note]:
    """Our comments in a file, by variable."""
    found: dict[str, Note] = {}
    current = ""
    for entry in parse(text):
        if entry.kind == COMMENT:
            heading = _HEADING.fullmatch(entry.value)
            if heading is not None:
                current = heading["name"]
                was = None if heading["was"] == "not set" else int(heading["was"])
                found[current] = Note(current, int(heading["value"]), heading["unit"], was, [entry], None)
            elif current and entry.value.startswith(_CONTINUED):
                found[current] = found[current]._replace(comments=[*found[current].comments, entry])
        elif entry.kind == ASSIGNMENT:
            note = found.get(entry.name)
            if note is not None and note.assignment is None:
                found[entry.name] = note._replace(assignment=entry)
            current = ""
    return found


def revert_line(text: str, name: str, original: str | None) -> str:
    """A file's text without our comment about a variable, and with the line that it had before us.

    `original` is the text of the file before our first change, None if that is unknown. A line that somebody else has
    changed since stays.
    """
    note = notes(text).get(name)
    if note is None:
        return text
    cuts = [(entry.start, entry.after, "") for entry in note.comments]
    if note.in_force and note.assignment is not None:
        old = _line_before_us(note, original)
        mine = note.assignment
        cuts.append((mine.start, mine.after, "") if old is None else (mine.start, mine.end, old))
    for start, end, instead in sorted(cuts, reverse=True):
        text = text[:start] + instead + text[end:]
    if original is not None and text != original and original:
        ending = _LINE_ENDING.search(original)
        if text == _whole_lines(original, ending.group() if ending else "\n"):
            return original  # its last line may have no ending
    return text


def _line_before_us(note: Note, original: str | None) -> str | None:
    """The original line, byte for byte; or a new one, if its value had changed by the time we last set it."""
    if note.was is None:
        return None
    entry = assignments(original or "").get(note.name)
    if original is not None and entry is not None and entry.value == str(note.was):
        return original[entry.start : entry.end]
    return f"{note.name}={note.was}"


# --- showing --------------------------------------------------------------------------------


def shown_lines(text: str, names: Collection[str]) -> str:
    """The lines of a file that may be shown: our comments, and the lines that set these variables to a plain number.

    All others are somebody else's, and environment files hold passwords.
    """
    entries = [entry for note in notes(text).values() for entry in note.comments]
    entries += [entry for name, entry in assignments(text).items() if name in names and _is_number(text, entry)]
    return "".join(text[entry.start : entry.end] + "\n" for entry in sorted(entries, key=lambda entry: entry.start))


def _is_number(text: str, entry: Entry) -> bool:
    return bool(_OUR_NUMBER.fullmatch(text, entry.start, entry.end))
