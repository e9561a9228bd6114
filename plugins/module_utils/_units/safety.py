# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Safety checks: refuse settings that would keep a service from starting, or kill it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping

from .._core.text import whole_number
from .._host.rlimits import INFINITY
from .._sysctl.nr_open import NrOpen
from .._systemd.directives import FIRST_SYSTEMD_WITH_IDLE_WEIGHT
from .._systemd.names import unit_type
from .._systemd.parsers import Meaning
from .._systemd.units import deciding
from .._systemd.values import SystemdError
from .effective import own_lines
from .model import Decision, LoadedUnit, Observed

NOT_FOR_ONESHOT = ("always", "on-success")  # systemd.service(5), Restart=


def check_safety(decisions: Iterable[Decision], observed: Observed) -> None:
    """Raises SystemdError for a setting that would keep a service from starting, or kill it."""
    for decision in decisions:
        if decision.setting is None or decision.wanted is None or decision.kept:
            continue
        if decision.directive == "LimitNOFILE":
            _check_nofile(decision.item, decision.wanted, observed.nr_open)
        if decision.changed and decision.directive in _CHECKS_OF_RUNNING_UNITS:
            for unit in decision.unit.loaded:
                _CHECKS_OF_RUNNING_UNITS[decision.directive](decision.item, decision.wanted, unit)
        too_old = observed.version is not None and observed.version < FIRST_SYSTEMD_WITH_IDLE_WEIGHT
        if decision.directive == "CPUWeight" and decision.wanted == ("idle",) and too_old:
            raise SystemdError(
                decision.item,
                f"idle requires systemd {FIRST_SYSTEMD_WITH_IDLE_WEIGHT}, this is {observed.version}",
            )


def _check_nofile(item: str, wanted: Meaning, nr_open: NrOpen) -> None:
    highest = max((value for value in wanted if value != INFINITY), default=0)
    objection = nr_open.objection(highest)
    if objection:
        raise SystemdError(item, f"{objection}: the service would get less, or fail to start (status 205/LIMITS)")


def _check_memory(item: str, wanted: Meaning, unit: LoadedUnit) -> None:
    used = _known_number(unit, "MemoryCurrent")
    if used is not None and isinstance(wanted[0], int) and wanted[0] < used:
        raise SystemdError(item, f"{wanted[0]} is below the {used} bytes that {unit.name} uses: it would be killed")


def _check_tasks(item: str, wanted: Meaning, unit: LoadedUnit) -> None:
    tasks = _known_number(unit, "TasksCurrent") or len(unit.processes)
    if isinstance(wanted[0], int) and wanted[0] < tasks:
        raise SystemdError(
            item,
            f"{wanted[0]} is below the {tasks} processes and threads that {unit.name} has: it could not "
            "start any more",
        )


def _check_restart(item: str, wanted: Meaning, unit: LoadedUnit) -> None:
    if unit.properties.get("Type") == "oneshot" and wanted[0] in NOT_FOR_ONESHOT:
        raise SystemdError(
            item, f"systemd does not load a unit of Type=oneshot with {wanted[0]}, and {unit.name} is one"
        )


def _known_number(unit: LoadedUnit, name: str) -> int | None:
    number = whole_number(unit.properties.get(name, ""))
    # "[not set]" and 2^64-1 mean that systemd does not know the number.
    return number if number is not None and number < INFINITY else None


_CHECKS_OF_RUNNING_UNITS = {"MemoryMax": _check_memory, "TasksMax": _check_tasks, "Restart": _check_restart}


def check_hiding(observed: Observed, then: Mapping[str, str]) -> None:
    """Raises SystemdError if a drop-in of ours would hide another one of the same name that sets more.

    Of drop-ins of one name systemd reads only the most specific: that of kamailio@edge.service hides that of
    kamailio@.service. Source: systemd.unit(5)
    """
    for state in observed.units:
        own = own_lines(state, then)
        places = [path for path in state.candidates if posixpath.basename(path) == posixpath.basename(state.path)]
        less = [path for path in places[places.index(state.path) + 1 :] if path in then]
        hidden = deciding([(path, then[path]) for path in less[:1]], unit_type(state.name))
        lost = [directive for directive in hidden if directive not in own]
        if own and lost:
            raise SystemdError(
                state.asked,
                f"its drop-in {state.path} would hide {less[0]}, which sets {', '.join(lost)}: set that for both in "
                "one call, or choose another name for the drop-in",
            )
