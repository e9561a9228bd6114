# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""journald_limits as an operation: a drop-in that bounds the journal."""

from __future__ import annotations

from typing import Any

from .._core.change import ABSENT, Outcome
from .._core.undo import UndoLog
from .._engine.effects import apply_files
from .._engine.operation import Operation, report_of
from .._engine.owned_files import FilesPlan
from .._host.host import Host
from .model import Observed
from .observe import observe
from .plan import plan
from .settings import PATH, Request, build_request

ARGUMENTS: dict[str, Any] = {"max_use": {"type": "str"}, "why": {"type": "str"}}


def apply(host: Host, request: Request, observed: Observed, planned: FilesPlan, log: UndoLog) -> Outcome:
    """Apply a plan, and note how to undo it. Nothing is restarted. Raises HostError."""
    return apply_files(host, planned, observed.originals, [PATH], log)


JOURNALD_LIMITS: Operation[Request, Observed, FilesPlan, Outcome] = Operation(
    name="journald_limits",
    arguments=ARGUMENTS,
    parse=build_request,
    observe=observe,
    plan=plan,
    apply=apply,
    report=lambda observed, planned, outcome: report_of(planned, outcome),
    is_missing=lambda planned, change: change.state == ABSENT,
)
