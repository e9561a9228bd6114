# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies the plan of sysctl settings to a host, and reads back the result."""

from __future__ import annotations

import errno
import functools
from collections.abc import Iterable, Sequence

from .._core.change import Outcome
from .._core.undo import UndoLog
from .._engine.effects import finalize_originals, stage, store_originals, tidy
from .._host.host import Host, HostError
from .conf import rules_path
from .items import confirmed, moved
from .kernel import follows_other
from .key import display_name, write_rank
from .model import Observed, Plan, Request, Write
from .observe import PROC_SYS, live_key
from .originals import finalize
from .revert import without_gone, without_refused
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
    _note_side_effects(host, [*planned.side_effects, *(write.path for write in planned.writes)], observed, log)
    _note_addresses(host, planned, log)
    refused = _write_all(host, planned.writes, log)
    for commit in staged:
        commit()
    for write in planned.writes:
        _confirm(host, write, refused)
    live = {path: _value(host, path) for path in (*(write.path for write in planned.writes), *planned.side_effects)}
    recorded = planned.originals if planned.changed else observed.originals
    gone = [path for path, value in live.items() if value is None]
    done = without_gone(without_refused(planned, refused), gone, observed)
    finalize_originals(host, finalize(request, done, live), recorded, log)
    return Outcome(confirmed(done, live), bool(done.files) or any(moved(write, live) for write in done.writes))


def _write_all(host: Host, writes: Sequence[Write], log: UndoLog) -> dict[str, str]:
    """Write the keys. Returns the reverts that the kernel refuses, by path with the reason.

    Some keys bound each other, as ipfrag_high_thresh does ipfrag_low_thresh. Which one must move first depends on where
    both of them are and go, so what the kernel refuses as invalid is tried again after the others. Raises HostError.
    """
    refused: dict[str, str] = {}
    waiting = list(writes)
    while waiting:
        invalid: dict[Write, _KeyRefusedError] = {}
        for write in waiting:
            try:
                _write(host, write, log)
            except _KeyRefusedError as error:
                if error.errno == errno.EINVAL:
                    invalid[write] = error
                else:
                    _refuse(write, error, refused)
        if len(invalid) == len(waiting):
            for write, refusal in invalid.items():
                _refuse(write, refusal, refused)
            break
        waiting = list(invalid)
    return refused


def _refuse(write: Write, error: _KeyRefusedError, refused: dict[str, str]) -> None:
    """Add a refused revert and its reason to `refused`. Raises the error of any other write."""
    if not write.reverts:
        raise error
    refused.setdefault(write.path, error.reason)


def _write(host: Host, write: Write, log: UndoLog) -> None:
    """Write a key, unless it has gone away with its interface. Raises _KeyRefusedError."""
    name = display_name(write.path)
    log.note(name, lambda: _write_back(host, write.path, write.before))
    try:
        host.write_kernel(f"{PROC_SYS}/{write.path}", write.text)
    except HostError as error:
        if _value(host, write.path) is not None:
            reason = f"the kernel refused '{write.text}': {error.reason}"
            raise _KeyRefusedError(name, reason, error.errno) from error


def _note_side_effects(host: Host, paths: Iterable[str], observed: Observed, log: UndoLog) -> None:
    """Note how to restore what the writes change, also of each other.

    Noted before the writes, so that it runs after they are undone, and backwards, so that then no key undoes another.
    """
    for path in sorted(paths, key=write_rank, reverse=True):
        log.note("", functools.partial(_write_back, host, path, observed.live[path].value or ""))


def _write_back(host: Host, path: str, before: str) -> None:
    """Undo a write. A key that has gone away with its interface needs nothing. Raises HostError."""
    if not follows_other(path, before) and _value(host, path) not in (None, before):
        host.write_kernel(f"{PROC_SYS}/{path}", before)


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


def _confirm(host: Host, write: Write, refused: dict[str, str]) -> None:
    """Read a key back, and write it once more if the kernel has kept the old value. Raises HostError.

    Older kernels ignore a long number beyond the bound that another key sets: proc_doulongvec_minmax().
    """
    if write.path in refused:
        return
    try:
        read_back(host, write)
    except _KeyRefusedError as error:
        try:
            host.write_kernel(f"{PROC_SYS}/{write.path}", write.text)
            read_back(host, write)
        except HostError:
            _refuse(write, error, refused)


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
