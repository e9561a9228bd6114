# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs and core dumps of a host that nothing keeps from filling a file system. Everything is only read."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .._host.host import Host, unless_refused
from .._host.processes import ProcessNames, process_status, runs_program_of
from .._host.rlimits import INFINITY, read_limits
from .._sip.daemons import FIRST_ORDINARY_UID
from .._systemd.settings_files import Line, last_lines, settings_files
from .caps import (
    AUTO,
    CORE_HANDLER,
    COREDUMP,
    COREDUMP_SECTION,
    COREDUMP_SETTINGS,
    JOURNAL_SECTION,
    JOURNAL_SETTINGS,
    JOURNALD,
    PERSISTENT,
    core_directory,
    core_fault,
    coredump_faults,
    journal_faults,
    rate_limit_faults,
)
from .log_files import Rotation, glob_matches, parse_logrotate, rotation_of, rsyslog_files, rsyslog_includes
from .model import CORES, JOURNAL, LOGS, UNBOUNDED, Directory, Fault

RSYSLOG, RSYSLOG_CONFIG = "rsyslogd", "/etc/rsyslog.conf"
LOGROTATE_CONFIG = "/etc/logrotate.conf"
JOURNAL_DIRECTORY = "/var/log/journal"
JOURNAL_DAEMON = "systemd-journald"
COREDUMP_DIRECTORY = "/var/lib/systemd/coredump"
CORE_PATTERN, CORE_USES_PID = "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/core_uses_pid"
MOST_FILES = 256  # of a configuration; real ones have a tenth of that
MOST_LOGS = 64  # of a directory, or of rsyslog, are looked at
MOST_BLOCKS = 512  # of logrotate
# What logrotate and others leave behind, and what logrotate does not read: logrotate(8), tabooext.
_ROTATED = re.compile(r".*(\.[0-9]+|-[0-9]{6,}|\.gz|\.bz2|\.xz|\.zst|\.old)")
_TABOO = (".rpmorig", ".rpmsave", ".rpmnew", "~", ".swp", ".disabled", ".dpkg-old", ".dpkg-dist", ".dpkg-new", ".bak")

NEVER_ROTATED = Fault(
    UNBOUNDED,
    "never rotated, so that nothing keeps the file system from filling up",
    "name it in a file of /etc/logrotate.d, with maxsize and rotate",
)
ROTATED_BY_TIME = Fault(
    UNBOUNDED,
    "rotated by time alone: a daemon that logs in a loop fills the file system in between",
    "give its block in /etc/logrotate.d a maxsize, and let logrotate.timer run each hour",
)


class Log(NamedTuple):
    """Logs, or core dumps, and what is wrong with them. `place` is where the file system fills up."""

    what: Directory
    place: str
    fault: Fault


# --- files -----------------------------------------------------------------------------------


def rotations(host: Host) -> list[Rotation]:
    """The blocks of logrotate, in the order in which they are read."""
    main = parse_logrotate(host.read_lenient(LOGROTATE_CONFIG) or "")
    found = list(main.rotations)
    for included in main.includes[:MOST_FILES]:
        names = unless_refused(host.list_directory, included) or []
        paths = [posixpath.join(included, name) for name in names if not name.startswith(".")] or [included]
        for path in [path for path in paths if not path.endswith(_TABOO)][:MOST_FILES]:
            found += parse_logrotate(host.read_foreign(path) or "", main.by_size).rotations
    return found[:MOST_BLOCKS]


def files_of_rsyslog(host: Host) -> list[str]:
    """The files that rsyslog writes without a limit, by its configuration and all that this includes."""
    found: list[str] = []
    paths, read = [RSYSLOG_CONFIG], 0
    while paths and read < MOST_FILES:
        read += 1
        text = host.read_foreign(paths.pop(0)) or ""
        found += rsyslog_files(text)
        paths += [path for glob in rsyslog_includes(text)[:MOST_FILES] for path in _expanded(host, glob)]
    return list(dict.fromkeys(found))[:MOST_LOGS]


def _expanded(host: Host, glob: str) -> list[str]:
    """The files that a glob stands for, which has its stars in the last name."""
    directory = posixpath.dirname(glob)
    names = unless_refused(host.list_directory, directory) or []
    return [f"{directory}/{name}" for name in names if glob_matches(glob, f"{directory}/{name}")][:MOST_FILES]


def fault_of_log(path: str, blocks: Iterable[Rotation]) -> Fault | None:
    """What is wrong with how a log is rotated, None if its size counts."""
    rotation = rotation_of(path, blocks)
    if rotation is None:
        return NEVER_ROTATED
    return None if rotation.by_size else ROTATED_BY_TIME


def logs_in(host: Host, directory: str) -> list[str]:
    """The logs in a directory, without those that are rotated away."""
    names = unless_refused(host.list_directory, directory) or []
    paths = [f"{directory}/{name}" for name in names if not _ROTATED.fullmatch(name)]
    return [path for path in paths if not host.exists(f"{path}/.")][:MOST_LOGS]


def log_faults(host: Host, processes: ProcessNames, own_directories: Iterable[Directory]) -> Iterator[Log]:
    """The logs that no size bounds, there or not: rsyslog's, and those in the daemons' own directories."""
    blocks = rotations(host)
    logs = [Directory(path, LOGS, one.daemon) for one in own_directories for path in logs_in(host, one.path)]
    if runs_rsyslog(host, processes):
        logs += [Directory(path, LOGS, RSYSLOG) for path in files_of_rsyslog(host)]
    for log in logs:
        fault = fault_of_log(log.path, blocks)
        if fault is not None:
            yield Log(log, log.path, fault)


def runs_rsyslog(host: Host, processes: ProcessNames) -> bool:
    """Whether rsyslog runs on this host."""
    return any(service_pids(host, processes, RSYSLOG))


def service_pids(host: Host, processes: ProcessNames, name: str) -> Iterator[int]:
    """The processes of this name that run a program of root's under the account of a service, or root's own."""
    for pid in processes.pids_named(name):
        status = process_status(host, pid)
        if status is None or status.in_child_namespace or status.uid >= FIRST_ORDINARY_UID:
            continue
        if runs_program_of(host, pid, (0,)) is not False:
            yield pid


# --- the journal and core dumps --------------------------------------------------------------


def journal_settings(host: Host) -> dict[str, Line]:
    """The settings of systemd-journald that count here."""
    return last_lines(settings_files(host, JOURNALD).in_order(), JOURNAL_SECTION, JOURNAL_SETTINGS)


def is_kept(host: Host, settings: dict[str, Line]) -> bool:
    """Whether the journal is on a disk: journald.conf(5), Storage=."""
    storage = settings["Storage"].value if "Storage" in settings else AUTO
    return storage == PERSISTENT or (storage == AUTO and host.exists(JOURNAL_DIRECTORY))


def size_of(host: Host, directory: str) -> int:
    """The bytes of the file system of a directory, 0 if that cannot be read."""
    status = unless_refused(host.file_system, directory)
    return 0 if status is None else status.f_blocks * status.f_frsize


def journal_logs(host: Host, processes: ProcessNames) -> Iterator[Log]:
    """What is wrong with the journal, and with what it hands on to rsyslog."""
    settings = journal_settings(host)
    journal = Directory(JOURNAL_DIRECTORY, JOURNAL, JOURNAL_DAEMON)
    if is_kept(host, settings):
        for fault in journal_faults(settings, size_of(host, JOURNAL_DIRECTORY)):
            yield Log(journal, JOURNAL_DIRECTORY, fault)
    if runs_rsyslog(host, processes):
        for fault in rate_limit_faults(settings):
            yield Log(Directory(posixpath.dirname(JOURNAL_DIRECTORY), LOGS, RSYSLOG), "/var/log", fault)


def core_dumps(host: Host, daemons: Iterable[tuple[str, int]]) -> Iterator[Log]:
    """What is wrong with the core dumps of these daemons, each with its main process."""
    pattern = (host.read_lenient(CORE_PATTERN) or "").strip()
    if pattern.startswith("|"):
        if CORE_HANDLER in pattern and host.exists(COREDUMP_DIRECTORY):
            settings = last_lines(settings_files(host, COREDUMP).in_order(), COREDUMP_SECTION, COREDUMP_SETTINGS)
            for fault in coredump_faults(settings, size_of(host, COREDUMP_DIRECTORY)):
                yield Log(Directory(COREDUMP_DIRECTORY, CORES, CORE_HANDLER), COREDUMP_DIRECTORY, fault)
        return
    uses_pid = (host.read_lenient(CORE_USES_PID) or "").strip() not in ("", "0")
    for daemon, pid in daemons:
        soft, _hard = read_limits(host, pid).get("LimitCORE", (0, 0))
        directory = core_directory(pattern, uses_pid, host.read_link(f"/proc/{pid}/cwd") or "")
        if soft == INFINITY and directory is not None:
            yield Log(Directory(directory, CORES, daemon), directory, core_fault(pattern))
