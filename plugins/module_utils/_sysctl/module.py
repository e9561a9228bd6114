# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sysctl_bulk as a way: kernel parameters, now and at boot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.change import ABSENT, READONLY, Outcome
from .._engine.operation import Report, Way
from .._engine.policy import CHOICES, check_acceptable
from .conf import check_file_path
from .key import SysctlError
from .model import Observed, Plan, Request
from .observe import carry_out, observe
from .plan import diff, plan
from .settings import parse_settings

ARGUMENTS: dict[str, Any] = {
    "path": {"type": "str", "required": True},
    "settings": {"type": "dict", "default": {}},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "live": {"type": "bool", "default": True},
    "boot": {"type": "bool", "default": True},
    "missing": {"type": "str", "choices": list(CHOICES), "default": "report"},
    "shadowed": {"type": "str", "choices": list(CHOICES), "default": "report"},
}


def build_request(params: Mapping[str, Any]) -> Request:
    """The validated request of the module's parameters. Raises SysctlError."""
    check_file_path(params["path"])
    if not (params["live"] or params["boot"]):
        raise SysctlError(params["path"], "with live and boot both off there is nothing to do")
    settings = parse_settings(params["settings"] or {})
    return Request(params["path"], settings if params["state"] == "present" else [], params["live"], params["boot"])


def _check(params: Mapping[str, Any], planned: Plan) -> None:
    check_acceptable(planned.changes, params, lambda change: change.state in (ABSENT, READONLY))


def _report(observed: Observed, planned: Plan, outcome: Outcome | None) -> Report:
    changes, changed = outcome or (planned.changes, planned.changed)
    return Report(changed, changes, diff(planned), planned.hazards)


SYSCTL_BULK = Way(
    name="sysctl_bulk",
    argument_spec=ARGUMENTS,
    parse=build_request,
    observe=observe,
    plan=plan,
    carry_out=carry_out,
    report=_report,
    check=_check,
)
