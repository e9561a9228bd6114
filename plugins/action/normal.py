# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of all modules that run on a host and have none of their own, by the routing in meta/runtime.yml."""

from __future__ import annotations

from typing import Any

from ansible_collections.siptune.linux.plugins.plugin_utils._results.action import MAY_WAIT, HostAction


class ActionModule(HostAction):
    """Runs the module on the host, and lets through what has the module's shape."""

    @property
    def _supports_async(self) -> bool:
        """A change must not go on in the background, where nobody would check or undo it."""
        return self._module in MAY_WAIT

    @property
    def _module(self) -> str:
        return str(self._task.action).rpartition(".")[2]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The checked result of the module. Raises AnsibleActionFail."""
        result = super().run(tmp, task_vars)
        if self._task.async_val:  # the answer is the number of a job, and ansible-core fetches the result itself
            return {**result, **self._execute_module(task_vars=task_vars, wrap_async=True)}
        return {**result, **self.ask(self._module, task_vars or {})}
