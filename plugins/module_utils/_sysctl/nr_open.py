# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fs.nr_open, the ceiling of all limits on open files: its value now, and after a boot."""

from __future__ import annotations

from typing import NamedTuple

from .._core.text import whole_number
from .._host.host import Host
from .._host.machine import CONTAINER, virtualization
from .boot import files_read_at_boot
from .conf import boot_of

KERNEL_NR_OPEN = 1024 * 1024  # the kernel's default: sysctl_nr_open, fs/file.c
SYSTEMD_NR_OPEN = 1073741816  # systemd raises it to this at each boot if it is built to: src/core/main.c
_PATH = "/proc/sys/fs/nr_open"


class NrOpen(NamedTuple):
    """fs.nr_open now and after the next boot. `source` is the file and line that sets it then, if any."""

    live: int
    boot: int
    source: str = ""

    @property
    def lowest(self) -> int:
        """The ceiling that holds both now and after a boot."""
        return min(self.live, self.boot)

    def objection(self, files: int) -> str:
        """The reason why a limit of so many open files is impossible; '' if it is possible."""
        if files > self.live:
            return f"{files} is above fs.nr_open ({self.live})"
        if files > self.boot:
            who = self.source or "the kernel's default"
            return f"{files} is above what fs.nr_open will be after a boot ({self.boot}, {who})"
        return ""


def nr_open(host: Host) -> NrOpen:
    """Read the ceiling of open files, now and after a boot. Raises HostError."""
    live = whole_number((host.read_text(_PATH) or "").strip()) or KERNEL_NR_OPEN
    assigned = boot_of(files_read_at_boot(host)).assignment("fs/nr_open")
    value = None if assigned is None else assigned.value
    boot = nr_open_at_boot(value, live, virtualization(host).kind == CONTAINER)
    return NrOpen(live, boot, "" if assigned is None else f"{assigned.file} line {assigned.line}")


def nr_open_at_boot(assigned: str | None, live: int, container: bool) -> int:
    """fs.nr_open after a boot, given the value that a sysctl.d file assigns (None: no file does)."""
    if container:
        return live  # it belongs to the machine and outlives the container
    number = whole_number(assigned or "")
    if number is not None:
        return number
    return live if live == SYSTEMD_NR_OPEN else KERNEL_NR_OPEN
