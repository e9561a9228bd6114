#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: apply_layers
short_description: Apply all layers of a host in one round trip, as a whole or not at all
version_added: 0.1.0
author: siptune authors (@siptune)
description:
  - Does what the roles of the layers do, with the same variables and the same results, in one execution of
    M(siptune.linux.tune) on the host, the facts that sizing takes included.
  - Should one layer fail, what the layers before it have changed is put back, so that a host is never left half tuned.
  - Checks the variables of all its layers first, as M(siptune.linux.check_layers) does, and warns of TuneD as it does.
  - Leaves what M(siptune.linux.host_facts) would gather as the fact C(siptune_host). Variables may use it. Where it is
    not there yet, it is then gathered by an execution of its own.
  - Follows C(--tags) and C(--skip-tags) as if each layer were a task of its own, tagged with its name. For that, tag
    the task V(always).
options:
  layers:
    description: The layers to apply, in this order.
    type: list
    elements: str
    choices: [network, memory, fs, security, service_limits]
    default: [network, memory, fs, security, service_limits]
  each_for_itself:
    description:
      - For C(check_mode) alone. Predicts each call for itself, so that a layer that would fail does not make the task
        fail, and keeps nobody from learning of the others. The result of the layer says so.
    type: bool
    default: false
  warn_of_tuners:
    description: Whether to warn of TuneD.
    type: bool
    default: true
  summary:
    description: Whether to print what M(siptune.linux.summary) would print in a task of its own.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and predicts what a run would change, layer by layer.
  diff_mode:
    support: full
    description: Shows what the layers' modules show, one after the other.
notes:
  - Needs root on the host.
  - The variables are those of the roles, siptune_state among them.
seealso:
  - module: siptune.linux.tune
  - module: siptune.linux.check_layers
  - module: siptune.linux.summary
"""

EXAMPLES = r"""
- name: Tune a host for SIP in one round trip
  hosts: proxies
  gather_facts: false
  become: true
  tasks:
    - name: Apply the layers
      siptune.linux.apply_layers:
      tags: [always]
"""

RETURN = r"""
ansible_facts:
  description: What M(siptune.linux.host_facts) returns.
  returned: success
  type: dict
  sample: {"siptune_host": {"processors": 4}}
layers:
  description:
    - By layer, what each of its calls would have returned as a task of its own, in the order of the role's tasks.
    - Of a task that has failed, the layer that has failed alone, with null for its other calls. All else has been put
      back.
  returned: when the host could be reached
  type: dict
  sample: {"memory": [{"changed": false, "items": []}]}
undone:
  description: What had been changed already and was put back, newest first.
  returned: when the host refused a change
  type: list
  elements: str
  sample: [net.core.rmem_max]
"""
