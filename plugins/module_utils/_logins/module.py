# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""limits_file as an operation: a file of limits for logins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.change import ABSENT, PENDING, Outcome
from .._engine.operation import Operation, Report, report_of
from .._engine.owned_files import FilesPlan
from .apply import apply
from .conf import check_file_path
from .model import Observed, Request
from .observe import observe
from .plan import plan
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
}


def build_request(params: Mapping[str, Any]) -> Request:
    """The validated request of the module's parameters. Raises LimitsError."""
    check_file_path(params["path"])
    limits = parse_limits(params["limits"] or [])
    return Request(params["path"], limits if params["state"] == "present" else [])


def _report(observed: Observed, planned: FilesPlan, outcome: Outcome | None) -> Report:
    pam = [service.as_result() for service in observed.services]
    return report_of(planned, outcome)._replace(extra={"pam": pam})


LIMITS_FILE: Operation[Request, Observed, FilesPlan, Outcome] = Operation(
    name="limits_file",
    arguments=ARGUMENTS,
    parse=build_request,
    observe=observe,
    plan=plan,
    apply=apply,
    report=_report,
    is_missing=lambda planned, change: change.state in (ABSENT, PENDING),
)
