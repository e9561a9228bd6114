# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of siptune.linux.sysctl_bulk: finds numbers that YAML has read differently than written."""

from __future__ import annotations

from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.text import printable
from ansible_collections.siptune.linux.plugins.plugin_utils._results.action import HostAction
from ansible_collections.siptune.linux.plugins.plugin_utils._site.yaml_numbers import misread


class ActionModule(HostAction):
    """Refuse numbers that YAML has misread, then run the module."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        for key, advice in misread(self._task.args.get("settings")):
            message = printable(f"{key.removesuffix('.value')}: {advice}. Nothing was changed.")
            return {**result, "failed": True, "msg": message}
        return {**result, **self.ask("sysctl_bulk", task_vars or {})}
