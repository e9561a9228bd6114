# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that sets interrupts at boot, run by a real shell on a tree of files, and the files beside it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.own_paths import may_be_made, may_be_written
from ansible_collections.siptune.linux.plugins.module_utils._nic.irq_script import (
    PATHS,
    UNIT_PATH,
    OwnInterrupts,
    fault_of,
    given,
    mode_of,
    texts,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.udev_rules import Own, held_values
from nic_cards import CardHost, igb, virtio

SCRIPT, DROP_IN = PATHS[0], PATHS[3]
ETH0 = OwnInterrupts(
    Own("eth0", "irq_cpus", "eth0-TxRx-0=2 eth0-TxRx-1=3", ("eth0-TxRx-0", "eth0-TxRx-1"), "Why."), "0000:00:03.0"
)
ETH1 = OwnInterrupts(Own("eth1", "irq_cpus", "1", ("eth1_(queue_0)",), ""), "0000:01:00.1")


def run(tmp_path: Path, text: str, *arguments: str) -> str:
    """The script with the tree in place of /sys and /proc, and without its pauses."""
    for tree in ("/sys/", "/proc/"):
        text = text.replace(tree, f"{tmp_path}{tree}")
    script = tmp_path / "script"
    script.write_text(text.replace("sleep 2", "touch asked-again"))
    script.chmod(0o755)
    return subprocess.run([script, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True).stdout


def affinities(tmp_path: Path, *numbers: int) -> list[str]:
    return [(tmp_path / f"proc/irq/{number}/smp_affinity_list").read_text().strip() for number in numbers]


def test_nothing_is_no_file() -> None:
    assert texts([], "irqbalance -x") == {}


def test_it_names_its_cards_and_their_values() -> None:
    found = texts([ETH0, ETH1], "")
    assert sorted(found) == sorted(PATHS[:3])
    assert given(found[SCRIPT]) == {"0000:00:03.0": ["eth0-TxRx-0", "eth0-TxRx-1"], "0000:01:00.1": ["eth1_(queue_0)"]}
    assert held_values(found[SCRIPT]) == {("eth0", "irq_cpus"): ETH0.own.value, ("eth1", "irq_cpus"): "1"}
    assert "# Why.\n" in found[SCRIPT]
    assert given(found[SCRIPT].replace("Managed by Ansible", "By hand")) == {}
    assert (mode_of(SCRIPT), mode_of(DROP_IN)) == (0o755, 0o644)


def test_a_rollback_may_write_and_remove_them() -> None:
    assert all(map(may_be_written, PATHS))
    assert not any(map(may_be_written, ("/etc/siptune/interrupts.sh", "/etc/siptune/../interrupts", UNIT_PATH + "2")))
    assert may_be_made("/etc/siptune")


def test_the_line_of_irqbalance_is_replaced() -> None:
    assert texts([ETH0], "/usr/sbin/irqbalance -x")[DROP_IN].endswith(
        "[Service]\nExecStart=\nExecStart=/usr/sbin/irqbalance -x\n"
    )


def test_what_irqbalance_asks(tmp_path: Path) -> None:
    text = texts([ETH0, ETH1], "")[SCRIPT]
    for device, answer in (("0000:00:03.0", "ban=true\n"), ("0000:01:00.1", "ban=true\n"), ("0000:00:03.1", "")):
        assert run(tmp_path, text, f"/sys/bus/pci/devices/{device}", "24") == answer
    assert run(tmp_path, text, "/sys", "9") == ""
    assert run(tmp_path, text) == ""


def test_what_a_boot_does(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb(), virtio("eth1"))
    host.on_pci("eth0", "0000:00:03.0")
    host.on_pci("eth1", "0000:01:00.1")
    host.interrupts("eth0", {99: "0", 100: "0"})
    host.interrupts("eth1", {31: "0"})
    (tmp_path / "sys/kernel/irq/31/actions").write_text("eth1 (queue=0)\n")
    run(tmp_path, texts([ETH0, ETH1], "")[SCRIPT], "set")
    assert affinities(tmp_path, 99, 100, 31) == ["2", "3", "1"]
    assert not (tmp_path / "asked-again").exists()


def test_a_boot_waits_for_drivers_to_ask(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    host.on_pci("eth0", "0000:00:03.0")
    host.interrupts("eth0", {24: "0", 25: "0"})
    (tmp_path / "sys/kernel/irq/24/actions").write_text("\n")
    run(tmp_path, texts([ETH0], "")[SCRIPT], "set")
    assert (tmp_path / "asked-again").exists()
    assert affinities(tmp_path, 24, 25) == ["0", "3"]


def test_a_card_without_message_signalled_interrupts(tmp_path: Path) -> None:
    CardHost(tmp_path, igb()).on_pci("eth0", "0000:00:03.0")
    for path, text in (
        ("sys/bus/pci/devices/0000:00:03.0/irq", "11"),
        ("sys/kernel/irq/11/actions", "eth0"),
        ("proc/irq/11/smp_affinity_list", "0-3"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"{text}\n")
    one = OwnInterrupts(Own("eth0", "irq_cpus", "2", ("eth0",), ""), "0000:00:03.0")
    run(tmp_path, texts([one], "")[SCRIPT], "set")
    assert affinities(tmp_path, 11) == ["2"]


@pytest.mark.parametrize("cpus", ["2; reboot", "$(reboot)", "two", "", "-1"])
def test_only_lists_of_cpus_get_into_it(cpus: str) -> None:
    with pytest.raises(ValueError, match="is not a list of CPUs"):
        texts([ETH0._replace(own=ETH0.own._replace(value=cpus))], "")


@pytest.mark.parametrize(
    ("slot", "names", "fault"),
    [
        ("0000:00:03.0", ["eth0-TxRx-0", "mlx5_comp0@pci:0000:08:00.0", "eth0_(queue_0)", "$(reboot)"], ""),
        ("", ["eth0-TxRx-0"], "the card is not on a PCI bus"),
        ("0000:00:03.0", ["eth0", "eth0#2"], "could tell these interrupts apart"),
        ("0000:00:03.0", ["it's"], "could tell these interrupts apart"),
        ("0000:00:03.0", ["caf\xe9"], "could tell these interrupts apart"),
        ("0000:00:03.0", ["a\tb"], "could tell these interrupts apart"),
    ],
)
def test_what_it_could_not_find(slot: str, names: list[str], fault: str) -> None:
    assert fault in fault_of(slot, names)
    assert bool(fault_of(slot, names)) == bool(fault)


def test_a_name_is_no_command(tmp_path: Path) -> None:
    own = Own("eth0", "irq_cpus", "2", ("$(touch${IFS}done)`touch${IFS}done`",), "")
    run(tmp_path, texts([OwnInterrupts(own, "0000:00:03.0")], "")[SCRIPT], "set")
    assert not (tmp_path / "done").exists()
