# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statistics that drivers of network cards keep beside the kernel's own, and those of them that count lost packets.

They come from ethtool's ioctl; no process is started. Unreadable statistics are left out; nothing here raises.
"""

from __future__ import annotations

from collections.abc import Iterable

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


def full_rings(host: Host, interfaces: Iterable[str]) -> dict[str, int]:
    """The FULL_RING_STATISTICS of these interfaces, each as `eth0 rx_no_buffer_count`."""
    found: dict[str, int] = {}
    for interface in interfaces:
        for name, value in driver_statistics(host, interface):
            if name in FULL_RING_STATISTICS:
                found[f"{interface} {name}"] = found.get(f"{interface} {name}", 0) + value
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
