# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of originals before the first effect of a plan, and after the last one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .._core.change import ABSENT, READONLY
from .._engine.originals import KeyOriginal, Originals
from .._engine.owned_files import FileChange, finalize_files, record_files
from .model import Decision, Observed, Plan, Request, Write
from .value import same


def recorded(
    request: Request,
    decisions: Iterable[Decision],
    writes: Iterable[Write],
    effects: Mapping[str, str],
    derived: Mapping[str, str],
    files: Iterable[FileChange],
    observed: Observed,
) -> Originals:
    """The record as it must be before the first effect: every key and file that may change is recorded once."""
    keys = dict(observed.originals.keys)
    for write in writes:
        first = keys.get(write.path) or KeyOriginal(write.before, None, None, ())
        owners = tuple(sorted({*first.owners, request.path}))
        keys[write.path] = KeyOriginal(first.value, write.text, None, owners)
    for path, cause in effects.items():
        value = observed.live[path].value
        if path in keys:
            keys[path] = keys[path]._replace(left=None)
        elif value is not None:
            keys[path] = KeyOriginal(value, None, None, (request.path,), cause)
    for path, cause in derived.items():
        keys[path] = keys[path]._replace(cause=cause)
    for decision in decisions:
        shared = keys.get(decision.path)
        if shared is not None and decision.state not in (READONLY, ABSENT) and not decision.reverted:
            keys[decision.path] = shared._replace(owners=tuple(sorted({*shared.owners, request.path})))
    return observed.originals._replace(keys=keys, files=record_files(observed.originals.files, files))


def finalize(request: Request, planned: Plan, live: Mapping[str, str | None]) -> Originals:
    """The record after the last effect: with the value each key was left at, without what is no longer ours.

    `live` has the values that were read back, by path, of all keys that were written or are side effects.
    """
    keys = dict(planned.originals.keys)
    for path in planned.reverted:
        if path not in keys:
            continue
        owners = tuple(owner for owner in keys[path].owners if owner != request.path)
        if owners:
            keys[path] = keys[path]._replace(owners=owners)
        else:
            del keys[path]
    for path, value in live.items():
        record = keys.get(path)
        if record is None:
            continue
        if record.cause is not None and value is not None and same(path, record.value, value):
            del keys[path]  # the side effect did not happen
        else:
            keys[path] = record._replace(left=value)
    files = finalize_files(planned.originals.files, planned.files, planned.reverted)
    return planned.originals._replace(keys=keys, files=files)
