# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects that all modules with files share: the record of originals, staged files, and their undo."""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections.abc import Callable, Iterable, Mapping

from .._core.change import Outcome
from .._core.undo import UndoLog
from .._engine import originals
from .._host.host import FileRecord, Host, HostError
from .originals import FileOriginal, Originals
from .owned_files import FileChange, FilesPlan, mismatch

PARENT_MODE = 0o755


def read_originals(host: Host) -> Originals:
    """The originals recorded on this host. Raises OriginalsError, HostError.

    Root will write their content, so they count only where nobody else can have edited them.
    """
    record = host.snapshot(originals.PATH)
    if record is None:
        return originals.NOTHING
    for path, uid, mode in (
        (originals.DIRECTORY, *host.owner_and_mode(originals.DIRECTORY)),
        (originals.PATH, record.uid, record.mode),
    ):
        originals.check_keeper(path, uid, mode, os.geteuid())
    return originals.parse(record.content)


def store_originals(host: Host, after: Originals, log: UndoLog) -> None:
    """Replace the record of originals; a record without entries is removed. Raises HostError.

    An original that no later run would accept is refused here, before its file is changed.
    """
    for path, original in after.files.items():
        try:
            originals.check_file(path, original)
        except ValueError as error:
            raise HostError(path, f"cannot be recorded, and so is not changed: {error}") from error
    after = after._replace(files=_with_directories(host, after.files))
    owner = (os.geteuid(), os.getegid())
    record = None if after.empty else FileRecord(originals.render(after), originals.FILE_MODE, *owner)
    change = FileChange(originals.PATH, host.snapshot(originals.PATH), record)
    if record == change.before:
        return
    if record is not None:
        make_parents(host, originals.PATH, originals.DIRECTORY_MODE, log)
    log.note("", lambda: put_back(host, change))
    put(host, originals.PATH, record)


def _with_directories(host: Host, files: Mapping[str, FileOriginal]) -> dict[str, FileOriginal]:
    """The records, each of a file that was not there with whether its directory was.

    The host shows that when a file is recorded, which is before the first effect; later the record does.
    """
    missing = [path for path, original in files.items() if original.record is None]
    known = read_originals(host).files if missing else {}
    found = {
        path: known[path].in_directory if path in known else host.exists(posixpath.dirname(path)) for path in missing
    }
    return {path: one._replace(in_directory=found.get(path, False)) for path, one in files.items()}


def finalize_originals(host: Host, finalized: Originals, recorded: Originals, log: UndoLog) -> None:
    """Store the final record; an empty one is removed with its directory. Raises HostError."""
    if finalized != recorded:
        store_originals(host, finalized, log)
    if finalized.empty:
        remove_originals_directory(host, log)


def remove_originals_directory(host: Host, log: UndoLog) -> None:
    """Remove the directory of the record, unless it is missing or holds other files."""
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
    if planned.changed:
        store_originals(host, planned.originals, log)
    for commit in [stage(host, file, log) for file in planned.files]:
        commit()
    finalize_originals(host, planned.finalized, planned.originals if planned.changed else before, log)
    return Outcome(planned.changes, planned.changed)


def stage(host: Host, change: FileChange, log: UndoLog) -> Callable[[], None]:
    """Prepare a file's change without touching the file; returns the function that applies and confirms it.

    Both raise HostError.
    """
    commit = _prepare(host, change, log)

    def apply() -> None:
        log.note(change.path, lambda: put_back(host, change))
        commit()
        confirm(host, change.path, change.after)

    return apply


def _prepare(host: Host, change: FileChange, log: UndoLog) -> Callable[[], None]:
    if change.after is None:
        return lambda: host.remove(change.path)
    make_parents(host, change.path, PARENT_MODE, log)
    staged = host.stage(change.path, change.after)
    log.note("", staged.discard)
    return staged.commit


def put_back(host: Host, change: FileChange) -> None:
    """Give a file back the content it had before, or its absence. Raises HostError."""
    put(host, change.path, change.before)


def put(host: Host, path: str, record: FileRecord | None) -> None:
    """Make a file what it should be, which None is for no file, and confirm it. Raises HostError."""
    if host.snapshot(path) == record:
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
    """Create the directory of a path where it is missing. Raises HostError."""
    directory = posixpath.dirname(path)
    if host.exists(directory):
        return

    def remove() -> None:
        if host.exists(directory):
            host.remove_directory(directory)

    log.note("", remove)
    host.make_directory(directory, mode)
