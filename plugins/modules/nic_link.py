#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nic_link
short_description: Set queues, steering, coalescing, pause frames, channels and link modes of network interfaces
version_added: 0.1.0
description:
  - Sets all options of network interfaces but their rings, now and at boot, on any number of interfaces, all or none.
  - Asks the driver itself, through the ethtool ioctl, and starts no process for it. Every value is read back, because
    some drivers accept a value and ignore it.
  - Pause frames, channels and speed take the link down for a moment. Unless O(disruptive) permits that, they are
    persisted for the next boot and reported as V(pending). The rest is set at once.
  - Persists settings for the next boots in C(.link) files of udev, which leave the interface its name, or in
    NetworkManager's profile. What these have no word for goes into C(/etc/udev/rules.d/90-siptune-queues.rules), which
    also has lines for the interfaces that a glob, a driver or V(*) will match later. An update of systemd that brings a
    word for it moves it into the C(.link) file with the next run.
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
      - For each interface, a dictionary of options. Each is a value, or a dictionary of C(value), C(rule), C(limit) and
        C(why). Null leaves an option alone.
      - An interface is given by its name, by a glob such as V(enp*), or by its driver as V(driver:ixgbe). Globs and
        drivers skip software interfaces, such as bridges and VLANs, and names that are not ASCII. For each option,
        a name beats the others, and V(*) alone is beaten by them. Two other globs or drivers that set one interface
        differently are an error.
      - V(txqueuelen), in packets. Only the queueing discipline C(pfifo_fast) uses it, and the item says so where
        another is in use.
      - V(rx_usecs), V(rx_frames), V(tx_usecs) and V(tx_frames), which delay interrupts, and V(adaptive_rx) and
        V(adaptive_tx), on or off.
      - V(pause_autoneg), V(pause_rx) and V(pause_tx), on or off. While V(pause_autoneg) is on, the other two read back
        the result of the negotiation with the link partner.
      - V(channels_rx), V(channels_tx), V(channels_other) and V(channels_combined), a number or V(max), which C(limit)
        caps.
      - V(rps_cpus), the CPUs that packets of all receive queues are steered to (RPS), as V(0-3), V(all) or V(none).
        Isolated CPUs are left out, as the kernel does; they alone are an error. V(auto) steers where there are fewer
        receive queues than CPUs, to those of the card's NUMA node that are neither isolated nor take its interrupts. It
        leaves alone what somebody else has chosen, and never makes a call fail. Where the interrupts could cover the
        CPUs that it has chosen, the next boot steers to all that are near. Of an interface that appears later the
        interrupts are not known either.
      - V(rps_flow_cnt), the flows in the table of each receive queue (RFS), which the kernel rounds up to a power of
        two. It has no effect without C(net.core.rps_sock_flow_entries), and the item says so; the network role sets
        both.
      - V(xps_cpus), the CPUs that send by all transmit queues (XPS), as a list, V(all) or V(none). V(auto) shares the
        CPUs out among the queues; an interface that appears later gets that with the next run.
      - V(udp_hash), which fields choose the receive queue of UDP (RSS), V(sd) for the addresses or V(sdfn) for
        addresses and ports, of IPv4 and IPv6. A run warns of V(sdfn) on a host that gets fragments. An error with
        C(hv_netvsc), where it concerns sending alone and costs fragments. The next boot has it by the program
        C(ethtool), where that is installed.
      - V(irq_cpus), the CPUs for the interrupts of the receive queues, one for each by turns. Interrupts that the
        kernel manages itself are V(readonly). irqbalance, where it runs, is told on its socket to leave these alone
        before the first one is set, and is not restarted. From its next start on it asks our script
        C(/etc/siptune/interrupts), by a drop-in for C(irqbalance.service) that adds C(--policyscript) to its line and
        leaves it the rest. A policy script of somebody else, a drop-in that comes after ours, and an irqbalance that no
        unit starts are named, and the item waits. At boot C(siptune-interrupts.service) runs the same script, which
        finds interrupts by their names, for two minutes after the start of the network. Cards that are not on a PCI bus
        have it until the next boot, and an interface that appears later gets it with the next run.
      - V(speed) in Mb/s and V(duplex), V(full) or V(half). Only this speed is then advertised. With V(autoneg) off it
        is forced, which is an error from 1000 Mb/s on twisted pair. V(autoneg) alone advertises everything.
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
        rps_cpus: auto

- name: Calls between two hosts over all queues of a card, and each queue with a CPU of its own to send from
  siptune.linux.nic_link:
    interfaces:
      "driver:igb": {udp_hash: sdfn, xps_cpus: auto}

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
    - The result for each option of each interface.
    - If a driver refused a change, only the refused item, because everything else is as it was before.
  returned: when the settings are valid
  type: list
  elements: dict
  contains:
    item:
      description: The interface and the option.
      type: str
      sample: eth0 rx_usecs
    wanted:
      description: The wanted value, null for an option that goes back to its original.
      type: str
      sample: at most 50
    before:
      description: The value before the call, null if the driver has no such option.
      type: str
      sample: "200"
    after:
      description: The value that was read back; in check mode, the prediction.
      type: str
      sample: "50"
    at_boot:
      description: The value that the next boot sets, null if nothing sets it.
      type: str
      sample: "50"
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
      sample: Voice must not wait for a batch.
    reason:
      description: The reason of the state, or a remark such as how the driver rounded the value.
      type: str
      sample: the running interface is left alone (when boot)
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
  sample: [eth0 rx_usecs]
"""

from ansible_collections.siptune.linux.plugins.module_utils._engine import run
from ansible_collections.siptune.linux.plugins.module_utils._nic.module import NIC_LINK


def main() -> None:
    run.main(NIC_LINK)


if __name__ == "__main__":
    main()
