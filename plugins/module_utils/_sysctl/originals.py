# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of originals before the first effect of a plan, and after the last one; and which values are ours."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from .._core.change import ABSENT, READONLY
from .._core.text import encoded
from .._engine.originals import FileOriginal, KeyOriginal, Originals, digest
from .._engine.owned_files import FileChange, finalize_files, record_files, text_of
from .conf import Boot, boot_of
from .kernel import follows_other, mutually_exclusive, other_name, side_effect_value
from .key import is_glob
from .model import Decision, Observed, Plan, Request, Reverts, Write
from .value import same, stored


def original_text(path: str, record: KeyOriginal) -> str:
    """The text that puts a key back: of a vector of which only the first fields were written, those fields."""
    return _written_fields(path, record, record.value)


def _written_fields(path: str, record: KeyOriginal, value: str) -> str:
    """The fields of a value of a key that we have written. The kernel keeps the others: they are not ours."""
    if record.written is None or stored(path, record.written, record.value) == record.written:
        return value
    return " ".join(value.split()[: len(record.written.split())])


def changes_at_boot(decision: Decision) -> bool:
    """Whether a boot will give a key another value than it has."""
    path, line, now = decision.path, decision.line, decision.before
    return line is not None and now is not None and not same(path, stored(path, line, now), now)


def _all_fields(path: str, text: str, written: str | None) -> str:
    """A text with the further fields of what was written before: they are still to go back."""
    full = stored(path, text, written)
    return full if len(full.split()) > len(text.split()) else text


class OurFiles:
    """The sysctl.d files of ours: this call's, and the others that the record names as owners of keys."""

    def __init__(self, request: Request, observed: Observed) -> None:
        self._path = request.path
        self._observed = observed
        self._boots: dict[str, Boot] = {}
        self._causes: list[tuple[str, str, list[str]]] | None = None

    def line(self, owner: str, path: str) -> str | None:
        """The value that a file of ours sets at boot for a key, under either of its names. None if it sets none."""
        lines = [self._boot(owner).assignment(name) for name in (path, other_name(path)) if name is not None]
        return next((line.value for line in lines if line is not None), None)

    def sets(self, path: str) -> bool:
        """Whether this call's file sets a key at boot, or another one that changes it."""
        record = self._observed.originals.keys.get(path)
        causes = (path, record.cause if record is not None else None)
        return any(self.line(self._path, cause) is not None for cause in causes if cause is not None)

    def names(self, path: str) -> bool:
        """Whether this call's file has a line for this very key, and not only a glob that matches it."""
        return self._boot(self._path).named(path) is not None

    def _boot(self, owner: str) -> Boot:
        boot = self._boots.get(owner)
        if boot is None:
            boot = self._boots[owner] = boot_of([(owner, self._text(owner))])
        return boot

    def _text(self, owner: str) -> str:
        """The text of a file of ours; empty where it is missing, or somebody else has edited it."""
        text = dict(self._observed.others).get(owner, "")
        if owner == self._path:
            text = text_of(self._observed.own)
        recorded = self._observed.originals.files.get(owner)
        edited = recorded is not None and digest(encoded(text)) not in recorded.written
        return "" if edited else text

    def is_ours(self, path: str, record: KeyOriginal, now: str) -> bool:
        """Whether a call of ours, or a boot with our files, has given a key its value, and nobody else since."""
        if record.left is None or self._is_left(path, record, now) or self._is_of_boot(path, record, now):
            return True
        return any(
            path in affected and now == side_effect_value(cause, value, path)
            for cause, value, affected in self._booted_causes()
        )

    def has_booted(self, path: str, record: KeyOriginal, now: str) -> bool:
        """Whether a key has its value from a boot with our files, so that the record does not have it yet."""
        return record.left not in (None, now) and self.is_ours(path, record, now)

    def is_alone(self, path: str, record: KeyOriginal, now: str) -> bool:
        """Whether this call's file alone, and no other file or program, has given a key its value."""
        return record.owners == (self._path,) and self.is_ours(path, record, now)

    def _booted_causes(self) -> list[tuple[str, str, list[str]]]:
        """The keys that have what a boot with our files sets, if that changes other keys: with value and effects."""
        if self._causes is None:
            self._causes = []
            for cause, record in self._observed.originals.keys.items():
                affected, live = self._observed.affected_by(cause), self._observed.live.get(cause)
                value = live.value if affected and live is not None else None
                if value is not None and self._is_of_boot(cause, record, value):
                    self._causes.append((cause, value, affected))
        return self._causes

    def _is_of_boot(self, path: str, record: KeyOriginal, now: str) -> bool:
        lines = (self.line(owner, path) for owner in {*record.owners, self._path})
        return any(line is not None and same(path, stored(path, line, now), now) for line in lines)

    def _is_left(self, path: str, record: KeyOriginal, now: str) -> bool:
        left = record.left or ""
        return same(path, _written_fields(path, record, left), _written_fields(path, record, now))

    def held(self, wanted: Collection[str]) -> dict[str, str]:
        """The keys that other files of ours have set, and that these wanted ones do not override; and their texts.

        The text is the last file's line; without a line, for a setting of the running kernel alone, the present value.
        """
        names = {name for path in wanted for name in (path, other_name(path), mutually_exclusive(path))}
        held = {}
        for path, record in self._observed.originals.keys.items():
            live = self._observed.live.get(path)
            others = [owner for owner in record.owners if owner != self._path]
            if path in names or record.cause is not None or not others or live is None or live.value is None:
                continue
            order = [file for file, _text in self._observed.others if file in others]
            lines = filter(None, (self.line(owner, path) for owner in order))
            text = ([live.value] + [stored(path, line, record.value) for line in lines])[-1]
            if not follows_other(path, text):
                held[path] = text
        return held


def set_by_boot(request: Request, observed: Observed) -> dict[str, str]:
    """The keys of our file that a boot alone has set, as an image has brought the file; with the values there.

    In an image these are all keys of the file that have no original on record.
    """
    file = observed.originals.files.get(request.path)
    if observed.own is None or not (observed.boot_only or (file is not None and file.image)):
        return {}
    boot = boot_of([(request.path, text_of(observed.own))])
    named = [path for path in boot.paths if observed.boot_only or not is_glob(path)]
    matched = [path for glob in boot.paths if is_glob(glob) for path in observed.matches.get(glob, ())]
    lines = {path: boot.assignment(path) for path in (*named, *matched) if path not in observed.originals.keys}
    return {path: line.value for path, line in lines.items() if line is not None and line.value is not None}


def recorded(
    request: Request,
    decisions: Iterable[Decision],
    writes: Iterable[Write],
    effects: Mapping[str, str],
    reverts: Reverts,
    files: Iterable[FileChange],
    observed: Observed,
) -> Originals:
    """The record as it must be before the first effect: every key and file that may change is recorded once."""
    keys = dict(observed.originals.keys)
    for write in writes:
        first = keys.get(write.path) or KeyOriginal(write.before, None, None, ())
        written = _all_fields(write.path, write.text, first.written)
        record = KeyOriginal(first.value, written, None, first.owners)
        keys[write.path] = record if write.path in reverts.held else _owned(record, request.path)
    for path, cause in effects.items():
        value = observed.live[path].value
        if path in keys:
            keys[path] = keys[path]._replace(left=None)
        elif value is not None:
            keys[path] = KeyOriginal(value, None, None, (request.path,), cause)
    for path, cause in reverts.derived.items():
        owners = keys[cause].owners if cause in keys else ()
        keys[path] = _owned(keys[path]._replace(cause=cause), *owners)
    for decision in decisions:
        if decision.state in (READONLY, ABSENT) or decision.reverted:
            continue
        shared = keys.get(decision.path)
        if shared is None:
            keys.update(_changed_by_boot(request, decision, keys, observed))
        elif shared.cause is not None and decision.setting is not None:
            keys[decision.path] = _owned(shared._replace(cause=None, written=decision.fallback), request.path)
        else:
            fields = shared.written and _all_fields(decision.path, shared.written, decision.line)
            keys[decision.path] = _owned(shared._replace(written=fields), request.path)
    return observed.originals._replace(keys=keys, files=_recorded_files(request, files, observed))


def _recorded_files(request: Request, files: Iterable[FileChange], observed: Observed) -> dict[str, FileOriginal]:
    """The records of our files. That of an image has no values of keys, and says so."""
    found = record_files(observed.originals.files, files)
    if observed.boot_only and request.path in found:
        found[request.path] = found[request.path]._replace(image=True)
    return found


def _owned(record: KeyOriginal, *owners: str) -> KeyOriginal:
    return record._replace(owners=tuple(sorted({*record.owners, *owners})))


def _changed_by_boot(
    request: Request, decision: Decision, keys: Mapping[str, KeyOriginal], observed: Observed
) -> dict[str, KeyOriginal]:
    """The records of a key that only the next boot will change, and of its side effects."""
    path, now = decision.path, decision.before
    if now is None or not changes_at_boot(decision):
        return {}
    affected = {one: observed.live[one].value for one in observed.affected_by(path) if one not in keys}
    records = {
        one: KeyOriginal(value, None, value, (request.path,), path)
        for one, value in affected.items()
        if value is not None
    }
    return {**records, path: KeyOriginal(now, decision.line, now, (request.path,))}


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
        unchanged = value is not None and same(path, record.value, value)
        if unchanged and record.cause is not None and record.cause not in keys:
            del keys[path]  # the side effect did not happen, and no boot will bring it
        else:
            keys[path] = record._replace(left=value)
    files = finalize_files(planned.originals.files, planned.files, planned.reverted)
    return planned.originals._replace(keys=keys, files=files)
