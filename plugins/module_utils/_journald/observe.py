# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the plan of journald's drop-in depends on: next to nothing without one, and without a wish for one."""

from __future__ import annotations

import os
import time

from .._engine.effects import read_originals
from .._host.host import Host
from .._host.processes import process_names, start_ticks, started_by_root
from .._systemd.settings_files import SettingsFiles, settings_files
from .model import Observed
from .settings import NAME, PATH, Request

DAEMON = "systemd-journald"
PROGRAMS = (f"/usr/lib/systemd/{DAEMON}", f"/lib/systemd/{DAEMON}")


def observe(host: Host, request: Request) -> Observed:
    """Everything that the plan for this request depends on. Raises HostError and OriginalsError."""
    own, owner = host.snapshot(PATH), (os.geteuid(), os.getegid())
    found = Observed(own, read_originals(host), owner, SettingsFiles({}, {}), False, False, False)
    if not request.max_use and own is None:
        return found
    started = journald_started(host)
    written = host.modified_at(PATH)
    return found._replace(
        files=settings_files(host, NAME),
        installed=any(host.exists(path) for path in PROGRAMS),
        running=started is not None,
        older=started is not None and written is not None and started < written,
    )


def journald_started(host: Host) -> float | None:
    """When the system's journald began, in seconds of the wall clock; None if it does not run.

    One of a namespace has the name of that in its command line: systemd-journald.service(8).
    """
    for pid in process_names(host).pids_named(DAEMON):
        words = (host.read_lenient(f"/proc/{pid}/cmdline") or "").rstrip("\0").split("\0")
        ticks = start_ticks(host, pid)
        if len(words) == 1 and ticks is not None and started_by_root(host, pid):
            since_boot = ticks / os.sysconf("SC_CLK_TCK")
            return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot
    return None
