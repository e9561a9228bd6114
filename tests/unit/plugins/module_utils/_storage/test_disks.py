# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._storage.disks import Disk, disk_faults, disks_below
from ansible_collections.siptune.linux.plugins.module_utils._storage.mounts import Mount, parse_mounts


def mount(device: str = "8:1", options: str = "rw", kind: str = "ext4", source: str = "/dev/sda1") -> Mount:
    return parse_mounts(f"40 1 {device} / /x rw,relatime - {kind} {source} {options}")[0]


class Sysfs:
    """A /sys with block devices, linked as the kernel links them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "sys/dev/block").mkdir(parents=True)
        (root / "sys/devices").mkdir(parents=True)

    def disk(self, name: str, number: str, **files: str) -> None:
        self.device(name, number, {"uevent": f"MAJOR=8\nDEVNAME={name}\nDEVTYPE=disk\n", **files})

    def partition(self, name: str, number: str) -> None:
        disk = name.rstrip("0123456789")
        self.device(f"{disk}/{name}", number, {"partition": "1\n", "uevent": f"DEVNAME={name}\n"})

    def device(self, place: str, number: str, files: dict[str, str]) -> None:
        directory = self.root / "sys/devices" / place
        directory.mkdir()
        for name, text in files.items():
            file = directory / name.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (self.root / "sys/dev/block" / number).symlink_to(f"../../devices/{place}")

    def stacked(self, name: str, number: str, *below: str) -> None:
        self.disk(name, number)
        slaves = self.root / "sys/devices" / name / "slaves"
        slaves.mkdir()
        for place in below:
            (slaves / place.rsplit("/", 1)[-1]).symlink_to(f"../../{place}")


@pytest.fixture
def sysfs(tmp_path) -> Sysfs:
    return Sysfs(tmp_path)


CACHE = "device/scsi_disk/0:0:0:0/cache_type"
SATA = {"device/vendor": "ATA     \n", "queue/rotational": "1\n"}


def test_the_disk_of_a_partition(sysfs: Sysfs) -> None:
    sysfs.disk("sda", "8:0", **SATA, **{"queue/write_cache": "write back\n", CACHE: "write back\n"})
    sysfs.partition("sda1", "8:1")
    assert disks_below(Host(str(sysfs.root)), mount()) == [Disk("/dev/sda", "write back", "write back", True, True)]


def test_the_disks_of_raid_and_lvm(sysfs: Sysfs) -> None:
    for name, number in (("sda", "8:0"), ("sdb", "8:16")):
        sysfs.disk(name, number, **{"queue/write_cache": "write through\n", "queue/rotational": "1\n"})
        sysfs.partition(f"{name}1", f"{number}1")
    sysfs.stacked("md0", "9:0", "sda/sda1", "sdb/sdb1")
    sysfs.stacked("dm-0", "254:0", "md0")
    found = disks_below(Host(str(sysfs.root)), mount("254:0"))
    assert [disk.name for disk in found] == ["/dev/sda", "/dev/sdb"]


def test_a_stack_without_an_end(sysfs: Sysfs) -> None:
    sysfs.stacked("dm-0", "254:0", "dm-0")
    assert disks_below(Host(str(sysfs.root)), mount("254:0")) == []


@pytest.mark.parametrize("device", ["0:44", "8:99", "x:y"])
def test_no_disk_is_known(sysfs: Sysfs, device: str) -> None:
    found = disks_below(Host(str(sysfs.root)), mount(device, kind="overlay"))
    assert [disk for disk in found if disk.kernel] == []


@pytest.mark.parametrize("source", ["/dev/nothing", "tank/calls", "/etc/passwd"])
def test_a_file_system_on_several_disks_whose_device_is_not_known(sysfs: Sysfs, source: str) -> None:
    assert disks_below(Host(str(sysfs.root)), mount("0:44", kind="btrfs", source=source)) == []


BACK, THROUGH = "write back", "write through"


@pytest.mark.parametrize(
    ("disk", "options", "said"),
    [
        (Disk("/dev/sda", BACK, BACK, True, True), "rw", ""),
        (Disk("/dev/nvme0n1", BACK, "", False, False), "rw", ""),
        # A controller with a battery, a volume of a cloud: nobody can tell.
        (Disk("/dev/sda", THROUGH, THROUGH, True, False), "rw", ""),
        (Disk("/dev/vda", THROUGH, THROUGH, True, False), "rw", ""),
        (Disk("/dev/nvme0n1", THROUGH, "", False, False), "rw", ""),
        (Disk("/dev/sda", THROUGH, THROUGH, False, True), "rw", ""),
        (Disk("/dev/sda", "", "", False, False), "rw,nobarrier", ""),
        (Disk("/dev/sda", THROUGH, THROUGH, True, True), "rw", "each write waits for the platter"),
        (Disk("/dev/sda", THROUGH, BACK, True, True), "rw", "loses what was synced"),
        (Disk("/dev/sda", THROUGH, "write back, no read (daft)", False, True), "rw", "loses what was synced"),
        (Disk("/dev/vda", THROUGH, BACK, True, False), "rw", "loses what was synced"),
        (Disk("/dev/sda", BACK, BACK, False, True), "rw,nobarrier", "nobarrier"),
        (Disk("/dev/vda", BACK, BACK, True, False), "rw,barrier=0", "nobarrier"),
        (Disk("/dev/sda", BACK, BACK, False, True), "rw,barrier=1", ""),
    ],
)
def test_a_write_cache_that_does_not_fit(disk: Disk, options: str, said: str) -> None:
    found = list(disk_faults(mount(options=options), disk))
    assert [fault.kind for fault in found] == ["write_cache"] * bool(said)
    assert all(said in fault.finding for fault in found)
    assert all(disk.name in fault.finding for fault in found)
