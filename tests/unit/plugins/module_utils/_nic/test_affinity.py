# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interrupts of cards: where they go, managed ones, and irqbalance, which nothing here fights."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic.affinity import slot_of
from ansible_collections.siptune.linux.plugins.module_utils._nic.model import Nic
from ansible_collections.siptune.linux.plugins.module_utils._nic.safety import reason_of_balancer
from ansible_collections.siptune.linux.plugins.module_utils._packets.irqbalance import Bans, Irqbalance
from nic_cards import CardHost, igb, links, recorded, refused

WANTED = {"eth0": {"irq_cpus": "2-3"}}


def affinity(host: CardHost, number: int) -> str:
    return (host.root / f"proc/irq/{number}/smp_affinity_list").read_text().strip()


def with_interrupts(tmp_path: Path, mode: int = 0o644) -> CardHost:
    host = CardHost(tmp_path, igb())
    host.cpus("0-3")
    host.interrupts("eth0", {24: "0-3", 25: "0-3", 26: "0-3"}, mode)
    return host


def test_there_and_back(tmp_path: Path) -> None:
    host = with_interrupts(tmp_path)
    item = links(host, WANTED).items["eth0 irq_cpus"]
    assert (item.before, item.after) == ("0-3", "eth0-TxRx-0=2 eth0-TxRx-1=3 eth0-TxRx-2=2")
    assert (item.state, item.at_boot) == ("pending", None)
    assert "interrupts are made anew at each boot" in item.reason
    assert not links(host, WANTED).changed
    assert links(host, {}, state="absent").changed
    assert [affinity(host, number) for number in (24, 25, 26)] == ["0-3"] * 3
    assert recorded(host) == {}


def test_interrupts_have_other_numbers_after_a_boot_and_go_back_all_the_same(tmp_path: Path) -> None:
    host = with_interrupts(tmp_path)
    links(host, WANTED)
    for name in ("sys/class/net/eth0/device", "sys/kernel/irq", "proc/irq"):
        shutil.rmtree(tmp_path / name)
    host.reboot()
    host.interrupts("eth0", {31: "2", 32: "3", 33: "2"})
    assert not links(host, WANTED).changed
    assert links(host, {}, state="absent").items["eth0 irq_cpus"].after == "0-3"
    assert [affinity(host, number) for number in (31, 32, 33)] == ["0-3"] * 3


def test_interrupts_of_one_name_and_names_with_blanks(tmp_path: Path) -> None:
    host = with_interrupts(tmp_path)
    for number in (24, 25):
        (tmp_path / f"sys/kernel/irq/{number}/actions").write_text(f"eth0 (queue={number})\n")
    item = links(host, WANTED).items["eth0 irq_cpus"]
    assert item.after == "eth0_(queue_24)=2 eth0_(queue_25)=3 eth0-TxRx-2=2"
    for number in (24, 25, 26):
        (tmp_path / f"sys/kernel/irq/{number}/actions").write_text("eth0 rx\n")
    item = links(host, {"eth0": {"irq_cpus": "0-1"}}).items["eth0 irq_cpus"]
    assert item.after == "eth0_rx=0 eth0_rx#2=1 eth0_rx#3=0"
    assert affinity(host, 25) == "1"


@pytest.mark.parametrize(
    ("link", "slot"),
    [
        ("../../devices/pci0000:00/0000:00:02.0/0000:01:00.0/virtio1/net/eth0", "0000:01:00.0"),
        ("../../devices/pci0000:00/0000:00:03.0/net/eth0", "0000:00:03.0"),
        ("../../devices/pci10000:00/10000:00:02.0/10000:01:00.3/net/eth0", "10000:01:00.3"),
        ("../../devices/platform/soc/30be0000.ethernet/net/eth0", ""),
        ("../../devices/LNXSYSTM:00/VMBUS:00/f8615163-0000-1000-2000-000d3a000000/net/eth0", ""),
    ],
)
def test_the_slot_of_a_card(tmp_path: Path, link: str, slot: str) -> None:
    (tmp_path / "sys/class/net").mkdir(parents=True)
    (tmp_path / "sys/class/net/eth0").symlink_to(link)
    assert slot_of(Host(str(tmp_path)), Link(2, "eth0", True)) == slot


def test_some_cpu_takes_an_interrupt(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="eth0 irq_cpus: cannot be none: some CPU has to take an interrupt"):
        links(with_interrupts(tmp_path), {"eth0": {"irq_cpus": "none"}})


def test_managed_interrupts_are_read_only(tmp_path: Path) -> None:
    item = links(with_interrupts(tmp_path, 0o444), WANTED).items["eth0 irq_cpus"]
    assert (item.state, item.reason.split(",")[0]) == ("readonly", "the kernel manages these interrupts itself")


def test_managed_interrupts_of_an_older_kernel_say_so_when_they_are_set(tmp_path: Path) -> None:
    host = with_interrupts(tmp_path)

    def no(path: str, text: str) -> None:
        raise refused(path, errno.EIO)

    host.write_kernel = no  # type: ignore[method-assign]
    item = links(host, WANTED).items["eth0 irq_cpus"]
    assert (item.state, item.reason.split(",")[0]) == ("readonly", "the kernel manages these interrupts itself")
    assert recorded(host) == {}


def test_a_running_irqbalance_is_asked_first(tmp_path: Path) -> None:
    host = with_interrupts(tmp_path)
    process = tmp_path / "proc/77"
    process.mkdir()
    (process / "comm").write_text("irqbalance\n")
    (process / "cmdline").write_bytes(b"/usr/sbin/irqbalance\0")
    (process / "status").write_text(
        f"Name:\tirqbalance\nState:\tS\nPPid:\t1\nUid:\t{os.geteuid()}\t0\t0\t0\nNSpid:\t77\n"
    )
    (process / "exe").symlink_to("/usr/sbin/irqbalance")
    result = links(host, WANTED)
    if result.items["eth0 irq_cpus"].state != "pending":
        pytest.skip("only root's own process counts")
    assert affinity(host, 24) == "0-3"
    assert "put --banirq=24 --banirq=25 --banirq=26 among its arguments" in result.items["eth0 irq_cpus"].reason


NIC = Nic(Link(2, "eth0", True, driver="igb"), {}, {}, interrupts=(24, 25))
SCRIPT = Bans(policy_script="/etc/irq.sh")


@pytest.mark.parametrize(
    ("running", "now", "at_start", "reason"),
    [
        pytest.param(False, Bans(), Bans(), "", id="not running"),
        pytest.param(True, Bans(one_shot=True), Bans(), "", id="once a boot"),
        pytest.param(True, Bans(interrupts=(24, 25)), Bans(), "", id="banned by number"),
        pytest.param(True, Bans(modules=("igb",)), Bans(), "", id="banned by driver"),
        pytest.param(True, Bans(interrupts=(24,)), Bans(), "irqbalance runs and would undo this", id="banned in part"),
        pytest.param(True, Bans(), Bans(interrupts=(24, 25)), "irqbalance does not leave", id="banned at its restart"),
        pytest.param(True, SCRIPT, Bans(), "irqbalance asks its policy script /etc/irq.sh", id="a script"),
        pytest.param(True, SCRIPT._replace(interrupts=(24, 25)), Bans(), "", id="a script, and banned"),
    ],
)
def test_irqbalance(running: bool, now: Bans, at_start: Bans, reason: str) -> None:
    found = reason_of_balancer(NIC, Irqbalance(running, now, None, at_start))
    assert found.startswith(reason)
    assert bool(found) == bool(reason)
    assert reason_of_balancer(NIC, None) == ""
