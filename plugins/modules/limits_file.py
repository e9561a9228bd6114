#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: limits_file
short_description: Own a whole file of limits for people's logins, without locking anyone out
version_added: 0.1.0
description:
  - Writes any number of limits into one file below C(/etc/security/limits.d), in one call, and owns the whole file.
  - These limits are applied by C(pam_limits) to sessions of people and of jobs, with their next login. Services that
    systemd starts do not get them; they have limits in their units.
  - Works out what a login will really get, with the precedence of C(pam_limits), and names the file and the line where
    another file wins.
  - Refuses what would lock people out, such as more open files than C(fs.nr_open) has now or after a boot, and what
    cannot work, such as a soft limit above the hard one.
  - Starts no process.
  - Remembers what the file was before the first change, in C(/var/lib/siptune/originals.json), and puts that back with
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
      - Files are read in the order of their names, after C(/etc/security/limits.conf). Of equally specific lines the
        last one wins. With V(90-) an administrator's V(99-) file keeps the last word, and is reported as shadowing.
    type: str
    required: true
  limits:
    description:
      - What is wanted. An empty list is like O(state=absent).
      - The lines are written from general to particular domains, so that the particular one wins.
    type: list
    elements: dict
    default: []
    suboptions:
      domain:
        description:
          - Whom the limit is for.
          - A user, V(asterisk); a group, V(@voip); uids, V(1000:), V(1000:2000) or V(:1000) for one; gids, V(@500:),
            V(@500:600) of the primary group, or V(@:500) for one of any group; everybody, V(*). For C(maxlogins) also
            V(%), V(%voip) and V(%:500), the logins of all or of a group together. Quote them.
          - On Debian and its kin lines of groups and of everybody pass over root; name V(root) to reach it. Elsewhere
            V(*) includes root.
        type: str
        required: true
      type:
        description:
          - V(soft), V(hard), or V(both), which is written as C(-).
          - C(priority), C(maxlogins), C(maxsyslogins) and C(nonewprivs) know no such difference and take either word.
        type: str
        required: true
      item:
        description:
          - In KB, V(core), V(data), V(fsize), V(memlock), V(stack), V(as) and V(rss), which has no effect.
          - In minutes, V(cpu). In microseconds, V(rttime). In bytes, V(msgqueue).
          - Numbers, V(nofile), V(nproc), V(sigpending), V(maxlogins), V(maxsyslogins), and V(locks), without effect.
          - Nice values from -20 to 19, V(nice), the lowest one that may be asked for, and V(priority), the one to start
            with. For V(nice), the lower value is the higher limit.
          - A realtime priority, V(rtprio).
          - V(nonewprivs), 1 or 0.
        type: str
        required: true
      value:
        description:
          - A plain whole number in the item's unit, or V(unlimited), V(infinity) or V(-1) for no limit.
          - C(nice), C(priority) and C(nonewprivs) take numbers only; for the first two V(-1) is a nice value.
          - V(max), for C(nofile), is the highest value that is safe here; the lowest of C(fs.nr_open) now, of
            C(fs.nr_open) after a boot, and of 524288, the hard limit that systemd gives to services. In a container
            that may not raise limits it is also the limit of the container, and for a soft limit alone the hard one.
        type: raw
        required: true
      why:
        description: Becomes the comment above the line.
        type: str
      hazard:
        description: Is shown as a warning as long as the line is in force.
        type: str
  state:
    description:
      - V(absent) removes the file, or puts back what it was. What somebody else has changed since is left alone and
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
    description: Shows the file before and after.
  platform:
    support: full
    platforms: linux
    description: Linux with PAM.
notes:
  - Sessions that are open keep their limits.
  - Refused in any case are C(nofile) above C(fs.nr_open), or without limit where this C(pam_limits) passes that on to
    the kernel; a limit of 0 for logins, files, processes, memory, file size or CPU time; C(nonewprivs) for everybody or
    for root; and, in a container without the capabilities, hard limits above the container's and negative priorities.
seealso:
  - name: limits.conf(5)
    description: The domains, items and precedence.
    link: https://man7.org/linux/man-pages/man5/limits.conf.5.html
  - name: pam_limits(8)
    description: The module that applies the limits.
    link: https://man7.org/linux/man-pages/man8/pam_limits.8.html
"""

EXAMPLES = r"""
- name: Room for the shells of the people who run the PBX
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

- name: A last word for everybody with an ordinary uid
  siptune.linux.limits_file:
    path: /etc/security/limits.d/90-people.conf
    limits:
      - {domain: "1000:", type: hard, item: nproc, value: 4096}
      - {domain: "*", type: hard, item: maxlogins, value: 20}
    shadowed: fail

- name: Put back what was there
  siptune.linux.limits_file:
    path: /etc/security/limits.d/90-voip.conf
    state: absent
"""

RETURN = r"""
items:
  description:
    - What became of each limit, and of each line that the file had and has no longer.
    - Of a call that failed because the host refused the file, only the file.
  returned: when the limits are valid
  type: list
  elements: dict
  contains:
    item:
      description: The limit as a person would name it.
      type: str
      sample: asterisk soft nofile
    wanted:
      description: What was asked for, null for a line that is no longer wanted.
      type: str
      sample: "65536"
    before:
      description:
        - What the domain's logins got from all files before the call, in the unit of the item. Null if no line sets it.
        - Where soft and hard differ, both with a colon between them.
      type: str
      sample: "1024"
    after:
      description: What the next login gets.
      type: str
      sample: "65536"
    at_boot:
      description: What a login gets after the next boot. It differs for C(nofile) without limit, as that is fs.nr_open.
      type: str
      sample: "65536"
    state:
      description:
        - One of V(ok), V(changed), V(absent), V(shadowed), V(pending) and V(kept), or V(refused) for a file.
        - V(absent) is an item that Linux or this C(pam_limits) ignores, V(pending) a line for a user or a group that is
          not there yet.
      type: str
      sample: changed
    why:
      description: The reason given with the limit.
      type: str
      sample: Traces of many calls keep many files open.
    reason:
      description: What explains the state, for example which file wins.
      type: str
      sample: /etc/security/limits.d/99-local.conf line 3 sets soft nofile 1024 for asterisk
pam:
  description:
    - Whether PAM applies limits at all, for each of login, sshd, su, sudo and cron. What does not is also a warning.
  returned: when the limits are valid
  type: list
  elements: dict
  contains:
    service:
      description: The service.
      type: str
      sample: sshd
    applies:
      description: Whether its session stack has C(pam_limits). Null if there is no such service.
      type: bool
      sample: true
    where:
      description: The line that does it.
      type: str
      sample: /etc/pam.d/sshd line 40
    reason:
      description: Why not.
      type: str
      sample: /etc/pam.d/cron has no pam_limits.so among its session lines
undone:
  description: What the call had changed already and has put back, newest first.
  returned: when the host refused the change
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
