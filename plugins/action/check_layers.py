# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the variables of all layers before any of them acts. Documentation: plugins/modules/check_layers.py."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.siptune.linux.plugins.module_utils._layers.calls import all_calls
from ansible_collections.siptune.linux.plugins.module_utils._layers.catalogue import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layer_check import check_variables, own_variables
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layer, load_layers
from ansible_collections.siptune.linux.plugins.plugin_utils._site.overlaps import warning_of_tuners

display = Display()

load_layers()  # once and for all hosts: Ansible imports an action before it forks a process for each host and task


class ActionModule(ActionBase):
    """Runs on the controller and touches no host."""

    _requires_connection = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Validate each layer's variables, then the settings that they give. Raises AnsibleActionFail."""
        super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(
            {
                "host": {"type": "dict", "required": True},
                "warn_of_tuners": {"type": "bool", "default": True},
                "layers": {"type": "list", "elements": "str", "choices": list(LAYERS), "default": list(LAYERS)},
            }
        )
        names, host = arguments["layers"], arguments["host"]
        layers = [load_layer(name) for name in names]
        variables = self._templar.template(own_variables(names, task_vars or {}))
        try:
            check_variables(names, variables)
            all_calls(layers, variables, host)
        except CatalogueError as error:
            raise AnsibleActionFail(f"{error}. Nothing was changed.") from None
        if arguments["warn_of_tuners"]:
            said = warning_of_tuners(layers, variables, host)
            if said:
                display.warning(f"{(task_vars or {}).get('inventory_hostname')}: {said}")
        return {"changed": False}
