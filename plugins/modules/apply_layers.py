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
    M(siptune.linux.tune) on the host, which gathers the facts for sizing, too.
  - If one layer fails, everything that the layers before it have changed is put back, so that no host is left half
    tuned.
  - With C(siptune_state=absent) the layers go back in the reverse order. An item that cannot go back is named with its
    reason, and everything else goes back.
  - First checks the variables of all its layers on the controller, as M(siptune.linux.check_variables) does. In
    C(check_mode) it predicts every item, so that a mistake is found while the host is untouched.
  - Refuses two layers that set one key or write one file.
  - Warns where TuneD runs on the host, or starts at boot, and its profile sets a kernel parameter otherwise. The
    warning says who wins, and how to make both agree.
  - Returns the facts of M(siptune.linux.host_facts). Variables may use them. If they are not there yet, they are
    gathered by one more execution.
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
      - For C(check_mode) alone. Predicts each call for itself, so that one that would fail neither makes the task fail
        nor hides the others. The result of its layer has the failure.
    type: bool
    default: false
  counters_seconds:
    description:
      - Also read the counters of M(siptune.linux.sip_counters_info) after the layers, over so many seconds, or since
        boot with V(0).
    type: int
  warn_of_tuners:
    description: Whether to warn of TuneD.
    type: bool
    default: true
  summary:
    description:
      - Whether to print a short table of the host, with the number of items of each layer by state, and the shadowed,
        pending and refused items with their reasons.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and predicts the changes, layer by layer.
  diff_mode:
    support: full
    description: Shows the diffs of the layers' modules, one after the other.
notes:
  - Needs root on the host.
  - The variables are those of the roles, C(siptune_state) among them.
seealso:
  - module: siptune.linux.check_variables
  - module: siptune.linux.tune
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
  description: The facts of M(siptune.linux.host_facts).
  returned: when the variables are valid
  type: dict
  sample: {"siptune_host": {"processors": 4}}
layers:
  description:
    - By layer, the result of each of its modules, in the order of the role's tasks.
    - After a run that failed as a whole, only the layer that failed, with null for its other modules. Everything else
      has been put back.
  returned: when the host could be reached
  type: dict
  sample: {"memory": [{"changed": false, "items": []}]}
counters:
  description: The result of M(siptune.linux.sip_counters_info).
  returned: with O(counters_seconds)
  type: dict
  sample: {"since_boot": true, "seconds": 86400.12, "uptime_seconds": 86400.12, "counters": []}
undone:
  description: The items that had been changed already and were put back, newest first.
  returned: when the host refused a change
  type: list
  elements: str
  sample: [net.core.rmem_max]
"""
