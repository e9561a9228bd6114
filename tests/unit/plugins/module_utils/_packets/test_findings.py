# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings, each from a host that has nothing else, and what only looks like one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._packets.findings import ENOUGH, findings
from ansible_collections.siptune.linux.plugins.module_utils._packets.irqbalance import Bans, Irqbalance
from ansible_collections.siptune.linux.plugins.module_utils._packets.model import (
    Interface,
    Packets,
    Processor,
    Queue,
    Taken,
)

QUIET = Irqbalance(False, Bans(), None, Bans())
RUNNING = QUIET._replace(running=True)


def queue(number: int, cpu: int, load: int = 0, **more: Any) -> Queue:
    taken = [Taken(cpu, load)]
    return Queue(f"eth0-TxRx-{number}", number, 40 + number, str(cpu), "0-7", taken, load)._replace(**more)


def card(*queues: Queue, **more: Any) -> Interface:
    one = Interface(
        "eth0",
        "igb",
        False,
        [],
        len(queues),
        len(queues),
        None,
        "0-7",
        "sd",
        "sd",
        "",
        [""] * len(queues),
        [],
        [],
        list(queues),
    )
    return one._replace(**more)


def host(*interfaces: Interface, net_rx: tuple[int, ...] = (), **more: Any) -> Packets:
    processors = [Processor(cpu, count, count, 0.0) for cpu, count in enumerate(net_rx)]
    one = Packets("0-7", "", "", 0, 0.1, QUIET, processors, list(interfaces), [])
    return one._replace(**more)


EIGHT = [queue(number, number, 5000) for number in range(8)]
ONE = card(queue(0, 1))
EVEN = (5000,) * 8
HOT = (50_000, *(100,) * 7)


def kinds(packets: Packets, media: bool = False) -> list[str]:
    return [one.kind for one in findings(packets, media)]


def said(packets: Packets, media: bool = False) -> str:
    (one,) = findings(packets, media)
    return f"{one.subject}: {one.finding}; {one.advice}"


def test_a_host_with_a_queue_for_each_processor() -> None:
    assert kinds(host(card(*EIGHT), net_rx=EVEN), media=True) == []


# --- few queues ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packets", "media", "expected"),
    [
        (host(ONE, net_rx=EVEN), True, True),
        (host(ONE, net_rx=EVEN), False, False),  # a proxy is not told before a processor is hot
        (host(ONE, net_rx=HOT), False, True),
        (host(ONE, net_rx=tuple(count // 10 for count in HOT)), False, False),  # a login, no load
        (host(card(queue(0, 1), rps_cpus=["2-7"]), net_rx=HOT), True, False),
        (host(card(queue(0, 1), rps_cpus=[]), net_rx=HOT), True, False),  # not known
        (host(card(queue(0, 1), node_processors="1"), net_rx=HOT), True, False),
        (host(ONE, net_rx=HOT, isolated="1-7"), True, False),
        (host(card(queue(0, 1), node_processors=None), net_rx=HOT), True, False),
    ],
)
def test_few_queues(packets: Packets, media: bool, expected: bool) -> None:
    assert ("few_queues" in [kind for kind in kinds(packets, media) if kind != "isolated"]) is expected


@pytest.mark.parametrize(
    ("driver", "most", "lever"),
    [
        ("igb", 8, "more queues, channels_combined of nic_link (the driver has up to 8); or RPS"),
        ("virtio_net", 1, "more queues from the hypervisor (multiqueue"),
        ("hv_netvsc", None, "more queues from the hypervisor"),
        ("e1000e", None, "RPS, rps_cpus of nic_link"),
    ],
)
def test_the_lever_for_few_queues(driver: str, most: int | None, lever: str) -> None:
    told = said(host(card(queue(0, 1), driver=driver, most_queues=most), net_rx=HOT))
    assert (
        "eth0: 1 receive queue for 8 processors, and no RPS; cpu0 has 99% of all received packets' work (NET_RX)"
        in told
    )
    assert f"; {lever}" in told


# --- one queue -------------------------------------------------------------------------------


def uneven(**more: Any) -> Packets:
    return host(card(queue(0, 0, ENOUGH), *EIGHT[1:4], node_processors="0-3", **more), net_rx=EVEN)


def test_one_queue_has_most_packets() -> None:
    busy = card(queue(0, 0, 3 * ENOUGH), *EIGHT[1:4], node_processors="0-3")
    told = said(host(busy, net_rx=EVEN))
    assert "eth0-TxRx-0 has 67% of the packets of 4 queues, and UDP is spread by the fields sd" in told
    assert "udp_hash: sdfn of nic_link" in told
    assert "leave the hash" in said(host(busy._replace(driver="hv_netvsc"), net_rx=EVEN))
    assert "a few flows have most packets" in said(host(busy._replace(udp4_hash="sdfn"), net_rx=EVEN))


def test_packets_count_before_interrupts() -> None:
    queues = [queue(number, number, 50_000, packets=2500) for number in range(4)]
    assert kinds(host(card(*queues, node_processors="0-3"))) == []
    queues[2] = queues[2]._replace(packets=50_000)
    assert kinds(host(card(*queues, node_processors="0-3"))) == ["one_queue"]


def test_a_little_more_or_little_at_all_is_no_finding() -> None:
    assert kinds(uneven()) == []  # 40 %
    few = [queue(0, 0, ENOUGH - 400), *(queue(number, number, 100) for number in range(1, 4))]
    assert kinds(host(card(*few, node_processors="0-3"))) == []


# --- processors ------------------------------------------------------------------------------


def test_all_interrupts_on_one_processor() -> None:
    queues = [queue(number, 3, 5000) for number in range(4)]
    packets = host(card(*queues, node_processors="0-3"))
    assert "the interrupts of all 4 queues go to cpu3; let irqbalance run" in said(packets)
    assert "--policyscript" in said(packets._replace(irqbalance=RUNNING))
    assert kinds(host(card(*(one._replace(by_processor=[]) for one in queues), node_processors="0-3"))) == []


def test_interrupts_on_isolated_processors() -> None:
    packets = host(card(*EIGHT), isolated="6-7")
    assert "eth0: its packets interrupt processors that are kept for other work (6-7)" in said(packets)
    assert kinds(host(card(*EIGHT), nohz_full="0")) == ["isolated"]
    anywhere = (one._replace(taken_by="0-7") for one in EIGHT)  # of a kernel that does not say where it goes
    assert kinds(host(card(*anywhere), isolated="6-7")) == []


@pytest.mark.parametrize(
    ("near", "node", "expected"),
    [("0-3", 0, ["far_node"]), ("0-5", 0, []), ("0-7", 0, []), ("0-3", None, []), (None, 0, [])],
)
def test_interrupts_on_another_node(near: str | None, node: int | None, expected: list[str]) -> None:
    queues = [queue(number, number + 2, 5000) for number in range(4)]
    assert kinds(host(card(*queues, numa_node=node, node_processors=near))) == expected


# --- steering, irqbalance, steal -------------------------------------------------------------


@pytest.mark.parametrize(
    ("mask", "more", "words"),
    [
        ("9", {}, "RPS goes to processors that are not online (9)"),
        ("2-3", {"isolated": "3-4"}, "RPS goes to isolated processors (3)"),
    ],
)
def test_useless_steering(mask: str, more: dict[str, str], words: str) -> None:
    veth = card(rps_cpus=["", mask], virtual=True, interface="veth1")
    assert f"veth1: {words}" in said(host(veth, **more))


def test_half_of_rfs() -> None:
    flows = card(*EIGHT, rps_flow_cnt=[0, 2048])
    assert "rps_sock_flow_entries is 0" in said(host(flows))
    assert kinds(host(flows, rps_sock_flow_entries=32768)) == []
    assert kinds(host(flows, rps_sock_flow_entries=None)) == []


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        (RUNNING, []),
        (RUNNING._replace(now=Bans(frozenset(range(8)))), ["irqbalance"]),
        (RUNNING._replace(now=Bans(frozenset(range(4)))), []),
        (RUNNING._replace(file="/etc/default/irqbalance", at_start=Bans(interrupts=(41,))), ["irqbalance"]),
        (QUIET._replace(file="/etc/default/irqbalance", at_start=Bans(interrupts=(41,))), []),
        (RUNNING._replace(file="/etc/default/irqbalance", at_start=Bans(policy_script="/etc/siptune/interrupts")), []),
        (RUNNING._replace(file="/etc/default/irqbalance", at_start=Bans(policy_script="/etc/mine")), ["irqbalance"]),
    ],
)
def test_irqbalance(balance: Irqbalance, expected: list[str]) -> None:
    assert kinds(host(irqbalance=balance)) == expected


@pytest.mark.parametrize(("percent", "expected"), [(None, []), (5.0, []), (5.1, ["steal"]), (60.0, ["steal"])])
def test_steal(percent: float | None, expected: list[str]) -> None:
    assert kinds(host(steal_percent=percent)) == expected


def test_a_host_that_shows_nothing() -> None:
    empty = card(queue(0, 0, taken_by=None, by_processor=()), rps_cpus=[], rx_queues=None, node_processors=None)
    assert kinds(host(empty, online=None, isolated=None, nohz_full=None, steal_percent=None), media=True) == []
