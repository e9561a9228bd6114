# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run sip_load on the host, for no longer than the playbook itself runs. Documentation: plugins/modules/sip_load.py."""

from __future__ import annotations

import ctypes
import signal
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

    It would wait for the answer, and nobody on the host would know. On SIGTERM a worker of ansible-core 2.19 and later
    ends all that it has started; one of 2.18 leaves ssh behind, and the load ends by its own time.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
