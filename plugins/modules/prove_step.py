#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prove_step
short_description: Begin a proof of a host, judge a step of it, and end it
version_added: 0.1.0
author: siptune authors (@siptune)
description:
  - Part of the playbook C(siptune.linux.prove). It chooses the generator and the address of the load, refuses a host
    with calls in progress, reads the host's counters before and after each step, and says what the step has shown, and
    which rate comes next.
  - A host that cannot be proved is no failed task. The reason is in C(error) of RV(proof).
  - Reads the C(siptune_prove_) variables itself. The playbook has them all at its top.
  - Works on the controller, and runs M(siptune.linux.sip_counters_info), M(siptune.linux.sip_calls_info) and
    M(siptune.linux.sip_reserve) on the host.
options:
  phase:
    description: Whether a run begins, a step of it is judged, or the host is given back.
    type: str
    choices: [begin, judge, end]
    required: true
  state:
    description: With O(phase=begin), what the host is proved as.
    type: str
    choices: [as_is, before, after]
    default: as_is
  load:
    description: With O(phase=judge), the result of M(siptune.linux.sip_load).
    type: dict
  stall:
    description: With O(phase=judge), the result of M(siptune.linux.sip_stall), where the step had one.
    type: dict
attributes:
  check_mode:
    support: none
    description: A load cannot be predicted.
  diff_mode:
    support: none
    description: Has nothing to compare.
"""

EXAMPLES = r"""
- name: Begin the run
  siptune.linux.prove_step:
    phase: begin
  register: __siptune_prove
"""

RETURN = r"""
proof:
  description: What is known of the host so far, as in the C(siptune-prove.json) of the playbook.
  returned: with O(phase=begin) and O(phase=judge)
  type: dict
next:
  description: Rate and arguments of the next step. Null where there is none.
  returned: with O(phase=begin) and O(phase=judge)
  type: dict
reading:
  description: The host's counters after the step.
  returned: with O(phase=begin) and O(phase=judge)
  type: dict
ceilings:
  description: What bounds the daemon by its own configuration, as in the fact C(sip_daemons); empty for one whose
    refusals do not come from that.
  returned: with O(phase=begin) and O(phase=judge)
  type: list
  elements: dict
started:
  description: When the run began, in seconds of the epoch.
  returned: with O(phase=begin) and O(phase=judge)
  type: float
holder:
  description: How the run names itself towards others.
  returned: with O(phase=begin) and O(phase=judge)
  type: str
"""
