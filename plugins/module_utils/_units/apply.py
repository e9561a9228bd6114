# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply a plan: write the drop-ins, reload systemd, change running units, and confirm the result."""

from __future__ import annotations

from collections.abc import Mapping

from .._core.change import Outcome
from .._core.undo import UndoLog
from .._engine.effects import finalize_originals, stage, store_originals, tidy
from .._engine.owned_files import finalize_files
from .._host.host import Host, HostError
from .._systemd.names import LOADED
from .._systemd.systemctl import load_error, systemctl
from .effective import disagreement
from .model import LoadedUnit, Observed, Plan, Request
from .observe import loaded_units_now, start_deadline, with_processes
from .plan import confirmed
from .running import raise_all


def apply(host: Host, request: Request, observed: Observed, planned: Plan, log: UndoLog) -> Outcome:
    """Apply a plan and note how to undo it. Raises HostError.

    The order keeps a kill at any moment harmless: first the originals, so that no change is unrecorded; then the
    drop-ins, staged, synced and renamed; then the daemon-reload and a check of the values that systemd has taken; and
    last the running processes. Whoever runs the call restarts the units, once for all calls.
    """
    tidy(host, *(unit.path for unit in observed.units))
    if planned.files:
        store_originals(host, planned.originals, log)
    commits = [stage(host, file, log) for file in planned.files]
    if planned.reload:
        log.note("", lambda: systemctl(host, "daemon-reload"))
    for commit in commits:
        commit()
    if planned.reload:
        systemctl(host, "daemon-reload")
    after = loaded_units_now(host, observed, planned, planned.reload)
    if planned.reload:
        _check_taken(planned, after)
    raised = raise_all(host, planned, observed, log)
    deadline = start_deadline()
    after = {name: with_processes(host, unit, deadline) for name, unit in after.items()}
    files = finalize_files(planned.originals.files, planned.files, planned.released)
    finalized = planned.originals._replace(files=files)
    finalize_originals(host, finalized, planned.originals if planned.files else observed.originals, log)
    changed = bool(planned.files or planned.reload or planned.restarts or raised)
    return Outcome(confirmed(planned, observed, after), changed)


def _check_taken(planned: Plan, after: Mapping[str, LoadedUnit]) -> None:
    """Raises HostError for a value that systemd has not taken, and for a unit that it no longer loads."""
    for decision in planned.decisions:
        for unit in decision.unit.loaded:
            now = after.get(unit.name, unit)
            if now.properties.get("LoadState") != LOADED:
                reason = load_error(now.properties)
                raise HostError(unit.name, f"systemd does not load it with this drop-in: {reason}")
            instead = disagreement(decision, now, planned.then)
            if instead is not None and decision.setting is not None:
                shown = now.properties.get("DropInPaths", "").split()
                if decision.unit.path in shown:
                    reason = f"this systemd does not take {decision.setting.text}: for {unit.name} it has {instead}"
                else:
                    reason = f"systemd does not read {decision.unit.path} for {unit.name}, it has {instead}"
                raise HostError(decision.item, reason)
