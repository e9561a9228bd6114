# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processors that there are for the packets of a card, as the facts have them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.network import Interface
from ansible_collections.siptune.linux.plugins.module_utils._packets.facts import Card, PacketPath, packet_path

ETH0 = Interface("eth0", "igb", False, True, "02:fc:00:00:00:01", 1000, [], False, 2, None, None)
CPUS = "/sys/devices/system/cpu/"
DEVICE = "/sys/class/net/eth0/device/"
FILES = {
    CPUS + "online": "0-7\n",
    CPUS + "isolated": "6-7\n",
    CPUS + "nohz_full": "  (null)\n",
    "/sys/devices/system/node/node1/cpulist": "4-9\n",
    DEVICE + "numa_node": "1\n",
    DEVICE + "msi_irqs/41": "msix\n",
    DEVICE + "msi_irqs/42": "msix\n",
    DEVICE + "msi_irqs/43": "msix\n",
    "/sys/kernel/irq/41/actions": "eth0\n",
    "/sys/kernel/irq/42/actions": "eth0-TxRx-0\n",
    "/sys/kernel/irq/43/actions": "eth0-TxRx-1\n",
    "/proc/irq/42/effective_affinity_list": "4\n",
    "/proc/irq/43/effective_affinity_list": "6\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        write(tmp_path, path, text)
    return tmp_path


def write(root: Path, path: str, text: str) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def card(root: Path, interface: Interface = ETH0) -> Card:
    (found,) = packet_path(Host(str(root)), [interface]).cards
    return found


def test_a_card_of_a_node(root: Path) -> None:
    expected = Card("eth0", "igb", 2, 1, "4-7", "4,6")
    assert packet_path(Host(str(root)), [ETH0]) == PacketPath("0-7", "6-7", "", [expected])


@pytest.mark.parametrize(
    "other",
    [
        ETH0._replace(virtual=True),
        ETH0._replace(virtual=None),
        ETH0._replace(up=False),
        ETH0._replace(rx_queues=None),  # /sys shows another network namespace
    ],
)
def test_what_is_no_card_that_is_up_is_left_out(root: Path, other: Interface) -> None:
    assert packet_path(Host(str(root)), [other]).cards == []


@pytest.mark.parametrize(("text", "node"), [("-1\n", None), ("0\n", 0), ("", None), ("x\n", None), ("9" * 30, None)])
def test_without_a_node_all_processors_are_near(root: Path, text: str, node: int | None) -> None:
    write(root, DEVICE + "numa_node", text)
    assert card(root)[3:5] == (node, "0-7")


@pytest.mark.parametrize("cpus", ["\n", "32-63\n", "nonsense"])
def test_a_node_without_online_processors_counts_for_none(root: Path, cpus: str) -> None:
    write(root, "/sys/devices/system/node/node1/cpulist", cpus)
    assert card(root).node_processors == "0-7"


def test_interrupts_are_looked_for_only_where_processors_outnumber_queues(root: Path) -> None:
    assert card(root, ETH0._replace(rx_queues=8)).interrupt_processors is None
    assert card(root, ETH0._replace(rx_queues=7)).interrupt_processors == "4,6"


@pytest.mark.parametrize(
    ("kernel", "cgroups", "expected"),
    [("2-3\n", "5\n", "2-3,5"), ("\n", "\n", ""), (None, "5\n", "5"), ("2\n", None, "2"), (None, None, None)],
)
def test_isolated_processors(tmp_path: Path, kernel: str | None, cgroups: str | None, expected: str | None) -> None:
    for path, text in ((CPUS + "isolated", kernel), ("/sys/fs/cgroup/cpuset.cpus.isolated", cgroups)):
        if text is not None:
            write(tmp_path, path, text)
    assert packet_path(Host(str(tmp_path)), []).isolated == expected


def test_a_container_without_sys(tmp_path: Path) -> None:
    assert packet_path(Host(str(tmp_path)), None) == PacketPath(None, None, None, [])
    assert card(tmp_path) == Card("eth0", "igb", 2, None, None, None)


def test_no_file_that_cannot_be_read_raises(root: Path) -> None:
    for path in FILES:
        (root / path.lstrip("/")).unlink()
        (root / path.lstrip("/")).mkdir()  # reading a directory fails, even for root
        assert packet_path(Host(str(root)), [ETH0]).cards[0].interface == "eth0"
