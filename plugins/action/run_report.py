# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print what a run has done to a batch of hosts. Documentation: plugins/modules/run_report.py."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.siptune.linux.plugins.module_utils._core.text import printable, printable_result
from ansible_collections.siptune.linux.plugins.plugin_utils._results.planted import planted, refusal
from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.settings import is_side_by_side
from ansible_collections.siptune.linux.plugins.plugin_utils._site.applied import APPLIED
from ansible_collections.siptune.linux.plugins.plugin_utils._site.changes import render_run

OPTIONS = {"batch": {"type": "list", "elements": "str", "required": True}}

display = Display()


class ActionModule(ActionBase):
    """Runs on the controller, once for a batch, and touches no host."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Why hosts have failed, by host."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        batch = self.validate_argument_spec(OPTIONS)[1]["batch"]
        if not is_side_by_side(self._task.get_play().strategy):  # each host comes here when it is done, by itself
            batch = [str(variables["inventory_hostname"])]
        results = {host: _registered(host, variables["hostvars"].raw_get(host)) for host in batch}
        lines = render_run(results, bool(self._task.check_mode))
        display.display("\n".join(map(printable, lines)))
        failures = {host: result["failure"] for host, result in results.items() if result.get("failure")}
        return {"changed": False, "failures": printable_result(failures)}


def _registered(host: str, variables: dict[str, Any]) -> dict[str, Any]:
    """The result that a host has registered; empty if there is none."""
    names = planted(variables)
    if names:  # a result could be planted, too
        return {"failure": refusal(host, names)}
    return variables.get(APPLIED) or {}
