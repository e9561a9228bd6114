#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: transaction
short_description: Run the calls of several modules in one round trip, all of them or none
version_added: 0.1.0
description:
  - Runs any number of calls of this collection's modules one after the other in one process. Each call observes, plans,
    applies and confirms as its module does alone.
  - When a call fails, everything that the calls before it have changed is put back, newest first.
  - Checks the arguments of all calls before it looks at the host.
  - Ansible's C(async) is refused, as for M(siptune.linux.sysctl_bulk).
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.originals
  - siptune.linux.transaction
options:
  calls:
    description:
      - The calls, in the order in which they run. A later one finds what an earlier one has done.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: A name for the call, used in the result.
        type: str
        required: true
      module:
        description: The module of this collection, without the collection's name.
        type: str
        required: true
        choices: [sysctl_bulk, nic_ring, nic_link, sip_sockets, sip_alg, limits_file, systemd_limits, daemon_pools,
          journald_limits, sip_notrack]
      arguments:
        description: The module's options.
        type: dict
        default: {}
seealso:
  - module: siptune.linux.sysctl_bulk
  - module: siptune.linux.nic_ring
  - module: siptune.linux.nic_link
  - module: siptune.linux.sip_sockets
  - module: siptune.linux.sip_alg
  - module: siptune.linux.limits_file
  - module: siptune.linux.systemd_limits
  - module: siptune.linux.daemon_pools
  - module: siptune.linux.journald_limits
  - module: siptune.linux.sip_notrack
"""

EXAMPLES = r"""
- name: Let a proxy open many files, and let the kernel allow it first
  siptune.linux.transaction:
    calls:
      - name: kernel
        module: sysctl_bulk
        arguments:
          path: /etc/sysctl.d/90-proxy.conf
          settings:
            fs.nr_open: {value: 2097152, rule: at_least}
      - name: units
        module: systemd_limits
        arguments:
          units:
            kamailio.service: {LimitNOFILE: 1500000}
"""

RETURN = r"""
calls:
  description:
    - The result of each call, in their order. After a failed run, only the call that failed.
  returned: when the arguments are valid
  type: list
  elements: dict
  contains:
    name:
      description: The call's name.
      type: str
      sample: kernel
    module:
      description: The module.
      type: str
      sample: sysctl_bulk
    changed:
      description: Whether it has changed anything.
      type: bool
      sample: true
    failed:
      description: Whether it has failed, or with O(each_for_itself) would fail.
      type: bool
      sample: false
    msg:
      description: Why it has failed.
      type: str
      sample: "fs.nr_open: the kernel refused '2147483648': Invalid argument (EINVAL)"
    files:
      description: The files that it has written, or in check mode would write, of a module that writes any.
      type: list
      elements: dict
      contains:
        path:
          description: The file.
          type: str
          sample: /etc/sysctl.d/90-proxy.conf
        change:
          description: One of V(created), V(rewritten) and V(removed).
          type: str
          sample: created
items:
  description:
    - The items of all calls, as the modules return them, each with the name of its call.
    - If the host refused a change, only the refused item, as nothing else has changed.
  returned: when the arguments are valid
  type: list
  elements: dict
  contains:
    call:
      description: The name of the call.
      type: str
      sample: kernel
    item:
      description: The name of the item.
      type: str
      sample: fs.nr_open
    wanted:
      description: The wanted value, null for an item that goes back to its original.
      type: str
      sample: at least 2097152
    before:
      description: The value before the call, null if there is none.
      type: str
      sample: "1048576"
    after:
      description: The value that was read back; in check mode, the predicted one.
      type: str
      sample: "2097152"
    at_boot:
      description: The value that the next boot sets, null if nothing sets it.
      type: str
      sample: "2097152"
    at_boot_before:
      description: The value that the next boot would set as things stand, without this call.
      type: str
    state:
      description: One of V(ok), V(changed), V(kept), V(absent), V(readonly), V(shadowed), V(pending) and V(refused).
      type: str
      sample: changed
    why:
      description: The reason given with the setting.
      type: str
      sample: Room for the limits of the daemons.
    reason:
      description: The reason of the state.
      type: str
      sample: /etc/sysctl.d/99-local.conf line 3 sets 1048576
undone:
  description: The items that the run had changed already and has put back, newest first.
  returned: when the host refused a change
  type: list
  elements: str
  sample: [fs.nr_open]
"""

from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._engine import run
from ansible_collections.siptune.linux.plugins.module_utils._engine.module import Module
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._layers.transaction import (
    OPERATIONS,
    CallResult,
    parse_calls,
    result,
    run_all,
    run_each,
    warnings,
)

ARGUMENTS = {
    "calls": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "module": {"type": "str", "required": True, "choices": list(OPERATIONS)},
            "arguments": {"type": "dict", "default": {}},
        },
    },
    "each_for_itself": {"type": "bool", "default": False},
}


def transact(host: Host, log: UndoLog, params: dict[str, Any], check_mode: bool) -> list[CallResult]:
    """The results of the calls. Raises TuningError."""
    calls, each_for_itself = parse_calls(params["calls"]), params["each_for_itself"]
    if each_for_itself and not check_mode:
        raise TuningError("each_for_itself is for check mode: a run changes everything or nothing")
    return (run_each if each_for_itself else run_all)(host, calls, check_mode, log)


def main() -> None:
    module = Module(argument_spec=ARGUMENTS, supports_check_mode=True)
    results = run.run(module, "transaction", lambda host, log: transact(host, log, module.params, module.check_mode))
    for warning in warnings(results):
        module.warn(warning)
    module.exit_json(**run.returned(module, result(results)))


if __name__ == "__main__":
    main()
