# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply several layers in one round trip. Documentation: plugins/modules/apply_layers.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.siptune.linux.plugins.module_utils._layers.catalogue import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS
from ansible_collections.siptune.linux.plugins.plugin_utils._site.applied import (
    APPLIED,
    by_layer,
    results_by_layer,
    selected,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layer_check import check_variables, own_variables
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layer, load_layers
from ansible_collections.siptune.linux.plugins.plugin_utils._site.overlaps import warning_of_tuners
from ansible_collections.siptune.linux.plugins.plugin_utils._site.summary import render

display = Display()

load_layers()  # once and for all hosts: Ansible imports an action before it forks a process for each host and task


class ActionModule(ActionBase):
    """Checks the variables on the controller, and has siptune.linux.tune size and apply the layers on the host."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of siptune.linux.tune, and under `layers` what each layer's calls have returned."""
        result = super().run(tmp, task_vars)
        options = {
            "layers": {"type": "list", "elements": "str", "choices": list(LAYERS), "default": list(LAYERS)},
            "each_for_itself": {"type": "bool", "default": False},
            "warn_of_tuners": {"type": "bool", "default": True},
            "summary": {"type": "bool", "default": False},
        }
        arguments = self.validate_argument_spec(options)[1]
        known = task_vars or {}
        names = selected(
            arguments["layers"],
            self._task.tags,
            known.get("ansible_run_tags") or ["all"],
            known.get("ansible_skip_tags") or [],
        )
        if names:
            applied = self._apply(names, arguments, known)
        else:
            applied = {"skipped": True, "skip_reason": "no layer is selected by the tags"}
        if arguments["summary"]:
            results = results_by_layer({APPLIED: applied}, arguments["layers"])
            display.display("\n".join(render(_host(known), results, bool(self._task.check_mode))))
        return {**result, **applied}

    def _apply(self, names: Sequence[str], arguments: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """What became of these layers. Raises AnsibleActionFail."""
        variables = self._variables(names, known)
        layers = [load_layer(name) for name in names]
        done = self._execute_module(
            module_name="siptune.linux.tune",
            module_args={
                "layers": [layer._asdict() for layer in layers],
                "variables": variables,
                "each_for_itself": arguments["each_for_itself"],
            },
            task_vars=dict(known),
        )
        if arguments["warn_of_tuners"] and "ansible_facts" in done:
            said = warning_of_tuners(layers, variables, done["ansible_facts"]["siptune_host"])
            if said:
                display.warning(f"{_host(known)}: {said}")
        return by_layer(done, names)

    def _variables(self, layers: Sequence[str], known: Mapping[str, Any]) -> dict[str, Any]:
        """The variables of these layers, templated and checked. Raises AnsibleActionFail."""
        own = own_variables(layers, known)
        try:
            variables = self._templar.template(own)
        except AnsibleUndefinedVariable:  # an inventory may reckon with the facts of siptune.linux.host_facts itself
            facts = self._execute_module("siptune.linux.host_facts", module_args={}, task_vars=dict(known))
            if facts.get("failed"):
                raise AnsibleActionFail(str(facts.get("msg")), result=facts) from None
            there = {**(known.get("ansible_facts") or {}), **facts["ansible_facts"]}
            templar = self._templar.copy_with_new_env(available_variables={**known, "ansible_facts": there})
            variables = templar.template(own)
        try:
            check_variables(layers, variables)
        except CatalogueError as error:
            raise AnsibleActionFail(f"{error}. Nothing was changed.") from None
        return variables


def _host(known: Mapping[str, Any]) -> str:
    return str(known.get("inventory_hostname", ""))
