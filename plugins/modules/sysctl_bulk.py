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
  - Reads and writes C(/proc/sys) directly and starts no process. Reads back every key and file that it writes.
  - Compares values as the kernel stores them, so a second run changes nothing.
  - Predicts the values that the next boot sets, with the precedence of C(systemd-sysctl), and with what is set
    afterwards by an enabled C(ufw), by C(systemd-networkd), and by scripts such as C(/etc/rc.local) that call
    C(sysctl). Where another file wins, it names that file and the line.
  - Records the original values before the first change, in C(/var/lib/siptune/originals.json). A key that is no longer
    among the O(settings) goes back to its original, and O(state=absent) puts all of them back. A key that another file
    of this module has set, too, goes to the value of that file. One that cannot go back is V(refused) or V(absent) with
    the reason, and stays on record for a later run.
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.policy
  - siptune.linux.when
  - siptune.linux.originals
options:
  path:
    description:
      - The file to write, directly in a directory that a boot reads, such as V(/etc/sysctl.d).
      - The module owns the whole file. O(state=absent) puts the former content back.
      - A boot reads files in the order of their names, and the last one wins. With a name such as V(90-sip.conf), an
        administrator's V(99-local.conf) keeps precedence, and its keys are reported as V(shadowed).
    type: str
    required: true
  settings:
    description:
      - The wanted value of each key, or a dictionary of C(value), C(rule), C(why), C(hazard) and C(irreversible).
      - Keys are written with dots or slashes, as in sysctl.d(5). After dots, a dot in an interface name is written as
        a slash, V(net.ipv4.conf.eth0/100.rp_filter). A glob such as V(net.ipv4.conf.*.accept_redirects) stands for
        every existing key that it matches, except those that have a setting of their own.
      - C(rule) is V(exact) (the default), V(at_least) or V(at_most). A floor or ceiling applies to each field of a
        vector. For V(net.ipv4.ip_local_reserved_ports), V(at_least) means these ports and any others. A key that meets
        its floor already is not changed, and no line is written for it.
      - C(why) becomes the comment above the line in the file.
      - C(hazard) is shown as a warning while the setting is in force.
      - C(irreversible) is V(true) for a value that the kernel does not take back before a boot, such as 1 for
        V(kernel.modules_disabled), or 3 for V(kernel.yama.ptrace_scope). Without it such a value is refused. These keys
        are written last, each with a warning, and O(state=absent) reports them as V(pending) until a boot.
      - Write numbers as plain integers. Values that YAML reads as booleans or fractions are refused, and so are
        numbers with a leading zero.
    type: dict
    default: {}
notes:
  - Refuses to disable IPv6 while the host has a global IPv6 address, or while the control connection, another
    connection, a default route or a listening socket uses it; to forward IPv6 where the default route comes from router
    advertisements, without C(accept_ra) 2; and to lower C(fs.nr_open) below a limit in use, or one that C(limits.d),
    C(system.conf) or a unit file asks for.
  - Writes what takes routes or addresses away after everything else. The addresses that IPv6 had before it was disabled
    do not come back with it. A failed call names them.
  - Warns of values that would starve the host or cut it off.
  - Ansible's C(async) is refused.
  - Keys of C(nf_conntrack) and of other kernel modules may appear only after C(systemd-sysctl) has run. For these the
    module writes a udev rule, which sets them when their kernel module is loaded. It never loads a kernel module.
seealso:
  - name: sysctl.d(5)
    description: The files, their precedence and their globs.
    link: https://www.freedesktop.org/software/systemd/man/latest/sysctl.d.html
  - name: Kernel documentation of /proc/sys
    description: What the keys mean.
    link: https://docs.kernel.org/admin-guide/sysctl/index.html
"""

EXAMPLES = r"""
- name: Make room for bursts of SIP over UDP, and never lower a value
  siptune.linux.sysctl_bulk:
    path: /etc/sysctl.d/90-edge-proxy.conf
    settings:
      net.core.rmem_max:
        value: 16777216
        rule: at_least
        why: Half a second of peak SIP traffic on the busiest socket.
      net.core.somaxconn: {value: 4096, rule: at_least}
      net.ipv4.tcp_syncookies: 1

- name: Ignore ICMP redirects on all present and future interfaces
  siptune.linux.sysctl_bulk:
    path: /etc/sysctl.d/90-redirects.conf
    settings:
      net.ipv4.conf.all.accept_redirects: 0
      net.ipv4.conf.default.accept_redirects: 0
      net.ipv4.conf.*.accept_redirects: 0

- name: Reserve the ports of SIP and RTP, so that outgoing connections do not take them
  siptune.linux.sysctl_bulk:
    path: /etc/sysctl.d/90-ports.conf
    settings:
      net.ipv4.ip_local_reserved_ports: {value: "5060-5061,30000-40000", rule: at_least}

- name: Load no kernel module any more, until the next boot
  siptune.linux.sysctl_bulk:
    path: /etc/sysctl.d/95-sealed.conf
    settings:
      kernel.modules_disabled: {value: 1, irreversible: true, why: All modules are loaded by now.}

- name: Put the originals of all keys of this file back
  siptune.linux.sysctl_bulk:
    path: /etc/sysctl.d/90-edge-proxy.conf
    state: absent
"""

RETURN = r"""
items:
  description:
    - The result for each key. A glob has an item for each key that it matches.
    - If the host refused a change, only the refused item, as all other changes were undone.
  returned: when the settings are valid
  type: list
  elements: dict
  contains:
    item:
      description: The key, with dots.
      type: str
      sample: net.core.rmem_max
    wanted:
      description: The wanted value, null for a key that goes back to its original.
      type: str
      sample: at least 16777216
    before:
      description: The live value before the call, null if the key does not exist.
      type: str
      sample: "212992"
    after:
      description: The live value that was read back; in check mode, the predicted one.
      type: str
      sample: "16777216"
    at_boot:
      description: The value that the next boot sets, null if no file sets the key.
      type: str
      sample: "16777216"
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
      sample: Half a second of peak SIP traffic on the busiest socket.
    reason:
      description: The reason for the state, for example the file that wins at boot.
      type: str
      sample: /etc/sysctl.d/99-local.conf line 3 sets 212992
files:
  description: The files that the call has written, or in check mode would write, without its own record of originals.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
      sample: /etc/sysctl.d/90-siptune-network.conf
    change:
      description: One of V(created), V(rewritten) and V(removed).
      type: str
      sample: created
undone:
  description: The changes that the call had made and then undone, newest first.
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
