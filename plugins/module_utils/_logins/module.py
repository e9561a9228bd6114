# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""limits_file as a way: a whole file of limits for logins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.change import ABSENT, PENDING, Outcome
from .._engine.operation import Report, Way
from .._engine.owned_files import diff_files
from .._engine.policy import CHOICES, check_acceptable
from .conf import check_file_path
from .observe import carry_out, observe
from .plan import Observed, Plan, Request, plan
from .settings import parse_limits

ARGUMENTS: dict[str, Any] = {
    "path": {"type": "str", "required": True},
    "limits": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "domain": {"type": "str", "required": True},
            "type": {"type": "str", "required": True},
            "item": {"type": "str", "required": True},
            "value": {"type": "raw", "required": True},
            "why": {"type": "str"},
            "hazard": {"type": "str"},
        },
    },
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "missing": {"type": "str", "choices": list(CHOICES), "default": "report"},
    "shadowed": {"type": "str", "choices": list(CHOICES), "default": "report"},
}


def build_request(params: Mapping[str, Any]) -> Request:
    """The validated request of the module's parameters. Raises LimitsError."""
    check_file_path(params["path"])
    limits = parse_limits(params["limits"] or [])
    return Request(params["path"], limits if params["state"] == "present" else [])


def _check(params: Mapping[str, Any], planned: Plan) -> None:
    check_acceptable(planned.changes, params, lambda change: change.state in (ABSENT, PENDING))


def _report(observed: Observed, planned: Plan, outcome: Outcome | None) -> Report:
    changes, changed = outcome or (planned.changes, planned.changed)
    pam = [service.as_result() for service in observed.services]
    return Report(changed, changes, diff_files(planned.files), planned.warnings, {"pam": pam})


LIMITS_FILE = Way(
    name="limits_file",
    argument_spec=ARGUMENTS,
    parse=build_request,
    observe=observe,
    plan=plan,
    carry_out=carry_out,
    report=_report,
    check=_check,
)
