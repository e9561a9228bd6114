#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_facts
short_description: Gather the facts that sizing a SIP host needs, in one round trip
version_added: 0.1.0
description:
  - Reads memory, processors, swap, network interfaces with their rings, routes, and the SIP daemons of a host, and sets
    them as the fact C(siptune_host).
  - Changes nothing, and starts no process but one C(systemctl show) where a SIP daemon has a unit.
  - A fact that cannot be read is null, never a guess, and never an error.
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.info
attributes:
  facts:
    support: full
    description: Returns an C(ansible_facts) dictionary.
notes:
  - Works for an ordinary user. Root sees more, for example the environment of processes through which the control
    connection is found after C(become), and all processes where C(/proc) is mounted with C(hidepid).
  - Its own work takes 10 to 20 milliseconds on an idle host, plus that of C(systemctl) where a SIP daemon has a unit.
seealso:
  - module: siptune.linux.sysctl_bulk
"""

EXAMPLES = r"""
- name: Gather the facts of the host
  siptune.linux.host_facts:

- name: Show the running SIP daemons and their users
  ansible.builtin.debug:
    msg: "{{ item.unit or item.name }} runs as {{ item.user }}"
  loop: "{{ ansible_facts.siptune_host.sip_daemons | selectattr('running') }}"

- name: Show the rings of the network cards
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.ring.rx }} of {{ item.ring_max.rx }} descriptors"
  loop: "{{ ansible_facts.siptune_host.interfaces | rejectattr('virtual') | selectattr('ring') }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
ansible_facts:
  description: The facts, as one variable.
  returned: always
  type: dict
  contains:
    siptune_host:
      description: What sizing needs to know of the host.
      returned: always
      type: dict
      contains:
        memory_bytes:
          description: Memory the kernel has to give, C(MemTotal). In a container that of the machine.
          type: int
          sample: 8329310208
        page_size:
          description: Bytes in a memory page, the unit of C(net.ipv4.udp_mem) and its like.
          type: int
          sample: 4096
        processors:
          description: CPUs that are online.
          type: int
          sample: 8
        nr_open:
          description: The most files that a process may be allowed to have open, C(fs.nr_open).
          type: int
          sample: 1048576
        udp_mem_pages:
          description:
            - The limits of the memory of all UDP sockets together, in pages, C(net.ipv4.udp_mem).
            - Null in a network namespace other than the first one, which does not show them.
          type: list
          elements: int
          sample: [188082, 250779, 376164]
        kernel:
          description: Release of the running kernel.
          type: str
          sample: 6.1.0-28-amd64
        systemd:
          description: Version of the installed systemd, null if there is none.
          type: int
          sample: 252
        systemd_running:
          description: Whether systemd runs the host. Not so in most containers.
          type: bool
          sample: true
        virtualization:
          description: The kind of machine, virtual machine or container.
          type: dict
          contains:
            kind:
              description:
                - V(container), V(vm) or V(metal).
                - A file that a container engine left behind does not make a container of a system that lives in the
                  namespaces its kernel booted with.
              type: str
              sample: vm
            technology:
              description: For example V(podman), V(docker), V(lxc), V(kvm), V(vmware). Null if unknown.
              type: str
              sample: kvm
        child_network_namespace:
          description: Whether this is another network namespace than the kernel's first one, which lacks many keys.
          type: bool
          sample: false
        forwarding:
          description: Whether the host routes IPv4, C(net.ipv4.ip_forward).
          type: bool
          sample: false
        swap:
          description: The swap in use, an empty list if there is none.
          type: list
          elements: dict
          contains:
            device:
              description: The device or file.
              type: str
              sample: /dev/sda2
            kind:
              description: V(disk), V(file), V(zram) or V(other).
              type: str
              sample: disk
            bytes:
              description: Its size.
              type: int
              sample: 1023406080
        interfaces:
          description: The network interfaces, C(lo) included, sorted by name.
          type: list
          elements: dict
          contains:
            name:
              description: The interface's name.
              type: str
              sample: eth0
            driver:
              description: The driver, as it names itself.
              type: str
              sample: igb
            virtual:
              description: Whether no device stands behind it, as with bridges, VLANs and C(lo).
              type: bool
              sample: false
            up:
              description: Whether it was set up by the administrator. It may still lack a link.
              type: bool
              sample: true
            mac:
              description: Its Ethernet address.
              type: str
              sample: "02:00:00:00:00:01"
            speed_mbps:
              description: Speed of the link. Null where the driver knows none, as virtual ones often do.
              type: int
              sample: 1000
            addresses:
              description: Its own IPv4 and IPv6 addresses with their prefix lengths.
              type: list
              elements: str
              sample: ["192.0.2.1/24", "fe80::1/64"]
            rps:
              description:
                - Whether received packets are steered to other CPUs, C(rps_cpus). Null for interfaces that C(/sys) does
                  not show for certain, among them C(lo).
              type: bool
              sample: false
            ring:
              description: Descriptors in each of its rings. Null for interfaces without rings.
              type: dict
              contains: &rings
                rx:
                  description: Receive ring.
                  type: int
                  sample: 256
                rx_mini:
                  description: Receive ring for small frames, 0 where there is none.
                  type: int
                  sample: 0
                rx_jumbo:
                  description: Receive ring for large frames, 0 where there is none.
                  type: int
                  sample: 0
                tx:
                  description: Transmit ring.
                  type: int
                  sample: 256
            ring_max:
              description: The most descriptors that the driver can give each ring.
              type: dict
              contains: *rings
        default_routes:
          description:
            - The interfaces that default routes lead out of, in any routing table and with every hop of a multipath
              route. Routes that reject do not count.
          type: dict
          contains:
            ipv4:
              description: Names of interfaces, sorted.
              type: list
              elements: str
              sample: [eth0]
            ipv6:
              description: Names of interfaces, sorted.
              type: list
              elements: str
              sample: []
        control_connection:
          description: This host's end of the ssh connection that runs the module. All null if none is found.
          type: dict
          contains:
            family:
              description: V(ipv4) or V(ipv6). An IPv4-mapped address is IPv4.
              type: str
              sample: ipv4
            address:
              description: The address that the connection came in to.
              type: str
              sample: 192.0.2.1
        ipv6_listeners:
          description:
            - Sockets that listen on a specific global IPv6 address, the first 100 by port. Those bound to any address,
              to C(::1) or to a link-local address are not among them.
          type: list
          elements: str
          sample: ["[2001:db8::1]:5060/udp"]
        sip_daemons:
          description:
            - The SIP daemons of the host, one entry for each unit and each one that runs without a unit.
            - A process counts if the system has started it, or root, as M(siptune.linux.sip_calls_info) describes.
          type: list
          elements: dict
          contains:
            name:
              description:
                - V(asterisk), V(drachtio), V(freeswitch), V(kamailio), V(opensips), V(rtpengine) or
                  V(rtpengine-recording).
              type: str
              sample: kamailio
            unit:
              description:
                - Its unit, by the unit's own name and not by an alias. Of a daemon that runs it is the service in whose
                  control group it is, such as C(freepbx.service). Null for a daemon without one.
              type: str
              sample: kamailio.service
            installed:
              description: Always true, as what is not installed is not listed.
              type: bool
              sample: true
            running:
              description: Whether it runs now.
              type: bool
              sample: true
            main_pid:
              description: Its main process.
              type: int
              sample: 812
            user:
              description:
                - The account that the main process runs under. Null for one in a container, whose accounts are not this
                  host's.
              type: str
              sample: kamailio
            no_unit:
              description:
                - Why a daemon that runs has no unit that could give it limits, such as one in a container or one that
                  cron has started. Empty for all others.
              type: str
              sample: ""
        rtpengine:
          description:
            - Whether the kernel forwards media for each rtpengine that runs, and whether it would after a boot of the
              newest kernel. Empty on other hosts.
          type: list
          elements: dict
          contains:
            unit:
              description: The unit that it runs under, null if it has none.
              type: str
              sample: rtpengine-daemon.service
            pid:
              description: Its main process.
              type: int
              sample: 812
            table:
              description:
                - The forwarding table that its command line or its configuration names, C(table). Below 0 for none, so
                  that all packets go through the daemon. Null if it is not known.
              type: int
              sample: 0
            table_reason:
              description: Why RV(ansible_facts.siptune_host.rtpengine[].table) is null.
              type: str
              sample: its configuration is in a container
            no_fallback:
              description: Whether it does not start without the kernel's help, C(no-fallback).
              type: bool
              sample: false
            module:
              description:
                - The kernel module that is loaded or on the disk, C(nft_rtpengine) or, before rtpengine 14.1,
                  C(xt_RTPENGINE). Null if there is none.
              type: str
              sample: xt_RTPENGINE
            loaded:
              description: Whether the module is loaded.
              type: bool
              sample: true
            in_use:
              description: Whether a daemon has the table open. Null without a table.
              type: bool
              sample: true
            rule:
              description:
                - Whether a firewall rule hands packets to the module, by the module's references. C(false) is certain;
                  streams that are being recorded may look like a rule. Null if it is not known.
              type: bool
              sample: true
            kernel:
              description: Release of the running kernel.
              type: str
              sample: 6.1.0-44-amd64
            kernel_has_module:
              description: Whether C(modules.dep) of the running kernel has the module. Null in a container.
              type: bool
              sample: true
            newest_kernel:
              description: Release of the newest kernel that is installed. Null in a container, or where none is found.
              type: str
              sample: 6.1.0-45-amd64
            newest_has_module:
              description: Whether C(modules.dep) of that kernel has the module.
              type: bool
              sample: false
        tuners:
          description: Who else sets kernel parameters.
          type: dict
          contains:
            tuned:
              description: TuneD.
              type: dict
              contains:
                active:
                  description: Whether it runs.
                  type: bool
                  sample: true
                enabled:
                  description: Whether it is started at boot.
                  type: bool
                  sample: true
                profile:
                  description: The profile it is set to, also while it does not run.
                  type: str
                  sample: network-latency
                reapply_sysctl:
                  description: Whether it reads C(sysctl.d) again after it has applied its profile.
                  type: bool
                  sample: true
                sysctl:
                  description:
                    - The settings of its profile and of all profiles that it includes. Empty unless it runs or starts
                      at boot.
                  type: list
                  elements: dict
                  contains:
                    key:
                      description: The kernel parameter.
                      type: str
                      sample: net.core.busy_read
                    value:
                      description: Its value.
                      type: str
                      sample: "50"
                    rule:
                      description: V(exact), V(at_least) or V(at_most).
                      type: str
                      sample: exact
                    file:
                      description: The file of the profile that sets it.
                      type: str
                      sample: /usr/lib/tuned/network-latency/tuned.conf
                unknown:
                  description: The settings that the files of its profile do not show.
                  type: list
                  elements: str
                  sample: []
            bpftune:
              description: Oracle's bpftune.
              type: dict
              contains:
                active:
                  description: Whether it runs.
                  type: bool
                  sample: false
                enabled:
                  description: Whether it is started at boot.
                  type: bool
                  sample: false
            sysctl_files:
              description:
                - The files of others that set kernel parameters, in the order they are read. After those of C(sysctl.d)
                  come those of an enabled C(ufw), of C(systemd-networkd), and scripts that call C(sysctl), such as
                  C(/etc/rc.local).
              type: list
              elements: dict
              contains:
                file:
                  description: Its path.
                  type: str
                  sample: /etc/sysctl.d/99-local.conf
                managed_by:
                  description: The tool that seems to write it or reads it, by its comments or its name. Null for none.
                  type: str
                  sample: Puppet
                at_boot:
                  description: Whether a boot reads it. Else TuneD does, as it reads C(/etc/sysctl.conf) last.
                  type: bool
                  sample: true
                sysctl:
                  description: Its settings, the first 200 lines of them.
                  type: list
                  elements: dict
                  contains:
                    key:
                      description: The kernel parameter, or a glob of them.
                      type: str
                      sample: net.core.somaxconn
                    value:
                      description: Its value. Null for one that it only excludes from globs.
                      type: str
                      sample: "1024"
                    line:
                      description: The line's number.
                      type: int
                      sample: 3
"""

from ansible_collections.siptune.linux.plugins.module_utils._engine.module import Module
from ansible_collections.siptune.linux.plugins.module_utils._facts.gather import gather
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host


def main() -> None:
    module = Module(argument_spec={}, supports_check_mode=True)
    module.exit_json(changed=False, ansible_facts={"siptune_host": gather(Host())})


if __name__ == "__main__":
    main()
