# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users want of network interfaces: their settings, validated before anything is touched.

A rule has a name, a glob or `driver:NAME`, and options with what is wanted of them.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from typing import NamedTuple

from .._core.setting import AT_MOST, EXACT, RULES, one_line
from .modes import DUPLEXES, LinkMode
from .options import CPUS, LINK_MODE, MOST, NUMBER, OFF, ON, SWITCH, NicError, Option

MAX = "max"
ALL, NONE = "all", "none"

EVERY = "*"
DRIVER_PREFIX = "driver:"
GLOB_CHARACTERS = "*?["
LONGEST_NAME = 15  # IFNAMSIZ - 1, linux/if.h
LONGEST_DRIVER = 31  # struct ethtool_drvinfo, linux/ethtool.h
SETTING_FIELDS = ("value", "rule", "limit", "why")
MODE_FIELDS = ("speed", "duplex", "autoneg")  # options of users that make one link mode together
MOST_CPUS = 8192  # NR_CPUS of the largest configuration of x86, arch/x86/Kconfig

_NUMBER = re.compile(r"[0-9]{1,10}")
_CPU_LIST = re.compile(r"[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*")


class Want(NamedTuple):
    """What is wanted of one option. `value` is a number, MAX, or a text; of a link mode it is a LinkMode.

    `limit` is the most that MAX stands for.
    """

    option: str
    value: int | str | LinkMode
    rule: str = EXACT
    limit: int | None = None
    why: str = ""

    @property
    def same_as(self) -> tuple[object, ...]:
        """What two rules have to agree in, if they are for one interface."""
        return self.option, self.value, self.rule, self.limit


class Rule(NamedTuple):
    """What is wanted of the interfaces that a pattern names. None in place of a Want leaves the option alone."""

    pattern: str
    wants: Mapping[str, Want | None]

    @property
    def is_name(self) -> bool:
        return is_name(self.pattern)

    @property
    def rank(self) -> int:
        """A name comes before globs and drivers, and what is for every interface comes last."""
        return 0 if self.is_name else 2 if self.pattern == EVERY else 1


def is_name(pattern: str) -> bool:
    """Whether a pattern is the name of one interface."""
    return not pattern.startswith(DRIVER_PREFIX) and not any(character in pattern for character in GLOB_CHARACTERS)


def fits(pattern: str, name: str, driver: str | None) -> bool:
    """Whether a pattern names this interface."""
    if pattern.startswith(DRIVER_PREFIX):
        return driver is not None and fnmatch.fnmatchcase(driver, pattern[len(DRIVER_PREFIX) :])
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def parse_rules(given: Mapping[object, object], known: Mapping[str, Option]) -> list[Rule]:
    """The rules of a mapping `pattern: {option: value}` or `pattern: {option: {value, rule, limit, why}}`.

    Raises NicError for anything that names no interface, no option of `known`, or no value.
    """
    return [
        Rule(check_pattern(pattern), _parse_options(str(pattern), content, known)) for pattern, content in given.items()
    ]


def check_pattern(pattern: object) -> str:
    """The pattern, if it can name an interface. Raises NicError. Source: dev_valid_name() of net/core/dev.c."""
    if not isinstance(pattern, str):
        raise NicError(str(pattern), f"is a {type(pattern).__name__}: write the interface's name in quotes")
    driver = pattern.startswith(DRIVER_PREFIX)
    name = pattern[len(DRIVER_PREFIX) :] if driver else pattern
    what, longest = ("driver", LONGEST_DRIVER) if driver else ("interface", LONGEST_NAME)
    if not name:
        raise NicError(repr(pattern), f"names no {what}")
    if name in (".", "..") or not name.isprintable() or re.search(r"[/:\s]", name):
        raise NicError(repr(pattern), f"is no name of a network {what}: it holds a blank, a slash, a colon or the like")
    if not any(character in name for character in GLOB_CHARACTERS) and len(name.encode()) > longest:
        raise NicError(repr(pattern), f"is no name of a network {what}: they have at most {longest} characters")
    return pattern


def _parse_options(pattern: str, content: object, known: Mapping[str, Option]) -> dict[str, Want | None]:
    if not isinstance(content, Mapping):
        raise NicError(pattern, f"needs a dictionary of options, not a {type(content).__name__}")
    names = [name for name in known if name != LINK_MODE]
    names += MODE_FIELDS if LINK_MODE in known else ()
    unknown = [str(name) for name in content if name not in names]
    if unknown:
        raise NicError(pattern, f"has no option {', '.join(unknown)}; there are {', '.join(names)}")
    wants = {name: parse_want(f"{pattern} {name}", known[name], content[name]) for name in content if name in known}
    modes = {name: content[name] for name in MODE_FIELDS if name in content}
    if modes:
        wants[LINK_MODE] = _parse_mode(pattern, modes)
    return wants


def parse_want(item: str, option: Option, content: object) -> Want | None:
    """What is wanted of an option, None to leave it alone. Raises NicError."""
    if content is None:
        return None
    fields = content if isinstance(content, Mapping) else {"value": content}
    unknown = [str(field) for field in fields if field not in SETTING_FIELDS]
    if unknown:
        raise NicError(item, f"has no {', '.join(unknown)}; there are {', '.join(SETTING_FIELDS)}")
    if "value" not in fields:
        raise NicError(item, "has no value")
    want = Want(
        option=option.name,
        value=_parse_value(item, option, fields["value"]),
        rule=_parse_rule(item, option, fields.get("rule", EXACT)),
        limit=_parse_limit(item, fields),
        why=one_line(item, "why", fields.get("why"), NicError),
    )
    if want.value == MAX and want.rule == AT_MOST:
        raise NicError(item, "cannot be at_most max: there is never more than that")
    return want


def _parse_rule(item: str, option: Option, rule: object) -> str:
    if rule not in RULES:
        raise NicError(item, f"has the rule {rule!r}; there are {', '.join(RULES)}")
    if rule != EXACT and option.kind != NUMBER:
        raise NicError(item, f"is no number, so that it cannot be {rule}")
    return str(rule)


def _parse_limit(item: str, fields: Mapping[object, object]) -> int | None:
    limit = fields.get("limit")
    if limit is None:
        return None
    if fields["value"] != MAX:
        raise NicError(item, "has a limit, which only the value max may have: it is the most that max stands for")
    return _number(item, "limit", limit, 1, MOST)


def _parse_value(item: str, option: Option, value: object) -> int | str:
    if option.kind == SWITCH:
        return _switch(item, value)
    if option.kind == CPUS:
        return _cpus(item, value)
    if value == MAX:
        if not option.limited:
            raise NicError(item, "cannot be max: no driver tells a maximum of it; give a number")
        return MAX
    return _number(item, "", value, option.lowest, option.highest)


def _number(item: str, field: str, value: object, lowest: int, highest: int) -> int:
    what = f"has the {field} " if field else "cannot be "
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) and str(int(value)) == value.strip():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise NicError(item, f"{what}{value!r}: write a whole number" + (f" or {MAX}" if not field else ""))
    if not lowest <= value <= highest:
        raise NicError(item, f"{what}{value}: it is at least {lowest} and at most {highest}")
    return value


def _switch(item: str, value: object) -> str:
    if isinstance(value, bool):
        return ON if value else OFF
    if value in (ON, OFF):
        return str(value)
    raise NicError(item, f"cannot be {value!r}: it is on or off")


def _cpus(item: str, value: object) -> str:
    """A list of CPUs in its shortest spelling, ALL or NONE."""
    text = str(value).strip() if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if text in (ALL, NONE):
        return text
    if not _CPU_LIST.fullmatch(text):
        raise NicError(item, f"cannot be {value!r}: write a list of CPUs such as 0-3,8, or {ALL} or {NONE}")
    try:
        return cpu_list(parse_cpu_list(text))
    except ValueError as error:
        raise NicError(item, f"cannot be {value!r}: {error}") from error


def _parse_mode(pattern: str, fields: Mapping[str, object]) -> Want | None:
    """Speed, duplex and autonegotiation as the one thing they are; None if all of them are to be left alone."""
    item = f"{pattern} speed"
    plain, why = {}, ""
    for name, content in fields.items():
        value = content.get("value") if isinstance(content, Mapping) else content
        if isinstance(content, Mapping):
            unknown = [str(field) for field in content if field not in ("value", "why")]
            if unknown:
                raise NicError(f"{pattern} {name}", f"has no {', '.join(unknown)}; there are value, why")
            why = why or one_line(f"{pattern} {name}", "why", content.get("why"), NicError)
        if value is not None:
            plain[name] = value
    if not plain:
        return None
    speed = _number(item, "", plain["speed"], 1, MOST) if "speed" in plain else None
    duplex = plain.get("duplex", "full")
    if duplex not in DUPLEXES:
        raise NicError(f"{pattern} duplex", f"cannot be {duplex!r}: it is half or full")
    autoneg = _switch(f"{pattern} autoneg", plain.get("autoneg", True)) == ON
    if speed is None and (not autoneg or "duplex" in plain):
        raise NicError(item, "is missing: duplex, and autoneg off, need a speed beside them")
    return Want(LINK_MODE, LinkMode(speed, str(duplex), autoneg), why=why)


# --- lists of CPUs ---------------------------------------------------------------------------


def parse_cpu_list(text: str) -> frozenset[int]:
    """The CPUs of a list such as `0-3,8`. Raises ValueError. Source: cpuset(7), List format."""
    found: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, dash, last = part.partition("-")
        start, end = int(first), int(last) if dash else int(first)
        if end < start or end >= MOST_CPUS:
            raise ValueError(f"{part} is no range of CPUs")
        found.update(range(start, end + 1))
    return frozenset(found)


def cpu_list(cpus: frozenset[int]) -> str:
    """The shortest list of these CPUs; NONE for none."""
    parts: list[str] = []
    ordered = sorted(cpus)
    for place, cpu in enumerate(ordered):
        if place and ordered[place - 1] == cpu - 1:
            parts[-1] = f"{parts[-1].partition('-')[0]}-{cpu}"
        else:
            parts.append(str(cpu))
    return ",".join(parts) or NONE


def parse_cpu_mask(text: str) -> frozenset[int]:
    """The CPUs of a mask such as `ff,00000000`. Raises ValueError. Source: cpuset(7), Mask format."""
    mask = int(text.strip().replace(",", "") or "0", 16)
    return frozenset(cpu for cpu in range(mask.bit_length()) if mask >> cpu & 1)


def cpu_mask(cpus: frozenset[int]) -> str:
    """These CPUs as the kernel takes them: hexadecimal words of 32 bits, the highest first."""
    mask = sum(1 << cpu for cpu in cpus)
    words: list[str] = []
    while mask or not words:
        words.append(f"{mask & 0xFFFFFFFF:08x}")
        mask >>= 32
    return ",".join(reversed(words))
