# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sip_sockets as an operation: the receive buffers of running SIP daemons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.change import ABSENT, CHANGED, Change, Outcome
from .._core.diff import diff_live
from .._engine.operation import Operation, Report
from .._systemd.restarting import RESTART
from .apply import apply
from .model import Observed, Plan, Request
from .observe import observe
from .plan import plan
from .settings import DAEMON_NAMES, OPTION, SocketsError, parse_floor, parse_units

ARGUMENTS: dict[str, Any] = {
    OPTION: {"type": "raw"},
    "daemons": {"type": "list", "elements": "str", "choices": list(DAEMON_NAMES), "default": []},
    "units": {"type": "list", "elements": "str", "default": []},
}


def build_request(params: Mapping[str, Any]) -> Request:
    """The validated request of the module's parameters. Raises SocketsError."""
    floor = parse_floor(params[OPTION])
    units, absent = parse_units(params["units"] or ()), params["state"] != "present"
    if units and absent:
        raise SocketsError("units", "does not go with state=absent; name daemons, or nothing for all")
    return Request(floor, tuple(dict.fromkeys(params["daemons"] or ())), units, absent)


def _report(observed: Observed, planned: Plan, outcome: Outcome | None) -> Report:
    changes, changed = outcome or (planned.changes, planned.changed)
    live = diff_live((change for change in changes if change.state == CHANGED), "receive buffers")
    return Report(changed, changes, [], planned.warnings, live=live)


def _is_missing(planned: Plan, change: Change) -> bool:
    """Whether a daemon or unit that was named does not run. A socket that is closed meanwhile is nobody's fault."""
    return change.state == ABSENT and change.before is None


SIP_SOCKETS: Operation[Request, Observed, Plan, Outcome] = Operation(
    name="sip_sockets",
    arguments=ARGUMENTS,
    parse=build_request,
    observe=observe,
    plan=plan,
    apply=apply,
    report=_report,
    is_missing=_is_missing,
    restart=RESTART,
)
