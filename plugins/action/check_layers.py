# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the variables of all layers before any of them acts. Documentation: plugins/modules/check_layers.py."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.siptune.linux.plugins.plugin_utils._catalogue import CatalogueError, parse_capacity
from ansible_collections.siptune.linux.plugins.plugin_utils._layers import LAYERS, Layer, check_together, load_layer
from ansible_collections.siptune.linux.plugins.plugin_utils._overlaps import Wanted, warning
from ansible_collections.siptune.linux.plugins.plugin_utils._yaml_numbers import misread

display = Display()


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
        layers = [load_layer(name) for name in arguments["layers"]]
        names = {name for layer in layers for name in layer.argument_spec}
        given = task_vars or {}
        variables = self._templar.template({name: given[name] for name in names if name in given})
        try:
            for layer in layers:
                _validate(layer, variables)
            settings = check_together(layers, variables, arguments["host"])
        except CatalogueError as error:
            raise AnsibleActionFail(f"{error}. Nothing was changed.") from None
        if arguments["warn_of_tuners"] and variables.get("siptune_state") != "absent":
            wanted = (Wanted(setting.path, setting.rule, setting.value) for setting in settings)
            said = warning(arguments["host"].get("tuners") or {}, wanted)
            if said:
                display.warning(f"{given.get('inventory_hostname')}: {said}")
        return {"changed": False}


def _validate(layer: Layer, variables: dict[str, Any]) -> None:
    """Raises CatalogueError for what the role's argument specification does not allow."""
    for name, advice in misread({name: variables[name] for name in layer.argument_spec if name in variables}):
        raise CatalogueError(f"{name}: {advice}")
    parse_capacity(variables.get("siptune_capacity") or {})  # first, as it names the figures that there are
    given = {name: variables[name] for name in layer.argument_spec if name in variables}
    errors = ArgumentSpecValidator(layer.argument_spec).validate(given, validate_role_argument_spec=True).error_messages
    if errors:
        raise CatalogueError(f"{layer.name} layer: {'; '.join(errors)}")
