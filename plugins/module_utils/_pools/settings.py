# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory pools of a call: their settings, validated before anything is touched."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._core.errors import ItemError
from .._core.setting import EXACT, RULE_WORDS, meets, parse_given
from .._sip.proxy_command import PRIVATE, SHARED
from .._systemd.directives import SERVICE
from .._systemd.units import check_unit_name, is_template, unit_type

LONGEST_SHOWN = 60


class PoolsError(ItemError):
    """A pool or a file that is refused: the item, and the reason."""


class Kind(NamedTuple):
    """A kind of pool: its name, the daemons' option, and the highest value that Kamailio's main() accepts, in MiB."""

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
TOO_LONG = 10**18  # for a message


class Pool(NamedTuple):
    """A wanted pool in MiB of 1024 * 1024 bytes."""

    kind: Kind
    value: int
    rule: str = EXACT
    why: str = ""
    hazard: str = ""

    @property
    def wanted(self) -> str:
        """The wanted size in words, such as `at least 512`."""
        return f"{RULE_WORDS[self.rule]}{self.value}"

    def meets(self, value: int | None) -> bool:
        """Whether a size in MiB satisfies the rule; an unknown one does not."""
        return value is not None and meets(self.rule, self.value, value)


class UnitPools(NamedTuple):
    """The wanted pools of a unit; a pool that is not among them is reverted."""

    name: str
    pools: Sequence[Pool]


def item_name(unit: str, pool: str) -> str:
    """The name of a pool in results and messages."""
    return f"{unit} {pool}"


def parse_pools(given: object) -> list[UnitPools]:
    """The pools of a mapping `unit: {shared_mib: number or {value, rule, why, hazard}, private_mib: ...}`.

    Raises PoolsError, SystemdError.
    """
    if not isinstance(given, Mapping):
        raise PoolsError("pools", f"must be a dictionary of units, not a {type(given).__name__}")
    return [UnitPools(_service_name(name), _parse_unit(str(name), pools)) for name, pools in given.items()]


def _service_name(given: object) -> str:
    name = check_unit_name(given)
    if unit_type(name) != SERVICE:
        raise PoolsError(name, "only services have memory pools")
    if is_template(name):
        raise PoolsError(name, "is a template: name its instances, such as kamailio@edge.service")
    return name


def _parse_unit(unit: str, given: object) -> list[Pool]:
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise PoolsError(unit, f"must be a dictionary of {' and '.join(KINDS)}, not a {type(given).__name__}")
    pools = []
    for name, content in given.items():
        kind = KINDS.get(name) if isinstance(name, str) else None
        if kind is None:
            shown = repr(name)[:LONGEST_SHOWN]
            near = difflib.get_close_matches(str(name).lower(), KINDS, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; available: {' and '.join(KINDS)}"
            raise PoolsError(unit, f"unknown pool {shown}{hint}")
        pools.append(_parse_pool(item_name(unit, kind.name), kind, content))
    return pools


def _parse_pool(item: str, kind: Kind, content: object) -> Pool:
    given = parse_given(item, content, PoolsError)
    return Pool(kind, _parse_value(item, kind, given.value), given.rule, given.why, given.hazard)


def _parse_value(item: str, kind: Kind, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        shown = "no value" if value is None else repr(value)[:LONGEST_SHOWN]
        raise PoolsError(item, f"must be a whole number of MiB, not {shown}")
    if isinstance(value, str):
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", value):
            shown = repr(value[:LONGEST_SHOWN])
            raise PoolsError(item, f"must be a plain whole number of MiB, without a unit, not {shown}")
        value = int(value)
    if not LOWEST_MIB <= value <= kind.highest_mib:
        shown = f"{value} MiB" if abs(value) < TOO_LONG else "a number of so many digits"
        raise PoolsError(
            item, f"{shown} is not between {LOWEST_MIB} and {kind.highest_mib} MiB, the most that Kamailio accepts"
        )
    return value
