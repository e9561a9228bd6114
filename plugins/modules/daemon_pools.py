#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: daemon_pools
short_description: Size the memory pools of Kamailio and OpenSIPS in the environment files of their units
version_added: 0.1.0
description:
  - Sets shared and private memory, the options C(-m) and C(-M) of both daemons, for any number of units, all of them
    or none.
  - Reads the unit's own file, its drop-ins and its environment files to find the variable that holds a pool, and the
    file that sets it. This works for packages of any distribution, for instances and for your own units.
  - Changes one line of that file, below a comment with the old value and the reason. All other bytes, the owner and the
    mode stay. A file with a line that cannot be parsed is an error and stays as it is.
  - A pool is V(pending) until the running daemon has been restarted with it, which O(restart) does.
  - Reports whether a daemon asks for a receive buffer as large as C(net.core.rmem_max) allows. Both daemons ask for at
    most their own C(maxbuffer), 262144 bytes by default, so a larger C(net.core.rmem_max) alone changes nothing. Where
    C(net.core.rmem_default) gives them more from the start, nothing needs to be done.
  - Records the original file in C(/var/lib/siptune/originals.json) before the first change, and restores its lines with
    O(state=absent).
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.policy
  - siptune.linux.restart
  - siptune.linux.originals
options:
  pools:
    description:
      - The pools to set. Each unit has a dictionary of V(shared_mib), which all processes of the daemon share, and
        V(private_mib), which each process has for itself.
      - A pool is a whole number of MiB of 1024 * 1024 bytes, or a dictionary of C(value), C(rule), C(why) and
        C(hazard).
      - C(rule) is V(exact) (the default), V(at_least) or V(at_most). If the original size satisfies the rule, it stays.
      - C(why) is the comment above the line. C(hazard) is the warning to show while the pool has this size.
      - Units are services, with their full names. An alias stands for its unit. An instance such as
        V(kamailio@edge.service) has a file of its own; a template has none and is refused.
      - A pool that is left out is reverted to its original size, and so are both pools of a unit with none.
      - With O(state=absent) only the names count. Without names, the pools of all units are reverted.
    type: dict
    default: {}
  restart:
    description:
      - Whether to restart the running units for which a pool would wait for a restart, also for one that an earlier
        call has written. The module waits until they run again. If one does not come back, the whole call is undone.
      - On a host with calls in progress no unit is restarted, and the pools are V(pending) until a later call finds the
        host idle. M(siptune.linux.sip_calls_info) describes how calls are counted.
    type: bool
    default: false
  exclusive:
    description: Whether to revert the pools that earlier calls have set for units not in O(pools).
    type: bool
    default: false
attributes:
  platform:
    support: full
    platforms: linux
    description: Linux with systemd. Where it does not run, as in an image build, the module reads the units' files.
notes:
  - The line is changed in the last environment file that sets the variable, which may be in a directory such as
    C(/etc/default/kamailio.d). If no file sets it, the first file that the unit names gets a new last line, and is
    created if it does not exist.
  - Pools are refused if their sum is above the memory of the host, or above C(MemoryMax) of the unit. Private memory
    counts for one process, as the number of processes is unknown.
  - A symbolic link in place of an environment file is refused.
  - The module reads C(maxbuffer) in the daemons' own configurations, and never changes these. It also reads parts that
    C(#!ifdef) may exclude. O(missing) and O(shadowed) do not fail on C(maxbuffer).
seealso:
  - module: siptune.linux.systemd_limits
  - module: siptune.linux.sysctl_bulk
  - name: systemd.exec(5)
    description: Environment files and their syntax.
    link: https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html
"""

EXAMPLES = r"""
- name: Size the memory of a proxy and of an instance of another one
  siptune.linux.daemon_pools:
    pools:
      opensips.service:
        shared_mib:
          value: 1024
          rule: at_least
          why: 100000 registrations, and 5000 calls at a time.
        private_mib: {value: 16, rule: at_least}
      kamailio@edge.service:
        shared_mib: 512

- name: Show what a run would change
  siptune.linux.daemon_pools:
    pools:
      kamailio.service: {shared_mib: 512, private_mib: 16}
  check_mode: true
  diff: true

- name: Restore all original lines
  siptune.linux.daemon_pools:
    state: absent
"""

RETURN = r"""
items:
  description:
    - An item for each pool, and for each unit of Kamailio or OpenSIPS one for the receive buffer that it asks for.
    - If the host refused a file, that file is the only item, and nothing has changed.
  returned: when the pools are valid
  type: list
  elements: dict
  contains:
    item:
      description:
        - The unit and C(shared_mib), C(private_mib) or C(maxbuffer).
        - For a reverted line that no unit reads any more, the file and the variable.
      type: str
      sample: kamailio.service shared_mib
    wanted:
      description: The requested size, null for a pool that is reverted.
      type: str
      sample: at least 512
    before:
      description:
        - The size in MiB that the running daemon has, null if that is unknown. For a stopped daemon, the size that it
          would start with.
        - For C(maxbuffer), the most bytes that the daemon asks for.
      type: str
      sample: "64"
    after:
      description: The same after the call; in check mode, the prediction.
      type: str
      sample: "64"
    at_boot:
      description: The size from the next start of the unit on.
      type: str
      sample: "512"
    at_boot_before:
      description: The size from the next start of the unit on as things stand, without this call.
      type: str
    state:
      description:
        - One of V(ok), V(changed), V(kept), V(absent), V(shadowed) and V(pending), or V(refused) for a file.
        - V(absent) is a pool that this host does not have, as the unit is not installed, masked, starts neither daemon,
          or has no variable or file for it. O(missing=fail) fails on it.
        - V(shadowed) is a pool that a literal in the command line, another variable or a vendor's file decides, and a
          C(maxbuffer) below C(net.core.rmem_max). O(shadowed=fail) fails on the pool.
      type: str
      sample: pending
    why:
      description: The reason given with the pool.
      type: str
      sample: 100000 registrations, and 5000 calls at a time.
    reason:
      description: The explanation of the state.
      type: str
      sample: "in force once kamailio.service restarts: it runs with 64"
files:
  description: The files that the call has written, or in check mode would write, without its own record of originals.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
      sample: /etc/default/kamailio
    change:
      description: One of V(created), V(rewritten) and V(removed).
      type: str
      sample: created
undone:
  description: The files that the call had changed and has restored, newest first.
  returned: when a pool or a file was refused
  type: list
  elements: str
  sample: [/etc/default/kamailio]
"""

from ansible_collections.siptune.linux.plugins.module_utils._engine import run
from ansible_collections.siptune.linux.plugins.module_utils._pools.module import DAEMON_POOLS


def main() -> None:
    run.main(DAEMON_POOLS)


if __name__ == "__main__":
    main()
