# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of processors: captured from Linux 6.18 on virtio, and as other machines write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._packets.tables import (
    Interrupt,
    Times,
    has_word,
    parse_interrupts,
    parse_softirq,
    parse_times,
)
from hypothesis import given
from hypothesis import strategies as st

CAPTURED = Path(__file__).parents[1] / "captured"


def captured(name: str) -> str:
    return (CAPTURED / f"{name}.txt").read_text(encoding="ascii")


def test_a_machine_of_virtio() -> None:
    found = parse_interrupts(captured("interrupts-6.18-virtio"), {37, 38, 39})
    assert {number: one.name for number, one in found.items()} == {
        37: "virtio2-config",
        38: "virtio2-input.0",
        39: "virtio2-output.0",
    }
    assert list(found[38].counts) == [0, 1]
    assert found[38].counts[0] == 0 < found[38].counts[1]


def test_interrupts_by_the_names_of_devices() -> None:
    text = captured("interrupts-6.18-virtio")
    assert list(parse_interrupts(text, (), ["virtio2"])) == [37, 38, 39]
    assert parse_interrupts(text, (), ["virtio", "eth0"]) == {}


# One line each, with two processors of which one has the number 5.
OTHERS = [
    (" 40:  1  2  GICv3  33 Level     eth0", Interrupt("eth0", {0: 1, 5: 2})),  # a board of arm64
    ("40:  1  2   ITS-MSI 524289 Edge      eth0-TxRx-1", Interrupt("eth0-TxRx-1", {0: 1, 5: 2})),  # arm64
    (
        " 40: 1 2  IR-PCI-MSIX-0000:3b:00.0    1-edge      mlx5_comp0@pci:0000:3b:00.0",
        Interrupt("mlx5_comp0@pci:0000:3b:00.0", {0: 1, 5: 2}),
    ),
    (" 40: 1 2  xen-dyn    -event     eth0-q0-rx", Interrupt("eth0-q0-rx", {0: 1, 5: 2})),
    (" 40: 1 2   PCI-MSI 65536-edge      eth0 (queue 0)", Interrupt("eth0 (queue 0)", {0: 1, 5: 2})),
    (" 40: 1 2   IO-APIC   11-fasteoi   uhci_hcd:usb1, eth0", Interrupt("uhci_hcd:usb1, eth0", {0: 1, 5: 2})),
    (" 40: 1 2   XIVE-IRQ 4096 Edge      eth0", Interrupt("eth0", {0: 1, 5: 2})),  # POWER
    (" 40: 1 2", Interrupt("", {0: 1, 5: 2})),  # requested by nobody
    (" 40: 1", None),
    (" 40: 1 x  PCI-MSI 1-edge eth0", None),
    (" 40: 1 -2  PCI-MSI 1-edge eth0", None),
    ("IPI0: 1 2  Rescheduling interrupts", None),
    ("ERR:          0", None),
    ("", None),
]


@pytest.mark.parametrize(("line", "expected"), OTHERS)
def test_lines_of_other_machines(line: str, expected: Interrupt | None) -> None:
    found = parse_interrupts(f"           CPU0       CPU5       \n{line}\n", {40})
    assert found == ({} if expected is None else {40: expected})


@pytest.mark.parametrize("header", ["", "no processors here", "\0"])
def test_a_table_without_processors_is_none(header: str) -> None:
    assert parse_interrupts(f"{header}\n 40: 1 2 x\n", {40}) == {}


def test_hundreds_of_processors_some_of_them_offline() -> None:
    online = [cpu for cpu in range(512) if cpu % 7]
    header = "           " + "".join(f"CPU{cpu:<8d}" for cpu in online)
    line = " 40: " + " ".join(str(cpu) for cpu in online) + "  PCI-MSI 1-edge  eth0-TxRx-0"
    assert parse_interrupts(f"{header}\n{line}\n", {40})[40] == Interrupt("eth0-TxRx-0", {cpu: cpu for cpu in online})


def test_processors_of_several_kinds_are_known_by_their_numbers() -> None:
    text = "     CPU0(P)  CPU1(E)\n 40: 3 4 PCI-MSI 1-edge eth0\n"
    assert parse_interrupts(text, {40})[40].counts == {0: 3, 1: 4}


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("eth1-rx-0", "eth1", True),
        ("eth10-rx-0", "eth1", False),
        ("i40e-eth1-TxRx-0", "eth1", True),
        ("veth1", "eth1", False),
        ("a.b", "a.b", True),
        ("axb", "a.b", False),
    ],
)
def test_words(text: str, word: str, expected: bool) -> None:
    assert has_word(text, word) is expected


def test_softirqs() -> None:
    found = parse_softirq(captured("softirqs-6.18"))
    assert list(found) == [0, 1]
    assert all(found.values())
    assert parse_softirq("  CPU0 CPU1\n NET_RX: 1\n") == {}
    assert parse_softirq("  CPU0\n NET_TX: 1\n") == {}
    assert parse_softirq("") == {}


def test_times() -> None:
    assert list(parse_times(captured("stat-6.18"))) == [0, 1]
    assert parse_times("cpu0 1 2 3 4 5 6 7 8 9 10\n") == {0: Times(36, 8)}  # guest times are in the others
    assert parse_times("cpu  1 2 3 4 5 6 7 8\ncpu3 1 2 3\nintr 5 0\n") == {}


@given(st.text())
def test_any_text_is_parsed(text: str) -> None:
    parse_interrupts(f"CPU0\n{text}", {1}, ["x"])
    parse_softirq(text)
    parse_times(text)
