# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sip_alg as an operation: the kernel's SIP ALG is told, and kept from loading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.change import READONLY, Outcome
from .._engine.operation import Operation, report_of
from .._engine.owned_files import FilesPlan
from .apply import apply
from .model import Observed, Request
from .observe import observe
from .plan import plan


def build_request(params: Mapping[str, Any]) -> Request:
    """The request of the module's parameters."""
    present = params["state"] == "present"
    return Request(block=present and bool(params["block"]), tell=present)


SIP_ALG: Operation[Request, Observed, FilesPlan, Outcome] = Operation(
    name="sip_alg",
    arguments={"block": {"type": "bool", "default": False}},
    parse=build_request,
    observe=observe,
    plan=plan,
    apply=apply,
    report=lambda observed, planned, outcome: report_of(planned, outcome),
    is_missing=lambda planned, change: change.state == READONLY,
)
