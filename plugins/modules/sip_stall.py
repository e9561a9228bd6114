#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sip_stall
short_description: Stop a SIP daemon for a moment, on a laboratory's host
version_added: 0.1.0
description:
  - Stops all processes of a daemon with C(SIGSTOP), as a busy hypervisor or a slow disk does, and wakes them with
    C(SIGCONT) after so many milliseconds. What arrives meanwhile has no place but the receive buffers of its sockets.
  - A second process wakes them when this module ends, however it ends, and at the latest a second after the time.
  - Waits up to ten seconds for calls in progress to end, and refuses to stop a daemon that still has some, or cannot
    say.
  - A laboratory's host only. Callers notice it.
author:
  - siptune authors (@siptune)
options:
  daemon:
    description: The daemon to stop, V(asterisk), V(drachtio), V(freeswitch), V(kamailio), V(opensips) or V(rtpengine).
    type: str
    required: true
  milliseconds:
    description: For how long, from 1 to 10000.
    type: int
    required: true
  delay_milliseconds:
    description: How long to wait before, from 0 to 60000.
    type: int
    default: 0
  background:
    description: Whether to return at once, and to leave the stall to a process of its own.
    type: bool
    default: false
  despite_calls:
    description: Whether to stop a daemon that has calls in progress.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Stops nothing in C(check_mode).
  diff_mode:
    support: none
    description: There is nothing to show.
  platform:
    support: full
    platforms: linux
    description: Linux, with or without systemd.
notes:
  - Needs root, to see and to stop processes of other accounts.
  - A daemon whose unit has C(WatchdogSec=) below the time is restarted by systemd.
seealso:
  - module: siptune.linux.sip_load
  - module: siptune.linux.sip_calls_info
"""

EXAMPLES = r"""
- name: Stop Kamailio for half a second
  siptune.linux.sip_stall:
    daemon: kamailio
    milliseconds: 500
"""

RETURN = r"""
stalled_ms:
  description: How long the daemon was stopped; 0 with O(background=true), and in check mode.
  returned: success
  type: float
  sample: 500.3
processes:
  description: How many processes were stopped.
  returned: success
  type: int
  sample: 12
"""

import os

from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._engine.module import Module
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._load.stall import (
    LONGEST_DELAY_MILLISECONDS,
    LONGEST_MILLISECONDS,
    daemon_processes,
    stall,
    stall_later,
)
from ansible_collections.siptune.linux.plugins.module_utils._sip.calls import observe_calls, wait_until_idle
from ansible_collections.siptune.linux.plugins.module_utils._sip.daemons import DAEMONS_IN_CALLS
from ansible_collections.siptune.linux.plugins.module_utils._sip.gate import describe_busy

LONGEST_WAIT_SECONDS = 10  # for the transactions of a load that has just ended
POLL_SECONDS = 1
ARGUMENTS = {
    "daemon": {"type": "str", "required": True},
    "milliseconds": {"type": "int", "required": True},
    "delay_milliseconds": {"type": "int", "default": 0},
    "background": {"type": "bool", "default": False},
    "despite_calls": {"type": "bool", "default": False},
}


def check(given: dict) -> str:
    """Why the options cannot be used, empty if they can."""
    names = [daemon.name for daemon in DAEMONS_IN_CALLS]
    if given["daemon"] not in names:
        return f"daemon: must be one of {', '.join(names)}, not {given['daemon']!r}"
    bounds = {"milliseconds": (1, LONGEST_MILLISECONDS), "delay_milliseconds": (0, LONGEST_DELAY_MILLISECONDS)}
    for name, (least, most) in bounds.items():
        if not least <= given[name] <= most:
            return f"{name}: must be from {least} to {most}, not {given[name]}"
    return ""


def main() -> None:
    module = Module(argument_spec=ARGUMENTS, supports_check_mode=True)
    given, host = module.params, Host()
    wrong = check(given)
    if wrong:
        module.fail_json(msg=f"{wrong}. Nothing was stopped.")
    if os.geteuid() != 0:
        module.fail_json(msg="sip_stall stops processes of other accounts: use become, or connect as root")
    if not given["despite_calls"]:
        seen, _seconds = wait_until_idle(lambda: observe_calls(host), LONGEST_WAIT_SECONDS, POLL_SECONDS)
        busy = describe_busy(seen)
        if busy:
            module.fail_json(msg=f"{busy}: a daemon with calls is not stopped, unless despite_calls says so")
    try:
        pids = daemon_processes(host, given["daemon"])
        seconds = 0.0
        times = given["milliseconds"] / 1000, given["delay_milliseconds"] / 1000
        if given["background"] and not module.check_mode:
            stall_later(host, pids, *times)
        elif not module.check_mode:
            seconds = stall(host, pids, *times)
        module.exit_json(changed=False, stalled_ms=round(seconds * 1000, 1), processes=len(pids))
    except TuningError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
