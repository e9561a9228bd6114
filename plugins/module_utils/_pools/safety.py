# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Safety checks of memory pools: the host and the unit must have room for them."""

from __future__ import annotations

from collections.abc import Iterable

from .effective import start_value
from .model import Decision, Observed, Texts, Unit
from .settings import KINDS, PoolsError, item_name

MIB = 1024 * 1024


def check_names(units: Iterable[Unit]) -> None:
    """Raises PoolsError if the same unit is given under two names."""
    by_name: dict[str, str] = {}
    for unit in units:
        other = by_name.setdefault(unit.name, unit.asked)
        if other != unit.asked:
            raise PoolsError(unit.asked, f"is named twice, also as {other}: both are {unit.name}")


def check_memory(decisions: Iterable[Decision], then: Texts, observed: Observed) -> None:
    """Raises PoolsError for pools that do not fit the unit or the host. Private memory counts for one process."""
    if not observed.systemd_running:
        return  # an image is built on another machine than the one it will run on
    for decision in decisions:
        unit = decision.unit
        found = [start_value(unit, kind, then) for kind in KINDS.values()]
        needed = sum((one.value or 0) for one in found if one is not None) * MIB
        bounds = [("the memory of this host", observed.memory_bytes), ("MemoryMax of the unit", unit.memory_max)]
        for name, most in bounds:
            if decision.set and most is not None and needed > most:
                raise PoolsError(
                    item_name(unit.asked, decision.pool.kind.name),
                    f"both pools of {unit.name} would have {needed // MIB} MiB, and {name} is {most // MIB} MiB",
                )
