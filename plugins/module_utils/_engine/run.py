# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of every module that changes a host: root, the lock, the undo log and the result."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .._core.errors import TuningError
from .._core.undo import RefusedError, UndoLog, all_or_nothing, refusal
from .._host.host import Host
from .module import Module
from .operation import Call, Operation, Report, Restarts

LOCK_TIMEOUT_SECONDS = 30

Outcome = TypeVar("Outcome")


def main(operation: Operation) -> None:
    """Run a module: everything except its documentation."""
    module = Module(argument_spec=dict(operation.argument_spec), supports_check_mode=True)
    report = run(
        module, operation.name, lambda host, log: run_call(host, operation.call(module.params), module.check_mode, log)
    )
    for warning in report.warnings:
        module.warn(warning)
    module.exit_json(**returned(module, report.as_result()))


def returned(module: Module, result: Mapping[str, Any]) -> dict[str, Any]:
    """A result as it may leave the host: contents of files are in it for --diff alone, as results are stored."""
    return {**result, "diff": result["diff"] if module._diff else []}


def run_call(host: Host, call: Call, check_mode: bool, log: UndoLog) -> Report:
    """The report of one call and of the restarts that it asks for. Raises TuningError."""
    restarts = Restarts(host, log)
    report = call.run(host, check_mode, log)
    return report if check_mode else restarts.finish(call, report, report.restarts)


def host_of(boot_only: bool) -> Host:
    """The host that a module runs on; with `boot_only` an image, of which nothing but its files is the host's."""
    if not boot_only:
        return Host()
    # Imported here, as only a run for an image needs it, and each run on a host compiles what it imports.
    from .._host.image import Image

    return Image()


def run(module: Module, name: str, work: Callable[[Host, UndoLog], Outcome], boot_only: bool = False) -> Outcome:
    """The result of this work on the host, done as root, by one run at a time, and as a whole or not at all.

    A failure ends the module with fail_json. Check mode changes nothing, so it does not wait for other runs.
    """
    if os.geteuid() != 0:
        module.fail_json(msg=f"{name} requires root: use become, or connect as root")
    host, failure = host_of(boot_only), {}
    try:
        with contextlib.nullcontext() if module.check_mode else host.lock(LOCK_TIMEOUT_SECONDS):
            return all_or_nothing(lambda log: work(host, log))
    except RefusedError as error:
        failure = refusal(error)
    except TuningError as error:  # of the lock
        failure = {"msg": f"{error}. Nothing was changed."}
    # Outside of the handlers, as Ansible would add the error as it was raised, with the bytes of the host in it.
    module.fail_json(**failure)
    raise SystemExit(1)  # not reached: fail_json has ended the module
