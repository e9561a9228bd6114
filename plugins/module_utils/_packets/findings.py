# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the way of packets. Pure: from what was looked at to findings, each with its lever.

Source: Documentation/networking/scaling.rst
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .._core.text import plural
from .._host.cpus import listed_cpus, listing
from .interrupts import OWN_SCRIPT
from .irqbalance import Bans
from .model import (
    FAR_NODE,
    FEW_QUEUES,
    IRQBALANCE,
    ISOLATED,
    ONE_PROCESSOR,
    ONE_QUEUE,
    STEAL,
    STEERING,
    Finding,
    Interface,
    Packets,
)

# Customary alarm levels, no constants of the kernel: a share from which on one of several has most, and as many
# packets or softirqs as say something about a host's load and not about its login.
MOST = 0.6
ENOUGH = 10_000
STEAL_PERCENT = 5.0

# What a driver's queues come from. Azure's virtual card has its own hash, which is to stay: its documentation.
OF_HYPERVISOR = ("virtio_net", "vmxnet3", "hv_netvsc", "xen_netfront", "vif")
LEAVE_HASH = ("hv_netvsc",)
PORTS = "sdfn"


def findings(packets: Packets, carries_media: bool) -> list[Finding]:
    """The findings of a host, those of each interface first."""
    found = [finding for one in packets.interfaces for finding in _of_interface(packets, one, carries_media)]
    return [*found, *_of_irqbalance(packets), *_of_steal(packets)]


def _of_interface(packets: Packets, one: Interface, carries_media: bool) -> Iterator[Finding]:
    if not one.virtual:
        yield from _few_queues(packets, one, carries_media)
        yield from _one_queue(one)
        yield from _one_processor(packets, one)
        yield from _isolated(packets, one)
        yield from _far_node(packets, one)
    yield from _steering(packets, one)


# --- queues and processors -------------------------------------------------------------------


def _few_queues(packets: Packets, one: Interface, carries_media: bool) -> Iterator[Finding]:
    """Fewer queues than processors without RPS: no harm to a proxy until one processor has most of the work."""
    usable = _cpus(one.node_processors) - _cpus(packets.isolated)
    queues = one.rx_queues or 0
    if not 0 < queues < len(usable) or len(one.rps_cpus) < queues or any(one.rps_cpus):
        return
    busiest = _busiest(packets)
    if carries_media or busiest:
        number = f"{queues} receive {plural(queues, 'queue')} for {len(usable)} processors, and no RPS"
        yield Finding(FEW_QUEUES, one.interface, f"{number}{busiest}", _more_queues(one))


def _more_queues(one: Interface) -> str:
    steering = "RPS, rps_cpus of nic_link, which sends packets on to the other processors"
    more = one.most_queues or 0
    if more > (one.rx_queues or 0):
        return f"more queues, channels_combined of nic_link (the driver has up to {more}); or {steering}"
    if one.driver in OF_HYPERVISOR:
        return f"more queues from the hypervisor (multiqueue, such as queues=N of QEMU's netdev) first; or {steering}"
    return steering


def _busiest(packets: Packets) -> str:
    """The processor that has most of NET_RX, as an end of a sentence; empty where none has, or there is little."""
    whole = sum(one.net_rx for one in packets.processors)
    if len(packets.processors) < 2 or whole < ENOUGH:
        return ""
    most = max(packets.processors, key=lambda one: one.net_rx)
    share = most.net_rx / whole
    return f"; cpu{most.cpu} has {share:.0%} of all received packets' work (NET_RX)" if share > MOST else ""


def _one_queue(one: Interface) -> Iterator[Finding]:
    """Packets count where the driver counts them for each queue, and interrupts elsewhere."""
    packets = [queue.packets for queue in one.queues if queue.packets is not None]
    loads = packets if len(packets) == len(one.queues) else [queue.interrupts for queue in one.queues]
    whole = sum(loads)
    if len(loads) < 2 or (one.rx_queues or 0) < 2 or whole < ENOUGH:
        return
    most = one.queues[loads.index(max(loads))]
    share = max(loads) / whole
    if share <= MOST:
        return
    by_ports = one.udp4_hash == PORTS
    hashed = f", and UDP is spread by the fields {one.udp4_hash}" if one.udp4_hash else ""
    advice = (
        "a few flows have most packets, such as a trunk or a tunnel: RPS, rps_cpus of nic_link, spreads no flow either"
    )
    if not by_ports and one.driver in LEAVE_HASH:
        advice = "leave the hash, which Azure's own side shares; more flows, or RPS (rps_cpus of nic_link)"
    elif not by_ports:
        advice = (
            "udp_hash: sdfn of nic_link, which spreads media between two hosts by its ports, as long as no fragments "
            "come in (IpReasmReqds of nstat stands still)"
        )
    yield Finding(
        ONE_QUEUE,
        one.interface,
        f"{most.name} has {share:.0%} of the packets of {len(one.queues)} queues{hashed}",
        advice,
    )


def _one_processor(packets: Packets, one: Interface) -> Iterator[Finding]:
    taken = [_cpus(queue.taken_by) for queue in one.queues if queue.interrupt is not None]
    usable = _cpus(one.node_processors) - _cpus(packets.isolated)
    together = frozenset().union(*taken)
    if (
        len(taken) < 2
        or len(together) != 1
        or len(usable) < 2
        or sum(queue.interrupts for queue in one.queues) < ENOUGH
    ):
        return
    balances = packets.irqbalance.running and not packets.irqbalance.now.one_shot
    advice = (
        "see what irqbalance is told to leave alone (--banirq, --policyscript, IRQBALANCE_BANNED_CPULIST)"
        if balances
        else "let irqbalance run, or spread them: irq_cpus of nic_link"
    )
    yield Finding(
        ONE_PROCESSOR, one.interface, f"the interrupts of all {len(taken)} queues go to cpu{min(together)}", advice
    )


def _isolated(packets: Packets, one: Interface) -> Iterator[Finding]:
    apart = _cpus(packets.isolated) | _cpus(packets.nohz_full)
    taken = _together(one, lambda cpus: cpus <= apart)
    if taken:
        yield Finding(
            ISOLATED,
            one.interface,
            f"its packets interrupt processors that are kept for other work ({listing(taken)})",
            "take them out of the interrupts' processors: irq_cpus of nic_link, or isolcpus=managed_irq,...",
        )


def _far_node(packets: Packets, one: Interface) -> Iterator[Finding]:
    near = _cpus(one.node_processors)
    far = _together(one, near.isdisjoint)
    if one.numa_node is not None and near and near < _cpus(packets.online) and far:
        yield Finding(
            FAR_NODE,
            one.interface,
            f"it is at NUMA node {one.numa_node}, but processors of another take its packets ({listing(far)})",
            f"keep its interrupts at its node ({one.node_processors}): irq_cpus of nic_link",
        )


def _together(one: Interface, wanted: Callable[[frozenset[int]], bool]) -> frozenset[int]:
    """The processors of those queues that cannot go to others: an interrupt may name all that it could go to."""
    found = (_cpus(queue.taken_by) for queue in one.queues)
    return frozenset().union(*(cpus for cpus in found if cpus and wanted(cpus)))


# --- steering --------------------------------------------------------------------------------


def _steering(packets: Packets, one: Interface) -> Iterator[Finding]:
    online, isolated = _cpus(packets.online), _cpus(packets.isolated)
    masks = frozenset().union(*map(_cpus, one.rps_cpus))
    if masks and online and not masks & online:
        yield Finding(STEERING, one.interface, f"RPS goes to processors that are not online ({listing(masks)})", _RPS)
    elif masks & isolated:
        kept = listing(masks & isolated)
        yield Finding(STEERING, one.interface, f"RPS goes to isolated processors ({kept})", _RPS)
    if any(one.rps_flow_cnt) and packets.rps_sock_flow_entries == 0:
        said = "its queues have rps_flow_cnt, but net.core.rps_sock_flow_entries is 0, so that RFS is off"
        yield Finding(STEERING, one.interface, said, "set both, or neither")


_RPS = "rps_cpus of nic_link: those of the card's node that are neither isolated nor take its interrupts"


# --- the host --------------------------------------------------------------------------------


def _of_irqbalance(packets: Packets) -> Iterator[Finding]:
    balance = packets.irqbalance
    online = _cpus(packets.online)
    if balance.running and balance.now.processors is not None and online and online <= balance.now.processors:
        advice = f"ban fewer in {balance.file or 'its environment'} (IRQBALANCE_BANNED_CPULIST)"
        yield Finding(
            IRQBALANCE, "irqbalance", "it is told to leave all processors alone, and balances nothing", advice
        )
    if balance.running and balance.file and _without_ours(balance.now) != _without_ours(balance.at_start):
        said = f"it runs with other bans than {balance.file} has"
        yield Finding(IRQBALANCE, "irqbalance", said, "restart it when that suits, it takes no packets with it")


def _without_ours(bans: Bans) -> Bans:
    """Bans without our script, about which nic_link says what is to be said."""
    return bans._replace(policy_script="") if bans.policy_script == OWN_SCRIPT else bans


def _of_steal(packets: Packets) -> Iterator[Finding]:
    if (packets.steal_percent or 0) > STEAL_PERCENT:
        yield Finding(
            STEAL,
            "processors",
            f"the hypervisor has given {packets.steal_percent} % of their time to other machines (steal)",
            "processors of its own for this machine (dedicated, or pinned): no setting of the host helps",
        )


def _cpus(listed: str | None) -> frozenset[int]:
    return listed_cpus(listed) or frozenset()
