#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sysctl_bulk
short_description: Set any number of kernel parameters, now and at boot, in one call
version_added: 0.1.0
description:
  - Sets any number of C(sysctl) keys in the running kernel and in one file below C(sysctl.d), all of them or none.
  - Reads and writes C(/proc/sys) itself and starts no process. Every key that was written is read back.
  - Compares values as the kernel stores them, so a second run changes nothing.
  - Works out what the next boot would really set, with the precedence of C(systemd-sysctl), and names the file and the
    line where another file wins.
  - Remembers what the host had before the first change, in C(/var/lib/siptune/originals.json). A key that is no longer
    among the O(settings) goes back to that value, and O(state=absent) puts everything back.
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.policy
  - siptune.linux.when
  - siptune.linux.originals
options:
  path:
    description:
      - The file to own, directly in a directory that is read at boot, such as V(/etc/sysctl.d).
      - The module owns the whole file. What it held before is kept and put back by O(state=absent).
      - Files are read in the order of their names, and the last one wins. With V(90-) an administrator's V(99-) file
        keeps the last word, and is reported as shadowing.
    type: str
    required: true
  settings:
    description:
      - What is wanted, as V(key) with its value, or with a dictionary of C(value), C(rule), C(why) and C(hazard).
      - Keys are written with dots or slashes, as in sysctl.d(5). An interface name keeps its dot as a slash,
        V(net.ipv4.conf.eth0/100.rp_filter). Globs such as V(net.ipv4.conf.*.accept_redirects) name every key that
        there is. A key that is named outright is not taken from a glob.
      - C(rule) is V(exact) (the default), V(at_least) or V(at_most). Floors and ceilings count for each field of a
        vector, and for V(net.ipv4.ip_local_reserved_ports), V(at_least) means all these ports and perhaps more. A host
        that meets a floor already is left alone, and nothing is persisted for it.
      - C(why) becomes the comment above the line in the file.
      - C(hazard) is shown as a warning as long as the setting is in force.
      - Write numbers plainly. What YAML turns into a boolean or a fraction is refused, and so is a leading zero.
    type: dict
    default: {}
  state:
    description:
      - V(absent) removes the file and puts everything back that was set through it. What somebody else has changed
        since is left alone and reported.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and predicts what a run would change, without changing anything.
  diff_mode:
    support: full
    description: Shows the file and the live values, before and after.
  platform:
    support: full
    platforms: linux
    description: Linux, with or without systemd.
notes:
  - IPv6 is not switched off while the control connection, a default route or a listening socket needs it, and
    C(fs.nr_open) is not lowered below a limit in use.
  - Keys of C(nf_conntrack) and of other modules that come later than C(systemd-sysctl) get a udev rule beside the file,
    which applies them when their module is loaded. No module is loaded because of it.
seealso:
  - name: sysctl.d(5)
    description: The files, their precedence and their globs.
    link: https://www.freedesktop.org/software/systemd/man/latest/sysctl.d.html
  - name: Kernel documentation of /proc/sys
    description: What the keys mean.
    link: https://docs.kernel.org/admin-guide/sysctl/index.html
"""

EXAMPLES = r"""
- name: Room for bursts of SIP over UDP, never less than the host has
  siptune.linux.sysctl_bulk:
    path: /etc/sysctl.d/90-edge-proxy.conf
    settings:
      net.core.rmem_max:
        value: 16777216
        rule: at_least
        why: Half a second of peak SIP traffic on the busiest socket.
      net.core.somaxconn: {value: 4096, rule: at_least}
      net.ipv4.tcp_syncookies: 1

- name: No ICMP redirects, on every interface there is and will be
  siptune.linux.sysctl_bulk:
    path: /etc/sysctl.d/90-redirects.conf
    settings:
      net.ipv4.conf.all.accept_redirects: 0
      net.ipv4.conf.default.accept_redirects: 0
      net.ipv4.conf.*.accept_redirects: 0

- name: Keep outgoing connections away from the ports of SIP and RTP
  siptune.linux.sysctl_bulk:
    path: /etc/sysctl.d/90-ports.conf
    settings:
      net.ipv4.ip_local_reserved_ports: {value: "5060-5061,30000-40000", rule: at_least}

- name: Put everything back that was set through this file
  siptune.linux.sysctl_bulk:
    path: /etc/sysctl.d/90-edge-proxy.conf
    state: absent
"""

RETURN = r"""
items:
  description:
    - What became of each key. A glob gives an item for each key that it names.
    - Of a call that failed because the host refused a change, only the refused item, as nothing else has changed.
  returned: when the settings are valid
  type: list
  elements: dict
  contains:
    item:
      description: The key, with dots.
      type: str
      sample: net.core.rmem_max
    wanted:
      description: What was asked for, null for a key that goes back to its original.
      type: str
      sample: at least 16777216
    before:
      description: The live value before the call, null if there is no such key.
      type: str
      sample: "212992"
    after:
      description: The live value that was read back; in check mode, the predicted one.
      type: str
      sample: "16777216"
    at_boot:
      description: What the next boot will set, null if no file sets the key.
      type: str
      sample: "16777216"
    state:
      description: One of V(ok), V(changed), V(kept), V(absent), V(readonly), V(shadowed), V(pending) and V(refused).
      type: str
      sample: changed
    why:
      description: The reason given with the setting.
      type: str
      sample: Half a second of peak SIP traffic on the busiest socket.
    reason:
      description: What explains the state, for example which file wins at boot.
      type: str
      sample: /etc/sysctl.d/99-local.conf line 3 sets 212992
undone:
  description: What the call had changed already and has put back, newest first.
  returned: when the host refused a change
  type: list
  elements: str
  sample: [net.ipv4.tcp_sack, net.core.somaxconn]
"""

from ansible_collections.siptune.linux.plugins.module_utils._engine import run
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.module import SYSCTL_BULK


def main() -> None:
    run.main(SYSCTL_BULK)


if __name__ == "__main__":
    main()
