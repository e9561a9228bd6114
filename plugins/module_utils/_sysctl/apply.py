# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out the plan of sysctl settings, and reading back what the kernel took."""

from __future__ import annotations

from .._core.change import Outcome, UndoLog
from .._engine.effects import finalize_originals, stage, store_originals, tidy
from .._host.host import Host, HostError
from .conf import rules_path
from .items import confirmed
from .kernel import follows_other
from .key import display_name
from .model import Observed, Plan, Request, Write
from .observe import PROC_SYS, live_key
from .originals import finalize
from .value import same, stored


class _KeyRefusedError(HostError):
    """The kernel did not take a value. The subject is the key's name."""


def apply(host: Host, request: Request, observed: Observed, planned: Plan, log: UndoLog) -> Outcome:
    """Carry out a plan, and note how to undo it. Raises HostError.

    The order keeps every moment safe: originals first, so that nothing is changed unrecorded; then
    the files, staged and synced, so that a full disk shows before the kernel is touched; the
    kernel; and at last the files get their names.
    """
    tidy(host, request.path, rules_path(request.path))
    if planned.changed:
        store_originals(host, planned.originals, log)
    staged = [stage(host, file, log) for file in planned.files]
    before = {path: observed.live[path].value or "" for path in planned.side_effects}
    _note_side_effects(host, before, log)
    for write in planned.writes:
        _write(host, write, log)
    for commit in staged:
        commit()
    live = {write.path: read_back(host, write) for write in planned.writes}
    live.update({path: _value(host, path) for path in planned.side_effects})
    recorded = planned.originals if planned.changed else observed.originals
    finalize_originals(host, finalize(request, planned, live), recorded, log)
    return Outcome(confirmed(planned, live), planned.changed)


def _write(host: Host, write: Write, log: UndoLog) -> None:
    file = f"{PROC_SYS}/{write.path}"

    def write_back() -> None:
        if not follows_other(write.path, write.before):
            host.write_kernel(file, write.before)

    name = display_name(write.path)
    log.note(name, write_back)
    try:
        host.write_kernel(file, write.text)
    except HostError as error:
        raise _KeyRefusedError(name, f"the kernel refused '{write.text}': {error.reason}", error.errno) from error


def _note_side_effects(host: Host, before: dict[str, str], log: UndoLog) -> None:
    """Noted first, so that what the writes have changed along is put back after they are undone."""

    def put_back_changed() -> None:
        for path, value in before.items():
            if value != _value(host, path) and not follows_other(path, value):
                host.write_kernel(f"{PROC_SYS}/{path}", value)

    if before:
        log.note("", put_back_changed)


def _value(host: Host, path: str) -> str | None:
    key = live_key(host, path)
    return None if key is None else key.value


def read_back(host: Host, write: Write) -> str | None:
    """What the kernel made of a write. Raises _KeyRefusedError if it is what was there before."""
    taken = _value(host, write.path)
    expected = stored(write.path, write.text, write.before)
    if taken is not None and same(write.path, taken, write.before) and not same(write.path, taken, expected):
        raise _KeyRefusedError(
            display_name(write.path), f"the kernel took '{write.text}' without complaint and kept {taken}"
        )
    return taken
