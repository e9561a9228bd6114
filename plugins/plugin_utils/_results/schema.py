# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small language for the shape of data that a host has sent.

A check takes a value and its place, such as `items[3].state`, and returns the value built anew: plain types, known
fields, texts without control characters. It raises ResultError for anything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

Check = Callable[[Any, str], Any]

LONGEST_LINE = 4096  # as a path may be, PATH_MAX of linux/limits.h
LONGEST_SHOWN = 60  # of a value in a message

_LINE_BREAK = re.compile("[\n\r\v\f\x1c-\x1e\x85]")  # of a text file or of a terminal
# Controls of C0 and C1, which a terminal would obey; halves of characters, which are no UTF-8; and the marks by which a
# text is shown in another order than it is read in. Source: Unicode, UAX #9
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class ResultError(ValueError):
    """Data that a host must not have sent: names the field and the mistake."""

    def __init__(self, place: str, mistake: str) -> None:
        super().__init__(f"{place or 'the whole'}: {mistake}")
        self.place = place
        self.mistake = mistake

    def inside(self, outer: str) -> ResultError:
        """The same error, seen from further out. Places are put together only where they are needed."""
        dot = "." if outer and self.place and not self.place.startswith("[") else ""
        return ResultError(f"{outer}{dot}{self.place}", self.mistake)


def _wrong(place: str, expected: str, value: Any) -> ResultError:
    shown = repr(value) if isinstance(value, (int, float, type(None))) else f"{type(value).__name__}"
    if isinstance(value, str):
        shown = repr(value[:LONGEST_SHOWN] + "..." * (len(value) > LONGEST_SHOWN))
    return ResultError(place, f"must be {expected}, not {shown[: 2 * LONGEST_SHOWN]}")


# --- texts -----------------------------------------------------------------------------------


def line(longest: int = LONGEST_LINE) -> Check:
    """A text of one line, which a line break makes invalid."""

    def check(value: Any, place: str) -> str:
        found = _bounded(value, place, longest)
        if found.isprintable():
            return found
        if _LINE_BREAK.search(found):
            raise _wrong(place, "a text of one line", found)
        return _UNPRINTABLE.sub("?", found.replace("\t", " "))

    return check


def sentence(longest: int = LONGEST_LINE) -> Check:
    """Words for people, brought onto one line."""

    def check(value: Any, place: str) -> str:
        found = _bounded(value, place, longest)
        return found if found.isprintable() else _UNPRINTABLE.sub("?", " ".join(found.split()))

    return check


def text(longest: int) -> Check:
    """A text of any number of lines."""

    def check(value: Any, place: str) -> str:
        lines = _bounded(value, place, longest).split("\n")
        return "\n".join(_UNPRINTABLE.sub("?", _LINE_BREAK.sub("?", one)) for one in lines)

    return check


def _bounded(value: Any, place: str, longest: int) -> str:
    if not isinstance(value, str):
        raise _wrong(place, "a text", value)
    if len(value) > longest:
        raise _wrong(place, f"at most {longest} characters", value)
    return str(value)


# --- numbers and words -----------------------------------------------------------------------


def flag(value: Any, place: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise _wrong(place, "true or false", value)
    return value


def integer(least: int, most: int) -> Check:
    """A whole number in these bounds."""

    def check(value: Any, place: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _wrong(place, f"a whole number from {least} to {most}", value)
        return int(value)

    return check


def number(least: float, most: float) -> Check:
    """A number in these bounds, which infinity and NaN are not."""

    def check(value: Any, place: str) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise _wrong(place, f"a number from {least:g} to {most:g}", value)
        return value

    return check


def one_of(words: Collection[str]) -> Check:
    """One of a closed set of words."""

    def check(value: Any, place: str) -> str:
        if not isinstance(value, str) or value not in words:
            raise _wrong(place, f"one of {', '.join(words)}", value)
        return str(value)

    return check


# --- the rest of it --------------------------------------------------------------------------


def maybe(inner: Check) -> Check:
    """This, or null."""
    return lambda value, place: None if value is None else inner(value, place)


def scalar(longest: int) -> Check:
    """A text of one line, a number, or true or false."""
    words, amount = line(longest), number(-1e300, 1e300)

    def check(value: Any, place: str) -> Any:
        if isinstance(value, bool):
            return value
        return amount(value, place) if isinstance(value, (int, float)) else words(value, place)

    return check


def many(inner: Check, most: int, unique: str = "") -> Check:
    """A list of up to so many of these; no two with the same value in the field `unique`."""

    def check(value: Any, place: str) -> list[Any]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise _wrong(place, "a list", value)
        if len(value) > most:
            raise ResultError(place, f"must have at most {most} elements, not {len(value)}")
        found: list[Any] = []
        try:
            for one in value:
                found.append(inner(one, ""))  # its length says where an error is
        except ResultError as error:
            raise error.inside(f"{place}[{len(found)}]") from None
        if unique and len({one[unique] for one in found}) < len(found):
            raise ResultError(place, f"must not have the same {unique} twice")
        return found

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """A dictionary of these fields. Any other field is left out."""
    fields = [(name, inner, name in required) for name, inner in {**required, **(optional or {})}.items()]

    def check(value: Any, place: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _wrong(place, "a dictionary", value)
        found = {}
        try:
            for name, inner, needed in fields:
                if name in value:
                    found[name] = inner(value[name], name)
                elif needed:
                    raise ResultError(name, "is missing")
        except ResultError as error:
            raise error.inside(place) from None
        return found

    return check
