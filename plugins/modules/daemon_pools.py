#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: daemon_pools
short_description: Size the memory pools of Kamailio and OpenSIPS in the files that their units read
version_added: 0.1.0
description:
  - Sets shared and private memory, the options C(-m) and C(-M) of both daemons, for any number of units, all of them
    or none.
  - Finds out which variable of the unit's command line holds a pool, and which environment file decides it, from the
    unit's own file, its drop-ins and the files themselves. So it does for packages of any distribution, for instances
    and for units of your own.
  - Changes one line of that file, below a comment that says what was there and why it is set, and keeps every other
    byte, the owner and the mode. A file with a line that cannot be read is left alone with an error.
  - Never restarts a daemon. What waits for a restart is V(pending), until the running daemon has it.
  - Reports whether a daemon asks for the receive buffer that C(net.core.rmem_max) would let it have. Both ask for no
    more than their own C(maxbuffer), 262144 bytes if nothing sets it, so a larger C(net.core.rmem_max) alone changes
    nothing. Where C(net.core.rmem_default) gives them more from the start, nothing is to be done.
  - Remembers what a file held before the first change, in C(/var/lib/siptune/originals.json), and O(state=absent)
    puts it back.
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.policy
  - siptune.linux.originals
options:
  pools:
    description:
      - What is wanted, as V(unit) with a dictionary of V(shared_mib), which all processes of the daemon share, and
        V(private_mib), which each process has for itself.
      - A pool is a whole number of MiB of 1024 * 1024 bytes, or a dictionary of C(value), C(rule), C(why) and
        C(hazard).
      - C(rule) is V(exact) (the default), V(at_least) or V(at_most). A pool that is as wanted without us is left alone.
      - C(why) becomes the comment above the line. C(hazard) is shown as a warning as long as the pool has this size.
      - Units are services, with their full names. An alias stands for its unit. An instance such as
        V(kamailio@edge.service) has a file of its own; a template has none and is refused.
      - A pool that is left out goes back to what it was, and so do both pools of a unit without any.
      - With O(state=absent) only the names count. Without any name, every unit is meant whose pools were set.
    type: dict
    default: {}
  exclusive:
    description: Whether the pools that earlier calls have set for units that are not among O(pools) go back, too.
    type: bool
    default: false
  state:
    description:
      - V(absent) puts the lines back that were there before. What somebody else has changed since is left alone and
        reported.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and predicts what a run would change, without changing anything.
  diff_mode:
    support: full
    description: Shows the files before and after.
  platform:
    support: full
    platforms: linux
    description: Linux with systemd. Where it does not run, as in an image build, the files of the units are read.
notes:
  - The last environment file that sets the variable decides and is changed, also one below a directory such as
    C(/etc/default/kamailio.d). If none sets it, the first file that the unit names gets a new last line, and is
    created if need be.
  - Pools that together are above the memory of the host, or above C(MemoryMax) of the unit, are refused. Of private
    memory that of one process counts, as the number of processes is not known.
  - A symbolic link in place of an environment file is refused.
  - Configurations of the daemons are read for C(maxbuffer) only, and never changed. Parts of them that C(#!ifdef) may
    leave out are read like all others.
seealso:
  - module: siptune.linux.systemd_limits
  - module: siptune.linux.sysctl_bulk
  - name: systemd.exec(5)
    description: Environment files and their syntax.
    link: https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html
"""

EXAMPLES = r"""
- name: Memory for a proxy and for one instance of another
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

- name: What would change
  siptune.linux.daemon_pools:
    pools:
      kamailio.service: {shared_mib: 512, private_mib: 16}
  check_mode: true
  diff: true

- name: Put everything back
  siptune.linux.daemon_pools:
    state: absent
"""

RETURN = r"""
items:
  description:
    - What became of each pool, and for each unit of Kamailio or OpenSIPS what it asks for as a receive buffer.
    - Of a call that failed because the host refused a change, only the refused item, as nothing else has changed.
  returned: when the pools are valid
  type: list
  elements: dict
  contains:
    item:
      description:
        - The unit and C(shared_mib), C(private_mib) or C(maxbuffer).
        - The file and the variable, for a line that goes back and that no unit reads any more.
      type: str
      sample: kamailio.service shared_mib
    wanted:
      description: What was asked for, null for a pool that goes back.
      type: str
      sample: at least 512
    before:
      description:
        - The pool in MiB that the running daemon has, null if that is not known; of one that does not run, what it
          would be started with.
        - For C(maxbuffer), the most bytes that the daemon asks for.
      type: str
      sample: "64"
    after:
      description: The same after the call; in check mode, the prediction.
      type: str
      sample: "64"
    at_boot:
      description: What the next start of the unit will have.
      type: str
      sample: "512"
    state:
      description:
        - One of V(ok), V(changed), V(kept), V(absent), V(shadowed) and V(pending), or V(refused) for a file.
        - V(absent) is a pool of a unit that is not there or that reads no such file, V(shadowed) one that the command
          line or another variable decides, and a C(maxbuffer) below C(net.core.rmem_max).
      type: str
      sample: pending
    why:
      description: The reason given with the pool.
      type: str
      sample: 100000 registrations, and 5000 calls at a time.
    reason:
      description: What explains the state.
      type: str
      sample: "in force when kamailio.service is restarted: it runs with 64"
undone:
  description: What the call had changed already and has put back, newest first.
  returned: when the host refused a change
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
