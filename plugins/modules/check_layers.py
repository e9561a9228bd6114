#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: check_layers
short_description: Check the variables of all layers before any of them acts
version_added: 0.1.0
author: siptune authors (@siptune)
description:
  - Holds each layer's variables against the argument specification of its role, and works out all its settings once,
    so that a mistake anywhere is found while every host is still untouched.
  - Refuses two layers that are after one key or one file.
  - Warns where TuneD runs on the host, or is started at boot, and its profile sets a kernel parameter otherwise. Says
    who wins then, and how to make both agree.
  - Works on the controller alone.
options:
  host:
    description: What M(siptune.linux.host_facts) returned as C(siptune_host).
    type: dict
    required: true
  layers:
    description: The layers to check.
    type: list
    elements: str
    choices: [network, memory, fs, security, service_limits]
    default: [network, memory, fs, security, service_limits]
  warn_of_tuners:
    description: Whether to warn of TuneD.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and changes nothing anyway.
  diff_mode:
    support: none
    description: Has nothing to compare.
"""

EXAMPLES = r"""
- name: Check every variable before anything is changed
  siptune.linux.check_layers:
    host: "{{ ansible_facts.siptune_host }}"
"""

RETURN = r"""
# nothing of its own
"""
