# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print what became of a host's layers. Documentation: plugins/modules/summary.py."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS
from ansible_collections.siptune.linux.plugins.plugin_utils._site.applied import results_by_layer
from ansible_collections.siptune.linux.plugins.plugin_utils._site.summary import render

display = Display()


class ActionModule(ActionBase):
    """Runs on the controller. Prints the lines itself, so that they read the same under any output callback."""

    _requires_connection = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Render the registered results of the layers; the lines are in the result, too."""
        super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(
            {"layers": {"type": "list", "elements": "str", "choices": list(LAYERS), "default": list(LAYERS)}}
        )
        variables = task_vars or {}
        results = results_by_layer(variables, arguments["layers"])
        lines = render(str(variables.get("inventory_hostname", "")), results, bool(self._task.check_mode))
        display.display("\n".join(lines))
        return {"changed": False, "lines": lines}
