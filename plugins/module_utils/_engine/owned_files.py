# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are ours as a whole: their changes in a plan, and the records of their originals.

Nothing here reads or writes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .._core.change import KEPT, Change
from .._core.text import decoded, encoded
from .._host.host import FileRecord
from .originals import FileOriginal, Originals, digest

CONFIG_MODE = 0o644


class FileChange(NamedTuple):
    """A file to be replaced, created (`before` is None) or removed (`after` is None)."""

    path: str
    before: FileRecord | None
    after: FileRecord | None


class OwnFile(NamedTuple):
    """A file of ours: its content now, and the first line that identifies it even without a record."""

    path: str
    current: FileRecord | None
    heading: str


class FilesPlan(NamedTuple):
    """The plan of a module that writes nothing but files.

    `originals` is the record to store before the first effect, `released` are the files that are no longer ours.
    """

    changes: list[Change]
    files: list[FileChange]
    originals: Originals
    released: list[str]
    warnings: list[str]

    @property
    def changed(self) -> bool:
        return bool(self.files)

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
    if written == found:
        return ""
    if written is None:
        return "is still there after it was removed"
    if found is None:
        return "is gone after it was written"
    faults = [] if found.content == written.content else [f"other content ({len(found.content)} bytes)"]
    if found.mode != written.mode:
        faults.append(f"mode {found.mode:04o} instead of {written.mode:04o}")
    if (found.uid, found.gid) != (written.uid, written.gid):
        faults.append(f"owner {found.uid}:{found.gid} instead of {written.uid}:{written.gid}")
    return f"was written, and reads back with {', '.join(faults)}: another program may write it too"


def plan_file(
    file: OwnFile, text: str | None, originals: Mapping[str, FileOriginal], owner: tuple[int, int]
) -> tuple[FileChange | None, Change | None]:
    """The change of one file of ours, and an item where it is left alone.

    Without text it gets its original content back, unless somebody else has written it since.
    """
    path, current, heading = file
    if text is not None:
        wanted = FileRecord(encoded(text), CONFIG_MODE, *owner)
        return (None if wanted == current else FileChange(path, current, wanted)), None
    record = originals.get(path)
    if current is None:
        return None, None
    if record is not None and digest(current.content) in record.written:
        return FileChange(path, current, record.record), None
    if record is None and current.content.startswith(heading.encode()):
        return FileChange(path, current, None), None
    shown = f"{len(current.content)} bytes"
    reason = "somebody else wrote or edited it: left alone"
    return None, Change(path, None, shown, shown, None, KEPT, "no longer needed", reason)


def released_files(
    found: Mapping[str, FileRecord | None], changes: Iterable[FileChange], originals: Mapping[str, FileOriginal]
) -> list[str]:
    """Our files that, once these changes are made, are missing or have their original content."""
    after = dict(found)
    after.update({change.path: change.after for change in changes})
    return [
        path
        for path, record in after.items()
        if record is None or record == getattr(originals.get(path), "record", None)
    ]


def record_files(originals: Mapping[str, FileOriginal], changes: Iterable[FileChange]) -> dict[str, FileOriginal]:
    """The records before the first effect: each file that will change is recorded, once."""
    recorded = dict(originals)
    for change in changes:
        current = recorded.get(change.path) or FileOriginal(change.before, ())
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


def diff_files(changes: Iterable[FileChange]) -> list[dict[str, str]]:
    """These changes for Ansible's --diff."""
    return [
        {
            "before_header": change.path,
            "after_header": change.path,
            "before": text_of(change.before),
            "after": text_of(change.after),
        }
        for change in changes
    ]
