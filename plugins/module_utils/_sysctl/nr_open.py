# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fs.nr_open, the ceiling of all limits on open files: its value now, and after a boot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from .._core.text import whole_number
from .._host.host import Host, unless_refused
from .._host.machine import CONTAINER, virtualization
from .boot import files_read_at_boot
from .conf import boot_of

KERNEL_NR_OPEN = 1024 * 1024  # the kernel's default: sysctl_nr_open, fs/file.c
SYSTEMD_NR_OPEN = 1073741816  # systemd raises it to this at each boot if it is built to: src/core/main.c
_PATH = "/proc/sys/fs/nr_open"

# Where files may ask for a limit of open files: limits.conf(5), systemd-system.conf(5), systemd.unit(5). Units of all
# kinds take LimitNOFILE.
PAM_PLACES = ("/etc/security", "/usr/etc/security")
SYSTEMD_PLACES = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd")
MANAGERS = ("system.conf", "user.conf")
UNIT_DIRECTORIES = (
    *("system", "user", "system.control", "system.attached", "transient"),
    *("generator", "generator.early", "generator.late"),
)
CONF = ".conf"
_LIMITS_LINE = re.compile(r"[ \t]*[^#\s]\S*[ \t]+(?:soft|hard|-)[ \t]+nofile[ \t]+([0-9]{1,19})\b", re.IGNORECASE)
_UNIT_LINE = re.compile(r"(?:Default)?LimitNOFILE[ \t]*=[ \t]*(?:[0-9a-zA-Z]+:)?([0-9]{1,19})\Z")


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


class AskedNofile(NamedTuple):
    """A limit of open files that a file asks for, and which: its path and line."""

    files: int
    source: str


def asked_nofile(host: Host) -> AskedNofile | None:
    """The highest limit of open files that PAM's and systemd's files ask for; None if none asks for a number.

    A line counts even where another one overrules it: somebody may take that other line out.
    """
    asked = [*_asked_by(host, _pam_files(host), _limits_lines), *_asked_by(host, _systemd_files(host), _unit_lines)]
    return max(asked, default=None)


def _pam_files(host: Host) -> Iterator[str]:
    for place in PAM_PLACES:
        yield f"{place}/limits.conf"
        yield from _inside(host, f"{place}/limits.d", CONF)


def _systemd_files(host: Host) -> Iterator[str]:
    """The manager's configuration, unit files and drop-ins; the links in X.wants lead to files that are here, too."""
    for place in SYSTEMD_PLACES:
        for name in MANAGERS:
            yield f"{place}/{name}"
            yield from _inside(host, f"{place}/{name}.d", CONF)
        for directory in UNIT_DIRECTORIES:
            for path in _inside(host, f"{place}/{directory}"):
                if path.endswith(".d"):
                    yield from _inside(host, path, CONF)
                elif not path.endswith((".wants", ".requires", ".upholds")):
                    yield path


def _inside(host: Host, directory: str, suffix: str = "") -> list[str]:
    names = unless_refused(host.list_directory, directory) or []
    return [f"{directory}/{name}" for name in names if name.endswith(suffix)]


def _asked_by(
    host: Host, paths: Iterable[str], lines: Callable[[str], Iterable[tuple[int, int]]]
) -> Iterator[AskedNofile]:
    for path in paths:
        text = host.read_lenient(path) or ""
        if "nofile" in text.lower():
            yield from (AskedNofile(files, f"{path} line {number}") for number, files in lines(text))


def _limits_lines(text: str) -> Iterator[tuple[int, int]]:
    """The numbers of open files in a file of limits.d, each with its line."""
    for number, line in enumerate(text.split("\n"), 1):
        found = _LIMITS_LINE.match(line)
        if found:
            yield number, int(found.group(1))


def _unit_lines(text: str) -> Iterator[tuple[int, int]]:
    """The hard limits of open files in a unit file or the manager's configuration, each with its line."""
    # Imported here, as only a run that may lower fs.nr_open needs it.
    from .._systemd.syntax import logical_lines

    for number, line in logical_lines(text):
        found = _UNIT_LINE.match(line)
        if found:
            yield number, int(found.group(1))


def nr_open(host: Host) -> NrOpen:
    """Read the ceiling of open files, now and after a boot; of an image it is that of its boot. Raises HostError."""
    live = whole_number((host.read_text(_PATH) or "").strip()) or KERNEL_NR_OPEN
    assigned = boot_of(files_read_at_boot(host)).assignment("fs/nr_open")
    value = None if assigned is None else assigned.value
    boot = nr_open_at_boot(value, live, virtualization(host).kind == CONTAINER)
    now = boot if host.boot_only else live
    return NrOpen(now, boot, "" if assigned is None else f"{assigned.file} line {assigned.line}")


def nr_open_at_boot(assigned: str | None, live: int, container: bool) -> int:
    """fs.nr_open after a boot, given the value that a sysctl.d file assigns (None: no file does)."""
    if container:
        return live  # it belongs to the machine and outlives the container
    number = whole_number(assigned or "")
    if number is not None:
        return number
    return live if live == SYSTEMD_NR_OPEN else KERNEL_NR_OPEN
