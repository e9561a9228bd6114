# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sizing needs to know of the way of packets: which processors are there for each card. Reads little."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .._host.cpus import ONLINE_CPUS, listed_cpus, listing
from .._host.host import Host
from .._host.network import SYS_CLASS_NET, Interface

# The kernel's own lists: isolcpus= and nohz_full= of its command line, and the isolated partitions of cgroups.
ISOLATED_CPUS = "/sys/devices/system/cpu/isolated"
ISOLATED_BY_CGROUPS = "/sys/fs/cgroup/cpuset.cpus.isolated"
NOHZ_FULL_CPUS = "/sys/devices/system/cpu/nohz_full"
NODE_CPUS = "/sys/devices/system/node/node{}/cpulist"
NO_NODE = -1  # NUMA_NO_NODE, linux/numa.h


class Card(NamedTuple):
    """A card that is up. Processors are lists as `0-3,8`, empty for none, None where they are unknown.

    `interrupt_processors` is looked for only where there are fewer receive queues than processors.
    """

    interface: str
    driver: str | None
    rx_queues: int
    numa_node: int | None
    node_processors: str | None
    interrupt_processors: str | None


class PacketPath(NamedTuple):
    """The processors of the host, and its cards."""

    online: str | None
    isolated: str | None
    nohz_full: str | None
    cards: list[Card]


def packet_path(host: Host, interfaces: Iterable[Interface] | None) -> PacketPath:
    """The fact `packet_path`, of the interfaces among the facts. Never raises."""
    online = read_cpus(host, ONLINE_CPUS)
    cards = [one for one in interfaces or () if one.up and one.virtual is False and one.rx_queues]
    return PacketPath(
        listing(online),
        listing(isolated_cpus(host)),
        listing(read_cpus(host, NOHZ_FULL_CPUS)),
        [_card(host, one, online) for one in cards],
    )


def _card(host: Host, interface: Interface, online: frozenset[int] | None) -> Card:
    queues = interface.rx_queues or 0
    node = numa_node(host, interface.name)
    takers = _takers(host, interface.name) if online is None or queues < len(online) else None
    near = listing(node_cpus(host, node, online))
    return Card(interface.name, interface.driver, queues, node, near, listing(takers))


def _takers(host: Host, interface: str) -> frozenset[int] | None:
    # Imported here, as cards with enough queues have no use for it, and each run compiles what it imports.
    from .interrupts import card_takers

    return card_takers(host, interface)


def card_device(host: Host, interface: str) -> str:
    """The directory of the device that has a card's interrupts and its NUMA node, ending in no slash.

    A virtio card sits on a device of PCI, and so do the functions that mlx5 makes: it is that device which has them.
    """
    device = f"{SYS_CLASS_NET}/{interface}/device"
    bus = (host.read_link(f"{device}/subsystem") or "").rpartition("/")[2]
    return f"{device}/.." if bus in ("virtio", "auxiliary") else device


def read_cpus(host: Host, path: str) -> frozenset[int] | None:
    """The processors that a file of the kernel lists; None where there is no such file, or no list in it."""
    return listed_cpus(host.read_lenient(path))


def isolated_cpus(host: Host) -> frozenset[int] | None:
    """The processors that the scheduler leaves alone, by the kernel's command line or by cgroups."""
    of_kernel = read_cpus(host, ISOLATED_CPUS)
    of_cgroups = read_cpus(host, ISOLATED_BY_CGROUPS)
    return of_kernel if of_cgroups is None else of_cgroups | (of_kernel or frozenset())


def numa_node(host: Host, interface: str) -> int | None:
    """The node of a card; None where it has none, as on a machine of one node."""
    text = (host.read_lenient(f"{card_device(host, interface)}/numa_node") or "").strip()
    node = int(text) if text.isdecimal() and len(text) < 5 else NO_NODE
    return None if node == NO_NODE else node


def node_cpus(host: Host, node: int | None, online: frozenset[int] | None) -> frozenset[int] | None:
    """The online processors of a node; all where there is none, or it has no processors, as one of memory alone."""
    near = read_cpus(host, NODE_CPUS.format(node)) if node is not None else None
    return (near & online if near and online else None) or online
