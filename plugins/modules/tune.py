#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tune
short_description: Learn of a host, size its layers and apply them, in one round trip
version_added: 0.1.0
author: siptune authors (@siptune)
description:
  - What M(siptune.linux.apply_layers) executes on a host. Use that, which reads the layers from their roles and checks
    the variables.
  - Gathers what M(siptune.linux.host_facts) gathers, works out the calls that the roles of the layers would make, and
    carries them out as M(siptune.linux.transaction) does, all of them or none.
extends_documentation_fragment:
  - siptune.linux.originals
  - siptune.linux.transaction
options:
  layers:
    description: The layers in the order in which they are applied, each as the files of its role have it.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The layer.
        type: str
        required: true
        choices: [network, memory, fs, security, service_limits]
      catalogue:
        description: The role's catalogue, from its C(vars/main.yml).
        type: dict
        required: true
      defaults:
        description: The role's defaults.
        type: dict
        required: true
      interfaces:
        description: The role's catalogue of network interfaces, if it has one.
        type: dict
        default: {}
  variables:
    description: The variables of the roles that the inventory has, already templated.
    type: dict
    required: true
seealso:
  - module: siptune.linux.apply_layers
  - module: siptune.linux.transaction
  - module: siptune.linux.host_facts
"""

EXAMPLES = r"""
- name: Apply a layer of one kernel parameter
  siptune.linux.tune:
    layers:
      - name: memory
        catalogue:
          vm.swappiness:
            extra: true
            classic: null
            modern: {value: 10, rule: at_most}
            why: A proxy that swaps is late for its timers.
        defaults:
          siptune_profile: modern
          siptune_state: present
          siptune_capacity: {}
          siptune_memory_sysctl: {}
          siptune_memory_sysctl_path: /etc/sysctl.d/90-siptune-memory.conf
          siptune_memory_missing: report
          siptune_memory_shadowed: report
    variables: {}
"""

RETURN = r"""
ansible_facts:
  description: What M(siptune.linux.host_facts) returns.
  returned: success
  type: dict
  sample: {"siptune_host": {"processors": 4}}
calls:
  description:
    - What became of each call, in their order, as M(siptune.linux.transaction) returns it. A call is named for its
      layer, and for its part of the layer where there are several.
  returned: when the variables are good
  type: list
  elements: dict
  sample: [{"name": "network rings", "module": "nic_ring", "changed": false}]
items:
  description: The items of all calls, each with the name of its call, as M(siptune.linux.transaction) returns them.
  returned: when the variables are good
  type: list
  elements: dict
  sample: [{"call": "memory", "item": "vm.swappiness", "wanted": "at most 10", "before": "60", "after": "10",
    "at_boot": "10", "state": "changed", "why": "A proxy that swaps is late for its timers.", "reason": ""}]
undone:
  description: What the run had changed already and has put back, newest first.
  returned: when the host refused a change
  type: list
  elements: str
  sample: [vm.swappiness]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.siptune.linux.plugins.module_utils._core.change import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._engine import run
from ansible_collections.siptune.linux.plugins.module_utils._facts.gather import gather
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._layers.calls import all_calls
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS, Layer
from ansible_collections.siptune.linux.plugins.module_utils._layers.transaction import (
    CallResult,
    result,
    run_calls,
    warnings,
)

ARGUMENTS = {
    "layers": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True, "choices": list(LAYERS)},
            "catalogue": {"type": "dict", "required": True},
            "defaults": {"type": "dict", "required": True},
            "interfaces": {"type": "dict", "default": {}},
        },
    },
    "variables": {"type": "dict", "required": True},
    "each_for_itself": {"type": "bool", "default": False},
}


def tune(host: Host, log: UndoLog, params: dict[str, Any], check_mode: bool) -> tuple[dict[str, Any], list[CallResult]]:
    """The facts of the host, and what became of the calls. Raises TuningError."""
    facts = gather(host)
    calls = all_calls([Layer(**layer) for layer in params["layers"]], params["variables"], facts)
    given = [call.as_given() for call in calls]
    return facts, run_calls(host, log, given, params["each_for_itself"], check_mode)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    facts, results = run.run(module, "tune", lambda host, log: tune(host, log, module.params, module.check_mode))
    for warning in warnings(results):
        module.warn(warning)
    # What the layers are made of is no news to the controller, and would come back from every host.
    given = {name: value for name, value in module.params.items() if name != "layers"}
    module.exit_json(**result(results), ansible_facts={"siptune_host": facts}, invocation={"module_args": given})


if __name__ == "__main__":
    main()
