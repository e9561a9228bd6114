# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raise the limits of the processes of running units."""

from __future__ import annotations

import errno
from collections.abc import Callable

from .._core.undo import UndoLog
from .._host.host import Host, HostError
from .._host.rlimits import Pair, Process, read_process, set_limit, set_oom_score_adj
from .model import LoadedUnit, Observed, Plan, Raise
from .observe import start_deadline, unit_processes
from .processes import new_limits, new_score
from .settings import item_name

ROUNDS = 3  # a unit may fork while its limits are raised: read its processes this many times


def raise_all(host: Host, planned: Plan, observed: Observed, log: UndoLog) -> bool:
    """Raise all processes of the units as planned, including those forked meanwhile. Whether any was raised."""
    loaded_units = {unit.name: unit for state in observed.units for unit in state.loaded}
    raised, deadline = False, start_deadline()
    for name, what in planned.raises.items():
        unit = loaded_units[name]
        done: set[int] = set()
        for _round in range(ROUNDS):
            processes = unit_processes(host, unit.properties, deadline)[0]
            new = [process for process in processes if process.pid not in done]
            for process in new:
                raised |= _raise_one(host, process, unit, what, observed, log)
            done.update(process.pid for process in new)
            if not new:
                break
    return raised


def _raise_one(host: Host, process: Process, unit: LoadedUnit, what: Raise, observed: Observed, log: UndoLog) -> bool:
    """Set one process's new values. A process that ends meanwhile, or that we may not touch, is skipped."""
    raised = False
    for limit, pair in new_limits(process, what, observed.powers).items():
        raised |= _try(
            log,
            lambda limit=limit, pair=pair: set_limit(process.pid, limit, pair),  # type: ignore[misc]
            lambda limit=limit, pair=pair: _lower_again(host, process, limit, pair),  # type: ignore[misc]
            f"{item_name(unit.name, limit)} of process {process.pid}",
        )
    score = new_score(process, unit, what, observed.powers)
    before = process.oom_score_adj
    if score is not None and before is not None:
        raised |= _try(
            log,
            lambda: set_oom_score_adj(host, process.pid, score),
            lambda: set_oom_score_adj(host, process.pid, before),
            f"{item_name(unit.name, 'OOMScoreAdjust')} of process {process.pid}",
        )
    return raised


def _lower_again(host: Host, process: Process, limit: str, pair: Pair) -> None:
    """Undo a raise, unless the process has other limits by now: its id may belong to another process."""
    now = read_process(host, process.pid)
    if now is not None and now.limits.get(limit) == pair:
        set_limit(process.pid, limit, process.limits[limit])


def _try(log: UndoLog, do: Callable[[], bool], undo: Callable[[], object], name: str) -> bool:
    """Whether the step succeeded; False without permission, which the item reports. Raises HostError otherwise."""
    try:
        done = do()
    except HostError as error:
        if error.errno in (errno.EPERM, errno.EACCES):
            return False
        raise
    if done:
        log.note(name, undo)
    return done
