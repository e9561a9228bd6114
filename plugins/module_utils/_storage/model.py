# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audit finds about the storage of calls: the kinds of findings, and a finding."""

from __future__ import annotations

from typing import NamedTuple

# Of a mount.
SYNC = "sync"
ACCESS_TIMES = "strictatime"
JOURNALED_DATA = "data_journal"
READ_ONLY = "read_only"
IN_MEMORY = "tmpfs"
FULL = "full"
# Of a disk.
WRITE_CACHE = "write_cache"
# Of logs and core dumps.
UNBOUNDED = "no_cap"
MOST_FINDINGS = 500  # of a host; more say nothing new
KINDS = (SYNC, ACCESS_TIMES, JOURNALED_DATA, READ_ONLY, IN_MEMORY, FULL, WRITE_CACHE, UNBOUNDED)

# What a directory holds.
RECORDINGS = "recordings"
VOICEMAIL = "voicemail"
SPOOL = "spool"
CDR = "call records"
DATABASE = "database"
CORE_DATABASE = "core database"  # of FreeSWITCH, which makes it anew whenever it starts: a tmpfs is a good place
LOGS = "logs"
JOURNAL = "journal"
CORES = "core dumps"
LOST_AT_BOOT = (RECORDINGS, VOICEMAIL, CDR, DATABASE)  # where they are in memory, and missed then


class Directory(NamedTuple):
    """A directory that a daemon is configured to write to, and what for."""

    path: str
    purpose: str
    daemon: str


class Fault(NamedTuple):
    """What is wrong, of one of KINDS, as the end of a sentence; and what to do."""

    kind: str
    finding: str
    advice: str


class Finding(NamedTuple):
    """A fault of the place where a daemon writes. `mount` and `device` are None where they are not known.

    `free_bytes` is what is free there for ordinary users; None where that was not asked.
    """

    path: str
    purpose: str
    daemon: str
    mount: str | None
    device: str | None
    kind: str
    finding: str
    advice: str
    free_bytes: int | None
