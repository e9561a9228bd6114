#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sip_alg
short_description: Name the kernel's SIP ALG, and keep it from loading
version_added: 0.1.0
description:
  - Says whether the kernel's SIP ALG is there, the connection tracking helper C(nf_conntrack_sip) and its part for
    NAT, C(nf_nat_sip). It rewrites the addresses in the Contact and the SDP of SIP messages that pass, and opens RTP
    ports by them. Daemons, phones and trunks do that themselves; with both there is one-way audio, and registrations
    are lost.
  - Looks at C(/proc/modules), at C(net.netfilter.nf_conntrack_helper), at the zones, policies and services in
    C(/etc/firewalld), and at the usual files of nftables and iptables. It changes none of these.
  - With O(block=true) it writes C(/etc/modprobe.d/90-siptune-sip-alg.conf), which keeps both modules from loading, by
    an alias, as rules of a firewall and C(modules-load.d) do, and by their own names.
  - Never unloads a module, as that would cut off what goes through it. What is loaded is V(pending) until a boot.
  - Records the original file in C(/var/lib/siptune/originals.json) before the first change, and restores it with
    O(state=absent).
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.policy
  - siptune.linux.originals
options:
  block:
    description:
      - Whether to keep the SIP ALG from loading. With V(false) the file is removed, and the ALG is named where it is
        there.
    type: bool
    default: false
attributes:
  platform:
    support: full
    platforms: linux
    description: Linux with kmod.
notes:
  - Refused where a file of a firewall assigns the helper, as its rules would not load at boot then.
  - An ALG that is built into the kernel, and one on the machine of a container, cannot be blocked. The item is
    V(readonly).
seealso:
  - name: modprobe.d(5)
    description: What keeps a module from loading.
    link: https://man7.org/linux/man-pages/man5/modprobe.d.5.html
"""

EXAMPLES = r"""
- name: Keep the SIP ALG from loading
  siptune.linux.sip_alg:
    block: true

- name: Put back what was there before
  siptune.linux.sip_alg:
    state: absent
"""

RETURN = r"""
items:
  description:
    - The SIP ALG, if it is there, or is or was to be blocked.
    - A file that is left to somebody else is an item, too.
  returned: always
  type: list
  elements: dict
  contains:
    item:
      description: C(SIP ALG), or the path of the file.
      type: str
      sample: SIP ALG
    wanted:
      description: V(blocked), or null.
      type: str
      sample: blocked
    before:
      description: V(loaded), V(built in), V(may load) or V(blocked).
      type: str
      sample: may load
    after:
      description: The same after the call; in check mode, the prediction.
      type: str
      sample: blocked
    at_boot:
      description: Whether it is V(blocked) after the next boot, or V(may load).
      type: str
      sample: blocked
    at_boot_before:
      description: The same as things stand, without the call.
      type: str
    state:
      description:
        - One of V(ok), V(changed), V(kept), V(readonly) and V(pending).
        - V(pending) is one that is loaded now. V(kept) is one that is there and that nobody asks to block.
      type: str
      sample: changed
    why:
      description: What it does to calls.
      type: str
    reason:
      description: What there is of it, and which flows it gets.
      type: str
      sample: nf_conntrack_sip is loaded
files:
  description: The file, if the call has written or removed it, or in check mode would.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
      sample: /etc/modprobe.d/90-siptune-sip-alg.conf
    change:
      description: One of V(created), V(rewritten) and V(removed).
      type: str
      sample: created
undone:
  description: The files that the call had changed and has restored, newest first.
  returned: when the host refused a change
  type: list
  elements: str
  sample: [/etc/modprobe.d/90-siptune-sip-alg.conf]
"""

from ansible_collections.siptune.linux.plugins.module_utils._alg.module import SIP_ALG
from ansible_collections.siptune.linux.plugins.module_utils._engine import run


def main() -> None:
    run.main(SIP_ALG)


if __name__ == "__main__":
    main()
