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
  - The role of each layer is one such task, with C(summary=true).
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
        boot with V(0), and look at RV(storage) and RV(packets).
    type: int
  warn_of_tuners:
    description: Whether to warn of TuneD.
    type: bool
    default: true
  summary:
    description:
      - Whether to print what the run changes, each item with its old and its new value and the reason, the files that
        it writes, and a short table of the host, with the number of items of each layer by state, and the shadowed,
        pending and refused items with their reasons. An item that a rollback leaves alone is among them, with what to
        do.
      - Why a run has failed is in C(msg) alone.
    type: bool
    default: false
  fail:
    description:
      - With V(false) a failure of the host does not end its play here. M(siptune.linux.run_report) prints the
        RV(report) of all hosts together, and returns each RV(failure), for a task that fails with it.
    type: bool
    default: true
  follow_tags:
    description:
      - Whether C(--tags) and C(--skip-tags) select layers by their names. With V(false), which is for a task that has
        tags of its own, all O(layers) are applied.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and predicts the changes, layer by layer.
  diff_mode:
    support: full
    description:
      - Shows the files that change, one after the other, each with the name of its host. What changes apart from files
        is among the items, and in the summary.
notes:
  - Needs root on the host.
  - The variables are those of the roles, C(siptune_state) among them.
seealso:
  - module: siptune.linux.check_variables
  - module: siptune.linux.run_report
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
boot_only:
  description: That the host is an image, so that nothing but its files was looked at.
  returned: with C(siptune_boot_only)
  type: bool
  sample: true
storage:
  description:
    - What is wrong with where the daemons of the host write under calls, as M(siptune.linux.tune) returns it.
  returned: with O(counters_seconds)
  type: list
  elements: dict
  sample: [{"path": "/var/spool/asterisk/monitor", "purpose": "recordings", "daemon": "asterisk", "kind": "sync",
    "finding": "on /dev/sdb1 mounted sync: each write waits for the disk", "advice": "mount it without sync"}]
packets:
  description:
    - The way of packets on the host, queues, interrupts, steering and processors, as M(siptune.linux.tune) returns it.
  returned: with O(counters_seconds)
  type: dict
  sample: {"online": "0-7", "steal_percent": 0.3, "findings": [{"kind": "few_queues", "subject": "eth0",
    "finding": "1 receive queue for 8 processors, and no RPS", "advice": "RPS, rps_cpus of nic_link"}]}
failure:
  description: Why the run has failed, on one line that begins with the host.
  returned: with O(fail=false), when it has failed
  type: str
  sample: "edge1: network layer: net.core.somaxconn: '99x' is not a number. Nothing was changed."
report:
  description: What M(siptune.linux.run_report) prints of the host.
  returned: with O(fail=false)
  type: dict
  contains:
    changes:
      description: Each change, as its layer, the item, its values, and the reason; a written file is an item, too.
      type: list
      elements: list
      sample: [["memory", "vm.swappiness", "60 -> 10", "A proxy that swaps is late for its timers."]]
    warnings:
      description: The warnings of the host, which Ansible would print without its name.
      type: list
      elements: str
      sample: []
    table:
      description: The lines of the table.
      type: list
      elements: str
      sample: ["edge1"]
undone:
  description: The items that had been changed already and were put back, newest first.
  returned: when the host refused a change
  type: list
  elements: str
  sample: [net.core.rmem_max]
"""
