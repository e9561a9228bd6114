# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemon_pools as an operation: memory pools in the environment files of units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.change import ABSENT, Outcome
from .._engine.operation import Operation, Report
from .._engine.owned_files import diff_files
from .apply import apply
from .model import Observed, Plan, Request
from .observe import observe
from .plan import plan
from .settings import UnitPools, parse_pools

ARGUMENTS: dict[str, Any] = {
    "pools": {"type": "dict", "default": {}},
    "exclusive": {"type": "bool", "default": False},
}


def build_request(params: Mapping[str, Any]) -> Request:
    """The validated request of the module's parameters. Raises PoolsError."""
    units = parse_pools(params["pools"] or {})
    if params["state"] == "present":
        return Request(units, exclusive=params["exclusive"])
    return Request([UnitPools(unit.name, []) for unit in units], exclusive=not units, advice=False)


def _report(observed: Observed, planned: Plan, outcome: Outcome | None) -> Report:
    changes, changed = outcome or (planned.changes, planned.changed)
    return Report(changed, [*changes, *planned.advice], diff_files(planned.files), planned.warnings)


DAEMON_POOLS: Operation[Request, Observed, Plan, Outcome] = Operation(
    name="daemon_pools",
    arguments=ARGUMENTS,
    parse=build_request,
    observe=observe,
    plan=plan,
    apply=apply,
    report=_report,
    is_missing=lambda planned, change: change.state == ABSENT,
)
