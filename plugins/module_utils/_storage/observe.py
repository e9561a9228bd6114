# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit finds about the storage of the daemons on a host. Everything is only read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .._host.host import Host, unless_refused
from .._host.processes import ProcessNames, process_names, process_status
from .directories import DATABASES, daemon_directories
from .disks import disk_faults, disks_below
from .logs import Log, core_dumps, journal_logs, log_faults, service_pids
from .model import DATABASE, FULL, LOGS, LOST_AT_BOOT, MOST_FINDINGS, Directory, Fault, Finding
from .mounts import Mount, Place, find_place, mount_faults, read_mounts

# FreeSWITCH rotates its own by their size: mod_logfile, rollover. All others log through syslog.
LOGS_OF_ITS_OWN = ("asterisk",)
GIBIBYTE = 1 << 30
# Where a file system is about to be full, and not only large and well used. Customary alarm levels.
FULL_BELOW_PERCENT, FULL_BELOW_BYTES, FULL_BELOW_INODES_PERCENT = 10, 10 * GIBIBYTE, 5


def storage_findings(host: Host, sip_daemons: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is wrong with where daemons write under calls, as siptune.linux.tune documents it. Never raises.

    `sip_daemons` are those of siptune.linux.host_facts. A host without any has no findings.
    """
    daemons = [one for one in sip_daemons if one.get("installed")]
    if not daemons:
        return []
    processes = process_names(host)
    storage = _Storage(host)
    started = list(_started(host, daemons))
    found = [one for name, _pid, words in started for one in daemon_directories(name, words, host.read_foreign)]
    found += _of_databases(host, processes)
    directories = list({one.path: one for one in reversed(found)}.values())[::-1]
    findings = [finding for one in directories for finding in storage.of_directory(one)]
    own_logs = [
        one for one in directories if one.purpose == LOGS and one.daemon in LOGS_OF_ITS_OWN and storage.local(one.path)
    ]
    logs = [
        *log_faults(host, processes, own_logs),
        *journal_logs(host, processes),
        *core_dumps(host, [(name, pid) for name, pid, _words in started if pid]),
    ]
    findings += [finding for log in logs for finding in storage.of_log(log)]
    return [finding._asdict() for finding in findings[:MOST_FINDINGS]]


def _started(host: Host, daemons: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, int, Sequence[str]]]:
    """Each copy of a daemon with its main process, 0 if it does not run, and its command line.

    A container has mounts of its own, which are not looked into.
    """
    for one in daemons:
        pid = one.get("main_pid") or 0
        status = process_status(host, pid) if pid else None
        if status is None or not status.in_child_namespace:
            yield one["name"], pid, _words(host, pid) if pid else ()


def _words(host: Host, pid: int) -> list[str]:
    return (host.read_lenient(f"/proc/{pid}/cmdline") or "").rstrip("\0").split("\0")


def _of_databases(host: Host, processes: ProcessNames) -> Iterator[Directory]:
    """The directories of the databases that run here as services."""
    for name in DATABASES:
        for pid in service_pids(host, processes, name):
            # All of them work in the directory of their data, wherever it is configured.
            working = host.read_link(f"/proc/{pid}/cwd") or "/"
            if working != "/":
                yield Directory(working, DATABASE, name)
            else:
                yield from daemon_directories(name, _words(host, pid), host.read_foreign)


class _Storage:
    """The mounts and disks of a host, each looked at once."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._mounts = read_mounts(host)
        self._faults: dict[tuple[Mount, bool], list[Fault]] = {}
        self._free: dict[Mount, int | None] = {}

    def local(self, path: str) -> bool:
        """Whether a directory is there, and on a file system of this machine."""
        place = find_place(self._host, self._mounts, path)
        return place is not None and place.mount.local

    def of_directory(self, directory: Directory) -> Iterator[Finding]:
        """The findings of a directory, none where there is no such directory."""
        place = find_place(self._host, self._mounts, directory.path)
        if place is None:
            return
        key = (place.mount, directory.purpose in LOST_AT_BOOT)
        if key not in self._faults:
            self._faults[key] = list(self._look_at(place, key[1]))
        for fault in self._faults[key]:
            yield self._finding(place, directory, fault)

    def of_log(self, log: Log) -> Iterator[Finding]:
        """The finding of logs, none where they are not there, or not on a file system of this machine."""
        place = find_place(self._host, self._mounts, log.place)
        if place is not None and place.mount.local:
            yield self._finding(place, log.what, log.fault)

    def _look_at(self, place: Place, lost_at_boot: bool) -> Iterator[Fault]:
        yield from mount_faults(place.mount, lost_at_boot)
        if not place.mount.local:
            return
        for disk in disks_below(self._host, place.mount):
            yield from disk_faults(place.mount, disk)
        status = unless_refused(self._host.file_system, place.path)
        if status is not None:
            self._free[place.mount] = status.f_bavail * status.f_frsize
            yield from space_faults(place.mount, status)

    def _finding(self, place: Place, directory: Directory, fault: Fault) -> Finding:
        mount = place.mount
        if mount not in self._free:
            status = unless_refused(self._host.file_system, place.path) if mount.local else None
            self._free[mount] = None if status is None else status.f_bavail * status.f_frsize
        device = mount.source if mount.source.startswith("/") else None
        return Finding(*directory, mount.point, device, *fault, self._free[mount])


def space_faults(mount: Mount, status: Any) -> Iterator[Fault]:
    """The faults of a file system that is nearly full, by its statvfs(3)."""
    free, size = status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize
    advice = "make room: a daemon that cannot write loses recordings and call records"
    if "ro" in mount.options | mount.shared:
        return
    if free * 100 < size * FULL_BELOW_PERCENT and free < FULL_BELOW_BYTES:
        yield Fault(FULL, f"on {mount.name} with {_gib(free)} of {_gib(size)} GiB free", advice)
    elif status.f_files and status.f_favail * 100 < status.f_files * FULL_BELOW_INODES_PERCENT:
        yield Fault(FULL, f"on {mount.name} with {status.f_favail} of {status.f_files} inodes free", advice)


def _gib(size: int) -> str:
    return f"{size / GIBIBYTE:.1f}"
