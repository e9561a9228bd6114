#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nic_link
short_description: Set queues, coalescing, pause frames, channels and link modes of network interfaces
version_added: 0.1.0
description:
  - Sets what network interfaces have beside their rings, now and at boot, of any number of them, all or none.
  - Asks the driver itself, through the ethtool ioctl, and starts no process for it. What was set is read back, as some
    drivers take a value without complaint and do nothing.
  - Pause frames, channels and speed take the link down for a moment. Unless O(disruptive) allows that, they are
    written down for the boots to come and reported as V(pending). The rest is set at once.
  - Keeps settings for the boots to come in C(.link) files of udev, which give the interface the name it has, or in
    NetworkManager's profile.
  - Remembers what it found in C(/var/lib/siptune/originals.json). An interface or option that a later call does not
    name goes back to that, and O(state=absent) puts everything back. So give all interfaces of a host in one call.
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
      - What is wanted, as V(interface) with a dictionary of options. Each has a value, or a dictionary of C(value),
        C(rule), C(limit) and C(why). Null leaves an option alone.
      - Interfaces are named outright, by a glob such as V(enp*), or by their driver as V(driver:ixgbe). Globs and
        drivers pass over what is made of software, such as bridges and VLANs. Option by option, a name beats the
        others, and V(*) alone is beaten by them. Two other globs or drivers that want different things of one
        interface are an error.
      - V(txqueuelen), in packets. Only the queueing discipline C(pfifo_fast) uses it, and where another is in use the
        item says so.
      - V(rx_usecs), V(rx_frames), V(tx_usecs) and V(tx_frames), by which interrupts are put off, and V(adaptive_rx)
        and V(adaptive_tx), which are on or off.
      - V(pause_autoneg), V(pause_rx) and V(pause_tx), on or off. While they are negotiated, what is read back is what
        came of it with the other side.
      - V(channels_rx), V(channels_tx), V(channels_other) and V(channels_combined), a number or V(max), of which
        C(limit) is the most.
      - V(rps_cpus), the CPUs that packets of all receive queues are steered to, as V(0-3), V(all) or V(none).
      - V(speed) in Mb/s and V(duplex), V(full) or V(half). Only this speed is then advertised. With V(autoneg) off it
        is forced, which is refused from 1000 Mb/s on twisted pair. V(autoneg) alone advertises everything.
      - C(rule) is V(exact) (the default), or for numbers V(at_least) or V(at_most). An option that meets its bound
        without us is left alone, and nothing is persisted for it.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Short interrupt delays, and receive steering where a card has one queue
  siptune.linux.nic_link:
    interfaces:
      eth0:
        adaptive_rx: false
        rx_usecs: {value: 50, rule: at_most, why: Voice must not wait for a batch.}
        rps_cpus: 0-3

- name: In a maintenance window, a speed by advertising nothing else
  siptune.linux.nic_link:
    interfaces:
      eth1: {speed: 1000, duplex: full}
      "driver:igb":
        channels_combined: max
    disruptive: true

- name: Put everything back but the rings
  siptune.linux.nic_link:
    state: absent
"""

RETURN = r"""
items:
  description:
    - What became of each option of each interface.
    - Of a call that failed because a driver refused a change, only the refused item, as nothing else has changed.
  returned: when the settings are valid
  type: list
  elements: dict
  contains:
    item:
      description: The interface and the option.
      type: str
      sample: eth0 rx_usecs
    wanted:
      description: What was asked for, null for an option that goes back to its original.
      type: str
      sample: at most 50
    before:
      description: What was in force before the call, null if the driver has no such option.
      type: str
      sample: "200"
    after:
      description: What was read back; in check mode, the prediction.
      type: str
      sample: "50"
    at_boot:
      description: What the next boot will set, null if nothing sets it.
      type: str
      sample: "50"
    state:
      description: One of V(ok), V(changed), V(kept), V(absent), V(readonly), V(shadowed), V(pending) and V(refused).
      type: str
      sample: changed
    why:
      description: The reason given with the setting.
      type: str
      sample: Voice must not wait for a batch.
    reason:
      description: What explains the state, or what the driver makes of the value.
      type: str
      sample: the running interface is left alone (when boot)
undone:
  description: What the call had changed already and has put back, newest first.
  returned: when a driver refused a change
  type: list
  elements: str
  sample: [eth0 rx_usecs]
"""

from ansible_collections.siptune.linux.plugins.module_utils._engine import run
from ansible_collections.siptune.linux.plugins.module_utils._nic.module import NIC_LINK


def main() -> None:
    run.main(NIC_LINK)


if __name__ == "__main__":
    main()
