# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several calls in one module execution, with one undo log."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._alg.model import PATH as SIP_ALG_PATH
from .._alg.module import SIP_ALG
from .._core.errors import TuningError
from .._core.undo import RefusedError, UndoLog, refusal
from .._engine import originals
from .._engine.operation import Call, Operation, Report, Restarts
from .._engine.originals import Originals
from .._engine.own_paths import ENVIRONMENT_DIRECTORIES
from .._host.host import Host
from .._journald.module import JOURNALD_LIMITS
from .._journald.settings import PATH as JOURNALD_PATH
from .._logins.module import LIMITS_FILE
from .._nic.module import NIC_LINK, NIC_RING
from .._notrack.model import PATHS as SIP_NOTRACK_PATHS
from .._notrack.module import SIP_NOTRACK
from .._pools.module import DAEMON_POOLS
from .._sockets.module import SIP_SOCKETS
from .._sysctl.module import SYSCTL_BULK
from .._units.module import SYSTEMD_LIMITS

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        *(SYSCTL_BULK, NIC_RING, NIC_LINK, SIP_SOCKETS, SIP_ALG, LIMITS_FILE, SYSTEMD_LIMITS, DAEMON_POOLS),
        *(JOURNALD_LIMITS, SIP_NOTRACK),
    )
}


class CallError(TuningError):
    """A call that cannot be carried out. Names the call, and has all that its own error has."""

    def __init__(self, name: str, module: str, cause: TuningError) -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.module = module
        self.cause = cause
        self.item = cause.item

    def details(self) -> dict[str, Any]:
        """The details of the call's own error, under the call's name."""
        own = self.cause.details()
        failed = CallResult(self.name, self.module, None, {"msg": str(self.cause), "items": own.pop("items", [])})
        return {**own, "items": failed.items(), "calls": [failed.as_result()]}


class CallResult(NamedTuple):
    """The result of a call: its report, or its failure, as fail_json takes one: `msg`, and perhaps `items`."""

    name: str
    module: str
    report: Report | None
    failure: Mapping[str, Any] = MappingProxyType({})

    def as_result(self) -> dict[str, Any]:
        """An element of `calls` in the module's result: all but the items and the diff."""
        own: dict[str, Any] = {"name": self.name, "module": self.module}
        if self.report is None:
            return {**own, "changed": False, "failed": True, "msg": self.failure["msg"]}
        return {**own, "changed": self.report.changed, **self.report.written(), **self.report.extra}

    def items(self) -> list[dict[str, Any]]:
        """The items of the call, each with the call's name."""
        if self.report is None:
            own = list(self.failure.get("items", []))
        else:
            own = [change.as_item() for change in self.report.changes]
        return [{"call": self.name, **item} for item in own]


def parse_calls(given: Iterable[Mapping[str, Any]]) -> list[Call]:
    """The calls of siptune.linux.transaction. Raises TuningError, before the host is looked at."""
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


def run_all(host: Host, calls: Iterable[Call], check_mode: bool, log: UndoLog) -> list[CallResult]:
    """Run one call after the other, all of them or none; a later one finds what an earlier one has done.

    Daemons are restarted once, after the last call. Raises CallError for the first that fails; whoever holds the log
    undoes them all.
    """
    restarts, calls = Restarts(host, log), list(calls)
    results = [_run(host, call, check_mode, log) for call in calls]
    return results if check_mode else _finish(restarts, calls, results)


def _finish(restarts: Restarts, calls: Sequence[Call], results: Sequence[CallResult]) -> list[CallResult]:
    """The results once the units run again that any call has asked for. Raises CallError."""
    asked = sorted({unit for one in results if one.report is not None for unit in one.report.restarts})
    finished = []
    for call, one in zip(calls, results):
        report = one.report
        try:
            finished.append(one if report is None else one._replace(report=restarts.finish(call, report, asked)))
        except TuningError as error:
            raise CallError(call.name, call.operation.name, error) from error
    return finished


def run_each(host: Host, calls: Iterable[Call], check_mode: bool, log: UndoLog) -> list[CallResult]:
    """Run each call for itself: one that fails is undone and reported, and the others go on.

    The log has all that holds, for whatever else might end the run.
    """
    restarts, calls = Restarts(host, log), list(calls)
    logs: list[UndoLog] = []
    results = []
    for call in calls:
        own = UndoLog()
        logs.append(own)
        log.note("", own.undo)
        try:
            results.append(_run(host, call, check_mode, own))
        except CallError as error:
            results.append(_undone(call, error, own))
    if check_mode:
        return results
    try:
        return _finish(restarts, calls, results)
    except CallError as error:
        for number, one in enumerate(results):
            if one.report is not None and one.report.restarts:
                results[number] = _undone(calls[number], error, logs[number])
        restarts.again()
        return results


def _undone(call: Call, error: CallError, log: UndoLog) -> CallResult:
    """The result of a call that is undone for an error."""
    return CallResult(call.name, call.operation.name, None, refusal(RefusedError(error.cause, *log.undo())))


def _run(host: Host, call: Call, check_mode: bool, log: UndoLog) -> CallResult:
    try:
        return CallResult(call.name, call.operation.name, call.run(host, check_mode, log))
    except TuningError as error:
        raise CallError(call.name, call.operation.name, error) from error


def result(results: Sequence[CallResult], live: bool = True) -> dict[str, Any]:
    """The module's result. With `live` its diff has values in force, too, beside files."""
    reports = [one.report for one in results if one.report is not None]
    return {
        "changed": any(report.changed for report in reports),
        "calls": [one.as_result() for one in results],
        "items": [item for one in results for item in one.items()],
        "diff": [part for report in reports for part in (*report.diff, *(report.live if live else ()))],
    }


def failure_of(results: Iterable[CallResult]) -> str:
    """The message for calls that failed while the others went on; empty if none failed."""
    failed = [f"{one.name}: {one.failure['msg'].rstrip('.')}" for one in results if one.report is None]
    return f"{'; '.join(failed)}. Everything else goes back." if failed else ""


def left_on_record(record: Originals, calls: Iterable[Call]) -> str:
    """A warning of the files of ours on record that these calls of a rollback do not put back, as under an old path.

    Empty if there are none.
    """
    named: set[str] = set()
    for call in calls:
        if call.operation in (SYSCTL_BULK, LIMITS_FILE):
            named.add(call.request.path)
        elif call.operation is SIP_ALG:
            named.add(SIP_ALG_PATH)
        elif call.operation is SIP_NOTRACK:
            named.update(SIP_NOTRACK_PATHS)
        elif call.operation is JOURNALD_LIMITS:
            named.add(JOURNALD_PATH)
        elif call.operation is SYSTEMD_LIMITS:
            named.add(call.request.drop_in)
    keys = Counter(owner for key in record.keys.values() for owner in key.owners)
    files = {path for path in record.files if path.endswith(".conf") and not path.startswith(ENVIRONMENT_DIRECTORIES)}
    left = [path for path in sorted({*keys, *files}) if named.isdisjoint((path, posixpath.basename(path)))]
    if not left:
        return ""
    shown = ", ".join(f"{path} ({keys[path]} kernel parameters)" if keys[path] else path for path in left)
    return (
        f"{originals.PATH} also holds what this run does not put back: {shown}. If a path or the name of a drop-in has "
        "been changed in the inventory, run the rollback once more with the old one; a file that a module of its own "
        "wrote goes back with that module and state: absent"
    )


def warnings(results: Iterable[CallResult]) -> list[str]:
    """The warnings of all calls, each once."""
    reports = [one.report for one in results if one.report is not None]
    return list(dict.fromkeys(warning for report in reports for warning in report.warnings))
