# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of systemd's directives: those of users, those that `systemctl show` prints, and how they compare.

A meaning is a parsed value, see parsers.py.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Union

from .._core.errors import ItemError
from .._core.setting import AT_LEAST, EXACT, parse_rule
from .._core.setting import bounded as bounded_number
from .._host.rlimits import INFINITY
from .directives import DEPRECATED, DIRECTIVES, LESS_IS_BETTER
from .parsers import HIGHEST_NICE, INFINITE, MICROSECONDS, IgnoredError, Meaning

NOT_SET = "[not set]"
Raw = Union[str, int]


class SystemdError(ItemError):
    """An invalid or refused setting. The item is a unit, with or without a directive."""


# --- from a user ----------------------------------------------------------------------------


class Setting(NamedTuple):
    """A validated setting. `text` is written to the file; `given` is the directive's name in the request."""

    directive: str
    text: str
    rule: str = EXACT
    why: str = ""
    given: str = ""
    hazard: str = ""

    @property
    def meaning(self) -> Meaning:
        """The parsed text."""
        return DIRECTIVES[self.directive].parse(self.text)

    @property
    def translated(self) -> bool:
        """Whether the request has a deprecated name for it."""
        return self.given != self.directive


def parse_setting(item: str, name: str, raw: object, rule: str = EXACT, why: str = "", hazard: str = "") -> Setting:
    """The setting of a directive, which may have a deprecated name. Raises SystemdError for the item."""
    current, translate = DEPRECATED.get(name, (name, str))
    if current not in DIRECTIVES:
        raise SystemdError(item, f"unknown directive {name!r}{_nearest(name)}")
    text = _plain_text(item, current, raw)
    try:
        text = translate(text)
        DIRECTIVES[current].parse(text)
    except IgnoredError as error:
        raise SystemdError(item, f"{error}, not {text!r}{_hint(current, text)}") from error
    parse_rule(item, rule, SystemdError)
    setting = Setting(current, text, rule, why, name, hazard)
    if rule not in DIRECTIVES[current].rules or (rule != EXACT and isinstance(setting.meaning[0], str)):
        who = "limits and a TasksMax in numbers" if rule == AT_LEAST else " and ".join(LESS_IS_BETTER)
        raise SystemdError(item, f"cannot have the rule {rule}: only {who} can")
    return setting


def _nearest(name: str) -> str:
    known = {known.lower(): known for known in (*DIRECTIVES, *DEPRECATED)}
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return f"; nearest: {known[close[0]]}" if close else f"; available: {', '.join(DIRECTIVES)}"


def _plain_text(item: str, directive: str, raw: object) -> str:
    if raw is False and directive == "Restart":
        return "no"  # YAML's reading of the word
    if isinstance(raw, bool):
        raise SystemdError(item, f"YAML read it as a boolean ({raw}); quote the value")
    if isinstance(raw, float):
        raise SystemdError(item, f"YAML read it as a fraction ({raw}); quote the value")
    if isinstance(raw, int):
        return str(raw)
    if not isinstance(raw, str):
        raise SystemdError(item, f"must be a text or a number, not {'nothing' if raw is None else type(raw).__name__}")
    if not raw.isprintable():
        raise SystemdError(item, "the value contains a line break or another control character")
    text = " ".join(raw.split(" ")).strip()
    if not text:
        raise SystemdError(item, "has an empty value; leave the directive out instead")
    if re.search(r"(^|:)[+-]?0[0-9xX]", text):
        raise SystemdError(item, f"{text!r} has a leading zero, which could mean octal; write the number without it")
    if "%" in text[:-1]:
        raise SystemdError(item, "a percent sign is allowed at the end of a value only")
    return text


def _hint(directive: str, text: str) -> str:
    if DIRECTIVES[directive].is_limit and re.search(r"unlimited|(^|:)-1\b", text):
        return f"; systemd's word for no limit is {INFINITE}"
    return ""


# --- from the host --------------------------------------------------------------------------


def read_value(directive: str, text: str) -> Meaning | None:
    """The meaning of a text in a unit file; None if systemd would skip the line."""
    try:
        return DIRECTIVES[directive].parse(text.strip())
    except IgnoredError:
        return None


def shown_value(directive: str, properties: Mapping[str, str]) -> Meaning | None:
    """The value of a directive in `systemctl show`; None if it has none, or an unknown one."""
    known = DIRECTIVES[directive]
    texts = [properties.get(name, NOT_SET) for name in known.properties]
    if known.name == "CPUSchedulingPriority" and texts == ["0"]:
        return (0,)
    if known.is_limit:
        return read_value(directive, ":".join(_unsigned_limit(text) for text in texts))
    return read_value(directive, texts[0])


def _unsigned_limit(text: str) -> str:
    """The number of a limit. LimitCPU is shown in seconds, LimitRTTIME in microseconds, without a unit."""
    return text if text.isdigit() or text == INFINITE else NOT_SET


def agrees(directive: str, wanted: Meaning, shown: Meaning | None) -> bool:
    """Whether systemd has taken a value. For a percentage it shows the resulting number."""
    if shown is None:
        return False
    if isinstance(wanted[0], str) and wanted[0].endswith("%"):
        return isinstance(shown[0], int)
    if directive == "IOSchedulingClass" and wanted == ("none",):
        return shown in (("none",), ("best-effort",))  # newer versions show the kernel's reading of none
    return wanted == shown


def bounded(rule: str, wanted: Meaning, other: Meaning | None) -> Meaning:
    """The higher of a floor and the other value, field by field; for a ceiling the lower."""
    if other is None or isinstance(other[0], str):
        return wanted
    return tuple(bounded_number(rule, *pair) for pair in zip(wanted, other))


def meets(rule: str, wanted: Meaning, other: Meaning) -> bool:
    """Whether a value meets the floor or ceiling. A percentage cannot be compared and counts as met."""
    return isinstance(other[0], str) or bounded(rule, wanted, other) == other


def weakest(directive: str, meanings: Sequence[Meaning]) -> Meaning:
    """The worst of several values, field by field: the lowest, but the highest nice value and OOM score."""
    worst = max if directive in LESS_IS_BETTER else min
    return tuple(worst(values) for values in zip(*meanings))


def describe(directive: str, meaning: Meaning | None) -> str | None:
    """A meaning as a text for a unit file; None for None."""
    if meaning is None:
        return None
    texts = [_describe_one(directive, value) for value in meaning]
    return texts[0] if len(set(texts)) == 1 else ":".join(texts)


def _describe_one(directive: str, value: Raw) -> str:
    if value == INFINITY:
        return INFINITE
    if directive == "LimitNICE" and isinstance(value, int) and value:
        return f"{HIGHEST_NICE + 1 - value:+d}"
    if directive in ("RestartSec", "TimeoutStopSec") and isinstance(value, int):
        return _describe_span(value)
    return str(value)


def _describe_span(microseconds: int) -> str:
    for unit, length in (("min", 60 * MICROSECONDS), ("s", MICROSECONDS), ("ms", 1000)):
        if microseconds % length == 0:
            return f"{microseconds // length}{unit}" if microseconds else "0"
    return f"{microseconds}us"
