# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of all modules: parse, observe, plan, apply, report.

Each module is an `Operation`, kept in the `module` file of its domain. A `Call` is an operation with its request. Run
alone it is a module; run one after the other with one undo log, several calls tune a host as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

from .._core.change import CHANGED, KEPT, OK, PENDING, REFUSED, Change
from .._core.diff import diff_live
from .._core.errors import ItemError
from .._core.undo import UndoLog
from .._host.host import Host, HostError
from .originals import check as check_record
from .owned_files import FileChange, diff_files
from .policy import POLICY_ARGUMENTS, Policy

Request = TypeVar("Request")
Observed = TypeVar("Observed")
Planned = TypeVar("Planned")
Outcome = TypeVar("Outcome")

STATE_ARGUMENT: dict[str, Any] = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}

# When a setting is to hold: in the running kernel and its processes, from the next boot on, or both.
NOW, BOOT, BOTH = "now", "boot", "both"
WHEN_ARGUMENT: dict[str, Any] = {"when": {"type": "str", "choices": [BOTH, NOW, BOOT], "default": BOTH}}

RESTART_ARGUMENTS: dict[str, Any] = {
    "restart": {"type": "bool", "default": False},
    "despite_calls": {"type": "bool", "default": False},
}


class Report(NamedTuple):
    """The result of a module: its changes, their diff for --diff, its warnings, and values of this module alone.

    `diff` is that of files, `live` that of values in force. `files` are those that it writes; None for a module that
    never writes any. `restarts` are the units that have to be restarted for its changes.
    """

    changed: bool
    changes: list[Change]
    diff: list[dict[str, Any]]
    warnings: Sequence[str] = ()
    extra: Mapping[str, Any] = MappingProxyType({})
    restarts: Sequence[str] = ()
    files: Sequence[FileChange] | None = None
    live: Sequence[dict[str, Any]] = ()

    def as_result(self) -> dict[str, Any]:
        """The arguments of exit_json, except for the warnings."""
        items = [change.as_item() for change in self.changes]
        return {
            "changed": self.changed,
            "items": items,
            "diff": [*self.diff, *self.live],
            **self.written(),
            **self.extra,
        }

    def written(self) -> dict[str, Any]:
        """The field `files` of a module that may write some, each file once."""
        if self.files is None:
            return {}
        return {"files": list({file.path: file.as_result() for file in reversed(self.files)}.values())[::-1]}


def report_of(planned: Any, outcome: Any, live: str = "", restarts: Sequence[str] = ()) -> Report:
    """The report of a plan with changes, changed, files and warnings, and of its outcome, None in check mode.

    `live` is the header of the diff of live values; without it there is none.
    """
    done = outcome or planned
    moved = diff_live(done.changes, live) if live else []
    diff, files = diff_files(planned.files), planned.files
    return Report(done.changed, done.changes, diff, planned.warnings, restarts=restarts, files=files, live=moved)


class Restart(NamedTuple):
    """How to restart units: `now` returns when they run again, `soon` at once. `check` is whether they still run.

    All raise HostError.
    """

    now: Callable[[Host, Sequence[str]], None]
    soon: Callable[[Host, Sequence[str]], None]
    check: Callable[[Host, Sequence[str]], None]


class Operation(Generic[Request, Observed, Planned, Outcome]):
    """A module as functions over its own types of request, observed host, plan and outcome.

    `parse(params)` returns a request, `observe(host, request)` the observed host, and `plan(request, observed)` the
    plan; all of them raise TuningError. `apply(host, request, observed, planned, log)` changes the host and raises
    HostError. `report(observed, planned, outcome)` describes the result; the outcome is None in check mode.
    The observed host and the plan have `originals`, those of the host and those to record before the first effect. A
    plan has `changes`; `is_missing(planned, change)` says whether the host lacks the key, driver or unit of an item,
    and `is_advice(change)` whether nobody asked for the item, so that no policy applies to it. `restart` is for an
    operation whose items look at running daemons.
    """

    def __init__(
        self,
        name: str,
        arguments: Mapping[str, Any],
        parse: Callable[[Mapping[str, Any]], Request],
        observe: Callable[[Host, Request], Observed],
        plan: Callable[[Request, Observed], Planned],
        apply: Callable[[Host, Request, Observed, Planned, UndoLog], Outcome],
        report: Callable[[Observed, Planned, Outcome | None], Report],
        is_missing: Callable[[Planned, Change], bool],
        is_advice: Callable[[Change], bool] = lambda change: False,
        restart: Restart | None = None,
    ) -> None:
        self.name = name
        self.argument_spec = {**arguments, **STATE_ARGUMENT, **POLICY_ARGUMENTS}
        self.parse = parse
        self.observe = observe
        self.plan = plan
        self.apply = apply
        self.report = report
        self.is_missing = is_missing
        self.is_advice = is_advice
        self.restart = restart

    def call(self, params: Mapping[str, Any], name: str = "") -> Call:
        """The call with these arguments, all of those of the module. Raises TuningError."""
        return Call(name, self, self.parse(params), Policy(params["missing"], params["shadowed"]))


class Call(NamedTuple):
    """An operation with its request, under a name of its own.

    `left` are the items of what the request leaves to a later run, as an image is not the whole host.
    """

    name: str
    operation: Operation
    request: Any
    policy: Policy
    left: Sequence[Change] = ()

    def run(self, host: Host, check_mode: bool, log: UndoLog) -> Report:
        """Observe, plan, apply and report; check mode stops at the plan.

        Raises TuningError; the owner of the log then undoes it.
        """
        report = self._run(host, check_mode, log)
        return report._replace(changes=[*report.changes, *self.left]) if self.left else report

    def _run(self, host: Host, check_mode: bool, log: UndoLog) -> Report:
        operation = self.operation
        observed = operation.observe(host, self.request)
        planned = operation.plan(self.request, observed)
        self._check(planned, planned.changes)
        if planned.originals != observed.originals:
            check_record(planned.originals)
        if check_mode:
            return operation.report(observed, planned, None)
        try:
            outcome = operation.apply(host, self.request, observed, planned, log)
        except HostError as error:
            raise EffectError(error, planned.changes) from error
        report = operation.report(observed, planned, outcome)
        self._check(planned, report.changes)  # an unsupported option may show only when it is set
        return report

    def _check(self, planned: Any, changes: Sequence[Change]) -> None:
        """Raises NotAcceptableError for items that the policy rules out. What goes back has no wanted value."""
        wanted = [change for change in changes if change.wanted is not None and not self.operation.is_advice(change)]
        self.policy.check(wanted, lambda change: self.operation.is_missing(planned, change))


class Restarts:
    """The restarts that calls with one undo log ask for, done once, after the last of them.

    Made before the first call, so that the daemons are restarted again once everything else has been undone.
    """

    def __init__(self, host: Host, log: UndoLog) -> None:
        self._host = host
        self._log = log
        self._done: list[str] = []
        self._restart: Restart | None = None
        log.note("", self.again)

    def again(self) -> None:
        """Restart the same units once more, as what they were restarted for has been undone."""
        if self._restart is not None:
            self._restart.soon(self._host, self._done)

    def finish(self, call: Call, report: Report, asked: Sequence[str]) -> Report:
        """The report of a call once the units that all calls `asked` for run again. Raises TuningError."""
        if not asked or call.operation.restart is None:
            return report
        if self._restart is None:
            self._restart, self._done = call.operation.restart, list(asked)
            self._restart.now(self._host, asked)
        again = call.run(self._host, False, self._log)
        self._restart.check(self._host, asked)  # a program may take a moment to fail
        return after_restart(report, again, asked)


def after_restart(before: Report, after: Report, restarted: Sequence[str]) -> Report:
    """The report of a call that was run before and after the restart of these units."""
    first = {change.item: change for change in before.changes}
    changes = [_moved(first.pop(change.item, change), change) for change in after.changes]
    for change in first.values():  # no longer ours, so that the second call has no item
        over = change.state == PENDING and change.item.split(" ")[0] in restarted
        changes.append(change._replace(after=change.at_boot, state=CHANGED, reason="") if over else change)
    warnings = tuple(dict.fromkeys((*before.warnings, *after.warnings)))
    return Report(
        before.changed or after.changed or bool(before.restarts),
        changes,
        [*before.diff, *after.diff],
        warnings,
        {**before.extra, **after.extra},
        files=None if before.files is None else [*before.files, *(after.files or ())],
        live=[*before.live, *after.live],
    )


def _moved(before: Change, after: Change) -> Change:
    """An item over both calls: a value that the restart has brought is a change."""
    if after.state in (OK, KEPT) and before.state in (CHANGED, PENDING):
        after = after._replace(state=CHANGED)
    return after._replace(before=before.before, at_boot_before=before.at_boot_before)


class EffectError(ItemError):
    """The host refused a change while it was applied. `changes` are those of the plan."""

    def __init__(self, cause: HostError, changes: list[Change]) -> None:
        super().__init__(cause.item, cause.reason)
        self.changes = changes

    def details(self) -> dict[str, Any]:
        """The refused item of a failed call, with the reason. All other items are as they were before."""
        for change in self.changes:
            if change.item == self.item:
                refused = change._replace(state=REFUSED, after=change.before, at_boot=None, reason=self.reason)
                return {"items": [refused.as_item()]}
        return super().details()
