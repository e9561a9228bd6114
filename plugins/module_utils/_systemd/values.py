# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of systemd's directives: what users ask for, what `systemctl show` says, and how the two compare.

A meaning is what a text means to systemd, see _systemd/parsers.py.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Union

from .._core.change import TuningError
from .._core.setting import AT_LEAST, EXACT, parse_rule
from .._core.setting import bounded as bounded_number
from .._host.rlimits import INFINITY
from .directives import DEPRECATED, DIRECTIVES, LESS_IS_BETTER
from .parsers import HIGHEST_NICE, INFINITE, MICROSECONDS, IgnoredError, Meaning

NOT_SET = "[not set]"
Raw = Union[str, int]


class SystemdError(TuningError):
    """What was asked for makes no sense or must not be done. Names the unit, the directive, or both."""

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__(f"{subject}: {reason}")
        self.subject = subject
        self.reason = reason


# --- from a user ----------------------------------------------------------------------------


class Setting(NamedTuple):
    """A validated setting. `text` is what is written to the file; `given` the name under which it was asked for."""

    directive: str
    text: str
    rule: str = EXACT
    why: str = ""
    given: str = ""
    hazard: str = ""

    @property
    def meaning(self) -> Meaning:
        """What the text means."""
        return DIRECTIVES[self.directive].parse(self.text)

    @property
    def translated(self) -> bool:
        """Whether it was asked for under a deprecated name."""
        return self.given != self.directive


def parse_setting(
    item: str, name: str, raw: object, rule: str = EXACT, why: str = "", hazard: str = ""
) -> Setting:
    """The setting of a directive, also under a deprecated name. Raises SystemdError, naming the item."""
    current, translate = DEPRECATED.get(name, (name, str))
    if current not in DIRECTIVES:
        raise SystemdError(item, f"there is no directive {name!r} here{_nearest(name)}")
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
    return f"; the nearest one is {known[close[0]]}" if close else f"; there are {', '.join(DIRECTIVES)}"


def _plain_text(item: str, directive: str, raw: object) -> str:
    if raw is False and directive == "Restart":
        return "no"  # YAML's reading of the word
    if isinstance(raw, bool):
        raise SystemdError(item, f"YAML has made a boolean of it ({raw}); put the value in quotes")
    if isinstance(raw, float):
        raise SystemdError(item, f"YAML has made a fraction of it ({raw}); put the value in quotes")
    if isinstance(raw, int):
        return str(raw)
    if not isinstance(raw, str):
        raise SystemdError(item, f"takes a text or a number, not {'nothing' if raw is None else type(raw).__name__}")
    if not raw.isprintable():
        raise SystemdError(item, "the value holds a line break or another control character")
    text = " ".join(raw.split(" ")).strip()
    if not text:
        raise SystemdError(item, "has an empty value; leave the directive out instead")
    if re.search(r"(^|:)[+-]?0[0-9xX]", text):
        raise SystemdError(item, f"{text!r} has a leading zero: would it be octal? Write the number plainly")
    if "%" in text[:-1]:
        raise SystemdError(item, "a percent sign stands at the end of a value only")
    return text


def _hint(directive: str, text: str) -> str:
    if DIRECTIVES[directive].is_limit and re.search(r"unlimited|(^|:)-1\b", text):
        return f"; systemd's word for no limit is {INFINITE}"
    return ""


# --- from the host --------------------------------------------------------------------------


def read_value(directive: str, text: str) -> Meaning | None:
    """What a text in a unit file means; None where systemd would skip the line."""
    try:
        return DIRECTIVES[directive].parse(text.strip())
    except IgnoredError:
        return None


def shown_value(directive: str, properties: Mapping[str, str]) -> Meaning | None:
    """What `systemctl show` says of a directive; None if it has no value, or none that we know."""
    known = DIRECTIVES[directive]
    texts = [properties.get(name, NOT_SET) for name in known.properties]
    if known.name == "CPUSchedulingPriority" and texts == ["0"]:
        return (0,)
    if known.is_limit:
        return read_value(directive, ":".join(_unsigned_limit(known.name, text) for text in texts))
    return read_value(directive, texts[0])


def _unsigned_limit(name: str, text: str) -> str:
    """LimitCPU is shown in seconds and LimitRTTIME in microseconds, both without a unit, as they are read."""
    return text if text.isdigit() or text == INFINITE else NOT_SET


def agrees(directive: str, wanted: Meaning, shown: Meaning | None) -> bool:
    """Whether systemd has taken a value. Of a percentage it shows the number that it has made of it."""
    if shown is None:
        return False
    if isinstance(wanted[0], str) and wanted[0].endswith("%"):
        return isinstance(shown[0], int)
    if directive == "IOSchedulingClass" and wanted == ("none",):
        return shown in (("none",), ("best-effort",))  # newer systemd shows what the kernel makes of none
    return wanted == shown


def bounded(rule: str, wanted: Meaning, other: Meaning | None) -> Meaning:
    """The floor, or field by field the more that there is; of a ceiling the less."""
    if other is None or isinstance(other[0], str):
        return wanted
    return tuple(bounded_number(rule, *pair) for pair in zip(wanted, other))


def meets(rule: str, wanted: Meaning, other: Meaning) -> bool:
    """Whether a value is as good as the floor or ceiling. A percentage cannot be compared and counts as good."""
    return isinstance(other[0], str) or bounded(rule, wanted, other) == other


def weakest(directive: str, meanings: Sequence[Meaning]) -> Meaning:
    """What the worst off of several has: field by field the least, but the highest nice value and OOM score."""
    worst = max if directive in LESS_IS_BETTER else min
    return tuple(worst(values) for values in zip(*meanings))


def describe(directive: str, meaning: Meaning | None) -> str | None:
    """A meaning as it could stand in a unit file; None for none."""
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
