# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interrupts of cards: where they go, managed ones, and irqbalance, which nothing here fights."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic.affinity import slot_of
from ansible_collections.siptune.linux.plugins.module_utils._nic.irq_script import PATHS
from balancers import FakeBalancer
from nic_cards import CardHost, igb, links, predict_links, recorded, refused

WANTED = {"eth0": {"irq_cpus": "2-3"}}


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A short path, as the address of a socket has 107 bytes."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


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
    assert "the card is not on a PCI bus" in item.reason
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


def on_pci(tmp_path: Path) -> CardHost:
    host = CardHost(tmp_path, igb())
    host.cpus("0-3")
    host.on_pci("eth0", "0000:00:03.0")
    host.interrupts("eth0", {24: "0-3", 25: "0-3"})
    return host


def files(host: CardHost) -> list[str]:
    return [path for path in PATHS if host.exists(path)]


def test_a_boot_gives_them_their_cpus_too(tmp_path: Path) -> None:
    host = on_pci(tmp_path)
    assert predict_links(host, WANTED).items["eth0 irq_cpus"].at_boot == "eth0-TxRx-0=2 eth0-TxRx-1=3"
    assert files(host) == []
    item = links(host, WANTED).items["eth0 irq_cpus"]
    assert (item.state, item.at_boot_before, item.at_boot) == ("changed", None, "eth0-TxRx-0=2 eth0-TxRx-1=3")
    assert files(host) == list(PATHS[:3])
    again = links(host, WANTED)
    assert (again.changed, again.items["eth0 irq_cpus"].state) == (False, "ok")
    links(host, {"eth0": {"irq_cpus": "1"}})
    assert "give 0000:00:03.0 'eth0-TxRx-1' 1\n" in (host.read_text(PATHS[0]) or "")
    assert links(host, {}, state="absent").items["eth0 irq_cpus"].after == "0-3"
    assert (files(host), recorded(host), host.exists("/etc/siptune")) == ([], {}, False)


def test_a_card_that_is_down_keeps_its_lines(tmp_path: Path) -> None:
    host = on_pci(tmp_path)
    links(host, {"eth0": {"irq_cpus": "1"}})
    host.cards[0].up = False
    for number in (24, 25):
        (tmp_path / f"sys/kernel/irq/{number}/actions").write_text("\n")
    again = links(host, {"eth0": {"irq_cpus": "1"}})
    assert (again.changed, again.items["eth0 irq_cpus"].state) == (False, "absent")
    assert links(host, {}).changed
    assert files(host) == []


def test_managed_interrupts_are_left_out_of_the_boot(tmp_path: Path) -> None:
    host = on_pci(tmp_path)
    for number in (24, 25):
        (tmp_path / f"proc/irq/{number}/smp_affinity_list").chmod(0o444)
    result = links(host, WANTED)
    assert (result.changed, result.items["eth0 irq_cpus"].state, files(host)) == (False, "readonly", [])
    assert not links(host, {"eth0": {"irq_cpus": "0-3"}}).changed
    assert (files(host), recorded(host)) == ([], {})


def test_without_systemd_nothing_is_written(tmp_path: Path) -> None:
    host = on_pci(tmp_path)
    (tmp_path / "usr/lib/systemd/systemd").unlink()
    item = links(host, WANTED).items["eth0 irq_cpus"]
    assert (item.state, item.after, item.at_boot) == ("pending", "eth0-TxRx-0=2 eth0-TxRx-1=3", None)
    assert ("no systemd is here" in item.reason, files(host)) == (True, [])


def test_a_script_of_somebody_else_stays(tmp_path: Path) -> None:
    host = on_pci(tmp_path)
    (tmp_path / "etc/siptune").mkdir()
    (tmp_path / "etc/siptune/interrupts").write_text("#!/bin/sh\n# mine\n")
    assert not links(host, {}).changed
    assert host.read_text("/etc/siptune/interrupts") == "#!/bin/sh\n# mine\n"
    links(host, WANTED)
    links(host, {}, state="absent")
    assert host.read_text("/etc/siptune/interrupts") == "#!/bin/sh\n# mine\n"


# --- irqbalance -----------------------------------------------------------------------------

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root's own process counts as irqbalance")


@ROOT_ONLY
def test_irqbalance_is_told_before_they_are_set(tmp_path: Path) -> None:
    host = on_pci(tmp_path)
    with FakeBalancer(tmp_path, banned=(9,)) as balancer:
        links(host, WANTED)
        assert (balancer.banned, affinity(host, 25)) == ({9, 24, 25}, "3")
        assert files(host) == list(PATHS)
        line = "ExecStart=/usr/sbin/irqbalance --policyscript=/etc/siptune/interrupts --foreground $IRQBALANCE_ARGS\n"
        assert line in (host.read_text(PATHS[3]) or "")
        asked = len(balancer.asked)
        assert not links(host, WANTED).changed
        assert balancer.asked[asked:] == ["setup"]
        links(host, {}, state="absent")
        assert (balancer.banned, affinity(host, 25), files(host)) == ({9}, "0-3", [])


@ROOT_ONLY
def test_check_mode_tells_it_nothing(tmp_path: Path) -> None:
    host = on_pci(tmp_path)
    with FakeBalancer(tmp_path) as balancer:
        assert predict_links(host, WANTED).changed
        assert set(balancer.asked) == {"setup"}


@ROOT_ONLY
def test_after_its_restart_our_script_answers(tmp_path: Path) -> None:
    host = on_pci(tmp_path)
    with FakeBalancer(tmp_path):
        links(host, WANTED)
    with FakeBalancer(tmp_path, "--policyscript=/etc/siptune/interrupts", "--foreground") as balancer:
        assert not links(host, WANTED).changed
        assert balancer.asked == ["setup"]
        links(host, {"eth0": {"irq_cpus": "1"}})
        assert (balancer.banned, affinity(host, 25)) == (set(), "1")
        links(host, {}, state="absent")
        assert balancer.asked[-1] == "settings ban irqs NONE"  # which has it ask about all of them again


@ROOT_ONLY
def test_one_without_a_socket_is_waited_for(tmp_path: Path) -> None:
    host = on_pci(tmp_path)
    balancer = FakeBalancer(tmp_path)
    item = links(host, WANTED).items["eth0 irq_cpus"]
    assert (item.state, item.after, item.at_boot) == ("pending", "0-3", "eth0-TxRx-0=2 eth0-TxRx-1=3")
    assert "before its restart: systemctl restart irqbalance" in item.reason
    with balancer:
        assert links(host, WANTED).items["eth0 irq_cpus"].state == "changed"
    assert links(host, {}, state="absent").items["eth0 irq_cpus"].after == "0-3"


@ROOT_ONLY
@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("etc/default/irqbalance", "IRQBALANCE_ARGS=--policyscript=/etc/mine.sh\n", "policy script /etc/mine.sh"),
        (
            "etc/systemd/system/irqbalance.service.d/override.conf",
            "[Service]\nExecStart=\nExecStart=/usr/sbin/irqbalance -f\n",
            "override.conf line 3 says how irqbalance starts, and comes after ours",
        ),
    ],
)
def test_nothing_fights_what_the_administrator_has_said(tmp_path: Path, path: str, text: str, reason: str) -> None:
    host = on_pci(tmp_path)
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    with FakeBalancer(tmp_path) as balancer:
        item = links(host, WANTED).items["eth0 irq_cpus"]
        assert (item.state, item.after, item.at_boot) == ("pending", "0-3", None)
        assert (reason in item.reason, balancer.banned, files(host)) == (True, set(), [])
        now = links(host, WANTED, when="now").items["eth0 irq_cpus"]
        assert (now.state, balancer.banned) == ("changed", {24, 25})


@ROOT_ONLY
def test_a_failed_run_bans_again_what_it_has_given_back(tmp_path: Path) -> None:
    host = on_pci(tmp_path)
    with FakeBalancer(tmp_path) as balancer:
        links(host, WANTED)
        remove = host.remove

        def no(path: str) -> None:
            if path.endswith("originals.json"):
                raise refused(path, errno.EROFS)
            remove(path)

        host.remove = no  # type: ignore[method-assign]
        with pytest.raises(RefusedError, match="EROFS"):
            links(host, {}, state="absent")
        assert "settings ban irqs NONE" in balancer.asked
        assert (balancer.banned, affinity(host, 25), files(host)) == ({24, 25}, "3", list(PATHS))


@ROOT_ONLY
def test_what_the_kernel_refuses_is_given_back(tmp_path: Path) -> None:
    host = on_pci(tmp_path)

    def no(path: str, text: str) -> None:
        raise refused(path, errno.EIO)

    host.write_kernel = no  # type: ignore[method-assign]
    with FakeBalancer(tmp_path) as balancer:
        assert links(host, WANTED).items["eth0 irq_cpus"].state == "readonly"
        assert (balancer.banned, files(host)) == (set(), [])
        assert "settings ban irqs 24 25" in balancer.asked
