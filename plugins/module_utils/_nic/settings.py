# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of network interfaces as users give them, validated before anything is touched.

A rule is a name, a glob or `driver:NAME`, with the settings of its options.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from typing import NamedTuple

from .._core.setting import AT_MOST, EXACT, Given, parse_given
from .._host.cpus import NONE, cpu_list, parse_cpu_list
from .modes import DUPLEXES, LinkMode
from .options import CPUS, FIELDS_OF_HASH, LINK_MODE, MOST, NUMBER, OFF, ON, SWITCH, NicError, Option

MAX = "max"
ALL = "all"
AUTO = "auto"
HASH_OF_ADDRESSES, HASH_OF_PORTS = "sd", "sdfn"  # source and destination, and both with the ports: ethtool(8)
HASHES = (HASH_OF_ADDRESSES, HASH_OF_PORTS)

EVERY = "*"
DRIVER_PREFIX = "driver:"
GLOB_CHARACTERS = "*?["
LONGEST_NAME = 15  # IFNAMSIZ - 1, linux/if.h
LONGEST_DRIVER = 31  # struct ethtool_drvinfo, linux/ethtool.h
FIELDS = ("value", "rule", "limit", "why")
MODE_FIELDS = ("speed", "duplex", "autoneg")  # options of users that form one link mode
FIELDS_OF_MODES = ("value", "why")

_NUMBER = re.compile(r"[0-9]{1,10}")


class Setting(NamedTuple):
    """The wanted value of one option: a number, MAX or a text, and of a link mode a LinkMode. `limit` caps MAX."""

    option: str
    value: int | str | LinkMode
    rule: str = EXACT
    limit: int | None = None
    why: str = ""

    @property
    def without_why(self) -> Setting:
        """The part in which two rules for one interface must agree."""
        return self._replace(why="")


class Rule(NamedTuple):
    """The settings of the interfaces that a pattern matches. None in place of a Setting leaves the option alone."""

    pattern: str
    settings: Mapping[str, Setting | None]

    @property
    def is_name(self) -> bool:
        return is_name(self.pattern)

    @property
    def rank(self) -> int:
        """A name comes before globs and drivers, and EVERY comes last."""
        return 0 if self.is_name else 2 if self.pattern == EVERY else 1


def is_name(pattern: str) -> bool:
    """Whether a pattern is the name of one interface."""
    return not pattern.startswith(DRIVER_PREFIX) and not any(character in pattern for character in GLOB_CHARACTERS)


def fits(pattern: str, name: str, driver: str | None) -> bool:
    """Whether a pattern matches this interface."""
    if pattern.startswith(DRIVER_PREFIX):
        return driver is not None and fnmatch.fnmatchcase(driver, pattern[len(DRIVER_PREFIX) :])
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def parse_rules(given: Mapping[object, object], known: Mapping[str, Option]) -> list[Rule]:
    """The rules of a mapping `pattern: {option: value}` or `pattern: {option: {value, rule, limit, why}}`.

    Raises NicError for an invalid pattern, an option not in `known`, or an invalid value.
    """
    return [
        Rule(check_pattern(pattern), _parse_options(str(pattern), content, known)) for pattern, content in given.items()
    ]


def check_pattern(pattern: object) -> str:
    """The pattern, if it can name an interface. Raises NicError. Source: dev_valid_name() of net/core/dev.c."""
    if not isinstance(pattern, str):
        raise NicError(str(pattern), f"an interface's name is a text, not a {type(pattern).__name__}: put it in quotes")
    driver = pattern.startswith(DRIVER_PREFIX)
    name = pattern[len(DRIVER_PREFIX) :] if driver else pattern
    kind, longest = ("driver", LONGEST_DRIVER) if driver else ("interface", LONGEST_NAME)
    if not name:
        raise NicError(repr(pattern), f"the name of the {kind} is missing")
    if name in (".", "..") or not name.isprintable() or re.search(r"[/:\s]", name):
        raise NicError(repr(pattern), f"invalid {kind} name: it contains a blank, a slash, a colon or the like")
    if not any(character in name for character in GLOB_CHARACTERS) and len(name.encode()) > longest:
        raise NicError(repr(pattern), f"invalid {kind} name: it has more than {longest} characters")
    return pattern


def _parse_options(pattern: str, content: object, known: Mapping[str, Option]) -> dict[str, Setting | None]:
    if not isinstance(content, Mapping):
        raise NicError(pattern, f"needs a dictionary of options, not a {type(content).__name__}")
    names = [name for name in known if name != LINK_MODE]
    names += MODE_FIELDS if LINK_MODE in known else ()
    unknown = [str(name) for name in content if name not in names]
    if unknown:
        raise NicError(pattern, f"no such option: {', '.join(unknown)}; available: {', '.join(names)}")
    found = {name: parse_setting(f"{pattern} {name}", known[name], content[name]) for name in content if name in known}
    modes = {name: content[name] for name in MODE_FIELDS if name in content}
    if modes:
        found[LINK_MODE] = _parse_mode(pattern, modes)
    return found


def parse_setting(item: str, option: Option, content: object) -> Setting | None:
    """The setting of an option, None to leave it alone. Raises NicError."""
    if content is None:
        return None
    given = parse_given(item, content, NicError, FIELDS)
    if given.rule != EXACT and option.kind != NUMBER:
        raise NicError(item, f"is not a number, so that the rule cannot be {given.rule}")
    value = _parse_value(item, option, given.value)
    if value == MAX and given.rule == AT_MOST:
        raise NicError(item, "cannot be at_most max, which every value is")
    return Setting(option.name, value, given.rule, _parse_limit(item, given), given.why)


def _parse_limit(item: str, given: Given) -> int | None:
    limit = given.fields.get("limit")
    if limit is None:
        return None
    if given.value != MAX:
        raise NicError(item, "limit needs the value max: it caps what max stands for")
    return _number(item, "limit ", limit, 1, MOST)


def _parse_value(item: str, option: Option, value: object) -> int | str:
    if option.kind == SWITCH:
        return _switch(item, value)
    if option.kind == CPUS:
        return AUTO if value == AUTO and option.automatic else _cpus(item, value, option.automatic)
    if option.kind == FIELDS_OF_HASH:
        return _hash(item, value)
    if value == MAX:
        if not option.limited:
            raise NicError(item, "cannot be max: drivers report no maximum for it; give a number")
        return MAX
    return _number(item, "", value, option.lowest, option.highest)


def _number(item: str, field: str, value: object, lowest: int, highest: int) -> int:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) and str(int(value)) == value.strip():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise NicError(item, f"{field}cannot be {value!r}: give a whole number" + ("" if field else f" or {MAX}"))
    if not lowest <= value <= highest:
        raise NicError(item, f"{field}cannot be {value}: allowed are {lowest} to {highest}")
    return value


def _switch(item: str, value: object) -> str:
    if isinstance(value, bool):
        return ON if value else OFF
    if value in (ON, OFF):
        return str(value)
    raise NicError(item, f"cannot be {value!r}: it is on or off")


def _hash(item: str, value: object) -> str:
    if value in HASHES:
        return str(value)
    raise NicError(item, f"cannot be {value!r}: it is sd for the addresses alone, or sdfn for addresses and ports")


def _cpus(item: str, value: object, automatic: bool) -> str:
    """A list of CPUs in its shortest spelling, ALL or NONE."""
    text = str(value).strip() if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if text in (ALL, NONE):
        return text
    cpus = parse_cpu_list(text)
    if cpus is None:
        words = f"{ALL}, {AUTO} or {NONE}" if automatic else f"{ALL} or {NONE}"
        raise NicError(item, f"cannot be {value!r}: give a list of CPUs such as 0-3,8, or {words}")
    return cpu_list(cpus)


def _parse_mode(pattern: str, fields: Mapping[str, object]) -> Setting | None:
    """Speed, duplex and autonegotiation as one link mode; None if all of them are to be left alone."""
    item = f"{pattern} speed"
    plain, why = {}, ""
    for name, content in fields.items():
        given = parse_given(f"{pattern} {name}", content, NicError, FIELDS_OF_MODES)
        why = why or given.why
        if given.value is not None:
            plain[name] = given.value
    if not plain:
        return None
    speed = _number(item, "", plain["speed"], 1, MOST) if "speed" in plain else None
    duplex = plain.get("duplex", "full")
    if duplex not in DUPLEXES:
        raise NicError(f"{pattern} duplex", f"cannot be {duplex!r}: it is half or full")
    autoneg = _switch(f"{pattern} autoneg", plain.get("autoneg", True)) == ON
    if speed is None and (not autoneg or "duplex" in plain):
        raise NicError(item, "is missing: duplex, and autoneg off, need a speed")
    return Setting(LINK_MODE, LinkMode(speed, str(duplex), autoneg), why=why)
