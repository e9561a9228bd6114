# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sysctl_bulk as an operation: kernel parameters, now and at boot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.change import ABSENT, READONLY, Outcome
from .._engine.operation import WHEN_ARGUMENT, Operation, report_of
from .apply import apply
from .conf import check_file_path
from .model import Observed, Plan, Request
from .observe import observe
from .plan import plan
from .settings import parse_settings

ARGUMENTS: dict[str, Any] = {
    "path": {"type": "str", "required": True},
    "settings": {"type": "dict", "default": {}},
    **WHEN_ARGUMENT,
}


def build_request(params: Mapping[str, Any]) -> Request:
    """The validated request of a module's parameters. Raises SysctlError."""
    check_file_path(params["path"])
    settings = parse_settings(params["settings"] or {})
    return Request(params["path"], settings if params["state"] == "present" else [], params["when"])


SYSCTL_BULK: Operation[Request, Observed, Plan, Outcome] = Operation(
    name="sysctl_bulk",
    arguments=ARGUMENTS,
    parse=build_request,
    observe=observe,
    plan=plan,
    apply=apply,
    report=lambda observed, planned, outcome: report_of(planned, outcome, "live values"),
    is_missing=lambda planned, change: change.state in (ABSENT, READONLY),
)
