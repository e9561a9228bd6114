#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Check a rollout over a fleet before its first batch and after each batch
version_added: 0.1.0
author: siptune authors (@siptune)
description:
  - Part of the playbooks C(siptune.linux.site), C(siptune.linux.rollback) and C(siptune.linux.rolling), with
    O(step=begin) before a batch and, in a rolling run, O(step=end) after it.
  - Before the first batch it refuses variables that begin with C(siptune_) and that nothing reads, batches that
    contradict each other or the fleet, an invalid failure budget, missing files of hooks, hosts of one play with
    different profiles, and variables without effect in this playbook, or where they were given.
  - It refuses tags that no layer and no task has, and a time limit below what a task around a host means to wait.
    If the operator sets no limit, it follows the longest wait.
  - It announces each batch, where there are several.
  - After a batch it says what became of it, and which hosts may still be out of service. It stops the rollout if more
    hosts have failed than the budget allows, or if the counters of finished hosts have worsened. Otherwise it pauses or
    asks, as configured.
  - Reads the C(siptune_) variables of a rollout itself. The collection's C(docs/fleet.md) has them all.
  - Works on the controller alone.
options:
  step:
    description: Whether a batch begins or ends.
    type: str
    choices: [begin, end]
    required: true
  rolling:
    description: Whether the run is a rolling one, with hooks, pauses and checks.
    type: bool
    default: false
  batch:
    description: With O(step=end), the hosts that the batch began with.
    type: list
    elements: str
    default: []
  canary:
    description: With O(step=end), whether it was the first batch.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Checks the same in C(check_mode), and neither pauses nor asks.
  diff_mode:
    support: none
    description: Has nothing to compare.
"""

EXAMPLES = r"""
- name: Check the run before any host is touched
  siptune.linux.rollout:
    step: begin
    rolling: true
  register: rollout
  run_once: true

- name: Check the batch before the next one begins
  siptune.linux.rollout:
    step: end
    rolling: true
    batch: "{{ rollout.batch }}"
    canary: "{{ rollout.canary }}"
  run_once: true
"""

RETURN = r"""
batch:
  description: The hosts of the batch.
  returned: at the beginning of a batch of a rolling run
  type: list
  elements: str
  sample: [edge1]
canary:
  description: Whether it is the first batch.
  returned: at the beginning of a batch of a rolling run
  type: bool
  sample: true
before:
  description: The files of tasks that take hosts out of service, by host.
  returned: at the beginning of a batch of a rolling run
  type: dict
  sample: {edge1: /srv/fleet/drain.yml}
after:
  description: The files of tasks that bring hosts back into service, by host.
  returned: at the beginning of a batch of a rolling run
  type: dict
  sample: {edge1: /srv/fleet/undrain.yml}
hook_timeout_seconds:
  description: The longest time of a task of such a file.
  returned: at the beginning of a batch of a rolling run
  type: int
  sample: 600
check_counters:
  description: The counters to compare.
  returned: at the beginning of a batch of a rolling run
  type: list
  elements: str
  sample: [UdpRcvbufErrors]
check_seconds:
  description: How long to count losses, 0 for not at all.
  returned: at the beginning of a batch of a rolling run
  type: int
  sample: 30
earlier:
  description: The finished hosts of earlier batches, whose counters are read again.
  returned: at the beginning of a batch of a rolling run
  type: list
  elements: str
  sample: [edge1]
"""
