# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are ours as a whole: their changes in a plan, and the records of their originals.

Nothing here reads or writes anything.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from .._core.change import CHANGED, CREATED, KEPT, REMOVED, REWRITTEN, Change
from .._core.errors import ItemError
from .._core.text import decoded, encoded, plural
from .._host.host import FileRecord
from .originals import PATH, FileOriginal, Originals, digest

CONFIG_MODE = 0o644
SCRIPT_MODE = 0o755
SHEBANG = "#!/bin/sh\n"
NEW_FILE = FileRecord(b"", CONFIG_MODE, 0, 0)
_HEADING = b"# Managed by Ansible (siptune.linux."
OUR_HEADINGS = (_HEADING, SHEBANG.encode() + _HEADING)  # how the heading of each module begins


class FileChange(NamedTuple):
    """A file to be replaced, created (`before` is None) or removed (`after` is None)."""

    path: str
    before: FileRecord | None
    after: FileRecord | None

    def as_result(self) -> dict[str, str]:
        """The dictionary that modules return in `files`."""
        change = CREATED if self.before is None else REMOVED if self.after is None else REWRITTEN
        return {"path": self.path, "change": change}


class OwnFile(NamedTuple):
    """A file of ours: its content now, and the beginning that identifies it even without a record."""

    path: str
    current: FileRecord | None
    heading: str
    mode: int = CONFIG_MODE


class FilesPlan(NamedTuple):
    """The plan of a module that writes nothing but files.

    `originals` is the record to store before the first effect, `released` are the files that are no longer ours.
    `restarts` are the units to restart for it.
    """

    changes: list[Change]
    files: list[FileChange]
    originals: Originals
    released: list[str]
    warnings: list[str]
    restarts: Sequence[str] = ()

    @property
    def changed(self) -> bool:
        return bool(self.files or self.restarts)

    @property
    def finalized(self) -> Originals:
        """The originals once everything is done, without what is no longer ours."""
        files = finalize_files(self.originals.files, self.files, self.released)
        return self.originals._replace(files=files)


def text_of(record: FileRecord | None) -> str:
    """A file's text; empty where there is none."""
    return "" if record is None else decoded(record.content)


def mismatch(written: FileRecord | None, found: FileRecord | None) -> str:
    """How a file that was read back differs from the one that was written or removed (None); '' if it does not."""
    if written is None:
        return "" if found is None else "is still there after it was removed"
    if found is None:
        return "is gone after it was written"
    faults = _differences(written, found)
    return f"was written, and reads back with {faults}: another program may write it too" if faults else ""


def same_file(one: FileRecord | None, found: FileRecord | None) -> bool:
    """Whether a file is as it should be: a new one has attributes from its directory and the system as well."""
    if one is None or found is None:
        return one is found
    return not _differences(one, found) and set(one.attributes) <= set(found.attributes)


def _differences(one: FileRecord, found: FileRecord) -> str:
    faults = [] if found.content == one.content else [f"other content ({_size(found)})"]
    if found.mode != one.mode:
        faults.append(f"mode {found.mode:04o} instead of {one.mode:04o}")
    if (found.uid, found.gid) != (one.uid, one.gid):
        faults.append(f"owner {found.uid}:{found.gid} instead of {one.uid}:{one.gid}")
    return ", ".join(faults)


def plan_file(
    file: OwnFile, text: str | None, originals: Mapping[str, FileOriginal], owner: tuple[int, int]
) -> tuple[FileChange | None, Change | None]:
    """The change of one file of ours, and an item where it is left alone, or where its mode or owner is put right.

    Without text it gets its original content back, unless somebody else has written it since. Raises ItemError for a
    file that cannot be replaced.
    """
    path, current, heading, mode = file
    record = originals.get(path)
    if text is not None:
        wanted = (current or NEW_FILE)._replace(content=encoded(text), mode=mode, uid=owner[0], gid=owner[1])
        if wanted == current:
            return None, None
        if wanted.obstacle:
            raise ItemError(path, wanted.obstacle)
        change = FileChange(path, current, wanted)
        ours = record is not None or text_of(current).startswith(heading)
        return change, put_right(change) if ours else None
    if current is None:
        return None, None
    reason = current.obstacle
    if not reason and record is not None and digest(current.content) in record.written:
        return FileChange(path, current, record.record), None
    if not reason and record is None and current.content.startswith(heading.encode()):
        return FileChange(path, current, None), None
    shown = _size(current)
    reason = reason or _edited(record)
    return None, Change(path, None, shown, shown, None, KEPT, "no longer needed", reason)


def one_file_plan(
    own: OwnFile,
    change: FileChange | None,
    changes: Sequence[Change | None],
    originals: Originals,
    warnings: Sequence[str] = (),
) -> FilesPlan:
    """The plan of a module with a single file, and of its items; those that are None are left out."""
    files = [change] if change else []
    return FilesPlan(
        changes=[one for one in changes if one is not None],
        files=files,
        originals=originals._replace(files=record_files(originals.files, files)),
        released=released_files({own.path: own.current}, files, originals.files),
        warnings=list(warnings),
    )


def _edited(record: FileOriginal | None) -> str:
    """Why a file stays that is not as we have left it, and what is left to do."""
    before = "" if record is None or record.record is None else f"; {PATH} holds what it was before"
    by_hand = "compare it, then keep it, or remove it and run this again"
    return f"somebody else wrote or edited it: left alone, and active for the next boot; {by_hand}{before}"


def put_right(change: FileChange) -> Change | None:
    """The item of a file of ours that gets its mode and owner again; None if nobody has changed them."""
    if change.before is None or change.after is None:
        return None
    before, after = _protection(change.before), _protection(change.after)
    why = "nobody but root is to change this file"
    if before == after:
        return None
    return Change(change.path, after, before, after, after, CHANGED, why, at_boot_before=before)


def _protection(record: FileRecord) -> str:
    return f"mode {record.mode:04o}, owner {record.uid}:{record.gid}"


def _size(record: FileRecord) -> str:
    return f"{len(record.content)} {plural(len(record.content), 'byte')}"


def released_files(
    found: Mapping[str, FileRecord | None], changes: Iterable[FileChange], originals: Mapping[str, FileOriginal]
) -> list[str]:
    """Our files that, once these changes are made, are missing or have their original content."""
    after = dict(found)
    after.update({change.path: change.after for change in changes})
    return [
        path
        for path, record in after.items()
        if record is None or same_file(getattr(originals.get(path), "record", None), record)
    ]


def record_files(originals: Mapping[str, FileOriginal], changes: Iterable[FileChange]) -> dict[str, FileOriginal]:
    """The records before the first effect: each file that will change is recorded, once.

    A file with a heading of ours whose record is lost was not there before us.
    """
    recorded = dict(originals)
    for change in changes:
        before = change.before
        found = None if before is not None and before.content.startswith(OUR_HEADINGS) else before
        current = recorded.get(change.path) or FileOriginal(found, ())
        ours = {digest(record.content) for record in (change.before, change.after) if record is not None}
        recorded[change.path] = current._replace(written=tuple(sorted({*current.written, *ours})))
    return recorded


def finalize_files(
    originals: Mapping[str, FileOriginal], changes: Iterable[FileChange], released: Iterable[str]
) -> dict[str, FileOriginal]:
    """The records after the last effect: the digest written last, without files that are no longer ours."""
    gone = set(released)
    finalized = {path: original for path, original in originals.items() if path not in gone}
    for change in changes:
        if change.after is not None and change.path in finalized:
            finalized[change.path] = finalized[change.path]._replace(written=(digest(change.after.content),))
    return finalized


def shown_text(record: FileRecord | None) -> str:
    """A file's text for --diff, which may be stored and read by others than root."""
    if record is None or record.mode & stat.S_IROTH:
        return text_of(record)
    return f"({_size(record)}, not shown: its mode {record.mode:04o} keeps others from reading it)\n"


def diff_files(
    changes: Iterable[FileChange], shown: Callable[[FileRecord | None], str] = shown_text
) -> list[dict[str, str]]:
    """These changes for Ansible's --diff, with the text of each file that may be `shown`."""
    return [
        {
            "before_header": change.path,
            "after_header": change.path,
            "before": shown(change.before),
            "after": shown(change.after),
        }
        for change in changes
    ]
