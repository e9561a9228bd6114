# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of several modules in one, with one undo log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._core.change import TuningError, UndoLog
from .._engine.operation import Call, Operation, Report
from .._host.host import Host
from .._logins.module import LIMITS_FILE
from .._nic.module import NIC_LINK, NIC_RING
from .._pools.module import DAEMON_POOLS
from .._sockets.module import SIP_SOCKETS
from .._sysctl.module import SYSCTL_BULK
from .._units.module import SYSTEMD_LIMITS

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (SYSCTL_BULK, NIC_RING, NIC_LINK, SIP_SOCKETS, LIMITS_FILE, SYSTEMD_LIMITS, DAEMON_POOLS)
}


class CallError(TuningError):
    """One of the calls cannot be carried out. Names it, and has all that its own error has."""

    def __init__(self, name: str, module: str, cause: TuningError) -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.module = module
        self.cause = cause
        self.subject = getattr(cause, "subject", "")

    def details(self) -> dict[str, Any]:
        """What the call's own error tells, under the call's name."""
        told = self.cause.details()
        items = [{"call": self.name, **item} for item in told.pop("items", [])]
        return {**told, "items": items, "calls": [CallResult(self.name, self.module, None, self.cause).as_result()]}


class CallResult(NamedTuple):
    """What became of a call: its report, or why it would fail."""

    name: str
    module: str
    report: Report | None
    error: TuningError | None = None

    def as_result(self) -> dict[str, Any]:
        """An element of `calls` in the module's result: all but the items and what --diff shows."""
        told: dict[str, Any] = {"name": self.name, "module": self.module}
        if self.report is None:
            return {**told, "changed": False, "failed": True, "msg": str(self.error)}
        return {**told, "changed": self.report.changed, **self.report.extra}


def parse_calls(given: Iterable[Mapping[str, Any]]) -> list[Call]:
    """The calls with their requests. Raises TuningError, before anything is looked at."""
    calls: dict[str, Call] = {}
    for one in given:
        name, operation = one["name"], OPERATIONS[one["module"]]
        if name in calls:
            raise TuningError(f"{name}: there are two calls of this name")
        checked = ArgumentSpecValidator(operation.argument_spec).validate(one["arguments"] or {})
        if checked.error_messages:
            raise TuningError(f"{name}: {'; '.join(checked.error_messages)}")
        try:
            calls[name] = operation.call(checked.validated_parameters, name)
        except TuningError as error:
            raise CallError(name, operation.name, error) from error
    return list(calls.values())


def run_calls(
    host: Host, log: UndoLog, given: Iterable[Mapping[str, Any]], each_for_itself: bool, check_mode: bool
) -> list[CallResult]:
    """What became of the calls, or what each would come to for itself. Raises TuningError."""
    calls = parse_calls(given)
    if not each_for_itself:
        return run_all(host, calls, check_mode, log)
    if not check_mode:
        raise TuningError("each_for_itself is for check mode: a run holds as a whole or not at all")
    return predict_each(host, calls)


def run_all(host: Host, calls: Iterable[Call], check_mode: bool, log: UndoLog) -> list[CallResult]:
    """Take one call after the other; a later one finds what an earlier one has done.

    Raises CallError for the first that fails; whoever holds the log undoes them all.
    """
    return [_run(host, call, check_mode, log) for call in calls]


def predict_each(host: Host, calls: Iterable[Call]) -> list[CallResult]:
    """What each call would come to for itself: one that would fail keeps nobody from learning of the others."""
    predicted = []
    for call in calls:
        try:
            predicted.append(_run(host, call, True, UndoLog()))
        except CallError as error:
            predicted.append(CallResult(call.name, call.operation.name, None, error.cause))
    return predicted


def _run(host: Host, call: Call, check_mode: bool, log: UndoLog) -> CallResult:
    try:
        return CallResult(call.name, call.operation.name, call.run(host, check_mode, log))
    except TuningError as error:
        raise CallError(call.name, call.operation.name, error) from error


def result(results: Sequence[CallResult]) -> dict[str, Any]:
    """The module's result."""
    reports = {one.name: one.report for one in results if one.report is not None}
    return {
        "changed": any(report.changed for report in reports.values()),
        "calls": [one.as_result() for one in results],
        "items": [{"call": name, **change.as_item()} for name, report in reports.items() for change in report.changes],
        "diff": [part for report in reports.values() for part in report.diff],
    }


def warnings(results: Iterable[CallResult]) -> list[str]:
    """What the calls warn of, each warning once."""
    reports = [one.report for one in results if one.report is not None]
    return list(dict.fromkeys(warning for report in reports for warning in report.warnings))
