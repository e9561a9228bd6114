# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply the plan of the file that keeps the SIP ALG from loading, and confirm it. No module is ever unloaded."""

from __future__ import annotations

from .._core.change import Outcome
from .._core.undo import UndoLog
from .._engine.effects import apply_files
from .._engine.owned_files import FilesPlan
from .._host.host import Host
from .model import PATH, Observed, Request


def apply(host: Host, request: Request, observed: Observed, planned: FilesPlan, log: UndoLog) -> Outcome:
    """Apply a plan, and note how to undo it. Raises HostError."""
    return apply_files(host, planned, observed.originals, [PATH], log)
