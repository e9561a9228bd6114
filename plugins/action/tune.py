# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of tune, and of every module on a host that has none of its own: meta/runtime.yml leads them here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display
from ansible_collections.siptune.linux.plugins.module_utils._core.text import printable
from ansible_collections.siptune.linux.plugins.plugin_utils._results.action import MAY_WAIT, HostAction

COUNTERS = "sip_counters_info"
WATCHED = "__siptune_watched"  # the counters to watch, where the playbook rolling counts

display = Display()


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
        known = task_vars or {}
        if self._module == COUNTERS and WATCHED in known and int(self._task.args.get("seconds", 0)):
            return {**result, **self._watch(known)}
        return {**result, **self.ask(self._module, known)}

    def _watch(self, known: Mapping[str, Any]) -> Mapping[str, Any]:
        """The reading of a rollout's check, and a line now and then. Raises AnsibleActionFail."""
        # Imported here, as only a check between batches needs it.
        from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.progress import (
            checking,
            losses_so_far,
            watch,
        )

        host, total = str(known["inventory_hostname"]), int(self._task.args["seconds"])
        watched = self._templar.template(known[WATCHED])

        def say(left: int, reading: Mapping[str, Any]) -> None:
            losses = losses_so_far(reading, watched)
            if losses or host == known["ansible_play_batch"][0]:  # one line stands for all that are well
                display.display(printable(checking(host, total, left, losses)))

        return watch(total, lambda seconds: self.ask(COUNTERS, known, {"seconds": seconds}), say)
