# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a host's variables on the controller. Documentation: plugins/modules/check_variables.py."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layer_check import checked_variables, own_variables
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layers
from ansible_collections.siptune.linux.plugins.plugin_utils._site.names import base_of

OPTIONS = {"layers": {"type": "list", "elements": "str", "choices": list(LAYERS), "default": list(LAYERS)}}

load_layers()  # once and for all hosts, as in apply_layers


class ActionModule(ActionBase):
    """Runs on the controller, and touches no host."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The variables that are set for the host, merged. Raises AnsibleActionFail for one that cannot be used."""
        super().run(tmp, task_vars)
        layers = self.validate_argument_spec(OPTIONS)[1]["layers"]
        try:
            own = own_variables(layers, task_vars or {})
            checked = checked_variables(layers, self._templar.template(own))
        except AnsibleUndefinedVariable:  # they are calculated with facts, and checked when these are there
            return {"changed": False, "variables": {}}
        except CatalogueError as error:
            raise AnsibleActionFail(f"{error}. Nothing was changed.") from None
        given = {base_of(name) for name in own}
        return {"changed": False, "variables": {name: value for name, value in checked.items() if name in given}}
