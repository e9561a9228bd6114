# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects that every module with files shares: the record of originals, staged changes, and the way back."""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections.abc import Callable
from typing import Any, TypeVar

from .._core.change import TuningError, UndoLog
from .._engine import originals
from .._host.host import FileRecord, Host, HostError
from .originals import Originals
from .owned_files import FileChange, mismatch

PARENT_MODE = 0o755
MOST_NAMED = 6  # of what was put back, in a message; the result has all of it

Outcome = TypeVar("Outcome")


class RefusedError(Exception):
    """A call that could not be carried out, and why. Everything is as it was, but for what `not_undone` names.

    `item` is what was refused, and is not among what was `undone`; it is empty where no change was refused.
    """

    def __init__(self, cause: TuningError, undone: list[str], not_undone: list[str]) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.item = getattr(cause, "subject", "")
        self.undone = [what for what in undone if what != self.item]
        self.not_undone = not_undone


def all_or_nothing(effects: Callable[[UndoLog], Outcome]) -> Outcome:
    """What these effects return; if one of them fails, all are undone. Raises RefusedError."""
    log = UndoLog()
    try:
        return effects(log)
    except TuningError as error:
        raise RefusedError(error, *log.undo()) from error
    except BaseException:
        log.undo()
        raise


def read_originals(host: Host) -> Originals:
    """The originals recorded on this host. Raises OriginalsError, HostError.

    They say what root will write, so that they count only where nobody else can have written them.
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
    """Replace the record of originals; without any entry it goes. Raises HostError.

    What no later run would accept is refused here, before it is changed.
    """
    for path, original in after.files.items():
        try:
            originals.check_file(path, original)
        except ValueError as error:
            raise HostError(path, f"cannot be recorded, and so is not changed: {error}") from error
    owner = (os.geteuid(), os.getegid())
    record = None if after.empty else FileRecord(originals.render(after), originals.FILE_MODE, *owner)
    change = FileChange(originals.PATH, host.snapshot(originals.PATH), record)
    if record == change.before:
        return
    if record is not None:
        make_parents(host, originals.PATH, originals.DIRECTORY_MODE, log)
    log.note("", lambda: put_back(host, change))
    _replace(host, originals.PATH, record)


def finalize_originals(host: Host, finalized: Originals, recorded: Originals, log: UndoLog) -> None:
    """Make the record what it is to be in the end; an empty one goes with its directory. Raises HostError."""
    if finalized != recorded:
        store_originals(host, finalized, log)
    if finalized.empty:
        remove_originals_directory(host, log)


def remove_originals_directory(host: Host, log: UndoLog) -> None:
    """Remove the directory of the record, unless it is not there or holds what is not ours."""
    with contextlib.suppress(HostError):
        host.remove_directory(originals.DIRECTORY)
        log.note("", lambda: host.make_directory(originals.DIRECTORY, originals.DIRECTORY_MODE))


def tidy(host: Host, *paths: str) -> None:
    """Remove what a killed run may have left beside these files and beside the record of originals."""
    for path in (originals.PATH, *paths):
        host.remove_leftover(path)


def stage(host: Host, change: FileChange, log: UndoLog) -> Callable[[], None]:
    """Prepare a file's change without touching the file. Returns a function that makes and confirms the change.

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
    if host.snapshot(change.path) != change.before:
        _replace(host, change.path, change.before)


def _replace(host: Host, path: str, record: FileRecord | None) -> None:
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


# --- a refusal, told ------------------------------------------------------------------------


def refusal(error: RefusedError) -> dict[str, Any]:
    """The arguments of fail_json for a call that could not be carried out."""
    if error.not_undone:
        ending = f"Could not be put back: {'; '.join(error.not_undone)}"
    elif error.undone:
        ending = f"Everything this call had changed has been put back: {_some(error.undone)}"
    else:
        ending = "Nothing was changed"
    details = error.cause.details()
    if error.item or error.undone:
        details["undone"] = error.undone
    return {"msg": f"{error}. {ending}.", **details}


def _some(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
