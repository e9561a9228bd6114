#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sip_calls
short_description: The calls in progress on a SIP host, and the wait until there are none
version_added: 0.1.0
description:
  - Asks each SIP daemon that runs on the host for its calls, over the daemon's own local control interface, and asks
    it for nothing else.
  - Asterisk is asked with C(asterisk -rx), Kamailio with C(kamcmd), OpenSIPS with C(opensips-cli), FreeSWITCH with
    C(fs_cli), and rtpengine over its NG protocol at the address that its command line or configuration names.
  - drachtio has no interface that says how many calls there are.
  - Kamailio and OpenSIPS know of calls where their C(dialog) module is loaded. Without it the transactions that are
    under way are all that they know, and what is counted.
  - What cannot be learnt is null with a reason, and never a zero. That is so for a daemon without its control
    interface, for one that runs in a container, for one of which several run, and for one that does not answer within
    5 seconds.
  - Changes nothing.
author:
  - siptune authors (@siptune)
options:
  wait:
    description:
      - Whether to wait until nothing is in progress, as after the host has been taken out of service. If that takes
        longer than O(timeout_seconds), the call fails and says what is still in progress.
      - In check mode it does not wait, as nothing has been taken out of service then.
    type: bool
    default: false
  timeout_seconds:
    description:
      - The longest that O(wait) may take, from 0 to 86400 seconds. The connection is silent for so long.
    type: int
    default: 600
  poll_seconds:
    description:
      - How long to leave the daemons in peace between two questions, from 1 to 3600 seconds.
    type: int
    default: 5
attributes:
  check_mode:
    support: full
    description: Asks the same in C(check_mode), and does not wait.
  diff_mode:
    support: none
    description: There is nothing to show, as nothing changes.
  platform:
    support: full
    platforms: linux
    description: Linux, with or without systemd.
notes:
  - Needs root, to see all processes, and to use the daemons' control interfaces.
seealso:
  - module: siptune.linux.nic_ring
  - module: siptune.linux.nic_link
  - module: siptune.linux.systemd_limits
"""

EXAMPLES = r"""
- name: See what is in progress
  siptune.linux.sip_calls:
  register: calls

- name: Wait half an hour at most until the last call has ended
  siptune.linux.sip_calls:
    wait: true
    timeout_seconds: 1800
"""

RETURN = r"""
idle:
  description: Whether it is known that nothing is in progress. True on a host on which no SIP daemon runs.
  returned: always
  type: bool
  sample: false
summary:
  description: What is in progress, or may be, in one line; empty if the host is idle.
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
      description: How many there are, null if that is unknown.
      type: int
      sample: 3
    unit:
      description: What is counted, V(calls), V(channels), V(sessions) or V(transactions).
      type: str
      sample: calls
    source:
      description: Where the number is from.
      type: str
      sample: asterisk -rx 'core show channels count'
    reason:
      description: Why it is unknown.
      type: str
      sample: "kamcmd: is not installed, and the daemon cannot be asked without it"
"""

import os
from collections.abc import Mapping

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._sip.calls import observe_calls, wait_until_idle
from ansible_collections.siptune.linux.plugins.module_utils._sip.gate import describe_busy

# The least and the most of each option in seconds.
TIMES = {"timeout_seconds": (0, 86400), "poll_seconds": (1, 3600)}


def check_times(params: Mapping) -> str:
    """What is wrong with the times that were given, empty if nothing is."""
    for name, (least, most) in TIMES.items():
        if not least <= params[name] <= most:
            return f"{name}: must be from {least} to {most}, not {params[name]}"
    return ""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "wait": {"type": "bool", "default": False},
            "timeout_seconds": {"type": "int", "default": 600},
            "poll_seconds": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    wrong = check_times(module.params)
    if wrong:
        module.fail_json(msg=f"{wrong}. Nothing was changed.")
    if os.geteuid() != 0:
        module.fail_json(msg="sip_calls asks daemons that answer root only: use become, or connect as root")
    host = Host()
    waits = module.params["wait"] and not module.check_mode
    timeout_seconds = module.params["timeout_seconds"] if waits else 0
    seen, waited_seconds = wait_until_idle(lambda: observe_calls(host), timeout_seconds, module.params["poll_seconds"])
    summary = describe_busy(seen)
    result = {
        "changed": False,
        "idle": not summary,
        "summary": summary,
        "waited_seconds": round(waited_seconds, 3),
        "daemons": [calls._asdict() for calls in seen],
    }
    if waits and summary:
        module.fail_json(msg=f"not idle after {timeout_seconds} s: {summary}", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
