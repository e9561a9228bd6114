#!/usr/bin/python
# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sip_counters_info
short_description: Read the counters that show whether a SIP host needs tuning, or whether tuning has helped
version_added: 0.1.0
description:
  - Reads how many datagrams, packets, connections and fragments the kernel has lost or refused, and how near the SIP
    daemons and connection tracking are to their limits, in one round trip.
  - With O(seconds) it reads twice and returns the difference. Without, it returns the counts since the host's boot; in
    a container with a network namespace of its own, since the container's start.
  - Asks a running rtpengine how many packets the kernel relays for it, and looks for its kernel module.
  - Changes nothing, and starts no process but one C(systemctl show) for each daemon that runs under a unit of
    another name.
  - A counter that cannot be read is null with a reason, never a guess, and never an error.
author:
  - siptune authors (@siptune)
extends_documentation_fragment:
  - siptune.linux.info
options:
  seconds:
    description:
      - How long to wait between two readings; 0 for one reading.
      - From 0 to 3600 seconds, during which the connection is silent.
    type: int
    default: 0
  sip_datagrams_per_second:
    description:
      - The peak of SIP datagrams a second on the busiest socket, from 1 to 9999999. With it, RV(sip_sockets) say how
        long a stall each socket survives.
    type: int
  work:
    description: Whether to return RV(work) as well.
    type: bool
    default: false
notes:
  - Works for an ordinary user, but then sees only the open files and the sockets of that user's processes.
  - Per-CPU counters of C(softnet_stat) are those of the whole machine, in a container, too.
seealso:
  - module: siptune.linux.host_facts
"""

EXAMPLES = r"""
- name: Read the losses since boot
  siptune.linux.sip_counters_info:
  register: counters

- name: Count the losses of a minute under load
  siptune.linux.sip_counters_info:
    seconds: 60
  register: counters

- name: Fail when SIP or RTP was lost in that minute
  ansible.builtin.assert:
    that: counters.counters | selectattr('name', 'match', 'Udp6?RcvbufErrors') | sum(attribute='value') == 0
"""

RETURN = r"""
seconds:
  description:
    - The time counted. Where O(seconds) is 0, the time since what RV(since) names. Null if that is not known, as the
      kernel does not tell when a network namespace was made.
  returned: always
  type: float
  sample: 60.004
uptime_seconds:
  description:
    - The time since the host's boot when the last reading was taken, in a container as well. Null if that cannot be
      read.
  returned: always
  type: float
  sample: 86400.12
since_boot:
  description: Whether the counts are since what RV(since) names, and not those of O(seconds).
  returned: always
  type: bool
  sample: false
since:
  description:
    - What the totals are since. C(boot) is the host's boot. C(container) is the start of the container's first process,
      in a container with a network namespace of its own. C(namespace) is when the network namespace was made, of a host
      whose first process is in another one.
    - The C(Softnet) counters are the whole machine's, and always since its boot.
  returned: always
  type: str
  sample: boot
counters:
  description: The counters, always all of them and in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description:
        - As the kernel or C(nstat) calls it, C(UdpRcvbufErrors), C(ListenOverflows), or after its source.
        - Two are not counts but levels, C(ConntrackEntries) and C(Descriptors).
      type: str
      sample: UdpRcvbufErrors
    kind:
      description: V(counter) for a count that only grows, V(gauge) for a level in use now.
      type: str
      sample: counter
    unit:
      description: The unit of the count.
      type: str
      sample: datagrams
    source:
      description: Where the counter was read.
      type: str
      sample: /proc/net/snmp UdpRcvbufErrors
    value:
      description:
        - The growth in RV(seconds). The use of a gauge; with several parts, of the part nearest to its limit.
        - Null if it cannot be read.
      type: int
      sample: 592
    total:
      description: The count since what RV(since) names. Null for a gauge.
      type: int
      sample: 1184
    limit:
      description: The most that a gauge can reach.
      type: int
      sample: 65536
    part_is:
      description: The kind of its parts, V(interface), V(cpu), V(socket) or V(unit). Null for a counter without parts.
      type: str
      sample: interface
    parts:
      description: The parts that are not zero, at most 20, the largest first; of a gauge the fullest first.
      type: list
      elements: dict
      contains:
        part:
          description: The interface, the CPU, the address and port of the socket, or the unit.
          type: str
          sample: "0.0.0.0:5060"
        value:
          description: Its share of the value.
          type: int
          sample: 592
        total:
          description: Its share of the total.
          type: int
          sample: 1184
        limit:
          description: The most that it can reach.
          type: int
          sample: 65536
        note:
          description: A remark, such as the process that has the files open.
          type: str
          sample: kamailio, process 812, the fullest of 33
    reason:
      description: Why the value is null.
      type: str
      sample: connection tracking is not in use
sip_datagrams_per_second:
  description: The peak that was given, or null.
  returned: always
  type: int
  sample: 2000
sip_sockets:
  description:
    - The UDP sockets on which the SIP daemons of the host listen for signalling and control, at most 64. Those of media
      are not among them.
  returned: always
  type: list
  elements: dict
  contains:
    daemon:
      description: The daemon that has the socket.
      type: str
      sample: kamailio
    unit:
      description: The unit that it runs under, null if it has none.
      type: str
      sample: kamailio.service
    socket:
      description: Address and port.
      type: str
      sample: "10.0.0.5:5060"
    buffer_bytes:
      description: The receive buffer in bytes. Null if it cannot be read.
      type: int
      sample: 6291456
    holds_messages:
      description: How many SIP messages of usual size, 700 to 1400 bytes, it holds. Each is charged 2304 bytes.
      type: int
      sample: 2730
    holds_small_messages:
      description: How many messages of up to some 600 bytes it holds, such as OPTIONS. Each is charged 1280 bytes.
      type: int
      sample: 4915
    survives_seconds:
      description:
        - The longest stall of the daemon in which the socket loses no message of usual size, at
          O(sip_datagrams_per_second). Null without that, or without a buffer.
      type: float
      sample: 1.37
    drops:
      description: The datagrams that it has lost in RV(seconds), as it was full.
      type: int
      sample: 592
    drops_total:
      description: The datagrams that it has lost since it was opened.
      type: int
      sample: 1184
    reason:
      description: Why the buffer is null.
      type: str
      sample: kernel.yama.ptrace_scope is 3, so that nobody may reach into another process
rtpengine:
  description:
    - Whether the kernel forwards media for each rtpengine that runs, and would after a boot of the newest kernel, and
      how many packets it forwards.
  returned: always
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
      description: Why RV(rtpengine[].table) is null.
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
    user_packets:
      description:
        - The packets that the daemon has relayed itself in RV(seconds), or since it was started with O(seconds=0).
        - Null if it does not say so, as before rtpengine 10.1.
      type: int
      sample: 4181
    kernel_packets:
      description: The packets that the kernel has relayed for it, likewise.
      type: int
      sample: 120942
    user_packets_total:
      description: The packets that the daemon has relayed itself since it was started.
      type: int
      sample: 83620
    kernel_packets_total:
      description: The packets that the kernel has relayed for it since then.
      type: int
      sample: 2418840
    reason:
      description: Why the packets are null.
      type: str
      sample: "127.0.0.1 port 2223: no answer within 5 s"
work:
  description: How busy the host has been. All are sums since its boot, or since a process or a control group began.
  returned: with O(work=true)
  type: dict
  contains:
    machine:
      description: What two names of one host have in common.
      type: str
      sample: "9edde47a-f583-4136-a34a-32da0c7b70f7 net:[4026531840]"
    processors:
      description: The seconds that each processor was busy, but for processes that are nice.
      type: list
      elements: float
      sample: [8123.52, 8087.11]
    daemons:
      description: The seconds of processor that each running SIP daemon has used.
      type: list
      elements: dict
      contains:
        daemon:
          description: The daemon.
          type: str
          sample: kamailio
        pid:
          description: Its first process.
          type: int
          sample: 812
        seconds:
          description: The seconds of all its processes.
          type: float
          sample: 92.31
        processes:
          description: How many they are.
          type: int
          sample: 18
    throttled:
      description: The control groups with a quota of processor time, C(CPUQuota=), that hold a SIP daemon.
      type: list
      elements: dict
      contains:
        daemon:
          description: The daemon.
          type: str
          sample: kamailio
        group:
          description: The control group.
          type: str
          sample: /system.slice/kamailio.service
        periods:
          description: The periods in which it was held back.
          type: int
          sample: 12
        seconds:
          description: The seconds that its processes together have waited for.
          type: float
          sample: 0.731
    traffic:
      description: What has come in, by the names of C(nstat). Those that the host does not count are left out.
      type: dict
      sample: {"UdpInDatagrams": 184467}
"""

from ansible_collections.siptune.linux.plugins.module_utils._counters.reading import counted
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import HIGHEST_RATE, LONGEST_SECONDS
from ansible_collections.siptune.linux.plugins.module_utils._counters.work import work
from ansible_collections.siptune.linux.plugins.module_utils._engine.module import Module
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host


def main() -> None:
    arguments = {
        "seconds": {"type": "int", "default": 0},
        "sip_datagrams_per_second": {"type": "int"},
        "work": {"type": "bool", "default": False},
    }
    module = Module(argument_spec=arguments, supports_check_mode=True)
    seconds = module.params["seconds"]
    if not 0 <= seconds <= LONGEST_SECONDS:
        module.fail_json(msg=f"seconds: must be from 0 to {LONGEST_SECONDS}, not {seconds}. Nothing was changed.")
    rate = module.params["sip_datagrams_per_second"]
    if rate is not None and not 1 <= rate <= HIGHEST_RATE:
        module.fail_json(msg=f"sip_datagrams_per_second: must be from 1 to {HIGHEST_RATE}, not {rate}")
    host = Host()
    found = counted(host, seconds, rate)
    if module.params["work"]:
        found["work"] = work(host)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
