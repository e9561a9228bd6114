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
options:
  boot_only:
    description:
      - Whether the host is an image, such as a chroot. Then only its files are read. What they do not say is null, and
        nothing is the kernel's, the processes' or the interfaces' of the machine that builds it.
    type: bool
    default: false
  machine:
    description:
      - With O(boot_only), what is known of the machine that will boot the image, as C(siptune_machine) of the roles.
    type: dict
    default: {}
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
            rx_queues:
              description: Its receive queues in use. Null for interfaces that C(/sys) does not show for certain.
              type: int
              sample: 4
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
        packet_path:
          description:
            - The processors that there are for the packets of each network card. Lists of processors are those of the
              kernel, such as C(0-3,8), empty for none and null where they are unknown.
          type: dict
          contains:
            online:
              description: The processors that are online.
              type: str
              sample: 0-7
            isolated:
              description: Those that C(isolcpus) or an isolated partition of cgroups keeps free of other work.
              type: str
              sample: 2-3
            nohz_full:
              description: Those that C(nohz_full) keeps free of the timer.
              type: str
              sample: ""
            cards:
              description: The network cards that are up. Interfaces of software are not among them.
              type: list
              elements: dict
              contains:
                interface:
                  description: The name of its interface.
                  type: str
                  sample: eth0
                driver:
                  description: The kernel's driver.
                  type: str
                  sample: igb
                rx_queues:
                  description: How many receive queues are in use.
                  type: int
                  sample: 2
                numa_node:
                  description: The NUMA node that it is connected to. Null where it has none.
                  type: int
                  sample: 0
                node_processors:
                  description: The online processors of that node, all where it has none.
                  type: str
                  sample: 0-7
                interrupt_processors:
                  description:
                    - The processors that take the interrupts of its receive queues.
                    - Looked for only where it has fewer receive queues than there are processors, null elsewhere.
                  type: str
                  sample: 0,4
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
        strict_reverse_path:
          description:
            - Whether C(rp_filter) is 1 (strict) for all interfaces, or for one that an IPv4 default route leads out of.
          type: bool
          sample: false
        container_network:
          description:
            - The signs that a network of containers (CNI) sets up interfaces here, an empty list without any. They are
              an interface such as C(cali0), a configuration in C(/etc/cni/net.d), and kube-proxy as root.
            - A C(/etc/cni/net.d) that cannot be read counts as a sign.
          type: list
          elements: str
          sample: ["the interface cilium_host", "/etc/cni/net.d/05-cilium.conflist"]
        sip_alg:
          description:
            - What there is of the kernel's SIP ALG, the connection tracking helper C(nf_conntrack_sip), which rewrites
              addresses in SIP messages.
          type: dict
          contains:
            modules:
              description: Those of C(nf_conntrack_sip) and C(nf_nat_sip) that are loaded.
              type: list
              elements: str
              sample: [nf_conntrack_sip, nf_nat_sip]
            built_in:
              description: Whether it is built into the kernel.
              type: bool
              sample: false
            automatic:
              description:
                - Whether the kernel hands it every flow of port 5060, C(net.netfilter.nf_conntrack_helper). Null where
                  the kernel does not have that any more, or does not track connections.
              type: bool
              sample: true
            used_by:
              description:
                - Files of firewalld, nftables and iptables that assign it. Those of firewalld are zones and policies
                  that let in the service C(sip), or another service with the helper.
              type: list
              elements: str
              sample: [/etc/firewalld/zones/public.xml]
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
                  control group it is, such as C(freepbx.service), and for one in the container of a quadlet the service
                  that podman has made of the quadlet. Null for a daemon without one.
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
                - Why a daemon that runs has no unit that could give it limits, such as one in a container without a
                  unit or one that cron has started. Empty for all others.
              type: str
              sample: ""
            rtp_ports:
              description:
                - The ranges of the ports that it carries media on, as its command line and its configuration say, with
                  all that this includes, or its defaults. Empty for a daemon without media.
                - The configuration of a daemon in a container is not read.
              type: list
              elements: str
              sample: ["30000-40000"]
            sip_ports:
              description:
                - The other UDP and TCP ports on which it listens now, for SIP or to be controlled, 64 at most.
                - Null where it does not run, or its sockets are hidden from us, as those of a container are.
              type: list
              elements: int
              sample: [5060, 5061]
            udp_ports:
              description:
                - Those of them that are UDP, and that others can reach, not bound to the loopback.
                - Null where V(sip_ports) is.
              type: list
              elements: int
              sample: [5060]
            tcp_ports:
              description: The same of TCP.
              type: list
              elements: int
              sample: [5060, 5061]
            ceilings:
              description:
                - What bounds it by its own configuration, however high the limits of its unit are.
                - Of Kamailio and OpenSIPS C(tcp_max_connections), the backlog of TCP, the numbers of processes and
                  C(open_files_limit), of FreeSWITCH C(max-sessions) and C(sessions-per-second), of Asterisk C(maxcalls)
                  and C(maxfiles).
              type: list
              elements: dict
              contains:
                name:
                  description: The parameter.
                  type: str
                  sample: tcp_max_connections
                value:
                  description: Its value. Null where there is no such bound, or it is unknown.
                  type: int
                  sample: 2048
                set_by:
                  description:
                    - The file that sets it, with the line, or V(command line), or V(default) for what current versions
                      have.
                    - V(unknown), and why, where the configuration does not say.
                  type: str
                  sample: default
            notes:
              description:
                - What of its configuration cannot be used, such as a range that ends before it begins, with what is
                  taken in its place, and the media ports that another daemon takes, too.
              type: list
              elements: str
              sample: []
        sip_daemons_of_users:
          description:
            - The processes of a daemon's name that a user has started, such as in a session or in a container of his
              own, 3 of each daemon at most. They are no daemons of the host, and are left alone.
          type: list
          elements: dict
          contains:
            name:
              description: The daemon.
              type: str
              sample: asterisk
            pid:
              description: The process.
              type: int
              sample: 4711
            user:
              description: The user's name, or his number where he has none.
              type: str
              sample: alice
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
                  description: The settings that the files of its profile do not show, and files that cannot be parsed.
                  type: list
                  elements: str
                  sample: []
                not_reapplied:
                  description:
                    - The kernel parameters that its profile decides, although C(sysctl.d) is read again.
                    - They match C(reapply_sysctl_exclude) in C(tuned-main.conf), which TuneD 2.27 and later have. That
                      of an older one is empty. Where the version of TuneD is not known, C(unknown) says so.
                  type: list
                  elements: str
                  sample: [net.ipv4.conf.all.rp_filter]
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

from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._engine.module import Module
from ansible_collections.siptune.linux.plugins.module_utils._facts.gather import gather
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host

ARGUMENTS = {"boot_only": {"type": "bool", "default": False}, "machine": {"type": "dict", "default": {}}}


def main() -> None:
    module = Module(argument_spec=ARGUMENTS, supports_check_mode=True)
    facts = _of_image(module) if module.params["boot_only"] else gather(Host())
    module.exit_json(changed=False, ansible_facts={"siptune_host": facts})


def _of_image(module: Module) -> dict[str, Any]:
    # Imported here, as only a run for an image needs it, and each run on a host compiles what it imports.
    from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
    from ansible_collections.siptune.linux.plugins.module_utils._host.image import Image
    from ansible_collections.siptune.linux.plugins.module_utils._layers.image import parse_machine

    try:
        return {**gather(Image()), **parse_machine(module.params["machine"])}
    except TuningError as error:
        module.fail_json(msg=f"{error}.")
        raise SystemExit(1) from error  # not reached: fail_json has ended the module


if __name__ == "__main__":
    main()
