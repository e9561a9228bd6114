#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sip_calls_wait
short_description: Wait until no calls are in progress on a SIP host
version_added: 0.1.0
description:
  - Asks the SIP daemons for their calls, as M(siptune.linux.sip_calls_info) does, until nothing is in progress, for
    example after the host has been taken out of service. Fails if that takes longer than O(timeout_seconds), and names
    the calls still in progress.
  - A daemon with an unknown number of calls counts as busy.
  - Changes nothing.
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.info
options:
  timeout_seconds:
    description:
      - The longest wait, from 0 to 86400 seconds, during which the connection is silent.
    type: int
    default: 600
  poll_seconds:
    description:
      - The pause between two questions to the daemons, from 1 to 3600 seconds.
    type: int
    default: 5
attributes:
  check_mode:
    support: full
    description: Asks once in C(check_mode) and does not wait, as the host is still in service then.
notes:
  - Needs root, to see all processes, and to use the daemons' control interfaces.
seealso:
  - module: siptune.linux.sip_calls_info
  - module: siptune.linux.nic_ring
  - module: siptune.linux.nic_link
  - module: siptune.linux.systemd_limits
"""

EXAMPLES = r"""
- name: Wait half an hour at most until the last call has ended
  siptune.linux.sip_calls_wait:
    timeout_seconds: 1800
"""

RETURN = r"""
idle:
  description: Whether it is known that nothing is in progress. True on a host on which no SIP daemon runs.
  returned: always
  type: bool
  sample: false
summary:
  description: The calls in progress, or possibly in progress, in one line; empty if the host is idle.
  returned: always
  type: str
  sample: "3 calls in progress: asterisk"
waited_seconds:
  description: How long it has waited.
  returned: always
  type: float
  sample: 12.1
daemons:
  description: The SIP daemons that run, by name.
  returned: always
  type: list
  elements: dict
  contains:
    daemon:
      description: V(asterisk), V(drachtio), V(freeswitch), V(kamailio), V(opensips) or V(rtpengine).
      type: str
      sample: asterisk
    in_progress:
      description: The number in progress, null if it is unknown.
      type: int
      sample: 3
    unit:
      description: The unit of the count, V(calls), V(channels), V(sessions) or V(transactions).
      type: str
      sample: calls
    source:
      description: The source of the number.
      type: str
      sample: asterisk -rx 'core show channels count'
    reason:
      description: Why the number is unknown.
      type: str
      sample: "kamcmd: is not installed, and the daemon cannot be asked without it"
"""

import os
from collections.abc import Mapping

from ansible_collections.siptune.linux.plugins.module_utils._engine.module import Module
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._sip.calls import observe_calls, wait_until_idle
from ansible_collections.siptune.linux.plugins.module_utils._sip.gate import calls_result

# The least and the most of each option in seconds.
TIMES = {"timeout_seconds": (0, 86400), "poll_seconds": (1, 3600)}


def check_times(params: Mapping) -> str:
    """Why the options cannot be used, empty if they can."""
    for name, (least, most) in TIMES.items():
        if not least <= params[name] <= most:
            return f"{name}: must be from {least} to {most}, not {params[name]}"
    return ""


def main() -> None:
    module = Module(
        argument_spec={
            "timeout_seconds": {"type": "int", "default": 600},
            "poll_seconds": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    wrong = check_times(module.params)
    if wrong:
        module.fail_json(msg=f"{wrong}. Nothing was changed.")
    if os.geteuid() != 0:
        module.fail_json(msg="sip_calls_wait asks daemons that answer root only: use become, or connect as root")
    host = Host()
    timeout_seconds = 0 if module.check_mode else module.params["timeout_seconds"]
    seen, waited_seconds = wait_until_idle(lambda: observe_calls(host), timeout_seconds, module.params["poll_seconds"])
    result = {"changed": False, **calls_result(seen), "waited_seconds": round(waited_seconds, 3)}
    if result["summary"] and not module.check_mode:
        module.fail_json(msg=f"not idle after {timeout_seconds} s: {result['summary']}", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
