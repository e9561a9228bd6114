# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation systemd_limits: limits of units, at boot and in running processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.change import ABSENT, Outcome
from .._engine.operation import BOOT, BOTH, RESTART_ARGUMENTS, Operation, report_of
from .._systemd.restarting import RESTART
from .._systemd.units import check_drop_in_name
from .._systemd.values import SystemdError
from .apply import apply
from .model import Observed, Plan, Request
from .observe import observe
from .plan import plan
from .settings import UnitSettings, parse_units

ARGUMENTS: dict[str, Any] = {
    "units": {"type": "dict", "default": {}},
    "drop_in": {"type": "str", "default": "90-siptune.conf"},
    "when": {"type": "str", "choices": [BOTH, BOOT], "default": BOTH},
    **RESTART_ARGUMENTS,
    "exclusive": {"type": "bool", "default": False},
}


def build_request(params: Mapping[str, Any]) -> Request:
    """The request of the module's parameters. Raises SystemdError."""
    drop_in = check_drop_in_name(params["drop_in"])
    units = parse_units(params["units"] or {})
    if params["restart"] and params["when"] == BOOT:
        raise SystemdError("restart", "restarts running units, which `when: boot` leaves alone: leave one of them out")
    others = params["exclusive"]
    if params["state"] == "absent":
        units, others = [UnitSettings(unit.name, []) for unit in units], not units
    return Request(units, drop_in, params["when"], params["restart"], others, params["despite_calls"])


SYSTEMD_LIMITS: Operation[Request, Observed, Plan, Outcome] = Operation(
    name="systemd_limits",
    arguments=ARGUMENTS,
    parse=build_request,
    observe=observe,
    plan=plan,
    apply=apply,
    report=lambda observed, planned, outcome: report_of(planned, outcome, "values in force", planned.restarts),
    is_missing=lambda planned, change: change.item in planned.missing or change.state == ABSENT,
    restart=RESTART,
)
