# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interrupts of cards, by the names that drivers give them, and the processors that take them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._packets.facts import card_device
from ansible_collections.siptune.linux.plugins.module_utils._packets.interrupts import (
    card_interrupts,
    card_takers,
    channels,
    interrupt_names,
    queue_of,
    receiving,
    takers,
    union,
)

# The names as the drivers of Linux give them, those that bring packets first; then how many those are.
NAMES = [
    ("virtio", ["virtio2-input.0", "virtio2-input.1", "virtio2-config", "virtio2-output.0", "virtio2-control"], 2),
    ("virtio shared", ["virtio2-virtqueues", "virtio2-config"], 1),
    ("igb", ["eth0-TxRx-0", "eth0-TxRx-1", "eth0"], 2),
    ("igb apart", ["eth0-rx-0", "eth0-tx-0", "eth0"], 1),
    ("e1000e", ["eth0-rx-0", "eth0-tx-0", "eth0"], 1),
    ("i40e", ["i40e-eth0-TxRx-0", "i40e-eth0-TxRx-1", "i40e-0000:3b:00.0:misc", "i40e-0000:3b:00.0:fdir-TxRx-0"], 2),
    ("ice", ["ice-eth0-TxRx-0", "ice-0000:3b:00.0:misc"], 1),
    ("iavf", ["iavf-eth0-TxRx-0", "iavf-0000:00:06.0:mbx"], 1),
    ("mlx5", ["mlx5_comp0@pci:0000:3b:00.0", "mlx5_comp1@pci:0000:3b:00.0", "mlx5_async0@pci:0000:3b:00.0"], 2),
    ("mlx4", ["mlx4-1@0000:01:00.0", "mlx4-2@0000:01:00.0", "mlx4-async@pci:0000:01:00.0"], 2),
    ("ena", ["eth0-Tx-Rx-0", "eth0-Tx-Rx-1", "ena-mgmnt@pci:0000:00:05.0"], 2),
    ("gve", ["gve-ntfy-blk0@pci:0000:00:04.0", "gve-ntfy-blk1@pci:0000:00:04.0", "gve-mgmnt@pci:0000:00:04.0"], 2),
    ("mana", ["mana_q0@pci:7870:00:00.0", "mana_hwc@pci:7870:00:00.0"], 1),
    ("vmxnet3", ["eth0-rxtx-0", "eth0-rxtx-1", "eth0-event-2"], 2),
    ("xen", ["eth0-q0-rx", "eth0-q1-rx", "eth0-q0-tx", "eth0-q1-tx"], 2),
    ("bnx2x", ["eth0-fp-0", "eth0-fp-1", "eth0"], 2),
    ("cxgb4", ["eth0 (queue 0)", "eth0 (queue 1)"], 2),
    ("stmmac", ["eth0:rx-0", "eth0:tx-0", "eth0:mac"], 1),
    ("r8169", ["eth0"], 1),
    ("sfc", ["eth0-0", "eth0-1"], 2),
    ("nothing known", ["eth0-misc"], 1),
]


@pytest.mark.parametrize(("names", "count"), [case[1:] for case in NAMES], ids=[case[0] for case in NAMES])
def test_what_brings_packets(names: list[str], count: int) -> None:
    assert receiving(dict(enumerate(names, 40)), "eth0") == list(range(40, 40 + count))


def test_an_interface_may_be_called_like_a_queue() -> None:
    assert receiving({1: "rxlan", 2: "rxlan-TxRx-0"}, "rxlan") == [2]


@pytest.mark.parametrize(
    ("name", "queue"),
    [
        ("eth0-TxRx-7", 7),
        ("virtio2-input.0", 0),
        ("mlx5_comp12@pci:0000:3b:00.0", 12),
        ("eth0-q3-rx", 3),
        ("eth0 (queue 5)", 5),
        ("eth0", None),
        ("gve-ntfy-blk3@pci:0000:00:04.0", None),
        ("", None),
        ("eth0-TxRx-" + "9" * 30, 99999),
    ],
)
def test_the_number_of_the_queue(name: str, queue: int | None) -> None:
    assert queue_of(name, "eth0") == queue


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ([], None),
        ([None], None),
        ([frozenset({1}), None], None),
        ([frozenset({1}), frozenset({4})], {1, 4}),
        ([frozenset()], frozenset()),
    ],
)
def test_union(sets: list[frozenset[int] | None], expected: set[int] | None) -> None:
    assert union(sets) == expected


def place(root: Path, path: str, text: str) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def interrupt(root: Path, number: int, name: str, taken_by: str, allowed: str = "0-3") -> None:
    place(root, f"/sys/kernel/irq/{number}/actions", f"{name}\n")
    place(root, f"/proc/irq/{number}/effective_affinity_list", f"{taken_by}\n")
    place(root, f"/proc/irq/{number}/smp_affinity_list", f"{allowed}\n")


@pytest.fixture
def virtio(tmp_path: Path) -> Path:
    """A card of virtio with one queue, as /sys has it: the interrupts are those of the device of PCI below."""
    device = tmp_path / "sys/devices/pci0000:00/0000:00:03.0"
    for number in (37, 38, 39):
        place(device, f"msi_irqs/{number}", "msix\n")
    (device / "virtio2/net/eth0").mkdir(parents=True)
    (device / "virtio2/subsystem").symlink_to("../../../../bus/virtio")
    (device / "virtio2/net/eth0/device").symlink_to("../../../virtio2")
    (tmp_path / "sys/class/net").mkdir(parents=True)
    (tmp_path / "sys/class/net/eth0").symlink_to("../../devices/pci0000:00/0000:00:03.0/virtio2/net/eth0")
    interrupt(tmp_path, 37, "virtio2-config", "0")
    interrupt(tmp_path, 38, "virtio2-input.0", "1")
    interrupt(tmp_path, 39, "virtio2-output.0", "0")
    return tmp_path


def test_a_virtio_card(virtio: Path) -> None:
    host = Host(str(virtio))
    assert card_device(host, "eth0") == "/sys/class/net/eth0/device/.."
    assert card_interrupts(host, "eth0") == [37, 38, 39]
    assert interrupt_names(host, [38, 40]) == {38: "virtio2-input.0"}
    assert card_takers(host, "eth0") == {1}


def test_a_kernel_without_effective_affinities(virtio: Path) -> None:
    (virtio / "proc/irq/38/effective_affinity_list").write_text("\n")
    assert takers(Host(str(virtio)), 38) == {0, 1, 2, 3}
    (virtio / "proc/irq/38/smp_affinity_list").write_text("nonsense\n")
    assert takers(Host(str(virtio)), 38) is None
    assert card_takers(Host(str(virtio)), "eth0") is None


def test_a_card_without_msi(tmp_path: Path) -> None:
    place(tmp_path, "/sys/class/net/eth0/device/irq", "11\n")
    interrupt(tmp_path, 11, "eth0", "2")
    assert card_takers(Host(str(tmp_path)), "eth0") == {2}


@pytest.mark.parametrize("text", ["0\n", "", "-1\n", "x"])
def test_a_card_without_interrupts(tmp_path: Path, text: str) -> None:
    place(tmp_path, "/sys/class/net/eth0/device/irq", text)
    assert card_interrupts(Host(str(tmp_path)), "eth0") == []
    assert card_takers(Host(str(tmp_path)), "eth0") is None


def test_a_card_of_hyper_v_has_channels(tmp_path: Path) -> None:
    for channel, cpu in (("15", "0"), ("21", "3")):
        place(tmp_path, f"/sys/class/net/eth0/device/channels/{channel}/cpu", f"{cpu}\n")
    place(tmp_path, "/sys/class/net/eth0/device/channels/21/interrupts", "77\n")
    place(tmp_path, "/sys/class/net/eth0/device/channels/22/cpu", "x\n")
    place(tmp_path, "/sys/class/net/eth0/device/channels/uevent", "\n")
    assert channels(Host(str(tmp_path)), "eth0") == [(15, {0: 0}), (21, {3: 77})]
    assert card_takers(Host(str(tmp_path)), "eth0") == {0, 3}


def test_names_that_are_no_numbers_are_not_taken_for_interrupts(tmp_path: Path) -> None:
    for name in ("41", "x41", "-3", "4" * 40):
        place(tmp_path, f"/sys/class/net/eth0/device/msi_irqs/{name}", "msix\n")
    assert card_interrupts(Host(str(tmp_path)), "eth0") == [41]
