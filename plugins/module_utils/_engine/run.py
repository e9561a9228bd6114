# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all modules that change a host have between their documentation and their way: root, lock, undoing, result."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import TypeVar

from ansible.module_utils.basic import AnsibleModule

from .._core.errors import TuningError
from .._core.undo import RefusedError, UndoLog, all_or_nothing, refusal
from .._host.host import Host
from .operation import Operation

LOCK_TIMEOUT_SECONDS = 30

Outcome = TypeVar("Outcome")


def main(operation: Operation) -> None:
    """The whole of a module but its documentation."""
    module = AnsibleModule(argument_spec=dict(operation.argument_spec), supports_check_mode=True)
    report = run(
        module, operation.name, lambda host, log: operation.call(module.params).run(host, module.check_mode, log)
    )
    for warning in report.warnings:
        module.warn(warning)
    module.exit_json(**report.as_result())


def run(module: AnsibleModule, name: str, work: Callable[[Host, UndoLog], Outcome]) -> Outcome:
    """What this work on the host returns, done as root, alone on the host, and as a whole or not at all.

    Ends the module with fail_json where it cannot be done. In check mode nothing is changed, so nobody is waited for.
    """
    if os.geteuid() != 0:
        module.fail_json(msg=f"{name} reads and writes what only root may: use become, or connect as root")
    host = Host()
    try:
        with contextlib.nullcontext() if module.check_mode else host.lock(LOCK_TIMEOUT_SECONDS):
            return all_or_nothing(lambda log: work(host, log))
    except RefusedError as error:
        module.fail_json(**refusal(error))
    except TuningError as error:  # of the lock
        module.fail_json(msg=f"{error}. Nothing was changed.")
    raise SystemExit(1)  # not reached: fail_json has ended the module
