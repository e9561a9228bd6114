#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: run_report
short_description: Print what a run has changed, and a table for each host
version_added: 0.1.0
author: siptune authors (@siptune)
description:
  - For the playbooks C(siptune.linux.site), C(siptune.linux.rollback) and C(siptune.linux.rolling), once for a batch of
    hosts. Reads what M(siptune.linux.apply_layers) has registered as C(__siptune_layers_result) with C(fail=false).
  - First prints each changed item once, with its old and its new value and the reason, and the files that are written.
    Hosts that change alike are shown together.
  - Then prints one table for each host, in the order of the batch. Hosts that could not be reached are named.
  - Runs on the controller and touches no host.
options:
  batch:
    description: The hosts of the batch, in their order.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    support: full
    description: Prints the same of predictions.
  diff_mode:
    support: none
    description: Files are shown by M(siptune.linux.apply_layers).
seealso:
  - module: siptune.linux.apply_layers
"""

EXAMPLES = r"""
- name: Tune the hosts, and report on all of them together
  hosts: proxies
  gather_facts: false
  become: true
  tasks:
    - name: Apply the layers
      siptune.linux.apply_layers:
        fail: false
      register: __siptune_layers_result

    - name: Report
      siptune.linux.run_report:
        batch: "{{ ansible_play_hosts_all }}"
      register: __siptune_report
      run_once: true

    - name: Fail for hosts that were not tuned
      ansible.builtin.fail:
        msg: "{{ __siptune_report.failures[inventory_hostname] }}"
      when: inventory_hostname in __siptune_report.failures
"""

RETURN = r"""
failures:
  description: Why hosts have failed, by host.
  returned: always
  type: dict
  sample: {"edge1": "edge1: network layer: net.core.somaxconn: '99x' is not a number. Nothing was changed."}
"""
