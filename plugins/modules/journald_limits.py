#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: journald_limits
short_description: Bound the journal, so that messages leave the disk to calls
version_added: 0.1.0
description:
  - Writes the most that the journal may use on its disk into C(/etc/systemd/journald.conf.d/90-siptune.conf), and owns
    the whole file.
  - Reads C(journald.conf) and all of its drop-ins with the precedence of systemd. Where a drop-in of a later name wins,
    the item names the file and the line.
  - Never restarts C(systemd-journald), and removes no message. The item is V(pending) until C(systemd-journald) is
    restarted, which loses no message, or until the next boot.
  - Starts no process.
  - Records the original file in C(/var/lib/siptune/originals.json) before the first change, and restores it with
    O(state=absent).
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.policy
  - siptune.linux.originals
options:
  max_use:
    description:
      - The size, such as V(1G), V(512M) or V(1.5G), C(SystemMaxUse) in C(journald.conf). Units go by 1024.
      - From V(16M). Without it, the call has the effect of O(state=absent).
    type: str
  why:
    description: The reason, which is written above the line.
    type: str
attributes:
  platform:
    support: full
    platforms: linux
    description: Linux with systemd.
notes:
  - Without it, a journal is bounded by 10 % of its file system, at most 4 GiB, and leaves 15 % of that free.
  - The journals of namespaces have files of their own.
seealso:
  - name: journald.conf(5)
    description: The settings of systemd-journald, and the order of its files.
    link: https://man7.org/linux/man-pages/man5/journald.conf.5.html
"""

EXAMPLES = r"""
- name: Let the journal use 1 GiB at most
  siptune.linux.journald_limits:
    max_use: 1G

- name: Put back what was there before
  siptune.linux.journald_limits:
    state: absent
"""

RETURN = r"""
items:
  description:
    - The size as an item, or the file if it is left alone, because somebody else has edited it.
    - Empty where there is nothing of ours, and nothing is asked for.
  returned: when the arguments are valid
  type: list
  elements: dict
  contains:
    item:
      description: The setting, or the path of the file.
      type: str
      sample: journald SystemMaxUse
    wanted:
      description: The wanted size, null for one that is no longer wanted.
      type: str
      sample: 1G
    before:
      description: The size that the files have set before the call, null if none of them sets it.
      type: str
      sample: 4G
    after:
      description: The size that journald has once the call is done, by its files; in check mode, the predicted one.
      type: str
      sample: 4G
    at_boot:
      description: The size from the next boot on.
      type: str
      sample: 1G
    at_boot_before:
      description: The size that the next boot would have set as things stand, without this call.
      type: str
      sample: 4G
    state:
      description:
        - V(ok), V(changed), or V(pending) until journald starts again.
        - V(shadowed) where another file wins, which the reason names.
        - V(absent) on a host without C(systemd-journald), where nothing is written.
        - V(kept) for a file that somebody else has edited.
        - V(refused) if the host refused the file.
      type: str
      sample: pending
    why:
      description: The reason given with the size.
      type: str
      sample: The disk is for recordings.
    reason:
      description: The reason of the state.
      type: str
      sample: in force once systemd-journald is restarted, or with the next boot
files:
  description: The files that the call has written, or in check mode would write, without its own record of originals.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
      sample: /etc/systemd/journald.conf.d/90-siptune.conf
    change:
      description: One of V(created), V(rewritten) and V(removed).
      type: str
      sample: created
undone:
  description: The files that the call had changed and has restored, newest first.
  returned: when the file was refused
  type: list
  elements: str
  sample: [/etc/systemd/journald.conf.d/90-siptune.conf]
"""

from ansible_collections.siptune.linux.plugins.module_utils._engine import run
from ansible_collections.siptune.linux.plugins.module_utils._journald.module import JOURNALD_LIMITS


def main() -> None:
    run.main(JOURNALD_LIMITS)


if __name__ == "__main__":
    main()
