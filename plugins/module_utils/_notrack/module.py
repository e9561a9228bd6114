# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sip_notrack as an operation: SIP and RTP are left out of the connection tracking."""

from __future__ import annotations

from .._core.change import ABSENT, READONLY, Outcome
from .._core.undo import UndoLog
from .._engine.operation import Operation, report_of
from .._engine.owned_files import FilesPlan
from .._host.host import Host
from .model import Observed, Plan
from .observe import observe
from .settings import Request, build_request


def plan(request: Request, observed: Observed) -> Plan:
    """The plan that fulfils the request. Raises NotrackError and ItemError."""
    if not observed.asked:
        return Plan(FilesPlan([], [], observed.originals, [], []))
    # Imported here, as most hosts have no use for it, and each run compiles what it imports.
    from .plan import plan as planned

    return planned(request, observed)


def apply(host: Host, request: Request, observed: Observed, planned: Plan, log: UndoLog) -> Outcome:
    """Apply a plan, and note how to undo it. Raises HostError."""
    if not observed.asked:
        return Outcome(planned.changes, False)
    from .apply import apply as applied

    return applied(host, request, observed, planned, log)


SIP_NOTRACK: Operation[Request, Observed, Plan, Outcome] = Operation(
    name="sip_notrack",
    arguments={"ports": {"type": "list", "elements": "str", "default": []}},
    parse=build_request,
    observe=observe,
    plan=plan,
    apply=apply,
    report=lambda observed, planned, outcome: report_of(planned, outcome, "values in force"),
    is_missing=lambda planned, change: change.state in (ABSENT, READONLY),
)
