# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit finds about the way of packets: the parts of it, the kinds of findings, and a finding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

FEW_QUEUES = "few_queues"
ONE_QUEUE = "one_queue"
ONE_PROCESSOR = "one_processor"
ISOLATED = "isolated"
FAR_NODE = "far_node"
STEERING = "steering"
IRQBALANCE = "irqbalance"
STEAL = "steal"
KINDS = (FEW_QUEUES, ONE_QUEUE, ONE_PROCESSOR, ISOLATED, FAR_NODE, STEERING, IRQBALANCE, STEAL)

# What is reported of a machine without being set, by name; siptune.linux.audit says what each costs and brings.
GOVERNOR = "cpufreq governor"
IDLE_STATES = "deepest idle state"
HUGE_PAGES = "transparent_hugepage"
NUMA_BALANCING = "numa_balancing"
ISOLATED_PROCESSORS = "isolated processors"
NOHZ_FULL = "nohz_full"
SCHEDULING = "scheduling"  # of a daemon, whose name comes first
SETTINGS = (GOVERNOR, IDLE_STATES, HUGE_PAGES, NUMA_BALANCING, ISOLATED_PROCESSORS, NOHZ_FULL, SCHEDULING)

MOST_INTERFACES = 64  # of hardware, and as many of software
MOST_QUEUES = 256  # of an interface
MOST_FINDINGS = 500
MOST_TAKERS = 16  # processors of a queue, the busiest first


class Finding(NamedTuple):
    """What is wrong, of one of KINDS, as the end of a sentence that begins with the subject; and what to do."""

    kind: str
    subject: str
    finding: str
    advice: str


class Taken(NamedTuple):
    """How often a processor has taken an interrupt."""

    cpu: int
    interrupts: int


class Queue(NamedTuple):
    """A receive queue, by its interrupt where that is known.

    `by_processor` has the interrupts of the window, and `interrupts_total` all since boot. Lists of processors are as
    `0-3,8`, empty for none; None stands for what is not known.
    """

    name: str
    queue: int | None
    interrupt: int | None = None
    taken_by: str | None = None
    allowed: str | None = None
    by_processor: Sequence[Taken] = ()
    interrupts_total: int | None = None
    packets: int | None = None
    drops: int | None = None

    @property
    def interrupts(self) -> int:
        """Those of the window."""
        return sum(one.interrupts for one in self.by_processor)


class Interface(NamedTuple):
    """An interface that is up. `most_queues` is what the driver could have, `lower` the interfaces below it.

    `rps_cpus` and `rps_flow_cnt` are of each receive queue, `xps_cpus` of each transmit queue, as far as known.
    """

    interface: str
    driver: str | None
    virtual: bool
    lower: list[str]
    rx_queues: int | None
    most_queues: int | None
    numa_node: int | None
    node_processors: str | None
    udp4_hash: str | None
    udp6_hash: str | None
    hash_reason: str
    rps_cpus: list[str]
    rps_flow_cnt: list[int]
    xps_cpus: list[str]
    queues: list[Queue]


class Processor(NamedTuple):
    """A processor's share: softirqs of NET_RX in the window and since boot, and the time that it was not given."""

    cpu: int
    net_rx: int
    net_rx_total: int
    steal_percent: float | None


class Setting(NamedTuple):
    """What is reported of the machine, by one of SETTINGS."""

    name: str
    value: str


class Packets(NamedTuple):
    """The whole way of packets on a host."""

    online: str | None
    isolated: str | None
    nohz_full: str | None
    rps_sock_flow_entries: int | None
    steal_percent: float | None
    irqbalance: Any
    processors: list[Processor]
    interfaces: list[Interface]
    settings: list[Setting]
