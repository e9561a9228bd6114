#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nic_ring
short_description: Size the rings of network interfaces, now and at boot, in one call
version_added: 0.1.0
description:
  - Sets the sizes of receive and transmit rings of any number of network interfaces, all of them or none.
  - Asks the driver itself, through the ethtool ioctl, and starts no process for it. Every size is read back.
  - Drivers round. A size that the driver has rounded counts as met, so that a second run changes nothing.
  - Most drivers take the link down for a moment when a ring changes. Unless O(disruptive) permits that, the size is
    persisted for the next boot and reported as V(pending).
  - Persists settings for the next boots in C(.link) files of udev, which leave the interface its name, or in
    NetworkManager's profile.
  - Records original values in C(/var/lib/siptune/originals.json). An interface or option that a later call does not
    name goes back to its original, and O(state=absent) puts everything back. So give all interfaces of a host in one
    call.
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.policy
  - siptune.linux.when
  - siptune.linux.originals
  - siptune.linux.nic
options:
  interfaces:
    description:
      - For each interface, a dictionary of V(rx), V(tx), V(rx_mini) and V(rx_jumbo). Each is a size in descriptors or
        V(max), or a dictionary of C(value), C(rule), C(limit) and C(why).
      - An interface is given by its name, by a glob such as V(enp*), or by its driver as V(driver:ixgbe). Globs and
        drivers skip software interfaces, such as bridges and VLANs, and names that are not ASCII. For each option,
        a name beats the others, and V(*) alone is beaten by them. Two other globs or drivers that set one interface
        differently are an error.
      - C(rule) is V(exact) (the default), V(at_least) or V(at_most). A ring that meets its floor without us is left
        alone, and nothing is persisted for it.
      - V(max) is the hardware's maximum, and C(limit) caps it. A number above the maximum is an error.
      - Null leaves an option alone.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Room for bursts on all cards, without touching a link that is up
  siptune.linux.nic_ring:
    interfaces:
      "*":
        rx: {value: max, limit: 4096, rule: at_least, why: A burst waits in the ring instead of being dropped.}

- name: In a maintenance window
  siptune.linux.nic_ring:
    interfaces:
      eth0: {rx: max, tx: 1024}
      "driver:ixgbe":
        rx: {value: 2048, rule: at_least}
    disruptive: true

- name: Put the rings back
  siptune.linux.nic_ring:
    state: absent
"""

RETURN = r"""
items:
  description:
    - The result for each option of each interface.
    - If a driver refused a change, only the refused item, because everything else is as it was before.
  returned: when the settings are valid
  type: list
  elements: dict
  contains:
    item:
      description: The interface and the option.
      type: str
      sample: eth0 rx
    wanted:
      description: The wanted value, null for an option that goes back to its original.
      type: str
      sample: at least max (limit 4096)
    before:
      description: The value before the call, null if the driver has no such option.
      type: str
      sample: "256"
    after:
      description: The value that was read back; in check mode, the prediction.
      type: str
      sample: "4096"
    at_boot:
      description: The value that the next boot sets, null if nothing sets it.
      type: str
      sample: "4096"
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
      sample: A burst waits in the ring instead of being dropped.
    reason:
      description: The reason of the state, or a remark such as how the driver rounded the value.
      type: str
      sample: requested 511; the driver set 512
files:
  description: The files that the call has written, or in check mode would write, without its own record of originals.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
      sample: /etc/systemd/network/00-siptune-eth0.link
    change:
      description: One of V(created), V(rewritten) and V(removed).
      type: str
      sample: created
undone:
  description: The items that the call had changed already and has put back, newest first.
  returned: when an item made the call fail
  type: list
  elements: str
  sample: [eth0 rx]
"""

from ansible_collections.siptune.linux.plugins.module_utils._engine import run
from ansible_collections.siptune.linux.plugins.module_utils._nic.module import NIC_RING


def main() -> None:
    run.main(NIC_RING)


if __name__ == "__main__":
    main()
