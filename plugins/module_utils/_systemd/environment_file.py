# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that systemd reads through EnvironmentFile=: how they are parsed, and how a number is set and reverted.

All functions work on texts, and keep every byte of all lines but ours. Above each line of ours is a comment, by which
it is found again. Sources: systemd.exec(5), "EnvironmentFile="; parse_env_file_internal() and load_env_file_push() in
src/basic/env-file.c. What files do to the systemd 247, 252 and 257 of Debian is compared in tests/systemd.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from .._core.errors import ItemError
from .._core.text import encoded
from .._engine.conf_files import comment_lines

COMMENT = "comment"
BLANK = "blank"
ASSIGNMENT = "assignment"
IGNORED = "ignored"  # by systemd, which says so in its journal at most

COMMENT_CHARACTERS = "#;"
BLANKS = " \t"
LONGEST_SHOWN = 60
# Of a whole file: READ_FULL_BYTES_MAX of systemd 247, src/basic/fileio.c. Later versions take 64 MiB.
MOST_BYTES = 4 * 1024 * 1024
PARSED_FILES = 16  # a unit reads few files, and each pool reads them again

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE_ENDING = re.compile(r"\r\n|\n|\r")
# Each of these matches everywhere, if only the empty string, and never tries a character twice.
_LINE = re.compile(r"[^\r\n]*")
_CONTINUED_COMMENT = re.compile(r"(?:[^\\\r\n]+|\\[\s\S])*")
_KEY = re.compile(r"[^\r\n]?[^=\r\n]*")
_BLANKS = re.compile(r"[ \t]*")
_QUOTED = {"'": re.compile(r"[^']*"), '"': re.compile(r'(?:[^"\\]+|\\[\s\S])*')}
_BARE = re.compile(r"(?:[^\\\r\n]+|\\[\s\S])*")
_BARE_ESCAPE = re.compile(r"\\(?:[\r\n]|([\s\S]))")
_QUOTED_ESCAPE = re.compile(r'\\(?:\n|(["\\`$]))')
# What systemd does not take for UTF-8: bytes that are none, which are lone surrogates here, and the characters that
# Unicode reserves. Source: unichar_is_valid() in src/basic/utf8.c
_RESERVED = "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
_NO_TEXT = re.compile(f"[\ud800-\udfff\ufdd0-\ufdef{_RESERVED}]")
# An assignment of nothing but a number, in whose text nobody can hide anything.
_PLAIN_ASSIGNMENT = re.compile(r"[ \t]*[A-Za-z_][A-Za-z0-9_]*[ \t]*=[ \t]*([\"']?)[0-9]{1,18}\1[ \t]*")
_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}")

_MARK = "# siptune.linux:"
# The first versions said "here it was 64" instead of "was 64 in this file", and their lines are on hosts.
_HEADING = re.compile(
    rf"{re.escape(_MARK)} (?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>[0-9]{{1,18}}) for (?P<unit>\S+);"
    r" (?:here it )?was (?P<was>[0-9]{1,18}|not set)(?: in this file)?\. \(Ansible, siptune\.linux\.daemon_pools\)"
)
_CONTINUED = f"{_MARK}   "


class EnvironmentFileError(ItemError):
    """A line that stands in the way of a number: the file, the line, and the reason."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file} line {line}", reason)
        self.item, self.line = file, line
        self.reason = f"line {line}: {reason}"


class Entry(NamedTuple):
    """A line of the file, or the lines of one assignment.

    `text[start:end]` is the line, and `text[start:after]` the line with its ending. `value` is the value that systemd
    reads. `open` tells that the file ends within it: a quote is not closed, or there is nothing after a backslash.
    """

    kind: str
    line: int
    start: int
    end: int
    after: int
    name: str = ""
    value: str = ""
    open: bool = False


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


@functools.lru_cache(maxsize=PARSED_FILES)
def parse(text: str, continues_comments: bool = False) -> Sequence[Entry]:
    """The entries of a file, in their order. Before systemd 254 a backslash at the end `continues_comments`."""
    if continues_comments and not any(one.kind == COMMENT and one.value.endswith("\\") for one in parse(text)):
        return parse(text)
    return tuple(_entries(text, continues_comments))


def _entries(text: str, continues_comments: bool) -> Iterator[Entry]:
    position, line = 0, 1
    while position < len(text):
        entry = _entry(text, position, line, continues_comments)
        yield entry
        line += len(_LINE_ENDING.findall(text, position, entry.after))
        position = entry.after


def _entry(text: str, start: int, line: int, continues_comments: bool) -> Entry:
    first = _end(_BLANKS, text, start)
    if text[first : first + 1] in ("", "\n", "\r"):
        return Entry(BLANK, line, start, *_line_end(text, first))
    if text[first] in COMMENT_CHARACTERS:
        end, after = _line_end(text, _end(_CONTINUED_COMMENT if continues_comments else _LINE, text, first))
        return Entry(COMMENT, line, start, end, after, value=text[first:end].rstrip(BLANKS))
    equals = _end(_KEY, text, first)
    if text[equals : equals + 1] != "=":
        return Entry(IGNORED, line, start, *_line_end(text, equals))
    value, value_end, is_open = _value(text, equals + 1)
    end, after = _line_end(text, value_end)
    name = text[first:equals].rstrip(BLANKS)
    kind = ASSIGNMENT if _NAME.fullmatch(name) else IGNORED
    return Entry(kind, line, start, end, after, name, value, is_open)


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    """Where the match of a pattern ends that matches everywhere."""
    found = pattern.match(text, position)
    return position if found is None else found.end()


def _line_end(text: str, position: int) -> tuple[int, int]:
    """Where the line ending at a position begins, and where it ends."""
    position = _end(_LINE, text, position)
    found = _LINE_ENDING.match(text, position)
    return position, position if found is None else found.end()


def _value(text: str, position: int) -> tuple[str, int, bool]:
    """A value, where it ends, and whether the file ends within it.

    Quotes count at its beginning, one quoted part after another; past the first bare character they do not.
    """
    parts: list[str] = []
    while True:
        position = _end(_BLANKS, text, position)
        quote = text[position : position + 1]
        if quote not in _QUOTED:
            break
        end = _end(_QUOTED[quote], text, position + 1)
        part = text[position + 1 : end]
        parts.append(part if quote == "'" else _QUOTED_ESCAPE.sub(r"\1", part))
        if text[end : end + 1] != quote:
            return "".join(parts), len(text), True
        position = end + 1
    end = _end(_BARE, text, position)
    parts.append(_unescaped(text[position:end]))
    # A lone backslash is left over, or a line ending that one has taken away is the last character.
    is_open = text[end : end + 1] == "\\" or (end == len(text) and _escapes(text, end - 1) and text[-1] in "\r\n")
    return "".join(parts), len(text) if is_open else end, is_open


def _unescaped(bare: str) -> str:
    """A value outside quotes, without blanks at its end, unless escaped, and without escaped line endings."""
    kept = len(bare.rstrip(BLANKS))
    return _BARE_ESCAPE.sub(r"\1", bare[: kept + _escapes(bare, kept)])


def _escapes(text: str, position: int) -> bool:
    """Whether what is at a position follows a backslash that no other one escapes."""
    first = position
    while first and text[first - 1] == "\\":
        first -= 1
    return (position - first) % 2 == 1


def _shown(text: str) -> str:
    return repr(text[:LONGEST_SHOWN] + "..." * (len(text) > LONGEST_SHOWN))


def why_skipped(text: str) -> str:
    """Why systemd skips a file as a whole, or does not start the unit without it; "" if it reads the file."""
    if len(encoded(text)) > MOST_BYTES:
        return f"it is longer than {MOST_BYTES // 1024 // 1024} MiB"
    if "\0" in text:
        return f"line {_line_of(text, text.index(chr(0)))} has a NUL"
    for entry in parse(text) if _NO_TEXT.search(text) else ():
        if entry.kind in (ASSIGNMENT, IGNORED) and _NO_TEXT.search(entry.name + entry.value):
            return f"line {entry.line} is not UTF-8"
    return ""


def _line_of(text: str, position: int) -> int:
    return len(_LINE_ENDING.findall(text, 0, position)) + 1


@functools.lru_cache(maxsize=PARSED_FILES)
def assignments(text: str, continues_comments: bool = False) -> Mapping[str, Entry]:
    """The line that decides each variable of a file, which is the last one; none of a file that systemd skips."""
    if why_skipped(text):
        return {}
    return {entry.name: entry for entry in parse(text, continues_comments) if entry.kind == ASSIGNMENT}


def read_number(text: str, file: str, name: str) -> int | None:
    """The whole number that a file assigns to a variable, None if it does not set it. Raises EnvironmentFileError."""
    entry = assignments(text).get(name)
    if entry is None:
        return None
    if _number(entry.value) is None:
        value = _shown(entry.value) if entry.value else "nothing"
        raise EnvironmentFileError(file, entry.line, f"{name} is set to {value}, not to a plain whole number")
    return _number(entry.value)


def _number(value: str) -> int | None:
    return int(value) if _WHOLE_NUMBER.fullmatch(value) else None


def values(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """The variables of a file as systemd reads it, and as one before 254 does."""
    both = [assignments(text, continues) for continues in (False, True)]
    new, old = ({name: entry.value for name, entry in found.items()} for found in both)
    return new, old


def is_certain(text: str, name: str) -> bool:
    """Whether every systemd reads the same value of a variable."""
    new, old = values(text)
    return new.get(name) == old.get(name)


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


def set_number(text: str, file: str, name: str, value: int, mark: Mark) -> str:
    """A file's text with the line that decides a variable replaced, or with a new last line.

    The new line comes before one that is open, as it would become a part of that. The text must not have a note about
    this variable. Raises EnvironmentFileError where another variable would change, or this one not.
    """
    found = _LINE_ENDING.search(text)
    ending = found.group() if found else "\n"
    comment = "".join(line + ending for line in mark.lines(name, value))
    old = assignments(text).get(name)
    if old is not None:
        changed = text[: old.start] + comment + f"{name}={value}" + text[old.end :]
    else:
        entries = parse(text)
        end = entries[-1].start if entries and entries[-1].open else len(text)
        changed = _whole_lines(text[:end], ending) + comment + f"{name}={value}" + ending + text[end:]
    if values(changed) != tuple({**before, name: str(value)} for before in values(text)):
        last = parse(text)[-1].line
        raise EnvironmentFileError(file, last, "follows a comment that ends in a backslash: remove that backslash")
    return changed


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
    if original is not None and entry is not None and _number(entry.value) == note.was:
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
    return bool(_PLAIN_ASSIGNMENT.fullmatch(text, entry.start, entry.end))
