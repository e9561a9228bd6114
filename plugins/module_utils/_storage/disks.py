# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks below a file system, and whether their write caches fit.

Only what is certain counts. A virtual disk or a controller that writes through is no fault: it may have a cache with a
battery, and /sys does not say so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from .._host.host import Host, HostError, unless_refused
from .model import WRITE_CACHE, Fault
from .mounts import DISK_KINDS, Mount

BLOCK_DEVICES = "/sys/dev/block"
MOST_DISKS = 64  # below one file system: RAID and LVM
DEEPEST = 8  # of RAID, LVM and encryption on top of each other
NO_DEVICE = "0:"  # major number of file systems that are on several disks or on none
WRITE_BACK, WRITE_THROUGH = "write back", "write through"
UNFLUSHED = ("nobarrier", "barrier=0")  # ext4(5)
SATA = "ATA"  # what libata says for the vendor: drivers/ata/libata-scsi.c, ata_scsiop_inq_std()


class Disk(NamedTuple):
    """A disk. `kernel` is what the kernel takes its cache for, `own` what the disk says itself; both "" if unknown."""

    name: str
    kernel: str
    own: str
    rotating: bool
    sata: bool


def disks_below(host: Host, mount: Mount) -> list[Disk]:
    """The disks that a mount's file system is on; none where that is not known."""
    device = mount.device
    if mount.kind in DISK_KINDS and device.startswith(NO_DEVICE):
        device = _device_of(host, mount.source)
    if not re.fullmatch(r"[0-9]{1,10}:[0-9]{1,10}", device) or device.startswith(NO_DEVICE):
        return []
    found: dict[str, Disk] = {}
    for directory in _whole_disks(host, f"{BLOCK_DEVICES}/{device}", DEEPEST):
        disk = _read_disk(host, directory)
        found.setdefault(disk.name, disk)
        if len(found) >= MOST_DISKS:
            break
    return list(found.values())


def _device_of(host: Host, source: str) -> str:
    """The numbers of the device that btrfs names as its source, one of its disks."""
    if not source.startswith("/dev/"):
        return ""
    try:
        number = host.target_status(source).st_rdev
    except HostError:
        return ""
    return f"{os.major(number)}:{os.minor(number)}"


def _whole_disks(host: Host, directory: str, depth: int) -> Iterator[str]:
    """The directories of the disks below a block device: its own, or those that RAID, LVM or encryption use."""
    if host.exists(f"{directory}/partition"):
        directory += "/.."
    below = unless_refused(host.list_directory, f"{directory}/slaves") or []
    if not below:
        yield directory
    elif depth:
        for name in below[:MOST_DISKS]:
            yield from _whole_disks(host, f"{directory}/slaves/{name}", depth - 1)


def _read_disk(host: Host, directory: str) -> Disk:
    def text(name: str) -> str:
        return (host.read_lenient(f"{directory}/{name}") or "").strip()

    named = re.search(r"^DEVNAME=([^\n]+)", text("uevent"), re.MULTILINE)
    scsi = unless_refused(host.list_directory, f"{directory}/device/scsi_disk") or []
    own = [text(f"device/scsi_disk/{name}/cache_type") for name in scsi] + [text("cache_type")]
    return Disk(
        name=f"/dev/{named.group(1)}" if named else directory,
        kernel=text("queue/write_cache"),
        own=next(filter(None, own), ""),
        rotating=text("queue/rotational") == "1",
        sata=text("device/vendor") == SATA,
    )


def disk_faults(mount: Mount, disk: Disk) -> Iterator[Fault]:
    """The faults of a disk's write cache for a file system.

    Sources: Documentation/ABI/stable/sysfs-block, queue/write_cache; Documentation/block/writeback_cache_control.rst;
    drivers/scsi/sd.c, cache_type; ext4(5), barrier.
    """
    where = f"on {mount.name}"
    if disk.own.startswith(WRITE_BACK) and disk.kernel == WRITE_THROUGH:
        lost = (
            f"{where}: {disk.name} keeps writes in a cache that the kernel was told not to flush, so that a power cut"
        )
        advice = f"write '{WRITE_BACK}' to /sys/block/{disk.name[5:]}/queue/write_cache, and look for what has set it"
        yield Fault(WRITE_CACHE, f"{lost} loses what was synced", advice)
    elif disk.kernel == WRITE_BACK and any(option in mount.shared for option in UNFLUSHED):
        lost = f"{where} mounted nobarrier: the cache of {disk.name} is not flushed, so that a power cut loses what was"
        yield Fault(WRITE_CACHE, f"{lost} synced", "mount it without nobarrier")
    elif disk.kernel == WRITE_THROUGH and disk.rotating and disk.sata:
        slow = f"{where}: the write cache of {disk.name} is off, so that each write waits for the platter"
        advice = f"switch it on, hdparm -W1 {disk.name}: the kernel flushes it where a file is synced"
        yield Fault(WRITE_CACHE, slow, advice)
