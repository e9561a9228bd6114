#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: summary
short_description: Print what became of the layers of a host
version_added: 0.1.0
author: siptune authors (@siptune)
description:
  - Prints a short table for each host, how many items of each layer are in which state, and names those that are
    shadowed, pending or refused, with the reason.
  - Reads what the layers' roles have registered in this play. Layers that did not run are left out.
  - Works on the controller alone, and looks the same under any output callback.
options:
  layers:
    description: The layers to report.
    type: list
    elements: str
    choices: [network, memory, fs, security, service_limits]
    default: [network, memory, fs, security, service_limits]
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode), and says then that its counts are predictions.
  diff_mode:
    support: none
    description: Has nothing to compare.
"""

EXAMPLES = r"""
- name: Tune the network alone, and say what became of it
  block:
    - name: Network
      ansible.builtin.import_role:
        name: siptune.linux.network
  always:
    - name: Summary
      siptune.linux.summary:
        layers: [network]
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  returned: always
  type: list
  elements: str
  sample: ["sbc1", "           changed  ok  kept", "  network       14  20    16"]
"""
