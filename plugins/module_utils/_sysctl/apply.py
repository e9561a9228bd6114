# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies the plan of sysctl settings to a host, and reads back the result."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from .._core.change import Outcome
from .._core.undo import UndoLog
from .._engine.effects import finalize_originals, stage, store_originals, tidy
from .._host.host import Host, HostError
from .conf import rules_path
from .items import confirmed, moved
from .kernel import follows_other
from .key import display_name
from .model import Observed, Plan, Request, Write
from .observe import PROC_SYS, live_key
from .originals import finalize
from .revert import without_refused
from .safety import switches_ipv6_off
from .value import may_read_as, same, stored


class _KeyRefusedError(HostError):
    """The kernel refused a value. The item is the name of the key."""


def apply(host: Host, request: Request, observed: Observed, planned: Plan, log: UndoLog) -> Outcome:
    """Apply a plan, note how to undo it, and read the result back. Raises HostError.

    The order makes an interruption safe at any point: first record the originals; then stage and
    sync the files, so that a full disk shows before the kernel is changed; then write the keys; at
    last give the files their names.
    """
    tidy(host, request.path, rules_path(request.path))
    if planned.changed:
        store_originals(host, planned.originals, log)
    staged = [stage(host, file, log) for file in planned.files]
    before = {path: observed.live[path].value or "" for path in planned.side_effects}
    _note_side_effects(host, before, log)
    _note_addresses(host, planned, log)
    refused: dict[str, str] = {}
    for write in planned.writes:
        with _refusal_of_revert(write, refused):
            _write(host, write, log)
    for commit in staged:
        commit()
    for write in planned.writes:
        with _refusal_of_revert(write, refused):
            read_back(host, write)
    live = {path: _value(host, path) for path in (*(write.path for write in planned.writes), *planned.side_effects)}
    recorded = planned.originals if planned.changed else observed.originals
    done = without_refused(planned, refused)
    finalize_originals(host, finalize(request, done, live), recorded, log)
    return Outcome(confirmed(done, live), bool(done.files) or any(moved(write, live) for write in done.writes))


@contextlib.contextmanager
def _refusal_of_revert(write: Write, refused: dict[str, str]) -> Iterator[None]:
    """Add the reason to `refused` if the kernel refuses a revert, instead of raising _KeyRefusedError."""
    try:
        yield
    except _KeyRefusedError as error:
        if not write.reverts:
            raise
        refused.setdefault(write.path, error.reason)


def _write(host: Host, write: Write, log: UndoLog) -> None:
    file = f"{PROC_SYS}/{write.path}"

    def write_back() -> None:
        if not follows_other(write.path, write.before) and _value(host, write.path) != write.before:
            host.write_kernel(file, write.before)

    name = display_name(write.path)
    log.note(name, write_back)
    try:
        host.write_kernel(file, write.text)
    except HostError as error:
        raise _KeyRefusedError(name, f"the kernel refused '{write.text}': {error.reason}", error.errno) from error


def _note_side_effects(host: Host, before: dict[str, str], log: UndoLog) -> None:
    """Note how to restore the side effects. Noted before the writes, so that it runs after they are undone."""

    def put_back_changed() -> None:
        for path, value in before.items():
            if value != _value(host, path) and not follows_other(path, value):
                host.write_kernel(f"{PROC_SYS}/{path}", value)

    if before:
        log.note("", put_back_changed)


def _note_addresses(host: Host, planned: Plan, log: UndoLog) -> None:
    """Have an undo name the addresses that IPv6 does not come back with. Noted before the writes, as the one above."""
    if not any(switches_ipv6_off(write.path, write.text) for write in planned.writes):
        return
    # Imported here because few calls need it, and each run on a target compiles all that it imports.
    from .._host.network import ipv6_addresses

    taken = ipv6_addresses(host)

    def name_lost() -> None:
        there = ipv6_addresses(host)
        lost = [str(address) for address in taken if address not in there]
        if lost:
            raise HostError("IPv6", f"is on again, without the addresses {', '.join(lost)}: configure them again")

    log.note("", name_lost)


def _value(host: Host, path: str) -> str | None:
    key = live_key(host, path)
    return None if key is None else key.value


def read_back(host: Host, write: Write) -> str | None:
    """The key's value after a write. Raises _KeyRefusedError if the kernel has silently kept the old one."""
    value = _value(host, write.path)
    expected = stored(write.path, write.text, write.before)
    if value is None or not same(write.path, value, write.before) or same(write.path, value, expected):
        return value
    # What a revert writes has been read from the kernel, in the kernel's own form.
    if write.reverts or not may_read_as(write.path, write.text, value):
        raise _KeyRefusedError(
            display_name(write.path), f"the kernel accepted '{write.text}' without an error, but kept {value}"
        )
    return value
