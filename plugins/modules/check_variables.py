#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: check_variables
short_description: Check a host's variables, and show what came of those that are given in parts
version_added: 0.1.0
author: siptune authors (@siptune)
description:
  - Refuses a variable that begins with C(siptune_) and that no role or playbook of this collection reads, with the
    nearest name that there is. Names of variables of your own begin with C(siptune_my_).
  - Checks the variables of the roles against their argument specifications.
  - Merges the variables that are given in parts, such as C(siptune_network_sysctl__50_proxies), and refuses parts that
    contradict each other. The collection's C(docs/fleet.md) has the rules.
  - Each role begins with it. The playbooks do the same without it.
  - Works on the controller alone, and touches no host.
options:
  layers:
    description: The layers whose variables to check and return. Names are checked whatever the layers.
    type: list
    elements: str
    choices: [network, memory, fs, security, service_limits]
    default: [network, memory, fs, security, service_limits]
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: none
    description: Has nothing to compare.
notes:
  - Variables that are calculated with facts of the host which are not there yet are left to the tasks that use them.
    Their names are checked.
"""

EXAMPLES = r"""
# What came of the variables of a host: ansible -i inventory edge1 -m siptune.linux.check_variables

- name: Check the variables of the network layer
  siptune.linux.check_variables:
    layers: [network]
"""

RETURN = r"""
variables:
  description:
    - The variables that are set for the host, with parts merged. A setting has the variable in C(why) where it was set,
      unless it has a reason of its own.
    - Empty where they cannot be calculated yet.
  returned: always
  type: dict
  sample:
    siptune_network_sysctl:
      net.core.somaxconn: {value: 16384, why: set in siptune_network_sysctl__50_proxies}
"""
