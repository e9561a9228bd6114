# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers of values in unit files: each takes a text and returns its meaning to systemd.

A meaning is a tuple that can be compared: (soft, hard) for a limit, (number,), (word,) or ("50%",). Numbers have the
unit of the kernel and of `systemctl show`: bytes, seconds for LimitCPU, microseconds for all other times. INFINITY is
the largest number. Sources: systemd.exec(5), systemd.resource-control(5), systemd.service(5), systemd.time(7),
systemd.syntax(7), and tests with systemd 247, 252 and 257 where these say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction

from .._host.rlimits import INFINITY

INFINITE = "infinity"

Meaning = tuple  # of int or str, see above

MICROSECONDS = 10**6  # in a second
LOWEST_NICE, HIGHEST_NICE = -20, 19  # setpriority(2)
NICE_CEILINGS = 40  # RLIMIT_NICE is 20 less the nice value, getrlimit(2)
HIGHEST_RT_PRIORITY = 99  # sched(7)
HIGHEST_WEIGHT = 10000  # CGROUP_WEIGHT_MAX, Documentation/admin-guide/cgroup-v2.rst


class IgnoredError(Exception):
    """A value that systemd would skip with a warning. The message describes the accepted values."""


# --- numbers, sizes and times ----------------------------------------------------------------


def _number(text: str) -> int:
    """A number as strtoull(3) reads it, including octal and hexadecimal ones."""
    if not re.fullmatch(r"[+]?(0[xX][0-9a-fA-F]+|[0-9]+)", text):
        raise IgnoredError("must be a plain number")
    digits = text.lstrip("+")
    if len(digits) > 1 and digits[0] == "0" and digits[1] not in "xX":
        if not re.fullmatch("[0-7]+", digits):
            raise IgnoredError("must be a plain number")
        return int(digits, 8)
    return int(digits, 0)


def _below_infinity(number: int) -> int:
    if number >= INFINITY:
        raise IgnoredError("is beyond 64 bits")
    return number


def _count(text: str) -> int:
    return _below_infinity(_number(text))


_SIZE_UNITS = {"B": 0, "": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


def _bytes(text: str) -> int:
    """A size such as 1536, 1.5K or `1G 512M`, in bytes. Units go by 1024 and fall from left to right."""
    total, last = 0, len(_SIZE_UNITS)
    part = re.compile(r"\s*([0-9]+)(?:\.([0-9]*))?\s*([BKMGTPE]?)")
    position = 0
    while True:
        found = part.match(text, position)
        if found is None:
            raise IgnoredError("must be a size in bytes, with K, M, G, T, P or E for powers of 1024")
        power = _SIZE_UNITS[found.group(3)]
        if power >= last:
            raise IgnoredError("must be a size with units that fall from left to right")
        number = Fraction(f"{found.group(1)}.{found.group(2) or 0}")
        total += int(number * 1024**power)
        last, position = power, found.end()
        if position == len(text):
            return _below_infinity(total)


def read_size(text: str) -> int:
    """A size such as 1G in bytes, as journald.conf and coredump.conf have them. Raises IgnoredError."""
    return _bytes(text)


# In microseconds. Source: systemd.time(7)
_TIME_UNITS = {
    unit: Fraction(microseconds)
    for units, microseconds in (
        (("us", "usec", "µs", "μs"), 1),
        (("ms", "msec"), 1000),
        (("s", "sec", "second", "seconds"), MICROSECONDS),
        (("m", "min", "minute", "minutes"), 60 * MICROSECONDS),
        (("h", "hr", "hour", "hours"), 3600 * MICROSECONDS),
        (("d", "day", "days"), 86400 * MICROSECONDS),
        (("w", "week", "weeks"), 7 * 86400 * MICROSECONDS),
        (("M", "month", "months"), 2629800 * MICROSECONDS),
        (("y", "year", "years"), 31557600 * MICROSECONDS),
    )
    for unit in units
}
_TIME_PART = re.compile(r"\s*([0-9]+)(?:\.([0-9]+))?\s*([A-Za-zµμ]*)")


def _microseconds(text: str, default_unit: str = "s") -> int:
    """A time span such as 5, 1.5s or `1min 30s`, in microseconds. Source: systemd.time(7)."""
    if text == INFINITE:
        return INFINITY
    total, position = 0, 0
    while True:
        found = _TIME_PART.match(text, position)
        unit = found and _TIME_UNITS.get(found.group(3) or default_unit)
        if not found or not unit:
            raise IgnoredError(f"must be a time such as 90, 1min 30s, 500ms or {INFINITE}")
        total += int(Fraction(f"{found.group(1)}.{found.group(2) or 0}") * unit)
        position = found.end()
        if position == len(text):
            return _below_infinity(total)


# --- kinds of values ------------------------------------------------------------------------


def _pair(one: Callable[[str], int], text: str) -> Meaning:
    """A limit: `both` or `soft:hard`."""
    soft_text, colon, hard_text = text.partition(":")
    soft = one(soft_text)
    hard = one(hard_text) if colon else soft
    if soft > hard:
        raise IgnoredError("must have a soft limit that is not above the hard one")
    return (soft, hard)


def _or_infinity(one: Callable[[str], int]) -> Callable[[str], int]:
    return lambda text: INFINITY if text == INFINITE else one(text)


def read_limit_of_count(text: str) -> Meaning:
    """A limit that is a count, or infinity."""
    return _pair(_or_infinity(_count), text)


def read_limit_of_bytes(text: str) -> Meaning:
    """A limit in bytes, or infinity."""
    return _pair(_or_infinity(_bytes), text)


def read_limit_of_seconds(text: str) -> Meaning:
    """LimitCPU: seconds, rounded up."""

    def seconds(part: str) -> int:
        span = _microseconds(part)
        return span if span == INFINITY else -(-span // MICROSECONDS)

    return _pair(seconds, text)


def read_limit_of_microseconds(text: str) -> Meaning:
    """LimitRTTIME: microseconds, unless the text has a unit."""
    return _pair(lambda part: _microseconds(part, "us"), text)


def read_limit_of_nice(text: str) -> Meaning:
    """LimitNICE: a nice value if it has a sign, else the kernel's own number of 0 to 40."""

    def ceiling(part: str) -> int:
        if part[:1] in ("+", "-"):
            return HIGHEST_NICE + 1 - read_within(LOWEST_NICE, HIGHEST_NICE)(part)[0]
        number = _number(part)
        if number > NICE_CEILINGS:
            raise IgnoredError(f"must be a nice value with its sign, -20 to +19, or 0 to {NICE_CEILINGS} without one")
        return number

    return _pair(ceiling, text)


def read_limit_of_priority(text: str) -> Meaning:
    """LimitRTPRIO: a priority of sched(7), or infinity."""

    def priority(part: str) -> int:
        number = _number(part)
        if number > HIGHEST_RT_PRIORITY:
            raise IgnoredError(f"must be 0 to {HIGHEST_RT_PRIORITY} or {INFINITE}")
        return number

    return _pair(_or_infinity(priority), text)


def read_within(low: int, high: int) -> Callable[[str], Meaning]:
    """A parser of whole numbers from low to high."""

    def parse(text: str) -> Meaning:
        if not re.fullmatch(r"[+-]?[0-9]+", text) or not low <= int(text) <= high:
            raise IgnoredError(f"must be a whole number, {low} to {high}")
        return (int(text),)

    return parse


def _percent(text: str) -> Meaning | None:
    """("50%",) for a percentage; None for any other text."""
    if not text.endswith("%"):
        return None
    found = re.fullmatch(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?%", text)
    share = Fraction(f"{found.group(1)}.{found.group(2) or 0}") if found else Fraction(0)
    if not 0 < share <= 100:
        raise IgnoredError("must be more than 0% and at most 100%, with two digits after the point at most")
    return (f"{float(share):g}%",)


def _above_zero(one: Callable[[str], int], text: str, fault: str) -> Meaning:
    if text == INFINITE:
        return (INFINITY,)
    meaning = _percent(text) or (one(text),)
    if meaning == (0,):
        raise IgnoredError(fault)
    return meaning


def read_memory(text: str) -> Meaning:
    """A size in bytes above 0, a percentage of the memory, or infinity."""
    return _above_zero(_bytes, text, "must be a size above 0")


def read_tasks(text: str) -> Meaning:
    """A number above 0, a percentage, or infinity."""
    return _above_zero(_count, text, f"must be a number above 0, a percentage or {INFINITE}")


def read_weight(text: str) -> Meaning:
    """CPUWeight: a weight, or idle, the class below all weights."""
    if text == "idle":
        return (text,)
    try:
        return read_within(1, HIGHEST_WEIGHT)(text)
    except IgnoredError as error:
        raise IgnoredError(f"must be 1 to {HIGHEST_WEIGHT}, or idle") from error


def read_span(text: str) -> Meaning:
    """A time in microseconds."""
    return (_microseconds(text),)


def read_stop_span(text: str) -> Meaning:
    """TimeoutStopSec in microseconds: 0 means no limit, systemd.service(5)."""
    return (_microseconds(text) or INFINITY,)


def read_word(words: Mapping[str, tuple[str, ...]]) -> Callable[[str], Meaning]:
    """A parser of these words and their other spellings."""
    meanings = {spelling: word for word, spellings in words.items() for spelling in (*spellings, word)}

    def parse(text: str) -> Meaning:
        if text not in meanings:
            raise IgnoredError(f"must be one of {', '.join(words)}")
        return (meanings[text],)

    return parse
