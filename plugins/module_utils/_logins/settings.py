# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of a call, validated before anything is touched."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .._core.setting import one_line, shown
from .._engine.conf_files import comment
from .conf import (
    ALL_LOGINS,
    EVERYBODY,
    FOR_LOGINS_ONLY,
    HEADING,
    INFINITE,
    ITEMS,
    LAST_ID,
    LIMITED_TO_NUMBERS,
    NO_LIMIT,
    RANKS,
    RESOURCE,
    SIDES,
    SOFT,
    UIDS,
    USER,
    WRITTEN_TYPES,
    Domain,
    Item,
    LimitsError,
    read_domain,
)

MAX = "max"  # the highest nofile that is safe on this host
FIELDS = ("domain", "type", "item", "value", "why", "hazard")
LONGEST_NAME = 255  # LOGIN_NAME_MAX less its NUL; old pam_limits cut lines at 1023 bytes


class Limit(NamedTuple):
    """One validated limit. `value` is the text for the file, or `max` for nofile."""

    domain: Domain
    spelling: str
    type: str
    item: str
    value: str
    why: str = ""
    hazard: str = ""

    @property
    def name(self) -> str:
        """The name of the limit in results, such as `asterisk soft nofile`."""
        return f"{self.spelling} {self.type} {self.item}"

    @property
    def sides(self) -> tuple[str, ...]:
        """The limits that it sets, soft, hard or both; an item without this difference has one side."""
        return SIDES[self.type] if ITEMS[self.item].kind == RESOURCE else (SOFT,)


def render(limits: Sequence[Limit]) -> str:
    """The text of a file with these limits in this order, each below its reason."""
    blocks = [HEADING]
    for limit in limits:
        setting = f"{limit.spelling} {WRITTEN_TYPES[limit.type]} {limit.item} {limit.value}\n"
        blocks.append(comment(limit.why) + setting)
    return "\n".join(blocks)


def parse_limits(given: Iterable[object]) -> list[Limit]:
    """The limits of a list of {domain, type, item, value, why, hazard}, from general to specific domains.

    In this order the specific one also wins where pam_limits takes the last line. Raises LimitsError.
    """
    limits: list[Limit] = []
    parsed: dict[tuple[Domain, str, str], Limit] = {}
    for number, content in enumerate(given, 1):
        limit = _parse_limit(f"limit {number}", content)
        for side in limit.sides:
            key = (_canonical(limit.domain), limit.item, side)
            if key in parsed:
                raise LimitsError(limit.name, f"is set twice, also as '{parsed[key].name}'")
            parsed[key] = limit
        limits.append(limit)
    return sorted(limits, key=_specificity)


def _specificity(limit: Limit) -> tuple[int, int, bool]:
    domain = limit.domain
    return -RANKS[domain.kind], domain.low - domain.high, domain.kind == USER


def _canonical(domain: Domain) -> Domain:
    """One record for two spellings of a range of uids; of gids, `:5` matches more groups than `5:5`."""
    return domain._replace(exact=False) if domain.kind == UIDS else domain


def _parse_limit(place: str, content: object) -> Limit:
    if not isinstance(content, Mapping):
        raise LimitsError(place, f"must be a dictionary of {', '.join(FIELDS)}, not a {type(content).__name__}")
    unknown = [str(field) for field in content if field not in FIELDS]
    if unknown:
        raise LimitsError(place, f"unknown option {', '.join(unknown)}; available: {', '.join(FIELDS)}")
    spelling, kind, item = (_text(place, field, content.get(field)) for field in ("domain", "type", "item"))
    name = " ".join(shown(word) for word in (spelling, kind, item))
    domain = _parse_domain(name, spelling)
    if kind not in SIDES:
        raise LimitsError(name, f"type must be one of {', '.join(SIDES)}, not {kind!r}")
    if item not in ITEMS:
        raise LimitsError(name, f"unknown item {item!r}{_suggestion(item)}")
    _check_fit(name, domain, item)
    value = _parse_value(name, ITEMS[item], content.get("value"))
    texts = (one_line(name, field, content.get(field), LimitsError) for field in ("why", "hazard"))
    return Limit(domain, spelling, kind, item, value, *texts)


def _text(place: str, field: str, value: object) -> str:
    if value in (None, ""):
        raise LimitsError(place, f"has no {field}")
    if not isinstance(value, str):
        raise LimitsError(place, f"{field} must be a string, not {value!r}")
    return value


def _suggestion(item: str) -> str:
    if item == "chroot":
        return ": only Debian supports chroot, and a wrong path locks people out"
    near = difflib.get_close_matches(item.lower(), ITEMS, 1)
    return f"; did you mean {near[0]}?" if near else f"; available: {', '.join(ITEMS)}"


# --- domains --------------------------------------------------------------------------------


def _parse_domain(name: str, spelling: str) -> Domain:
    if not spelling.isprintable() or " " in spelling or "#" in spelling:
        raise LimitsError(name, "a domain must not have blanks, # or control characters")
    if spelling.isdigit():
        raise LimitsError(name, "is a plain number: quote a range of ids as '1000:2000', one uid as ':1000'")
    if len(spelling.encode("utf-8", "replace")) > LONGEST_NAME:
        raise LimitsError(name, f"a domain must not be longer than {LONGEST_NAME} bytes")
    domain = read_domain(spelling)
    if domain is None:
        raise LimitsError(name, "is not a range of ids: write 1000:, :1000, 1000:2000, @500:, @:500, @500:600 or %:500")
    if ":" in spelling:
        _check_range(name, domain, spelling)
    elif domain.kind not in (ALL_LOGINS, EVERYBODY):
        _check_name(name, domain.name)
    return domain


def _check_range(name: str, domain: Domain, spelling: str) -> None:
    if re.search(r"(^|[@%:])0[0-9]", spelling):
        raise LimitsError(name, "an id must not have leading zeros")
    if max(domain.low, domain.high) > LAST_ID:
        raise LimitsError(name, f"the highest id is {LAST_ID}")
    if domain.low > domain.high:
        raise LimitsError(name, f"matches nobody: {domain.low} is above {domain.high}")


def _check_name(name: str, account: str) -> None:
    if not account or account[0] in "@-" or "%" in account or "*" in account:
        raise LimitsError(name, "a domain must be a user, @group, %group, * or %, or a range of ids")


def _check_fit(name: str, domain: Domain, item: str) -> None:
    if domain.kind in FOR_LOGINS_ONLY and item != "maxlogins":
        raise LimitsError(name, "pam_limits accepts domains with % for maxlogins only")


# --- values ---------------------------------------------------------------------------------


def _parse_value(name: str, item: Item, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise LimitsError(
            name, f"must be a whole number of {item.unit}, not {'no value' if value is None else repr(value)}"
        )
    text = str(value)
    if text == MAX and item.name == "nofile":
        return text
    if text in NO_LIMIT and item.name not in LIMITED_TO_NUMBERS:
        return text
    if not re.fullmatch(r"-?(0|[1-9][0-9]{0,19})", text):
        raise LimitsError(name, f"must be {_choices(item)}, not {text!r}")
    _check_range_of_value(name, item, int(text))
    return text


def _choices(item: Item) -> str:
    number = f"a plain whole number ({item.unit}, without unit and leading zeros)"
    if item.name in LIMITED_TO_NUMBERS:
        return number
    return f"{number}, {', '.join(NO_LIMIT)}{' or max' if item.name == 'nofile' else ''}"


def _check_range_of_value(name: str, item: Item, number: int) -> None:
    highest = (INFINITE - 1) // item.scale if item.highest is None else item.highest
    if not item.lowest <= number <= highest:
        raise LimitsError(name, f"{number} is not between {item.lowest} and {highest}")
    if number == 0 and item.zero_locks_out:
        raise LimitsError(name, "0 would lock out everybody; to deny logins, use pam_access or a nologin shell")
