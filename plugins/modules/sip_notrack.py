#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sip_notrack
short_description: Leave SIP and RTP out of the connection tracking
version_added: 0.1.0
description:
  - Exempts packets by their local port from the kernel's connection tracking, in a table of nftables of its own,
    C(inet siptune), at the priority C(raw), for IPv4 and IPv6. Those are packets to this host with such a destination
    port, and packets from it with such a source port. What a router passes on to others stays tracked.
  - Does so for TCP where it is asked to. Connections that a daemon opens from another port stay tracked, as do those
    within the host. The entries of running connections are deleted, as they would stay for five days. A later
    O(state=absent) tracks running connections from their middle on.
  - Each SIP peer and each RTP stream takes an entry of the connection tracking. When its table is full, the kernel
    drops packets of new calls. Daemons know their calls themselves.
  - Keeps the table over boots with a unit of its own, C(siptune-notrack.service), and over restarts and reloads of
    C(nftables.service), which flush all tables, with a drop-in for that. firewalld and ufw leave
    tables of others alone.
  - Is refused where calls would be cut off. Untracked packets belong to no connection, so a firewall that accepts
    C(ct state established) does not know them. The module reads the ruleset and names the rule.
  - Starts C(nft), and C(systemctl daemon-reload) when its units change. C(nft) checks the table before anything is
    changed, and the table is read back.
  - Records the original files in C(/var/lib/siptune/originals.json) before the first change, and restores them with
    O(state=absent), which deletes the table.
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.policy
  - siptune.linux.originals
options:
  ports:
    description:
      - The local UDP ports, numbers and ranges such as V(10000-20000), and the local TCP ports, such as V(5060/tcp).
      - Without any, the call has the effect of O(state=absent).
    type: list
    elements: str
    default: []
attributes:
  platform:
    support: full
    platforms: linux
    description: Linux with nftables.
notes:
  - Refused with any rule that translates addresses, beside Docker, CNI and the like, and beside tables of
    iptables-legacy, which nft does not show.
  - Refused where a chain lets in packets by C(ct state), and would drop untracked packets of these ports. An accept
    counts that comes before, names the ports and has no further conditions, or that names C(ct state untracked).
  - Refused where somebody else has a table C(inet siptune), in the kernel or in a file of nftables.
  - Without C(nft) the item is V(absent). In a container that shares the network of its machine it is V(readonly).
  - Refused with a virtual service of IPVS at one of the ports.
  - TCP is refused where running connections would be cut off on the way back. Those are new connections without a SYN
    to the firewall, which it has to let in by port before it drops any new ones. And with the sysctl
    C(net.netfilter.nf_conntrack_tcp_loose) at 0 they are invalid. Where that comes to be so later, the ports that are
    no longer wanted are V(pending), exempt until the next boot.
  - TCP is refused with C(synproxy), and with C(ct count), at one of the ports.
seealso:
  - name: nft(8)
    description: Tables, chains, and the statement notrack.
    link: https://man7.org/linux/man-pages/man8/nft.8.html
  - module: siptune.linux.sip_alg
"""

EXAMPLES = r"""
- name: Leave SIP and RTP out of the connection tracking
  siptune.linux.sip_notrack:
    ports: [5060, 10000-20000]

- name: Leave SIP over TCP and TLS out of it as well
  siptune.linux.sip_notrack:
    ports: [5060, 10000-20000, 5060-5061/tcp]

- name: Put back what was there before
  siptune.linux.sip_notrack:
    state: absent
"""

RETURN = r"""
items:
  description:
    - The ports as an item for each protocol, and each file of the module's own that is left to somebody else.
    - Empty where nothing is asked for, and nothing is there.
  returned: when the arguments are valid
  type: list
  elements: dict
  contains:
    item:
      description: C(untracked UDP ports), C(untracked TCP ports), or the path of a file.
      type: str
      sample: untracked UDP ports
    wanted:
      description: The ports, null for none.
      type: str
      sample: 5060, 10000-20000
    before:
      description: The ports that the table has exempt before the call, V(none) without the table.
      type: str
      sample: none
    after:
      description: The same after the call; in check mode, the prediction.
      type: str
      sample: 5060, 10000-20000
    at_boot:
      description: The ports that are exempt after the next boot. Null where that is not known.
      type: str
      sample: 5060, 10000-20000
    at_boot_before:
      description: The same as things stand, without the call.
      type: str
      sample: none
    state:
      description:
        - V(ok) or V(changed).
        - V(pending) where there is no systemd to load the table at boot, and in an image with a firewall that only the
          booted host shows. Also for TCP ports that stay exempt until a boot, as their connections would be cut off.
        - V(shadowed) where somebody else has a drop-in for the unit, which the reason names.
        - V(absent) without C(nft), V(readonly) where the network is not the container's own.
        - V(kept) for a table or a file that somebody else has edited, on the way back.
      type: str
      sample: changed
    why:
      description: What tracking costs calls.
      type: str
    reason:
      description: The reason of the state.
      type: str
files:
  description: The files that the call has written or removed, or in check mode would.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
      sample: /etc/siptune/notrack.nft
    change:
      description: One of V(created), V(rewritten) and V(removed).
      type: str
      sample: created
undone:
  description: The items and files that the call had changed and has restored, newest first.
  returned: when the host refused a change
  type: list
  elements: str
  sample: [untracked UDP ports]
"""

from ansible_collections.siptune.linux.plugins.module_utils._engine import run
from ansible_collections.siptune.linux.plugins.module_utils._notrack.module import SIP_NOTRACK


def main() -> None:
    run.main(SIP_NOTRACK)


if __name__ == "__main__":
    main()
