# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cards with their queues, of a host that is a directory, and what drivers answer that know nothing."""

from __future__ import annotations

import errno
import struct
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._packets.cards import (
    cards,
    observe_card,
    observe_software,
    read_cards,
)
from ansible_collections.siptune.linux.plugins.module_utils._packets.model import Interface, Queue, Taken

GRXFH, GCHANNELS, GDRVINFO, GSTRINGS, GSTATS = 0x29, 0x3C, 0x03, 0x1B, 0x1D
FACT = {"interface": "eth0", "driver": "igb", "rx_queues": 2, "numa_node": 0, "node_processors": "0-3"}
HEADER = "            CPU0       CPU1       CPU2       CPU3\n"
IGB = HEADER + (
    "  41:          1          0          0          0  PCI-MSIX-0000:02:00.0   0-edge      eth0\n"
    "  42:       1000         20          0          0  PCI-MSIX-0000:02:00.0   1-edge      eth0-TxRx-0\n"
    "  43:          0          0        300          0  PCI-MSIX-0000:02:00.0   2-edge      eth0-TxRx-1\n"
    "  44:          9          9          9          9  PCI-MSIX-0000:03:00.0   0-edge      eth1-TxRx-0\n"
)


class CardHost(Host):
    """A host whose card answers with these fields of the hash and these statistics, or with an error."""

    error = 0
    fields = 0x30
    statistics: tuple[tuple[str, int], ...] = ()

    def ethtool(self, interface: str, request: bytes) -> bytes:
        (command,) = struct.unpack_from("=I", request)
        if self.error:
            raise HostError(interface, errno.errorcode[self.error], self.error)
        if command == GRXFH:
            return struct.pack("=IIQ", command, *struct.unpack_from("=I", request, 4), self.fields)
        if command == GCHANNELS:
            return struct.pack("=9I", command, 0, 0, 1, 8, 0, 0, 1, 2)
        count = len(self.statistics)
        if command == GDRVINFO:
            return request[:180] + struct.pack("=I", count) + request[184:]
        if command == GSTRINGS:
            names = b"".join(name.encode().ljust(32, b"\0") for name, _value in self.statistics)
            return struct.pack("=III", command, 1, count) + names
        return struct.pack(f"=II{count}Q", command, count, *(value for _name, value in self.statistics))


def write(root: Path, path: str, text: str) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "/proc/interrupts", IGB)
    for number, cpu in ((41, 0), (42, 0), (43, 2)):
        write(tmp_path, f"/sys/class/net/eth0/device/msi_irqs/{number}", "msix\n")
        write(tmp_path, f"/proc/irq/{number}/effective_affinity_list", f"{cpu}\n")
        write(tmp_path, f"/proc/irq/{number}/smp_affinity_list", "0-3\n")
    for queue in (0, 1):
        write(tmp_path, f"/sys/class/net/eth0/queues/rx-{queue}/rps_cpus", f"{queue * 8:x}\n")
        write(tmp_path, f"/sys/class/net/eth0/queues/rx-{queue}/rps_flow_cnt", "0\n")
        write(tmp_path, f"/sys/class/net/eth0/queues/tx-{queue}/xps_cpus", f"{1 << queue}\n")
    return tmp_path


def observed(host: Host, fact: dict[str, Any] = FACT) -> Interface:
    found = cards(host, {"packet_path": {"cards": [fact]}})
    return observe_card(host, found[0], None, read_cards(host, found))


def test_a_card_with_two_queues(root: Path) -> None:
    host = CardHost(str(root))
    host.statistics = (("rx_queue_0_packets", 900), ("rx_queue_0_drops", 7), ("rx_queue_1_packets", 100))
    assert observed(host) == Interface(
        "eth0",
        "igb",
        False,
        [],
        2,
        8,
        0,
        "0-3",
        "sd",
        "sd",
        "",
        ["", "3"],
        [0, 0],
        ["0", "1"],
        [
            Queue("eth0-TxRx-0", 0, 42, "0", "0-3", [Taken(0, 1000), Taken(1, 20)], 1020, 900, 7),
            Queue("eth0-TxRx-1", 1, 43, "2", "0-3", [Taken(2, 300)], 300, 100, None),
        ],
    )


def test_only_what_the_window_has_added_counts(root: Path) -> None:
    host = CardHost(str(root))
    host.statistics = (("rx_queue_0_packets", 900),)
    found = cards(host, {"packet_path": {"cards": [FACT]}})
    before = read_cards(host, found)
    host.statistics = (("rx_queue_0_packets", 950),)
    write(root, "/proc/interrupts", IGB.replace("1000         20          0", "1005         20          1"))
    queue = observe_card(host, found[0], before, read_cards(host, found)).queues[0]
    assert (queue.by_processor, queue.interrupts, queue.interrupts_total) == ([Taken(0, 5), Taken(2, 1)], 6, 1026)
    assert queue.packets == 50


@pytest.mark.parametrize("error", [errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM, errno.ENODEV])
def test_a_driver_that_says_nothing(root: Path, error: int) -> None:
    host = CardHost(str(root))
    host.error = error
    found = observed(host)
    assert (found.udp4_hash, found.udp6_hash, found.most_queues) == (None, None, None)
    assert found.hash_reason.endswith(errno.errorcode[error])
    assert [queue.packets for queue in found.queues] == [None, None]


def test_an_empty_hash_is_unknown(root: Path) -> None:
    host = CardHost(str(root))
    host.fields = 0
    assert (observed(host).udp4_hash, observed(host).hash_reason[:14]) == (None, "the driver doe")


def test_without_interrupts_the_queues_stand_for_themselves(root: Path) -> None:
    write(root, "/proc/interrupts", "")
    assert [(one.name, one.queue, one.interrupt) for one in observed(CardHost(str(root))).queues] == [
        ("rx-0", 0, None),
        ("rx-1", 1, None),
    ]


def test_queues_that_do_not_exist_have_no_packets(root: Path) -> None:
    write(root, "/proc/interrupts", IGB.replace("eth0-TxRx-1", "eth0-TxRx-9"))
    host = CardHost(str(root))
    host.statistics = (("rx_queue_1_packets", 900),)
    found = observed(host)
    assert (found.queues[1].queue, found.queues[1].packets) == (9, None)
    assert found.rps_cpus == ["", "3"]


def test_a_card_of_a_board_is_known_by_its_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        "/proc/interrupts",
        HEADER + "  40: 5 6 7 8  GICv3  33 Level     eth0\n  41: 1 1 1 1 GICv3 34 Level eth01\n",
    )
    write(tmp_path, "/sys/class/net/eth0/queues/rx-0/rps_cpus", "f\n")
    write(tmp_path, "/proc/irq/40/smp_affinity_list", "0-3\n")
    found = observed(CardHost(str(tmp_path)), {**FACT, "rx_queues": 1})
    (queue,) = found.queues
    assert (queue.name, queue.queue, queue.interrupt, queue.taken_by) == ("eth0", 0, 40, "0-3")
    assert found.rps_cpus == ["0-3"]


def test_a_card_of_hyper_v_has_channels(tmp_path: Path) -> None:
    for channel, cpu, count in ((15, 0, 70), (21, 3, 30)):
        write(tmp_path, f"/sys/class/net/eth0/device/channels/{channel}/cpu", f"{cpu}\n")
        write(tmp_path, f"/sys/class/net/eth0/device/channels/{channel}/interrupts", f"{count}\n")
    queues = observed(CardHost(str(tmp_path))).queues
    assert [(one.name, one.taken_by, one.by_processor) for one in queues] == [
        ("channel 15", "0", [Taken(0, 70)]),
        ("channel 21", "3", [Taken(3, 30)]),
    ]


def software(name: str, driver: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "driver": driver, "virtual": True, "up": True, "rx_queues": 1, **more}


def test_interfaces_of_software_name_those_below(tmp_path: Path) -> None:
    for name in ("lower_eth0", "lower_eth1", "queues/rx-0", "statistics"):
        (tmp_path / "sys/class/net/bond0" / name).mkdir(parents=True)
    for name in ("bond0.7/lower_bond0", "veth1/queues/rx-0", "dummy0"):
        (tmp_path / "sys/class/net" / name).mkdir(parents=True)
    write(tmp_path, "/sys/class/net/veth1/queues/rx-0/rps_cpus", "2\n")
    given = [
        software("bond0", "bonding"),
        software("bond0.7", "802.1Q VLAN Support"),
        software("veth1", "veth"),
        software("dummy0", "dummy"),
        software("bond1", "bonding", up=False),
        {"name": "eth0", "driver": "igb", "virtual": False, "up": True, "rx_queues": 2},
    ]
    found = observe_software(Host(str(tmp_path)), given)
    assert [(one.interface, one.lower, one.rps_cpus) for one in found] == [
        ("bond0", ["eth0", "eth1"], []),
        ("bond0.7", ["bond0"], []),
        ("veth1", [], ["1"]),
    ]
