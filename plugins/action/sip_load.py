# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run sip_load on the host, for no longer than the playbook itself runs. Documentation: plugins/modules/sip_load.py."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._host.children import PR_SET_PDEATHSIG
from ansible_collections.siptune.linux.plugins.plugin_utils._results.action import HostAction


class ActionModule(HostAction):
    """Runs the module on the host, and lets through what has the module's shape."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The checked result of the module. Raises AnsibleActionFail."""
        result = super().run(tmp, task_vars)
        _end_with_the_playbook()
        return {**result, **self.ask("sip_load", task_vars or {})}


def _end_with_the_playbook() -> None:
    """Let this worker end, and with it the connection to the host, when ansible-playbook is killed.

    It would wait for the answer, and nobody on the host would know. Only Linux has this signal: from a controller that
    is none, the load then ends by its own time.
    """
    if sys.platform == "linux":
        signal.signal(signal.SIGTERM, _end)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _end(_number: int, _frame: object) -> None:
    """End this worker and what it has started, ssh above all. Source: proc_pid_task(5), children."""
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split():
        with contextlib.suppress(OSError):
            os.kill(int(child), signal.SIGTERM)
    os._exit(1)
