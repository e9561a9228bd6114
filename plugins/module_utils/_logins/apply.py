# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out the plan of a limits.d file, and confirm it."""

from __future__ import annotations

from .._core.change import Outcome
from .._core.undo import UndoLog
from .._engine.effects import finalize_originals, stage, store_originals, tidy
from .._host.host import Host, HostError
from .model import Observed, Plan, Request
from .plan import finalize


def apply(host: Host, request: Request, observed: Observed, planned: Plan, log: UndoLog) -> Outcome:
    """Carry out a plan, and note how to undo it. Raises HostError.

    The original is recorded first; then the file is staged, so that a full disk shows before
    anything has changed; and at last it gets its name.
    """
    tidy(host, request.path)
    if planned.changed:
        store_originals(host, planned.originals, log)
    for commit in [stage(host, file, log) for file in planned.files]:
        commit()
    for file in planned.files:
        if host.snapshot(file.path) != file.after:
            raise HostError(file.path, "was changed by somebody else while it was written")
    finalize_originals(host, finalize(planned), planned.originals if planned.changed else observed.originals, log)
    return Outcome(planned.changes, planned.changed)
