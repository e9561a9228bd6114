# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts: which one holds a path, and how it is mounted.

A path is walked by its names. No file system of another machine is touched, as a server that is away would hold us up
for good, and no automount point, as a look would mount it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from .._host.host import Host
from .model import ACCESS_TIMES, IN_MEMORY, JOURNALED_DATA, READ_ONLY, SYNC, Fault

MOUNTS = "/proc/self/mountinfo"
MOST_STACKED = 64  # mounts on top of each other
MOST_LINKS = 40  # in a path, MAXSYMLINKS of linux/namei.h
LONGEST_PATH = 4096  # PATH_MAX, linux/limits.h
MOST_STEPS = 64  # of a path; real ones have a fifth of that
MEMORY_KINDS = ("tmpfs", "ramfs")
# Kinds that keep the time of access on a disk of this machine.
DISK_KINDS = ("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "reiserfs", "bcachefs", "zfs")
LOCAL_KINDS = (*DISK_KINDS, *MEMORY_KINDS, "overlay", "squashfs", "erofs", "vfat", "rootfs", "nilfs2", "devtmpfs")


class Mount(NamedTuple):
    """A line of /proc/PID/mountinfo. `device` is major:minor; `options` those of the mount, `shared` its file system's.

    Source: proc_pid_mountinfo(5)
    """

    number: str
    parent: str
    device: str
    point: str
    options: frozenset[str]
    kind: str
    source: str
    shared: frozenset[str]

    @property
    def local(self) -> bool:
        """Whether a look at its files neither asks another machine nor a program."""
        return self.kind in LOCAL_KINDS

    @property
    def name(self) -> str:
        """How people call it: /dev/sda1, or its kind where it has no device of its own."""
        return self.source if self.source.startswith("/") else self.kind


class Place(NamedTuple):
    """A directory without links on its way, and the mount that holds it."""

    path: str
    mount: Mount


def parse_mounts(text: str) -> list[Mount]:
    """The mounts of a /proc/PID/mountinfo, in their order; lines of another form are left out."""
    return [mount for mount in map(_parse_line, text.split("\n")) if mount is not None]


def _parse_line(line: str) -> Mount | None:
    words = line.split(" ")
    dash = words.index("-", 6) if "-" in words[6:] else 0
    if not dash or len(words) < dash + 4:
        return None
    number, parent, device, _root, point, options = map(_unescaped, words[:6])
    kind, source, shared = map(_unescaped, words[dash + 1 : dash + 4])
    return Mount(
        number, parent, device, point, frozenset(options.split(",")), kind, source, frozenset(shared.split(","))
    )


def _unescaped(word: str) -> str:
    """A blank, a tab, a line end and a backslash are written as three octal digits: mangle() of fs/proc_namespace.c."""
    return re.sub(r"\\([0-3][0-7]{2})", lambda found: chr(int(found.group(1), 8)), word)


class MountTable:
    """The mounts as a tree, so that one that is hidden by a later one does not count."""

    def __init__(self, mounts: list[Mount]) -> None:
        self._below = {(mount.parent, mount.point): mount for mount in mounts if mount.parent != mount.number}
        roots = [mount for mount in mounts if mount.point == "/"]
        numbers = [mount.number for mount in roots]
        lowest = [mount for mount in roots if mount.parent == mount.number or mount.parent not in numbers]
        self._root = self._top(lowest[0], "/") if lowest else None

    def holding(self, path: str) -> Mount | None:
        """The mount that a path without links is on; None if the root is no mount that we see."""
        mount = self._root
        for prefix in _prefixes(path):
            child = self._below.get((mount.number, prefix)) if mount else None
            mount = self._top(child, prefix) if child else mount
        return mount

    def _top(self, mount: Mount, point: str) -> Mount:
        for _level in range(MOST_STACKED):
            above = self._below.get((mount.number, point))
            if above is None:
                break
            mount = above
        return mount


def _prefixes(path: str) -> Iterator[str]:
    """/a and /a/b of /a/b."""
    steps = [step for step in path.split("/") if step]
    return ("/" + "/".join(steps[: length + 1]) for length in range(len(steps)))


def read_mounts(host: Host) -> MountTable:
    """The mounts that we see."""
    return MountTable(parse_mounts(host.read_lenient(MOUNTS) or ""))


def find_place(host: Host, table: MountTable, path: str) -> Place | None:
    """Where a path of this host leads to; None where nothing is there, or nobody knows.

    On a file system that is not looked at, a mount point and what is directly in it are believed to be there.
    """
    if not path.startswith("/") or len(path) > LONGEST_PATH:
        return None
    done, left, links = "/", path.split("/"), 0
    while left:
        if len(left) > MOST_STEPS:
            return None
        step = left.pop(0)
        if step in ("", "."):
            continue
        here = posixpath.dirname(done) if step == ".." else posixpath.join(done, step)
        mount = table.holding(here)
        if mount is None:
            return None
        if not mount.local:
            whole = posixpath.normpath("/".join([here, *left]))
            return Place(whole, mount) if mount.point in (whole, posixpath.dirname(whole)) else None
        target = None if step == ".." else host.read_link(here)
        if target is None:
            done = here
            continue
        links += 1
        if links > MOST_LINKS or len(target) > LONGEST_PATH:
            return None
        done = "/" if target.startswith("/") else done
        left = target.split("/") + left
    mount = table.holding(done)
    return Place(done, mount) if mount is not None and host.exists(done) else None


# --- what is wrong with a mount --------------------------------------------------------------


def mount_faults(mount: Mount, lost_at_boot: bool) -> Iterator[Fault]:
    """The faults of a mount for what is written there. `lost_at_boot` is whether it is to outlive a boot.

    Sources: mount(8), ext4(5), xfs(5); Documentation/filesystems/tmpfs.rst.
    """
    where = f"on {mount.name} mounted"
    if "ro" in mount.options | mount.shared:
        yield Fault(READ_ONLY, f"{where} read-only: nothing can be written", "look in the kernel's log for why")
        return
    if mount.kind in MEMORY_KINDS:
        if lost_at_boot:
            lost = f"on {mount.kind}: it takes memory, and is gone after a boot"
            yield Fault(IN_MEMORY, lost, "keep it on a disk")
        return
    if "sync" in mount.shared:
        waits = "the server" if not mount.local else "the disk"
        yield Fault(SYNC, f"{where} sync: each write waits for {waits}", "mount it without sync")
    for option in ("dirsync", "wsync"):
        if option in mount.shared:
            waits = f"{where} {option}: each file that is made, renamed or removed waits for the disk"
            yield Fault(SYNC, waits, f"mount it without {option}")
    if mount.kind in DISK_KINDS and not {"relatime", "noatime"} & mount.options and "lazytime" not in mount.shared:
        written = f"{where} strictatime: each file that is read is written as well, for its time of access"
        yield Fault(ACCESS_TIMES, written, "mount it relatime, the default, or noatime")
    if "data=journal" in mount.shared:
        twice = f"{where} data=journal: everything is written twice, to the journal first"
        yield Fault(JOURNALED_DATA, twice, "mount it data=ordered, the default")
