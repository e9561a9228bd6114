#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: limits_file
short_description: Manage a file of limits for logins, without locking anyone out
version_added: 0.1.0
description:
  - Writes all limits of a call into one file in C(/etc/security/limits.d), and owns the whole file.
  - C(pam_limits) applies these limits to sessions of people and of jobs, at their next login. It does not apply them to
    services of systemd, which have limits in their units.
  - Computes the limits of a login from all files, with the precedence of C(pam_limits). Where another file wins, the
    item names the file and the line.
  - Refuses limits that would lock people out, such as more open files than C(fs.nr_open) allows now or after a boot,
    and limits that cannot work, such as a soft limit above the hard one.
  - Starts no process.
  - Records the original file in C(/var/lib/siptune/originals.json) before the first change, and restores it with
    O(state=absent).
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.policy
  - siptune.linux.originals
options:
  path:
    description:
      - The file to own, directly in C(/etc/security/limits.d). Its name ends in C(.conf).
      - C(pam_limits) reads C(/etc/security/limits.conf) first and then these files, sorted by name. Of equally specific
        lines the last one wins. With a V(90-) file, an administrator's V(99-) file has the last word, and its limits
        are reported as V(shadowed).
    type: str
    required: true
  limits:
    description:
      - The limits to set. An empty list has the effect of O(state=absent).
      - The file has them in the order from general to specific domains, so that the specific one wins.
    type: list
    elements: dict
    default: []
    suboptions:
      domain:
        description:
          - The people to whom the limit applies.
          - A user, V(asterisk); a group, V(@voip); uids, V(1000:), V(1000:2000) or V(:1000) for one; gids of primary
            groups, V(@500:) or V(@500:600); one gid of any group, V(@:500); everybody, V(*). For C(maxlogins) also
            V(%), V(%voip) and V(%:500), which count the logins of everybody or of a group together. Quote these words.
          - On Debian and distributions based on it, lines of groups and of everybody do not apply to root; use the
            domain V(root). Elsewhere V(*) includes root.
        type: str
        required: true
      type:
        description:
          - V(soft), V(hard), or V(both), which is written as C(-).
          - C(priority), C(maxlogins), C(maxsyslogins) and C(nonewprivs) have one value, and accept any of these words.
        type: str
        required: true
      item:
        description:
          - In KB, V(core), V(data), V(fsize), V(memlock), V(stack), V(as) and V(rss). Linux ignores V(rss).
          - In minutes, V(cpu). In microseconds, V(rttime). In bytes, V(msgqueue).
          - Numbers, V(nofile), V(nproc), V(sigpending), V(maxlogins), V(maxsyslogins) and V(locks). Linux ignores
            V(locks).
          - Nice values from -20 to 19, V(nice), the lowest one that a process may request, and V(priority), the initial
            one. For V(nice), the lower value is the higher limit.
          - A realtime priority, V(rtprio).
          - V(nonewprivs), 1 or 0.
        type: str
        required: true
      value:
        description:
          - A plain whole number in the item's unit, or V(unlimited), V(infinity) or V(-1) for no limit.
          - C(nice), C(priority) and C(nonewprivs) accept numbers only; for the first two, V(-1) is a nice value.
          - V(max), for C(nofile), is the highest safe value on this host. It is the lowest of C(fs.nr_open) now,
            C(fs.nr_open) after a boot, and 524288, the hard limit of systemd's services. In a container that cannot
            raise limits it is not above the container's limit, and for a soft limit alone not above the hard one.
        type: raw
        required: true
      why:
        description: The comment above the line.
        type: str
      hazard:
        description: The warning to show while the limit is in force.
        type: str
attributes:
  platform:
    support: full
    platforms: linux
    description: Linux with PAM.
notes:
  - Sessions that are open keep their limits.
  - Always refused are C(nofile) above C(fs.nr_open), or unlimited where C(pam_limits) passes that to the kernel
    unchanged; a limit of 0 for logins, files, processes, memory, file size or CPU time; C(nonewprivs) for everybody or
    for root; limits of files, memory, file size, processes, CPU time or logins too small for a shell, C(sudo) and
    Ansible itself, where they are for root, for everybody, for a group or range that has root or the account that has
    logged in, or for the groups C(sudo), C(wheel) and C(admin); and, in a container without the capabilities, hard
    limits above the container's and negative priorities.
seealso:
  - name: limits.conf(5)
    description: The domains, items and precedence.
    link: https://man7.org/linux/man-pages/man5/limits.conf.5.html
  - name: pam_limits(8)
    description: The module that applies the limits.
    link: https://man7.org/linux/man-pages/man8/pam_limits.8.html
"""

EXAMPLES = r"""
- name: Raise the limits of the people who run the PBX
  siptune.linux.limits_file:
    path: /etc/security/limits.d/90-voip.conf
    limits:
      - {domain: asterisk, type: soft, item: nofile, value: 65536}
      - domain: asterisk
        type: hard
        item: nofile
        value: max
        why: Traces of many calls keep many files open.
      - {domain: "@voip", type: both, item: core, value: unlimited}

- name: Limit everybody with an ordinary uid, and fail if another file wins
  siptune.linux.limits_file:
    path: /etc/security/limits.d/90-people.conf
    limits:
      - {domain: "1000:", type: hard, item: nproc, value: 4096}
      - {domain: "*", type: hard, item: maxlogins, value: 20}
    shadowed: fail

- name: Restore the original file
  siptune.linux.limits_file:
    path: /etc/security/limits.d/90-voip.conf
    state: absent
"""

RETURN = r"""
items:
  description:
    - An item for each limit, and for each line that the file loses.
    - If the host refused the file, the file is the only item.
  returned: when the limits are valid
  type: list
  elements: dict
  contains:
    item:
      description: The domain, type and item of the limit.
      type: str
      sample: asterisk soft nofile
    wanted:
      description: The requested value, null for a line that is no longer wanted.
      type: str
      sample: "65536"
    before:
      description:
        - The value that logins of the domain got from all files before the call, in the unit of the item. Null if no
          line sets it.
        - Where soft and hard differ, both with a colon between them.
      type: str
      sample: "1024"
    after:
      description: The value that the next login gets.
      type: str
      sample: "65536"
    at_boot:
      description:
        - The value that a login gets after the next boot. It differs from RV(items[].after) for unlimited C(nofile),
          which is C(fs.nr_open) then.
      type: str
      sample: "65536"
    at_boot_before:
      description: The value that a login would get after the next boot as things stand, without this call.
      type: str
    state:
      description:
        - One of V(ok), V(changed), V(absent), V(shadowed), V(pending) and V(kept), or V(refused) for a file.
        - V(absent) is an item that Linux or this C(pam_limits) ignores. V(pending) is a limit for a user or a group
          that does not exist yet. O(missing=fail) fails on both.
      type: str
      sample: changed
    why:
      description: The reason given with the limit.
      type: str
      sample: Traces of many calls keep many files open.
    reason:
      description: The explanation of the state, for example which file wins.
      type: str
      sample: /etc/security/limits.d/99-local.conf line 3 sets soft nofile 1024 for asterisk
pam:
  description:
    - Whether PAM applies limits, for each of login, sshd, su, sudo and cron. A warning names services without limits.
  returned: when the limits are valid
  type: list
  elements: dict
  contains:
    service:
      description: The service.
      type: str
      sample: sshd
    applies:
      description: Whether its session stack has C(pam_limits). Null if the host has no such service.
      type: bool
      sample: true
    where:
      description: The line with C(pam_limits).
      type: str
      sample: /etc/pam.d/sshd line 40
    reason:
      description: Why PAM does not apply limits.
      type: str
      sample: /etc/pam.d/cron has no session line with pam_limits.so
files:
  description: The files that the call has written, or in check mode would write, without its own record of originals.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
      sample: /etc/security/limits.d/90-siptune.conf
    change:
      description: One of V(created), V(rewritten) and V(removed).
      type: str
      sample: created
undone:
  description: The files that the call had changed and has restored, newest first.
  returned: when a limit or the file was refused
  type: list
  elements: str
  sample: [/etc/security/limits.d/90-voip.conf]
"""

from ansible_collections.siptune.linux.plugins.module_utils._engine import run
from ansible_collections.siptune.linux.plugins.module_utils._logins.module import LIMITS_FILE


def main() -> None:
    run.main(LIMITS_FILE)


if __name__ == "__main__":
    main()
