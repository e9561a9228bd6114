# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment files without our lines, and the items of the lines that are reverted."""

from __future__ import annotations

from collections.abc import Iterable

from .._core.change import Change
from .._core.text import encoded
from .._engine.originals import FileOriginal
from .._engine.owned_files import FileChange, record_files, text_of
from .._systemd.environment_file import Note, notes, revert_line
from .effective import start_value
from .items import reverted_item
from .model import Observed, Texts, Unit
from .settings import KINDS


def without_our_lines(observed: Observed) -> dict[str, str]:
    """The texts without the lines that were set for the units of this call. A file that held nothing else is gone."""
    without = {}
    for path, text in observed.texts.items():
        record = observed.originals.files.get(path)
        left, original = text, None if record is None else text_of(record.record)
        for note in notes(text).values():
            if _is_ours(note, observed):
                left = revert_line(left, note.name, original)
        if left or not text or record is None or record.record is not None:
            without[path] = left
    return without


def originals_before(files: Iterable[FileChange], observed: Observed) -> dict[str, FileOriginal]:
    """The records as they must be before the first effect.

    If the record of a file with our lines is lost, the file without them counts as the original.
    """
    recorded = dict(observed.originals.files)
    for change in files:
        if change.path not in recorded and change.before is not None:
            text = text_of(change.before)
            for name in notes(text):
                text = revert_line(text, name, None)
            found = change.before._replace(content=encoded(text))
            recorded[change.path] = FileOriginal(found, ())
    return record_files(recorded, files)


def _is_ours(note: Note, observed: Observed) -> bool:
    """Whether a line was set for a unit of this call."""
    return any(note.unit in (unit.asked, unit.name, *unit.names) for unit in observed.units)


def reverted_pools(unit: Unit, wanted: set[str], now: Texts, then: Texts, observed: Observed) -> list[Change]:
    """Items for the pools of a unit that were set by us and are no longer wanted."""
    changes = []
    for kind in KINDS.values():
        value = None if unit.unavailable else start_value(unit, kind, now)
        if kind.name in wanted or value is None or not value.variable:
            continue
        for path in unit.files:
            note = notes(now.get(path, "")).get(value.variable)
            if note is not None and _is_ours(note, observed) and value.variable not in notes(then.get(path, "")):
                changes.append(reverted_item(unit, kind, note, path, now, then))
                break
    return changes


def reverted_lines(now: Texts, then: Texts, observed: Observed) -> list[Change]:
    """Items for reverted lines whose unit is gone, or does not read them any more."""
    read = {line for unit in observed.units if not unit.unavailable for line in _lines_of(unit, now)}
    changes = []
    for path, text in now.items():
        left = notes(then.get(path, ""))
        for note in notes(text).values():
            if _is_ours(note, observed) and note.name not in left and (path, note.name) not in read:
                changes.append(reverted_item(None, None, note, path, now, then))
    return changes


def _lines_of(unit: Unit, texts: Texts) -> Iterable[tuple[str, str]]:
    """The files that a unit reads, each with the variables of its pools."""
    for kind in KINDS.values():
        value = start_value(unit, kind, texts)
        if value is not None:
            yield from ((path, value.variable) for path in unit.files)
