# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the journal and core dumps have a bound. Functions over values, which never raise."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from .._core.text import whole_number
from .._systemd.parsers import IgnoredError, read_size
from .._systemd.settings_files import Line
from .model import UNBOUNDED, Fault

JOURNALD, COREDUMP = "journald.conf", "coredump.conf"
JOURNAL_SECTION, COREDUMP_SECTION = "Journal", "Coredump"
# RateLimitInterval is the name of systemd 229 and before, which later ones still take.
RATE_LIMITS = ("RateLimitIntervalSec", "RateLimitInterval", "RateLimitBurst")
JOURNAL_SIZES = ("SystemMaxUse", "SystemKeepFree", "SystemMaxFileSize", "SystemMaxFiles")
JOURNAL_SETTINGS = ("Storage", *JOURNAL_SIZES, *RATE_LIMITS)
# The defaults of SystemMaxFileSize, at most, and of SystemMaxFiles.
LARGEST_FILE_BYTES, MOST_JOURNALS = 128 * 1024 * 1024, 100
GIBIBYTE = 1 << 30
COREDUMP_SETTINGS = ("Storage", "MaxUse", "KeepFree")
PERSISTENT, AUTO, EXTERNAL = "persistent", "auto", "external"

CORE_HANDLER = "systemd-coredump"
# Of a pattern: the process, the thread, the time. Without one of them each core dump replaces the last: core(5).
_OF_ONE_CRASH = re.compile(r"(?<!%)(?:%%)*%[pPiIt]")


def _bytes(line: Line | None) -> int | None:
    """The size that a line sets, None where systemd takes its default."""
    try:
        return None if line is None else read_size(line.value)
    except IgnoredError:
        return None


def _said(name: str, line: Line) -> str:
    return f"{name}={line.value} of {line.file} line {line.line}"


def journal_faults(settings: Mapping[str, Line], size_bytes: int) -> Iterator[Fault]:
    """The fault of a journal that may use half of a file system of this size, or more, and leaves nothing free.

    Unset, both settings have defaults: 10 % are used, and 15 % left free, at most 4 GiB each. 0 is no bound.
    Sources: journald.conf(5); JournalMetrics of systemd, src/libsystemd/sd-journal/journal-file.h
    """
    used, left = settings.get("SystemMaxUse"), settings.get("SystemKeepFree")
    most, kept = _most_of_journal(settings, size_bytes), _bytes(left)
    if used is None or left is None or most is None or kept is None:
        return
    if most * 2 >= size_bytes and kept * 100 < size_bytes:
        gib = f"{most / GIBIBYTE:.1f} of {size_bytes / GIBIBYTE:.1f} GiB"
        said = f"{_said('SystemMaxUse', used)}, and {_said('SystemKeepFree', left)}"
        advice = "give SystemMaxUse a size, siptune_fs_journal_max_use: 1G"
        yield Fault(UNBOUNDED, f"the journal may use {gib} of its file system: {said}", advice)


def _most_of_journal(settings: Mapping[str, Line], size_bytes: int) -> int | None:
    """The most bytes that the files of the journal may have together, None where SystemMaxUse has its default."""
    used, largest = (_bytes(settings.get(name)) for name in ("SystemMaxUse", "SystemMaxFileSize"))
    files = whole_number(settings["SystemMaxFiles"].value) if "SystemMaxFiles" in settings else MOST_JOURNALS
    of_files = files * (largest or LARGEST_FILE_BYTES) if files else size_bytes
    return None if used is None else min(size_bytes, used or size_bytes, of_files)


def rate_limit_faults(settings: Mapping[str, Line]) -> Iterator[Fault]:
    """The faults of a journal whose messages go on to rsyslog, whose files have no bound of their own."""
    for name in RATE_LIMITS:
        line = settings.get(name)
        if line is not None and re.match(r"0+(?![0-9.])", line.value):
            endless = "lets a daemon that logs in a loop fill the files of rsyslog"
            advice = f"leave {name} at its default, and give a unit that may log more a LogRateLimitBurst= of its own"
            yield Fault(UNBOUNDED, f"{_said(name, line)} {endless}", advice)
            return


def coredump_faults(settings: Mapping[str, Line], size_bytes: int) -> Iterator[Fault]:
    """The fault of a systemd-coredump that may fill a file system of this size.

    Unset, both settings have defaults: 10 % are used, and 15 % left free. 0 is no bound. Source: coredump.conf(5)
    """
    used, left, storage = settings.get("MaxUse"), settings.get("KeepFree"), settings.get("Storage")
    most, kept = _bytes(used), _bytes(left)
    if used is None or left is None or most is None or kept is None or (storage and storage.value != EXTERNAL):
        return
    if (most == 0 or most >= size_bytes) and kept * 100 < size_bytes:
        said = f"{_said('MaxUse', used)}, and {_said('KeepFree', left)}"
        advice = "leave both at their defaults, 10 % used and 15 % left free"
        yield Fault(UNBOUNDED, f"core dumps may fill their file system: {said}", advice)


def core_directory(pattern: str, uses_pid: bool, working_directory: str) -> str | None:
    """Where the kernel writes a file for each crash; None where a program takes it, or each replaces the last.

    `pattern` is kernel.core_pattern, `uses_pid` kernel.core_uses_pid. Source: core(5)
    """
    if not pattern or pattern.startswith("|") or not (uses_pid or _OF_ONE_CRASH.search(pattern)):
        return None
    directory = posixpath.dirname(posixpath.join(working_directory or "/", pattern))
    return None if "%" in directory else directory


def core_fault(pattern: str) -> Fault:
    """The fault of a daemon that may write core dumps of any size, each to a file of its own."""
    finding = (
        f"each crash leaves a file as large as the memory of the daemon (core_pattern {pattern}, LimitCORE infinity)"
    )
    advice = "let systemd-coredump take them, which keeps a bound, or give the unit a LimitCORE"
    return Fault(UNBOUNDED, f"{finding}, and nothing removes it", advice)
