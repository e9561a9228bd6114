# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way of all modules: parse, observe, plan, carry out, report.

Each module is a `Way`, kept where its effects are. Taken alone it is a module of its own; taken one after the other,
with one undo log, several of them tune a host as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from .._core.change import REFUSED, Change, TuningError, UndoLog
from .._host.host import Host, HostError


class Report(NamedTuple):
    """What a module returns: its changes, what --diff shows of them, what to warn of, and what it alone tells."""

    changed: bool
    changes: list[Change]
    diff: list[dict[str, Any]]
    warnings: Sequence[str] = ()
    extra: Mapping[str, Any] = MappingProxyType({})

    def as_result(self) -> dict[str, Any]:
        """The arguments of exit_json, but for the warnings."""
        items = [change.as_item() for change in self.changes]
        return {"changed": self.changed, "items": items, "diff": self.diff, **self.extra}


def accept(params: Mapping[str, Any], planned: Any) -> None:
    """The check of a module whose users cannot rule anything out."""


class Way(NamedTuple):
    """A module as functions; each says in its own types what a request, an observed host, a plan and an outcome are.

    `parse(params)` gives a request, `observe(host, request)` what the plan has to know, and `plan(request, observed)`
    what there is to do; all of them raise TuningError. `carry_out(host, request, observed, planned, log)` does it and
    raises HostError. `report(observed, planned, outcome)` tells of it, with None for an outcome in check mode.
    `check(params, planned)` raises TuningError for a plan that the user has ruled out.
    """

    name: str
    argument_spec: Mapping[str, Any]
    parse: Callable[[Mapping[str, Any]], Any]
    observe: Callable[[Host, Any], Any]
    plan: Callable[[Any, Any], Any]
    carry_out: Callable[[Host, Any, Any, Any, UndoLog], Any]
    report: Callable[[Any, Any, Any], Report]
    check: Callable[[Mapping[str, Any], Any], None] = accept


class EffectError(TuningError):
    """The host refused a change that was under way. `changes` are those of the plan."""

    def __init__(self, cause: HostError, changes: list[Change]) -> None:
        super().__init__(str(cause))
        self.subject = cause.subject
        self.reason = cause.reason
        self.changes = changes

    def details(self) -> dict[str, Any]:
        """The item of a failed call: what was refused, and why. Everything else is as it was before."""
        return {"items": [self._refused().as_item()]}

    def _refused(self) -> Change:
        for change in self.changes:
            if change.item == self.subject:
                return change._replace(state=REFUSED, after=change.before, at_boot=None, reason=self.reason)
        return Change(self.subject, None, None, None, None, REFUSED, "", self.reason)


def take(way: Way, host: Host, params: Mapping[str, Any], check_mode: bool, log: UndoLog) -> Report:
    """Go the whole way, in check mode as far as the plan. Raises TuningError; whoever holds the log undoes it."""
    request = way.parse(params)
    observed = way.observe(host, request)
    planned = way.plan(request, observed)
    way.check(params, planned)
    if check_mode:
        return way.report(observed, planned, None)
    try:
        outcome = way.carry_out(host, request, observed, planned, log)
    except HostError as error:
        raise EffectError(error, planned.changes) from error
    return way.report(observed, planned, outcome)
