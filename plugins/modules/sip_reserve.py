#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sip_reserve
short_description: Take a host for one proof, so that two do not measure each other
version_added: 0.1.0
description:
  - Takes the host for a run of C(siptune.linux.prove) for some seconds, or gives it back. While one run has it,
    M(siptune.linux.sip_load) and this module fail for any other.
  - The lease is a file in C(/run), and ends by itself. Nothing else is changed.
author:
  - siptune authors (@siptune)
options:
  holder:
    description: The run that takes the host, in words that name it.
    type: str
    required: true
  seconds:
    description: For how long, from 0 to 7200. With 0 the host is given back.
    type: int
    required: true
  from_holder:
    description: A run that has the host and is known to have ended.
    type: str
    default: ''
attributes:
  check_mode:
    support: full
    description: Takes nothing in C(check_mode).
  diff_mode:
    support: none
    description: There is nothing to show.
  platform:
    support: full
    platforms: linux
    description: Linux, with or without systemd.
seealso:
  - module: siptune.linux.sip_load
"""

EXAMPLES = r"""
- name: Take the host for five minutes
  siptune.linux.sip_reserve:
    holder: a test of mine
    seconds: 300
"""

RETURN = r"""
machine:
  description: What two names of one host have in common.
  returned: always
  type: str
  sample: "9edde47a-f583-4136-a34a-32da0c7b70f7 net:[4026531840]"
held_by:
  description: The run that has the host, and is another one. Empty where this run has it, or nobody.
  returned: always
  type: str
  sample: ""
"""

import os

from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._counters.work import identity
from ansible_collections.siptune.linux.plugins.module_utils._engine.module import Module
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._load.lease import LONGEST_SECONDS, HeldError, release, take

ARGUMENTS = {
    "holder": {"type": "str", "required": True},
    "seconds": {"type": "int", "required": True},
    "from_holder": {"type": "str", "default": ""},
}


def main() -> None:
    module = Module(argument_spec=ARGUMENTS, supports_check_mode=True)
    given, machine, held_by, failure = module.params, identity(Host()), "", ""
    if not 0 <= given["seconds"] <= LONGEST_SECONDS:
        module.fail_json(msg=f"seconds: must be from 0 to {LONGEST_SECONDS}, not {given['seconds']}")
    if os.geteuid() != 0:
        module.fail_json(msg="sip_reserve writes a file of root's: use become, or connect as root")
    try:
        if given["seconds"] and not module.check_mode:
            take(given["holder"], given["seconds"], given["from_holder"])
        elif not module.check_mode:
            release(given["holder"])
    except HeldError as error:
        held_by, failure = error.holder, str(error)
    except TuningError as error:
        failure = str(error)
    if failure:
        module.fail_json(msg=failure, machine=machine, held_by=held_by)
    module.exit_json(changed=False, machine=machine, held_by=held_by)


if __name__ == "__main__":
    main()
