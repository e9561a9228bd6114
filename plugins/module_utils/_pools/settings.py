# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users want of memory pools: their settings, validated before anything is touched."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._core.change import TuningError
from .._core.setting import one_line
from .._sip.proxy_command import PRIVATE, SHARED
from .._systemd.directives import AT_LEAST, EXACT, RULE_WORDS, RULES
from .._systemd.names import SERVICE, is_template, unit_type
from .._systemd.units import check_unit_name
from .._systemd.values import SystemdError

SETTING_FIELDS = ("value", "rule", "why", "hazard")
LONGEST_SHOWN = 60


class PoolsError(TuningError):
    """What was asked for makes no sense or must not be done. Names the unit, the pool, or both."""

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__(f"{subject}: {reason}")
        self.subject = subject
        self.reason = reason


class Kind(NamedTuple):
    """A kind of pool: its name, the daemons' option, and the most that Kamailio's main() takes, in MiB."""

    name: str
    option: str
    highest_mib: int


KINDS = {
    kind.name: kind
    for kind in (
        Kind("shared_mib", SHARED, 16 * 1024 * 1024),
        Kind("private_mib", PRIVATE, 1024 * 1024),
    )
}
LOWEST_MIB = 1
TOO_LONG = 10**18  # to be shown


class Pool(NamedTuple):
    """A wanted pool in MiB of 1024 * 1024 bytes."""

    kind: Kind
    value: int
    rule: str = EXACT
    why: str = ""
    hazard: str = ""

    @property
    def wanted(self) -> str:
        """What was asked for, in words."""
        return f"{RULE_WORDS[self.rule]}{self.value}"

    def meets(self, value: int | None) -> bool:
        """Whether a pool of this size is as wanted."""
        if value is None:
            return False
        if self.rule == EXACT:
            return value == self.value
        return value >= self.value if self.rule == AT_LEAST else value <= self.value


class UnitPools(NamedTuple):
    """What is wanted of a unit; a pool that is not named goes back to what it was before us."""

    name: str
    pools: Sequence[Pool]


def item_name(unit: str, pool: str) -> str:
    """How a pool of a unit is called in results and messages."""
    return f"{unit} {pool}"


def parse_pools(given: object) -> list[UnitPools]:
    """The pools of a mapping `unit: {shared_mib: number or {value, rule, why, hazard}, private_mib: ...}`.

    Raises PoolsError.
    """
    if not isinstance(given, Mapping):
        raise PoolsError("pools", f"is a dictionary of units, not a {type(given).__name__}")
    return [UnitPools(_service_name(name), _parse_unit(str(name), pools)) for name, pools in given.items()]


def _service_name(given: object) -> str:
    try:
        name = check_unit_name(given)
    except SystemdError as error:
        raise PoolsError(error.subject, error.reason) from error
    if unit_type(name) != SERVICE:
        raise PoolsError(name, "only a service has memory pools")
    if is_template(name):
        raise PoolsError(name, "is a template, whose instances have a file each: name those, kamailio@edge.service")
    return name


def _parse_unit(unit: str, given: object) -> list[Pool]:
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise PoolsError(unit, f"takes a dictionary of {' and '.join(KINDS)}, not a {type(given).__name__}")
    pools = []
    for name, content in given.items():
        kind = KINDS.get(name) if isinstance(name, str) else None
        if kind is None:
            shown = repr(name)[:LONGEST_SHOWN]
            near = difflib.get_close_matches(str(name).lower(), KINDS, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {' and '.join(KINDS)}"
            raise PoolsError(unit, f"there is no pool {shown}{hint}")
        pools.append(_parse_pool(item_name(unit, kind.name), kind, content))
    return pools


def _parse_pool(item: str, kind: Kind, content: object) -> Pool:
    if not isinstance(content, Mapping):
        return Pool(kind, _parse_value(item, kind, content))
    unknown = [repr(field)[:LONGEST_SHOWN] for field in content if field not in SETTING_FIELDS]
    if unknown:
        raise PoolsError(item, f"unknown option {', '.join(unknown)}; there are {', '.join(SETTING_FIELDS)}")
    if "value" not in content:
        raise PoolsError(item, "has no value")
    rule = content.get("rule", EXACT)
    if not isinstance(rule, str) or rule not in RULES:
        raise PoolsError(item, f"rule is one of {', '.join(RULES)}, not {repr(rule)[:LONGEST_SHOWN]}")
    why, hazard = (one_line(item, field, content.get(field), PoolsError) for field in ("why", "hazard"))
    return Pool(kind, _parse_value(item, kind, content["value"]), rule, why, hazard)


def _parse_value(item: str, kind: Kind, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        shown = "no value" if value is None else repr(value)[:LONGEST_SHOWN]
        raise PoolsError(item, f"takes a whole number of MiB, not {shown}")
    if isinstance(value, str):
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", value):
            shown = repr(value[:LONGEST_SHOWN])
            raise PoolsError(item, f"takes a plain whole number of MiB, without a unit, not {shown}")
        value = int(value)
    if not LOWEST_MIB <= value <= kind.highest_mib:
        shown = f"{value} MiB" if abs(value) < TOO_LONG else "a number of so many digits"
        raise PoolsError(
            item, f"{shown} is not between {LOWEST_MIB} and {kind.highest_mib} MiB, the most that Kamailio takes"
        )
    return value
