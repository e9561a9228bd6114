# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply several layers in one round trip. Documentation: plugins/modules/apply_layers.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.siptune.linux.plugins.plugin_utils._applied import by_layer, selected, transaction_calls
from ansible_collections.siptune.linux.plugins.plugin_utils._catalogue import CatalogueError
from ansible_collections.siptune.linux.plugins.plugin_utils._layer_check import checked_calls, own_variables
from ansible_collections.siptune.linux.plugins.plugin_utils._layers import LAYERS, Call, load_layer

# Read here, once and for all hosts: Ansible imports an action before it forks a process for each host and task.
for _layer in LAYERS:
    load_layer(_layer)


class ActionModule(ActionBase):
    """Works out the calls of all layers on the controller, and has siptune.linux.transaction make them on the host."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of the transaction, and under `layers` what each layer's calls have returned."""
        result = super().run(tmp, task_vars)
        options = {
            "host": {"type": "dict", "required": True},
            "layers": {"type": "list", "elements": "str", "choices": list(LAYERS), "default": list(LAYERS)},
            "each_for_itself": {"type": "bool", "default": False},
        }
        arguments = self.validate_argument_spec(options)[1]
        variables = task_vars or {}
        layers = selected(
            arguments["layers"],
            self._task.tags,
            variables.get("ansible_run_tags") or ["all"],
            variables.get("ansible_skip_tags") or [],
        )
        if not layers:
            return {**result, "skipped": True, "skip_reason": "no layer is selected by the tags"}
        calls = self._calls(layers, variables, arguments["host"])
        done = self._execute_module(
            module_name="siptune.linux.transaction",
            module_args={"calls": transaction_calls(calls), "each_for_itself": arguments["each_for_itself"]},
            task_vars=task_vars,
        )
        return {**result, **by_layer(done, calls)}

    def _calls(self, names: Sequence[str], variables: Mapping[str, Any], host: Mapping[str, Any]) -> list[Call]:
        layers = [load_layer(name) for name in names]
        try:
            return checked_calls(layers, self._templar.template(own_variables(layers, variables)), host)
        except CatalogueError as error:
            raise AnsibleActionFail(f"{error}. Nothing was changed.") from None
