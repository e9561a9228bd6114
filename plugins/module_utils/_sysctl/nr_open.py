# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fs.nr_open, the ceiling of all limits on open files: as it is, and as it will be after a boot."""

from __future__ import annotations

from typing import NamedTuple

from .._host.host import Host
from .._host.machine import CONTAINER, virtualization
from .boot import files_read_at_boot
from .conf import boot_of

KERNEL_NR_OPEN = 1024 * 1024  # what fs.nr_open is before anybody sets it: sysctl_nr_open, fs/file.c
SYSTEMD_NR_OPEN = 1073741816  # what systemd raises it to at each boot, where it is built to: src/core/main.c
_PATH = "/proc/sys/fs/nr_open"


class NrOpen(NamedTuple):
    """fs.nr_open as it is, and as the next boot sets it, with who sets it then."""

    live: int
    boot: int
    source: str = ""

    @property
    def lowest(self) -> int:
        """What is safe now and after a boot."""
        return min(self.live, self.boot)

    def objection(self, files: int) -> str:
        """Why there cannot be a limit of so many open files; '' if there can."""
        if files > self.live:
            return f"{files} is above fs.nr_open ({self.live})"
        if files > self.boot:
            who = self.source or "the kernel's default"
            return f"{files} is above what fs.nr_open will be after a boot ({self.boot}, {who})"
        return ""


def nr_open(host: Host) -> NrOpen:
    """The ceiling of open files, now and after a boot. Raises HostError."""
    text = (host.read_text(_PATH) or "").strip()
    live = int(text) if text.isdecimal() else KERNEL_NR_OPEN
    assigned = boot_of(files_read_at_boot(host)).assignment("fs/nr_open")
    value = None if assigned is None else assigned.value
    boot = nr_open_at_boot(value, live, virtualization(host).kind == CONTAINER)
    return NrOpen(live, boot, "" if assigned is None else f"{assigned.file} line {assigned.line}")


def nr_open_at_boot(assigned: str | None, live: int, container: bool) -> int:
    """What fs.nr_open will be after a boot; `assigned` is the value that a sysctl.d file sets, None if none does."""
    if container:
        return live  # it is the machine's, and outlives the container
    if assigned is not None and assigned.isdecimal():
        return int(assigned)
    return live if live == SYSTEMD_NR_OPEN else KERNEL_NR_OPEN
