# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects that all modules with files share: the record of originals, staged files, and their undo."""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
from collections.abc import Callable, Iterable

from .._core.change import Outcome
from .._core.errors import ItemError
from .._core.undo import UndoLog
from .._engine import originals
from .._host.host import FileRecord, Host, HostError
from .originals import Originals
from .own_paths import may_be_made
from .owned_files import FileChange, FilesPlan, mismatch, same_file

PARENT_MODE = 0o755


def read_originals(host: Host) -> Originals:
    """The originals recorded on this host. Raises OriginalsError, HostError.

    Root will write their content, so they count only where nobody else can have edited them. A directory in which
    others could put a record is refused before there is one.
    """
    record = host.snapshot(originals.PATH)
    _check_directories(host)
    if record is None:
        return originals.NOTHING
    originals.check_keeper(originals.PATH, record.uid, record.mode, os.geteuid())
    return originals.parse(record.content)


def _check_directories(host: Host) -> None:
    """Raises OriginalsError if others than root could put a record of originals into its directory."""
    for directory in (*originals.PARENTS, originals.DIRECTORY):
        found = host.owner_and_mode(directory)
        if found is None:
            return
        uid, gid, mode = found
        if directory in originals.PARENTS and gid in (0, os.getegid()) and not mode & stat.S_IWOTH:
            mode &= ~stat.S_IWGRP  # root's own group may write there on some hosts
        originals.check_keeper(directory, uid, mode, os.geteuid())


def store_originals(host: Host, after: Originals, log: UndoLog) -> None:
    """Replace the record of originals before the first effect. Raises HostError.

    With it are recorded the directories that are missing for its files, as these are made next.
    """
    missing = {directory for path in after.files for directory in _missing_parents(host, path)}
    made = {*after.directories, *filter(may_be_made, missing)}
    _replace_record(host, after._replace(directories=tuple(sorted(made))), log)


def finalize_originals(host: Host, finalized: Originals, recorded: Originals, log: UndoLog) -> None:
    """Store the final record, and remove the directories that were made for files which it does not have any more.

    A directory that somebody else uses by now stays. An empty record is removed with its directory. Raises HostError.
    """
    if finalized != recorded:
        needed = {directory for path in finalized.files for directory in _parents(path)}
        made = set(read_originals(host).directories)  # with those that this call has made
        for directory in sorted(made.difference(needed), reverse=True):
            remove_directory(host, directory, PARENT_MODE, log)
        _replace_record(host, finalized._replace(directories=tuple(sorted(made & needed))), log)
    if finalized.empty:
        remove_originals_directory(host, log)


def _replace_record(host: Host, after: Originals, log: UndoLog) -> None:
    """Replace the record; one without entries is removed. Raises HostError.

    An original that no later run would accept is refused here, before its file is changed.
    """
    try:
        content = originals.check(after)
    except ItemError as error:
        raise HostError(error.item, error.reason) from error
    owner = (os.geteuid(), os.getegid())
    record = None if after.empty else FileRecord(content, originals.FILE_MODE, *owner)
    change = FileChange(originals.PATH, host.snapshot(originals.PATH), record)
    if same_file(record, change.before):
        return
    if record is not None:
        _make(host, originals.DIRECTORY, originals.DIRECTORY_MODE, log)
        _check_directories(host)
    log.note("", lambda: put_back(host, change))
    put(host, originals.PATH, record)


def remove_originals_directory(host: Host, log: UndoLog) -> None:
    """Remove the directory of the record, unless it is missing, not as we make it, or holds other files."""
    found = host.owner_and_mode(originals.DIRECTORY)
    if found is not None and found[2] == originals.DIRECTORY_MODE:
        remove_directory(host, originals.DIRECTORY, originals.DIRECTORY_MODE, log)


def remove_directory(host: Host, directory: str, mode: int, log: UndoLog) -> None:
    """Remove a directory of this mode, unless it is missing or holds other files."""
    with contextlib.suppress(HostError):
        host.remove_directory(directory)
        # Undone newest first: the directory exists again before its file is put back.
        log.note("", lambda: host.make_directory(directory, mode))


def tidy(host: Host, *paths: str) -> None:
    """Remove temporary files of a killed run beside these files and beside the record of originals."""
    for path in (originals.PATH, *paths):
        host.remove_leftover(path)


def apply_files(host: Host, planned: FilesPlan, before: Originals, ours: Iterable[str], log: UndoLog) -> Outcome:
    """Apply a plan that writes nothing but files, and note how to undo it. Raises HostError.

    The originals, `before` until now, are recorded first; then the files are staged, so that a full disk shows before
    anything has changed; and at last they get their names. `ours` are all files that such a plan may write.
    """
    tidy(host, *ours)
    if planned.files:
        store_originals(host, planned.originals, log)
    for commit in [stage(host, file, log) for file in planned.files]:
        commit()
    finalize_originals(host, planned.finalized, planned.originals if planned.files else before, log)
    return Outcome(planned.changes, planned.changed)


def stage(host: Host, change: FileChange, log: UndoLog) -> Callable[[], None]:
    """Prepare a file's change without touching the file; returns the function that applies and confirms it.

    Both raise HostError, also where the file is not any more as it was observed: nothing is written then.
    """
    check_unchanged(host, change)
    commit = _prepare(host, change, log)

    def apply() -> None:
        check_unchanged(host, change)
        ours: list[FileRecord | None] = []
        log.note(change.path, lambda: put_back(host, change, *ours))
        commit()
        ours.append(host.snapshot(change.path))  # whatever the rename has put there
        confirm(host, change.path, change.after)

    return apply


def check_unchanged(host: Host, change: FileChange) -> None:
    """Raises HostError if a file is not as it was when the change was planned, or cannot be replaced any more."""
    found = host.snapshot(change.path)
    if not same_file(change.before, found):
        raise HostError(
            change.path, "somebody else has changed it since this run has looked at it: it is left as it is; run again"
        )
    if found is not None and found.obstacle:
        raise HostError(change.path, found.obstacle)


def _prepare(host: Host, change: FileChange, log: UndoLog) -> Callable[[], None]:
    if change.after is None:
        return lambda: host.remove(change.path)
    make_parents(host, change.path, PARENT_MODE, log)
    staged = host.stage(change.path, change.after)
    log.note("", staged.discard)
    return staged.commit


def put_back(host: Host, change: FileChange, *ours: FileRecord | None) -> None:
    """Give a file back the content it had before, or its absence. Raises HostError.

    `ours` is what it may have meanwhile, beside the change itself; anything else is somebody else's, and is left.
    """
    found = host.snapshot(change.path)
    if not any(same_file(record, found) for record in (change.before, change.after, *ours)):
        raise HostError(change.path, "somebody else has changed it since this run has written it: it is left as it is")
    put(host, change.path, change.before)


def put(host: Host, path: str, record: FileRecord | None) -> None:
    """Make a file what it should be, which None is for no file, and confirm it. Raises HostError."""
    if same_file(record, host.snapshot(path)):
        return
    if record is None:
        host.remove(path)
    else:
        host.stage(path, record).commit()
    confirm(host, path, record)


def confirm(host: Host, path: str, record: FileRecord | None) -> None:
    """Read a file back after it was written or removed (None). Raises HostError where it is not as it should be."""
    fault = mismatch(record, host.snapshot(path))
    if fault:
        raise HostError(path, fault)


def make_parents(host: Host, path: str, mode: int, log: UndoLog) -> None:
    """Create the directories of a path that are missing. Raises HostError."""
    for directory in _missing_parents(host, path):
        _make(host, directory, mode, log)


def _make(host: Host, directory: str, mode: int, log: UndoLog) -> None:
    if host.exists(directory):
        return

    def remove() -> None:
        if host.exists(directory):
            host.remove_directory(directory)

    log.note("", remove)
    host.make_directory(directory, mode)


def _missing_parents(host: Host, path: str) -> list[str]:
    """The directories above a path that do not exist, the highest first."""
    return [directory for directory in _parents(path) if not host.exists(directory)]


def _parents(path: str) -> list[str]:
    """The directories above a path, without the root, the highest first."""
    steps = posixpath.dirname(path).split("/")
    return ["/".join(steps[: length + 1]) for length in range(1, len(steps))]
