# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statistics that drivers of network cards keep beside the kernel's own, and those of them that count lost packets.

They come from ethtool's ioctl; no process is started. Unreadable statistics are left out; nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .ethtool import (
    EthtoolError,
    pack_driver_request,
    pack_statistics_request,
    pack_strings_request,
    unpack_statistics,
    unpack_statistics_count,
    unpack_strings,
)
from .host import Host, HostError

# Drivers' names for packets that came while no receive descriptor was free. Their rx_missed_errors are in the
# kernel's own statistics, too. Source: the tables of names in drivers/net of Linux.
FULL_RING_STATISTICS = frozenset(
    (
        "rx_no_buffer_count",  # e1000, e1000e, igb, igc
        "rx_no_dma_resources",  # ixgbe
        "port.rx_dropped",  # i40e, until its rename
        "port.rx_discards",  # i40e
        "rx_dropped.nic",  # ice
        "rx_out_of_buffer",  # mlx5, no receive work queue entry
        "rx_discards_phy",  # mlx5, the port's own buffer
        "rx_total_discard_pkts",  # bnxt
        "rx_drops_no_pbuf",  # be2net
        "pkts rx OOB",  # vmxnet3, once for each queue
    )
)


# Drivers' names for packets that one queue has dropped, or found no memory for. Sources: as above.
_QUEUE_DROPS = re.compile(
    r"rx_queue_[0-9]+_(drops|alloc_failed)"  # igb, igc, virtio_net
    r"|rx[0-9]+_(drops|buff_alloc_err|oversize_pkts_sw_drop)"  # virtio_net of late, mlx5
    r"|queue_[0-9]+_rx_(page|skb)_alloc_fail"  # ena
    r"|(rx_queue_drop_cnt|rx_no_buffers_posted|rx_dropped_pkt)\[[0-9]+\]"  # gve
    r"|\[[0-9]+\]: rx_(discards|drops)"  # bnxt
    r"|rxq[0-9]+: rx_drops_no_(skbs|frags)"  # be2net
    r"|rx_[0-9]+_(dropped|alloc_err)"  # ionic
)
# Packets that the cloud has queued or dropped as the instance had used up what its size allows: ena, ENA_STAT_ENI
_ALLOWANCE = re.compile(r"[a-z_]+_allowance_exceeded")
# Drivers' names for the packets of one receive queue, whose number is in one of the groups.
_QUEUE_PACKETS = re.compile(
    r"rx_queue_([0-9]{1,4})_packets"  # igb, igc, ixgbe, ice, virtio_net, hv_netvsc
    r"|rx-?([0-9]{1,4})[._](?:rx_)?packets"  # mlx5, virtio_net of late, i40e, iavf, sfc
    r"|queue_([0-9]{1,4})_rx_cnt"  # ena
    r"|rx_([0-9]{1,4})_(?:packets|pkts)"  # mana, ionic
    r"|rx_completed_desc\[([0-9]{1,4})\]"  # gve
    r"|\[([0-9]{1,4})\]: rx_ucast_packets"  # bnxt
    r"|rxq([0-9]{1,4}): rx_pkts"  # be2net
)


class Losses(NamedTuple):
    """What drivers have counted as lost, each as `eth0 rx_no_buffer_count`."""

    full_rings: dict[str, int]
    of_queues: dict[str, int]
    allowances: dict[str, int]


def losses(host: Host, interfaces: Iterable[str]) -> Losses:
    """The losses that the drivers of these interfaces know of."""
    found = Losses({}, {}, {})
    for interface in interfaces:
        for name, value in driver_statistics(host, interface):
            kind = _kind_of_loss(name, found)
            if kind is not None:
                kind[f"{interface} {name}"] = kind.get(f"{interface} {name}", 0) + value
    return found


def _kind_of_loss(name: str, found: Losses) -> dict[str, int] | None:
    if name in FULL_RING_STATISTICS:
        return found.full_rings
    if _QUEUE_DROPS.fullmatch(name):
        return found.of_queues
    return found.allowances if _ALLOWANCE.fullmatch(name) else None


def queue_packets(statistics: Sequence[tuple[str, int]]) -> dict[int, int]:
    """The packets of each receive queue, of statistics of a driver; empty where it does not count them so."""
    found: dict[int, int] = {}
    for name, value in statistics:
        match = _QUEUE_PACKETS.fullmatch(name)
        if match:
            found[int(match.group(match.lastindex or 0))] = value
    return found


def queue_drops(statistics: Sequence[tuple[str, int]]) -> dict[int, int]:
    """The packets that each receive queue has dropped; empty where the driver does not count them so."""
    found: dict[int, int] = {}
    for name, value in statistics:
        if _QUEUE_DROPS.fullmatch(name):
            queue = int(re.findall("[0-9]+", name)[0])
            found[queue] = found.get(queue, 0) + value
    return found


def driver_statistics(host: Host, interface: str) -> list[tuple[str, int]]:
    """A driver's statistics by its own names; a name may appear once for each queue. [] if it has none."""
    try:
        count = unpack_statistics_count(host.ethtool(interface, pack_driver_request()))
        if not count:
            return []
        names = unpack_strings(host.ethtool(interface, pack_strings_request(count)))
        values = unpack_statistics(host.ethtool(interface, pack_statistics_request(count)))
    except (HostError, EthtoolError):
        return []
    # The numbers differ if queues have just been added or removed: then no name is certain.
    return list(zip(names, values)) if len(names) == len(values) else []
