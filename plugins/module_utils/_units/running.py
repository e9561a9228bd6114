# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change running units: raise the limits of their processes, or restart them."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Sequence

from .._core.undo import UndoLog
from .._host.host import Host, HostError
from .._host.rlimits import Pair, Process, read_process, set_limit, set_oom_score_adj
from .._systemd.systemctl import systemctl
from .model import LoadedUnit, Observed, Plan, Raise
from .observe import loaded_units_now, start_deadline, unit_processes
from .processes import new_limits, new_score
from .settings import item_name

ROUNDS = 3  # a unit may fork while its limits are raised: read its processes this many times
RESTART_TIMEOUT_SECONDS = 120  # a unit that needs longer to stop is left to it
POLL_SECONDS = 0.5
RUNNING_STATES = ("active", "reloading")


def raise_all(host: Host, planned: Plan, observed: Observed, log: UndoLog) -> bool:
    """Raise all processes of the units as planned, including those forked meanwhile. Whether any was raised."""
    loaded_units = {unit.name: unit for state in observed.units for unit in state.loaded}
    raised, deadline = False, start_deadline()
    for name, what in planned.raises.items():
        unit = loaded_units[name]
        done: set[int] = set()
        for _ in range(ROUNDS):
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


def restart(host: Host, observed: Observed, planned: Plan) -> dict[str, LoadedUnit]:
    """Restart the units and wait until they run again. Raises HostError for a unit that fails.

    A unit that is still stopping at the timeout, as it waits for its calls to end, stays pending.
    """
    systemctl(host, "--no-block", "restart", "--", *planned.restarts)
    deadline = time.monotonic() + RESTART_TIMEOUT_SECONDS
    while True:
        after = loaded_units_now(host, observed, planned, ask=True)
        if not any(_restarting(after[name]) for name in planned.restarts) or time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    started = start_deadline()
    for name in planned.restarts:
        unit_processes(host, after[name].properties, started)  # waits: a program may fail as soon as it runs
    after = loaded_units_now(host, observed, planned, ask=True)
    for name in planned.restarts:
        properties = after[name].properties
        if not _restarting(after[name]):
            if properties.get("ActiveState") not in RUNNING_STATES:
                raise HostError(name, f"did not come back from its restart: {properties.get('Result')}")
            after[name] = after[name]._replace(started_before_drop_in=False)
    return after


def _restarting(unit: LoadedUnit) -> bool:
    """Whether a unit is stopping or starting. A unit that waits for its automatic restart has failed."""
    properties = unit.properties
    if properties.get("SubState") == "auto-restart":
        return False
    return bool(properties.get("Job")) or properties.get("ActiveState") in ("activating", "deactivating")


def start_again(host: Host, units: Sequence[str]) -> None:
    """Restart units once their drop-ins are put back, as the undo of a restart."""
    if units:
        systemctl(host, "--no-block", "restart", "--", *units)
