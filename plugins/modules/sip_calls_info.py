#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sip_calls_info
short_description: Read the calls in progress on a SIP host
version_added: 0.1.0
description:
  - Asks each SIP daemon that runs on the host for its calls, over the daemon's own local control interface, and asks
    it for nothing else.
  - Asterisk is asked with C(asterisk -rx), Kamailio with C(kamcmd), OpenSIPS with C(opensips-cli), FreeSWITCH with
    C(fs_cli), and rtpengine over its NG protocol at the address in its command line or configuration.
  - drachtio has no interface that says how many calls there are.
  - Kamailio and OpenSIPS know calls only with their C(dialog) module. Without it the current transactions are counted.
  - An unknown number is null with a reason, and never a zero, for example of a daemon without its control interface, in
    a container, with several instances, or that does not answer within 5 seconds.
  - Any user can start a process under a daemon's name. A process counts as a daemon if it runs in a unit of the
    daemon's name in the system's own hierarchy, under root's account or that of the daemon's name, or as the main
    process of any unit of the system. A user's own unit, a session and a crontab make no daemon, whatever the name.
  - The program has to be root's, and nobody else may write it, unless the process is the main one of the daemon's own
    unit.
  - Changes nothing.
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.info
notes:
  - Needs root, to see all processes, and to use the daemons' control interfaces.
seealso:
  - module: siptune.linux.sip_calls_wait
  - module: siptune.linux.nic_ring
  - module: siptune.linux.nic_link
  - module: siptune.linux.systemd_limits
"""

EXAMPLES = r"""
- name: Read the calls in progress
  siptune.linux.sip_calls_info:
  register: calls
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

from ansible_collections.siptune.linux.plugins.module_utils._engine.module import Module
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._sip.calls import observe_calls
from ansible_collections.siptune.linux.plugins.module_utils._sip.gate import calls_result


def main() -> None:
    module = Module(argument_spec={}, supports_check_mode=True)
    if os.geteuid() != 0:
        module.fail_json(msg="sip_calls_info asks daemons that answer root only: use become, or connect as root")
    module.exit_json(changed=False, **calls_result(observe_calls(Host())))


if __name__ == "__main__":
    main()
