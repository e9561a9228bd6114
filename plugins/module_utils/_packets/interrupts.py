# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which interrupts a network card has, which of them bring packets, and which processors take them.

Sources: Documentation/ABI/testing/sysfs-bus-pci (msi_irqs) and sysfs-kernel-irq,
Documentation/core-api/irq/irq-affinity.rst.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from .._core.text import whole_number
from .._host.cpus import listed_cpus
from .._host.host import Host, unless_refused
from .._host.network import SYS_CLASS_NET
from .facts import card_device

KERNEL_IRQ = "/sys/kernel/irq"
PROC_IRQ = "/proc/irq"
# Our script that sets interrupts at boot, which irqbalance asks what to leave alone; and our drop-in that says so.
OWN_SCRIPT = "/etc/siptune/interrupts"
OWN_POLICY = f"--policyscript={OWN_SCRIPT}"
BALANCER_DROP_IN = "/etc/systemd/system/irqbalance.service.d/90-siptune-interrupts.conf"
MOST_OF_A_CARD = 4096  # MSI-X has 2048 vectors a function: PCI Express Base Specification, 7.7.2

# How drivers name the interrupts of queues that receive: eth0-TxRx-0 (igb, ixgbe, i40e, ice, bnxt), eth0-Tx-Rx-0 (ena),
# eth0-rx-0 (e1000e), eth0-rxtx-0 (vmxnet3), virtio2-input.0, mlx5_comp0@pci:..., gve-ntfy-blk0@pci:..., eth0-fp-0
# (bnx2x, qede), eth0-q0-rx (xen), mana_q0@pci:..., eth0 (queue 0) (cxgb4). Sources: request_irq() in drivers/net.
_RECEIVES = re.compile(r"rx|input|comp|ntfy|\bfp-|[-_]q[0-9]|queue", re.IGNORECASE)
_NEVER = re.compile(r"fdir|async|mgm|misc|config|contro?l|event|output|\btx(?!-?rx)|mbx|hwc", re.IGNORECASE)
_LAST_NUMBER = re.compile(r"([0-9]{1,5})[^0-9]*\Z")
_NUMBER = re.compile(r"[0-9]{1,9}")


def card_interrupts(host: Host, interface: str) -> list[int]:
    """The numbers of the interrupts of a card's device, sorted; empty where /sys does not name any."""
    device = card_device(host, interface)
    numbers = [
        int(name) for name in unless_refused(host.list_directory, f"{device}/msi_irqs") or [] if _is_number(name)
    ]
    if not numbers:
        only = (host.read_lenient(f"{device}/irq") or "").strip()
        numbers = [int(only)] if _is_number(only) and int(only) else []
    return sorted(numbers)[:MOST_OF_A_CARD]


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def receiving(names: Mapping[int, str], interface: str) -> list[int]:
    """Those of a card's interrupts that bring packets, by their names.

    All that are not known to be for something else, where no name says so: `eth0` alone, or mlx4-1@0000:01:00.0.
    """
    own = {number: name.partition("@")[0].replace(interface, "") for number, name in names.items()}
    others = {number: name for number, name in own.items() if not _NEVER.search(name)}
    return [number for number, name in others.items() if _RECEIVES.search(name)] or list(others) or list(names)


def queue_of(name: str, interface: str) -> int | None:
    """The number of the queue in the name of an interrupt; None without one, and for gve, whose count from others."""
    own = name.partition("@")[0].replace(interface, "")
    found = _LAST_NUMBER.search(own)
    return int(found.group(1)) if found and "ntfy" not in own else None


def interrupt_names(host: Host, numbers: Iterable[int]) -> dict[int, str]:
    """The names that drivers have given to these interrupts, without those that nobody has asked for."""
    found = {number: (host.read_lenient(f"{KERNEL_IRQ}/{number}/actions") or "").strip() for number in numbers}
    return {number: name for number, name in found.items() if name}


def takers(host: Host, number: int) -> frozenset[int] | None:
    """The processors that take an interrupt: those that the hardware was told, or that it may choose from."""
    return _affinity(host, number, "effective_affinity_list") or allowed(host, number)


def allowed(host: Host, number: int) -> frozenset[int] | None:
    """The processors that an interrupt may go to; None where that is not known."""
    return _affinity(host, number, "smp_affinity_list")


def _affinity(host: Host, number: int, file: str) -> frozenset[int] | None:
    return listed_cpus(host.read_lenient(f"{PROC_IRQ}/{number}/{file}")) or None


def card_takers(host: Host, interface: str) -> frozenset[int] | None:
    """The processors that take the interrupts of a card's receive queues; None where that is not known."""
    numbers = card_interrupts(host, interface)
    if not numbers:
        return channel_takers(host, interface)
    names = interrupt_names(host, numbers)
    return union([takers(host, number) for number in receiving(names, interface)])


def channel_takers(host: Host, interface: str) -> frozenset[int] | None:
    """As `card_takers`, of a card of Hyper-V."""
    return frozenset(cpu for _number, counts in channels(host, interface) for cpu in counts) or None


def channels(host: Host, interface: str) -> list[tuple[int, dict[int, int]]]:
    """The channels that a card of Hyper-V has instead of interrupts: the processor of each, and how often it took it.

    Source: Documentation/ABI/stable/sysfs-bus-vmbus
    """
    directory = f"{SYS_CLASS_NET}/{interface}/device/channels"
    found = []
    for name in filter(_is_number, (unless_refused(host.list_directory, directory) or [])[:MOST_OF_A_CARD]):
        cpu, count = ((host.read_lenient(f"{directory}/{name}/{file}") or "").strip() for file in ("cpu", "interrupts"))
        if _is_number(cpu):
            found.append((int(name), {int(cpu): whole_number(count) or 0}))
    return found


def union(sets: Sequence[frozenset[int] | None]) -> frozenset[int] | None:
    """All of these together; None where there are none, or one is unknown."""
    known = [one for one in sets if one is not None]
    return frozenset().union(*known) if known and len(known) == len(sets) else None
