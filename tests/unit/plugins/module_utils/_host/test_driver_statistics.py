# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statistics of a driver, from answers as linux/ethtool.h describes them."""

from __future__ import annotations

import errno
import struct

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.driver_statistics import (
    driver_statistics,
    losses,
    queue_drops,
    queue_packets,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError

GDRVINFO, GSTRINGS, GSTATS = 0x03, 0x1B, 0x1D  # linux/ethtool.h
IGB = [("rx_packets", 7), ("rx_no_buffer_count", 3)]
VMXNET3 = [("  pkts rx OOB", 1), ("  pkts rx OOB", 2), ("ucast pkts rx", 5)]  # a set for each queue


class CardHost(Host):
    """Answers the requests for statistics, as a driver with these ones does."""

    def __init__(self, statistics: list[tuple[str, int]], values: int | None = None) -> None:
        super().__init__()
        self.statistics = statistics
        self.values = len(statistics) if values is None else values

    def ethtool(self, interface: str, request: bytes) -> bytes:
        if interface != "eth0":
            raise HostError(interface, "Operation not supported (EOPNOTSUPP)", errno.EOPNOTSUPP)
        (command,) = struct.unpack_from("=I", request)
        count = len(self.statistics)
        if command == GDRVINFO:
            return request[:180] + struct.pack("=I", count) + request[184:]
        if command == GSTRINGS:
            names = b"".join(name.encode().ljust(32, b"\0") for name, _value in self.statistics)
            return struct.pack("=III", GSTRINGS, 1, count) + names
        values = [value for _name, value in self.statistics][: self.values]
        return struct.pack(f"=II{len(values)}Q", GSTATS, len(values), *values)


@pytest.mark.parametrize("statistics", [IGB, [], [("a", 2**64 - 1)]])
def test_statistics_by_the_drivers_names(statistics: list[tuple[str, int]]) -> None:
    assert driver_statistics(CardHost(statistics), "eth0") == statistics


def test_a_card_without_statistics_has_none() -> None:
    assert driver_statistics(CardHost(IGB), "lo") == []


def test_queues_that_came_or_went_meanwhile_make_names_uncertain() -> None:
    assert driver_statistics(CardHost(IGB, values=1), "eth0") == []


def test_only_statistics_of_full_rings_are_summed_up_over_the_queues() -> None:
    assert losses(CardHost(VMXNET3), ["lo", "eth0"]).full_rings == {"eth0 pkts rx OOB": 3}
    assert losses(CardHost(IGB), ["eth0"]) == ({"eth0 rx_no_buffer_count": 3}, {}, {})
    assert losses(CardHost(IGB), []) == ({}, {}, {})


ENA = [
    ("bw_in_allowance_exceeded", 5),
    ("conntrack_allowance_exceeded", 0),
    ("conntrack_allowance_available", 136812),  # a level
    ("queue_0_rx_cnt", 900),
    ("queue_0_rx_page_alloc_fail", 2),
    ("queue_1_rx_cnt", 100),
    ("queue_1_tx_cnt", 55),
]


def test_losses_of_queues_and_of_the_clouds_allowances() -> None:
    found = losses(CardHost(ENA), ["eth0"])
    assert found.allowances == {"eth0 bw_in_allowance_exceeded": 5, "eth0 conntrack_allowance_exceeded": 0}
    assert found.of_queues == {"eth0 queue_0_rx_page_alloc_fail": 2}
    assert queue_packets(ENA) == {0: 900, 1: 100}
    assert queue_drops(ENA) == {0: 2}


@pytest.mark.parametrize(
    ("name", "packets", "drops"),
    [
        ("rx_queue_7_packets", {7: 1}, {}),  # igb, ixgbe, virtio_net
        ("rx_queue_7_drops", {}, {7: 1}),
        ("rx_queue_7_xdp_drops", {}, {}),  # what XDP was asked to drop is no loss
        ("rx3_packets", {3: 1}, {}),  # mlx5
        ("rx3_buff_alloc_err", {}, {3: 1}),
        ("rx-12.packets", {12: 1}, {}),  # i40e
        ("rx-12.rx_packets", {12: 1}, {}),  # sfc
        ("rx_completed_desc[5]", {5: 1}, {}),  # gve
        ("rx_no_buffers_posted[5]", {}, {5: 1}),
        ("[2]: rx_ucast_packets", {2: 1}, {}),  # bnxt
        ("[2]: rx_discards", {}, {2: 1}),
        ("rxq1: rx_drops_no_skbs", {}, {1: 1}),  # be2net
        ("rx_4_pkts", {4: 1}, {}),  # ionic
        ("tx_queue_7_packets", {}, {}),
        ("rx_packets", {}, {}),
        ("rx_64_byte_packets", {}, {}),
        ("", {}, {}),
    ],
)
def test_the_names_of_queues(name: str, packets: dict[int, int], drops: dict[int, int]) -> None:
    assert (queue_packets([(name, 1)]), queue_drops([(name, 1)])) == (packets, drops)
