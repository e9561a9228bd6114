# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of systemd's directives: what a text means, whether systemd takes it, and what `systemctl show` says of it.

A meaning is a tuple that can be compared: (soft, hard) of a limit, (number,), (word,) or ("50%",). Numbers are
in the unit that the kernel and `systemctl show` use: bytes, seconds for LimitCPU, microseconds for every other time,
and INFINITY is the largest of all. Sources: systemd.exec(5), systemd.resource-control(5), systemd.service(5),
systemd.time(7), systemd.syntax(7); what they leave open was tried with systemd 247, 252 and 257.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import NamedTuple, Union

INFINITY = 2**64 - 1  # RLIM_INFINITY and systemd's "infinity"
INFINITE = "infinity"
NOT_SET = "[not set]"

Meaning = tuple  # of int or str, see above
Raw = Union[str, int]

EXACT = "exact"
AT_LEAST = "at_least"
RULES = (EXACT, AT_LEAST)

# When a value that systemd has read comes into force.
AT_START = "start"  # with the next start of the unit's processes
AT_RELOAD = "reload"  # with the daemon-reload: systemd itself acts upon it, or writes it to the unit's control group

SERVICE = "service"
SLICE = "slice"

MICROSECONDS = 10**6  # in a second
LOWEST_NICE, HIGHEST_NICE = -20, 19  # setpriority(2)
NICE_CEILINGS = 40  # RLIMIT_NICE is 20 less the nice value, getrlimit(2)
HIGHEST_RT_PRIORITY = 99  # sched(7)
HIGHEST_WEIGHT = 10000  # CGROUP_WEIGHT_MAX, Documentation/admin-guide/cgroup-v2.rst
LOWEST_SHARES, HIGHEST_SHARES, DEFAULT_SHARES = 2, 262144, 1024  # cpu.shares, systemd.resource-control(5)
DEFAULT_WEIGHT = 100
OOM_BOUND = 1000  # OOM_SCORE_ADJ_MAX, proc_pid_oom_score_adj(5)
PERCENT_SCALE = 100  # systemd reads two digits after the point


class SystemdError(Exception):
    """What was asked for makes no sense or must not be done. Names the unit, the directive, or both."""

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__(f"{subject}: {reason}")
        self.subject = subject
        self.reason = reason


class _IgnoredError(Exception):
    """A value that systemd would skip with a warning. The message says what it takes."""


# --- the directives -------------------------------------------------------------------------


class Directive(NamedTuple):
    """A directive: how its texts are read, which properties show it, and when it comes into force.

    `words` are the accepted words with the other spellings `systemctl show` has for them.
    """

    name: str
    parse: Callable[[str], Meaning]
    properties: tuple[str, ...]
    in_force: str
    words: Mapping[str, tuple[str, ...]] = {}
    types: tuple[str, ...] = (SERVICE,)
    resets: bool = True  # whether an empty assignment means systemd's default; a limit ignores it
    note: str = ""

    @property
    def is_limit(self) -> bool:
        return self.name.startswith("Limit")

    @property
    def ordered(self) -> bool:
        """Whether more of it is more, so that it can have a floor."""
        return self.is_limit or self.name == "TasksMax"


def _number(text: str) -> int:
    """A number as strtoull(3) reads it, with its octal and hexadecimal spellings."""
    if not re.fullmatch(r"[+]?(0[xX][0-9a-fA-F]+|[0-9]+)", text):
        raise _IgnoredError("takes a plain number")
    digits = text.lstrip("+")
    if len(digits) > 1 and digits[0] == "0" and digits[1] not in "xX":
        if not re.fullmatch("[0-7]+", digits):
            raise _IgnoredError("takes a plain number")
        return int(digits, 8)
    return int(digits, 0)


def _below_infinity(number: int) -> int:
    if number >= INFINITY:
        raise _IgnoredError("is beyond 64 bits")
    return number


_SIZE_UNITS = {"B": 0, "": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


def _bytes(text: str) -> int:
    """A size such as 1536, 1.5K or `1G 512M`, in bytes. Units go by 1024 and fall from left to right."""
    total, last = 0, len(_SIZE_UNITS)
    part = re.compile(r"\s*([0-9]+)(?:\.([0-9]*))?\s*([BKMGTPE]?)")
    position = 0
    while True:
        found = part.match(text, position)
        if found is None:
            raise _IgnoredError("takes a size in bytes, with K, M, G, T, P or E for powers of 1024")
        power = _SIZE_UNITS[found.group(3)]
        if power >= last:
            raise _IgnoredError("takes a size whose units fall from left to right")
        number = Fraction(f"{found.group(1)}.{found.group(2) or 0}")
        total += int(number * 1024**power)
        last, position = power, found.end()
        if position == len(text):
            return _below_infinity(total)


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
            raise _IgnoredError(f"takes a time such as 90, 1min 30s, 500ms or {INFINITE}")
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
        raise _IgnoredError(f"has a soft limit above the hard one: {soft_text} above {hard_text}")
    return (soft, hard)


def _or_infinity(one: Callable[[str], int]) -> Callable[[str], int]:
    return lambda text: INFINITY if text == INFINITE else one(text)


def _limit_of_count(text: str) -> Meaning:
    return _pair(_or_infinity(lambda part: _below_infinity(_number(part))), text)


def _limit_of_bytes(text: str) -> Meaning:
    return _pair(_or_infinity(_bytes), text)


def _limit_of_seconds(text: str) -> Meaning:
    """LimitCPU: seconds, rounded up."""

    def seconds(part: str) -> int:
        span = _microseconds(part)
        return span if span == INFINITY else -(-span // MICROSECONDS)

    return _pair(seconds, text)


def _limit_of_microseconds(text: str) -> Meaning:
    return _pair(lambda part: _microseconds(part, "us"), text)


def _limit_of_nice(text: str) -> Meaning:
    """LimitNICE: with a sign a nice value, without one the kernel's own number of 0 to 40."""

    def ceiling(part: str) -> int:
        if part[:1] in ("+", "-"):
            return HIGHEST_NICE + 1 - _within(LOWEST_NICE, HIGHEST_NICE)(part)[0]
        number = _number(part)
        if number > NICE_CEILINGS:
            raise _IgnoredError(f"takes a nice value with its sign, -20 to +19, or 0 to {NICE_CEILINGS} without one")
        return number

    return _pair(ceiling, text)


def _limit_of_priority(text: str) -> Meaning:
    def priority(part: str) -> int:
        number = _number(part)
        if number > HIGHEST_RT_PRIORITY:
            raise _IgnoredError(f"takes 0 to {HIGHEST_RT_PRIORITY} or {INFINITE}")
        return number

    return _pair(_or_infinity(priority), text)


def _within(low: int, high: int) -> Callable[[str], Meaning]:
    def parse(text: str) -> Meaning:
        if not re.fullmatch(r"[+-]?[0-9]+", text) or not low <= int(text) <= high:
            raise _IgnoredError(f"takes a whole number, {low} to {high}")
        return (int(text),)

    return parse


def _percent(text: str) -> Meaning | None:
    """("50%",) of a share of 100; None if the text is no percentage."""
    if not text.endswith("%"):
        return None
    found = re.fullmatch(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?%", text)
    share = Fraction(f"{found.group(1)}.{found.group(2) or 0}") if found else Fraction(0)
    if not 0 < share <= 100:
        raise _IgnoredError("takes more than 0% and at most 100%, with two digits after the point at most")
    return (f"{float(share):g}%",)


def _memory(text: str) -> Meaning:
    if text == INFINITE:
        return (INFINITY,)
    share = _percent(text)
    size = 0 if share else _bytes(text)
    if not share and not size:
        raise _IgnoredError("takes a size above 0")
    return share or (size,)


def _tasks(text: str) -> Meaning:
    if text == INFINITE:
        return (INFINITY,)
    share = _percent(text)
    number = 0 if share else _below_infinity(_number(text))
    if not share and not number:
        raise _IgnoredError(f"takes a number above 0, a percentage or {INFINITE}")
    return share or (number,)


def _weight(text: str) -> Meaning:
    if text == "idle":
        return (text,)
    try:
        return _within(1, HIGHEST_WEIGHT)(text)
    except _IgnoredError as error:
        raise _IgnoredError(f"takes 1 to {HIGHEST_WEIGHT}, or idle") from error


def _span(text: str) -> Meaning:
    return (_microseconds(text),)


def _stop_span(text: str) -> Meaning:
    """TimeoutStopSec: 0 is no limit, as systemd.service(5) has it."""
    return (_microseconds(text) or INFINITY,)


def _word(words: Mapping[str, tuple[str, ...]]) -> Callable[[str], Meaning]:
    """One of the words, or another spelling of it."""
    meanings = {spelling: word for word, spellings in words.items() for spelling in (*spellings, word)}

    def parse(text: str) -> Meaning:
        if text not in meanings:
            raise _IgnoredError(f"takes one of {', '.join(words)}")
        return (meanings[text],)

    return parse


def _limit(name: str, parse: Callable[[str], Meaning], note: str = "") -> Directive:
    return Directive(f"Limit{name}", parse, (f"Limit{name}Soft", f"Limit{name}"), AT_START, resets=False, note=note)


def _words(name: str, in_force: str, words: Mapping[str, tuple[str, ...]]) -> Directive:
    return Directive(name, _word(words), (name,), in_force, words)


_BOTH = (SERVICE, SLICE)
_RESTART_WORDS = ("no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always")

# In the order in which they are written: CPUSchedulingPolicy before its priority, as systemd 247 drops a priority
# that is outside the range of the policy that is known by then.
DIRECTIVES = {
    directive.name: directive
    for directive in (
        _limit("CPU", _limit_of_seconds),
        _limit("FSIZE", _limit_of_bytes),
        _limit("DATA", _limit_of_bytes),
        _limit("STACK", _limit_of_bytes),
        _limit("CORE", _limit_of_bytes),
        _limit("RSS", _limit_of_bytes, note="Linux has ignored this limit since 2.4.30; MemoryMax is what works"),
        _limit("NOFILE", _limit_of_count),
        _limit("AS", _limit_of_bytes),
        _limit("NPROC", _limit_of_count, note="counts all processes of the user, not of the unit; see TasksMax"),
        _limit("MEMLOCK", _limit_of_bytes),
        _limit("LOCKS", _limit_of_count, note="Linux has ignored this limit since 2.4.25"),
        _limit("SIGPENDING", _limit_of_count),
        _limit("MSGQUEUE", _limit_of_bytes),
        _limit("NICE", _limit_of_nice),
        _limit("RTPRIO", _limit_of_priority),
        _limit("RTTIME", _limit_of_microseconds),
        Directive("TasksMax", _tasks, ("TasksMax",), AT_RELOAD, types=_BOTH),
        Directive("MemoryMax", _memory, ("MemoryMax",), AT_RELOAD, types=_BOTH),
        Directive("MemoryHigh", _memory, ("MemoryHigh",), AT_RELOAD, types=_BOTH),
        Directive("CPUWeight", _weight, ("CPUWeight",), AT_RELOAD, types=_BOTH),
        Directive("Nice", _within(LOWEST_NICE, HIGHEST_NICE), ("Nice",), AT_START),
        Directive("OOMScoreAdjust", _within(-OOM_BOUND, OOM_BOUND), ("OOMScoreAdjust",), AT_START),
        _words("OOMPolicy", AT_RELOAD, {"continue": (), "stop": (), "kill": ()}),
        _words(
            "CPUSchedulingPolicy",
            AT_START,
            {"other": ("0",), "fifo": ("1",), "rr": ("2",), "batch": ("3",), "idle": ("5",)},  # linux/sched.h
        ),
        Directive("CPUSchedulingPriority", _within(1, HIGHEST_RT_PRIORITY), ("CPUSchedulingPriority",), AT_START),
        _words(
            "IOSchedulingClass",
            AT_START,
            {"none": ("0",), "realtime": ("1",), "best-effort": ("2",), "idle": ("3",)},  # linux/ioprio.h
        ),
        _words("Restart", AT_RELOAD, dict.fromkeys(_RESTART_WORDS, ())),
        Directive("RestartSec", _span, ("RestartUSec",), AT_RELOAD),
        Directive("TimeoutStopSec", _stop_span, ("TimeoutStopUSec",), AT_RELOAD),
    )
}

REALTIME_POLICIES = ("fifo", "rr")
FIRST_SYSTEMD_WITH_IDLE_WEIGHT = 252  # systemd NEWS, and tried: 247 says "Invalid weight, ignoring"

# Properties that show a directive, without repetition.
SHOWN_PROPERTIES = tuple(name for directive in DIRECTIVES.values() for name in directive.properties)


# --- deprecated names -----------------------------------------------------------------------


def _weight_of_shares(text: str) -> str:
    """The CPUWeight that is as much as these CPUShares: both are relative to their defaults of 1024 and 100."""
    shares = _within(LOWEST_SHARES, HIGHEST_SHARES)(text)[0]
    return str(min(HIGHEST_WEIGHT, max(1, shares * DEFAULT_WEIGHT // DEFAULT_SHARES)))


# Source: systemd.resource-control(5), "Deprecated Options": the name today, and the value for it
DEPRECATED: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "MemoryLimit": ("MemoryMax", lambda text: text),
    "CPUShares": ("CPUWeight", _weight_of_shares),
}


# --- from a user ----------------------------------------------------------------------------


class Setting(NamedTuple):
    """A validated setting. `text` is what is written to the file; `given` the name under which it was asked for."""

    directive: str
    text: str
    rule: str = EXACT
    why: str = ""
    given: str = ""

    @property
    def meaning(self) -> Meaning:
        return DIRECTIVES[self.directive].parse(self.text)

    @property
    def translated(self) -> bool:
        return self.given != self.directive


def parse_setting(item: str, name: str, raw: object, rule: str = EXACT, why: str = "") -> Setting:
    """The setting of a directive, also under a deprecated name. Raises SystemdError, naming the item."""
    current, translate = DEPRECATED.get(name, (name, str))
    if current not in DIRECTIVES:
        raise SystemdError(item, f"there is no directive {name!r} here{_nearest(name)}")
    text = _plain_text(item, current, raw)
    try:
        text = translate(text)
        DIRECTIVES[current].parse(text)
    except _IgnoredError as error:
        raise SystemdError(item, f"{error}, not {text!r}{_hint(current, text)}") from error
    if rule not in RULES:
        raise SystemdError(item, f"rule is one of {', '.join(RULES)}, not {rule!r}")
    setting = Setting(current, text, rule, why, name)
    if rule == AT_LEAST and (not DIRECTIVES[current].ordered or isinstance(setting.meaning[0], str)):
        raise SystemdError(item, "cannot have a floor: only limits and a TasksMax in numbers can")
    return setting


def _nearest(name: str) -> str:
    known = {known.lower(): known for known in (*DIRECTIVES, *DEPRECATED)}
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return f"; is it {known[close[0]]}?" if close else f"; there are {', '.join(DIRECTIVES)}"


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
    except _IgnoredError:
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


def at_least(wanted: Meaning, other: Meaning | None) -> Meaning:
    """The floor, or field by field the more that there is."""
    if other is None or any(isinstance(value, str) for value in other):
        return wanted
    return tuple(max(pair) for pair in zip(wanted, other))


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
