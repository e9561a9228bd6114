# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the plan of the untracked ports depends on: next to nothing where none are wanted and none are ours."""

from __future__ import annotations

import os

from .._engine.effects import read_originals
from .._host.host import Host
from .model import PATHS, Observed
from .settings import Request


def observe(host: Host, request: Request) -> Observed:
    """Everything that the plan for this request depends on. Raises HostError, OriginalsError and NotrackError."""
    files = {path: host.snapshot(path) for path in PATHS}
    originals, owner = read_originals(host), (os.geteuid(), os.getegid())
    asked = bool(request.ports or any(files.values()) or set(PATHS) & set(originals.files))
    found = Observed(files, originals, owner, asked, boot_only=host.boot_only)
    if not asked:
        return found
    # Imported here, as most hosts have no use for it, and each run compiles what it imports.
    from .firewall import with_firewall

    return with_firewall(host, request, found)
