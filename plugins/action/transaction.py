# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of siptune.linux.transaction: what siptune.linux.sysctl_bulk checks, for all of its calls.

Ansible refuses `async` for every action that does not ask for it. A module in the background is cut off from the
connection that controls the host, and could not see that IPv6 must stay on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.siptune.linux.plugins.plugin_utils._results.action import HostAction
from ansible_collections.siptune.linux.plugins.plugin_utils._site.yaml_numbers import misread


class ActionModule(HostAction):
    """Refuse numbers that YAML has misread, then run the module."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        calls = self._task.args.get("calls")
        for call in calls if isinstance(calls, list) else ():
            arguments = call.get("arguments") if isinstance(call, Mapping) else None
            for key, advice in misread(arguments.get("settings") if isinstance(arguments, Mapping) else None):
                where = f"{call.get('name')}: {key.removesuffix('.value')}"
                return {**result, "failed": True, "msg": f"{where}: {advice}. Nothing was changed."}
        return {**result, **self.ask("transaction", task_vars or {})}
