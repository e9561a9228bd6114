#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sip_load
short_description: Send a load of real SIP to a host, and count what comes back
version_added: 0.1.0
description:
  - Runs SIPp of the distribution's package for some seconds at one rate, with a scenario of this collection, and
    returns what was answered, how fast, and what this host has lost itself. C(siptune.linux.prove) is made of it.
  - Each call of UDP comes from a port of its own, as the calls of telephones do. With TCP and TLS there are at least
    four connections.
  - SIPp runs under the account C(nobody), in a private directory that is removed. It ends with this module, with the
    connection to this host, and by its own time limit, whichever comes first.
  - One load at a time leaves a host, and O(holder) keeps others away for some seconds after each.
  - Installs nothing. Without SIPp it fails, and names the package.
  - This is a load test. Use it on a host that is yours, and that carries no calls.
author:
  - siptune authors (@siptune)
options:
  address:
    description: The address or the name of the host that is tested.
    type: str
    required: true
  port:
    description: Its port.
    type: int
    default: 5060
  transport:
    description:
      - V(udp), V(tcp) or V(tls). The certificate is not checked, as only speed is measured.
      - V(tls) requires a SIPp that was built with OpenSSL, and C(openssl), for a certificate of its own.
    type: str
    choices: [udp, tcp, tls]
    default: udp
  scenario:
    description:
      - V(options) is an OPTIONS request, sent once, so that a lost one is seen.
      - V(register) is a REGISTER of one of 1000 made-up users, or of O(user), for 60 seconds.
      - V(invite) is a call to O(callee) that ends at once, V(invite_media) one with two seconds of media, which the
        callee echoes. The callee is a second SIPp on this host, on O(callee_port) of UDP. It is registered at the
        target under that name, with the credentials of O(user) if the target asks for any; a target that does not take
        it must route the calls there, or answer them itself.
    type: str
    choices: [options, register, invite, invite_media]
    default: options
  rate:
    description: Requests, registrations or calls a second, from 1 to 20000.
    type: int
    required: true
  seconds:
    description: For how long, from 1 to 120.
    type: int
    default: 8
  patience_ms:
    description: How long a call waits for a message before it has failed, from 100 to 60000 milliseconds.
    type: int
    default: 2000
  callee:
    description: The user that is called or asked, in the request's URI.
    type: str
    default: siptune-prove
  callee_port:
    description: The port of UDP on which this host takes the calls.
    type: int
    default: 5070
  accepted:
    description: Statuses besides 200 that count as an answer to OPTIONS and REGISTER, such as 401.
    type: list
    elements: int
    default: []
  user:
    description: A user of the target, where it asks for credentials. Requests are sent in its name.
    type: str
  password:
    description: The password of O(user).
    type: str
  holder:
    description: The run that this load belongs to, in words for whoever comes in between.
    type: str
    default: a run of sip_load
attributes:
  check_mode:
    support: none
    description: A load cannot be predicted; in check mode the module does nothing and is skipped.
  diff_mode:
    support: none
    description: There is nothing to show, as nothing changes.
  platform:
    support: full
    platforms: linux
    description: Linux with SIPp, C(sip-tester) on Debian and Ubuntu, C(sipp) on Fedora and in EPEL.
notes:
  - Needs root, as it gives SIPp another account, and takes a lock.
seealso:
  - module: siptune.linux.sip_counters_info
  - module: siptune.linux.sip_stall
"""

EXAMPLES = r"""
- name: Ask a proxy 500 times a second, from a host of its own
  siptune.linux.sip_load:
    address: 10.0.0.5
    rate: 500
  delegate_to: gen1
  register: load
"""

RETURN = r"""
version:
  description: The version of SIPp.
  returned: success
  type: str
  sample: 3.7.2
machine:
  description: What two names of one host have in common.
  returned: success
  type: str
  sample: "9edde47a-f583-4136-a34a-32da0c7b70f7 net:[4026531840]"
asked:
  description: The calls, registrations or requests of the rate in these seconds.
  returned: success
  type: int
  sample: 4000
sent:
  description: Those that were begun.
  returned: success
  type: int
  sample: 4000
sent_per_second:
  description: The rate at which they were begun. Below the one that was asked for where this host is too slow.
  returned: success
  type: float
  sample: 499.6
answered:
  description: Those that ended well.
  returned: success
  type: int
  sample: 4000
unanswered:
  description: All others.
  returned: success
  type: int
  sample: 0
retransmissions:
  description: The requests that were sent again.
  returned: success
  type: int
  sample: 0
statuses:
  description: How many answers had which status, 200 and those that nobody had asked for.
  returned: success
  type: dict
  sample: {"200": 4000}
response_ms:
  description:
    - Milliseconds to the answer, C(p50), C(p99) and C(max). Each is null without an answer.
  returned: success
  type: dict
  sample: {"p50": 1.0, "p99": 4.0, "max": 9.0}
generator_losses:
  description: Counters of this host that have grown, by the names of M(siptune.linux.sip_counters_info).
  returned: success
  type: dict
  sample: {}
processors:
  description: The busy share of each processor of this host in percent.
  returned: success
  type: list
  elements: float
  sample: [9.0, 11.0]
sender_busy:
  description: The busy share of each SIPp in percent of the one processor that it can use.
  returned: success
  type: float
  sample: 7.5
"""

import os

from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._counters.work import identity
from ansible_collections.siptune.linux.plugins.module_utils._engine.module import Module
from ansible_collections.siptune.linux.plugins.module_utils._host.children import LostError
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._load.lease import release, take
from ansible_collections.siptune.linux.plugins.module_utils._load.reach import (
    TLS,
    TRANSPORTS,
    check_reachable,
    local_address,
    resolve,
)
from ansible_collections.siptune.linux.plugins.module_utils._load.run import run
from ansible_collections.siptune.linux.plugins.module_utils._load.scenarios import SCENARIOS
from ansible_collections.siptune.linux.plugins.module_utils._load.sipp import (
    Load,
    check_heard,
    check_load,
    check_program,
)

HELD_SECONDS = 15  # beyond a load, until the next one of the same run
ARGUMENTS = {
    "address": {"type": "str", "required": True},
    "port": {"type": "int", "default": 5060},
    "transport": {"type": "str", "choices": list(TRANSPORTS), "default": "udp"},
    "scenario": {"type": "str", "choices": list(SCENARIOS), "default": "options"},
    "rate": {"type": "int", "required": True},
    "seconds": {"type": "int", "default": 8},
    "patience_ms": {"type": "int", "default": 2000},
    "callee": {"type": "str", "default": "siptune-prove"},
    "callee_port": {"type": "int", "default": 5070},
    "accepted": {"type": "list", "elements": "int", "default": []},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "holder": {"type": "str", "default": "a run of sip_load"},
}


def main() -> None:
    module = Module(argument_spec=ARGUMENTS, supports_check_mode=False, required_together=[("user", "password")])
    if os.geteuid() != 0:
        module.fail_json(msg="sip_load gives SIPp an account of its own: use become, or connect as root")
    given, host, failure = module.params, Host(), ""
    try:
        end = resolve(given["address"], given["port"], given["transport"])
        load = Load(
            end,
            given["scenario"],
            given["rate"],
            given["seconds"],
            given["patience_ms"],
            given["callee"],
            given["callee_port"],
            given["accepted"],
            given["user"] or "",
            given["password"] or "",
        )
        check_load(load)
        version = check_program(host, end.transport == TLS)
        take(given["holder"], load.seconds + load.patience_ms / 1000 + HELD_SECONDS)
        heard = check_reachable(end, local_address(end))
        result = run(host, load)
        if heard:
            check_heard(end, result)
    except LostError as error:  # the next run need not wait
        release(given["holder"])
        failure = str(error)
    except TuningError as error:
        failure = str(error)
    if failure:
        module.fail_json(msg=failure)
    module.exit_json(changed=False, version=version, machine=identity(host), **result)


if __name__ == "__main__":
    main()
