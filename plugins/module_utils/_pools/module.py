# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemon_pools as an operation: memory pools in the environment files of units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.change import ABSENT, Outcome
from .._engine.operation import RESTART_ARGUMENTS, Operation, Report
from .._engine.owned_files import FilesPlan, diff_files, text_of
from .._systemd.environment_file import notes, shown_lines
from .._systemd.restarting import RESTART
from .apply import apply
from .items import is_advice
from .model import Observed, Request
from .observe import observe
from .plan import plan
from .settings import UnitPools, parse_pools

ARGUMENTS: dict[str, Any] = {
    "pools": {"type": "dict", "default": {}},
    **RESTART_ARGUMENTS,
    "exclusive": {"type": "bool", "default": False},
}


def build_request(params: Mapping[str, Any]) -> Request:
    """The validated request of the module's parameters. Raises PoolsError."""
    units = parse_pools(params["pools"] or {})
    if params["state"] == "present":
        return Request(units, params["exclusive"], True, params["restart"], params["despite_calls"])
    units, others = [UnitPools(unit.name, []) for unit in units], not units
    return Request(units, others, False, params["restart"], params["despite_calls"])


def _report(observed: Observed, planned: FilesPlan, outcome: Outcome | None) -> Report:
    done = outcome or planned
    names = {name for change in planned.files for record in change[1:] for name in notes(text_of(record))}
    diff = diff_files(planned.files, lambda record: shown_lines(text_of(record), names))
    return Report(done.changed, done.changes, diff, planned.warnings, restarts=planned.restarts, files=planned.files)


DAEMON_POOLS: Operation[Request, Observed, FilesPlan, Outcome] = Operation(
    name="daemon_pools",
    arguments=ARGUMENTS,
    parse=build_request,
    observe=observe,
    plan=plan,
    apply=apply,
    report=_report,
    is_missing=lambda planned, change: change.state == ABSENT,
    is_advice=is_advice,
    restart=RESTART,
)
