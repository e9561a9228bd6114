# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the pools that are wanted and what the host has to what must be done. Nothing here reads or writes anything.

First everything of ours is taken back in thought. What the units then have decides whether a floor is met without us,
and the pools are set on top of that. So the result does not depend on earlier runs, and putting a host back is the
plan for no pools at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .._core.change import Change
from .._core.setting import hazard_warning
from .._engine.originals import FileOriginal, Originals
from .._engine.own_paths import ENVIRONMENT_DIRECTORIES, may_be_written
from .._engine.owned_files import CONFIG_MODE, FileChange, finalize_files, record_files
from .._host.host import FileRecord
from .._systemd.environment_file import Mark, Note, check, notes, read_number, set_number, take_back
from .items import Decision, advice_item, pool_item, returned_item, unavailable
from .model import Deciding, Observed, Request, Unit, command_of, deciding, texts_of
from .settings import KINDS, Pool, PoolsError, item_name

MIB = 1024 * 1024

# What is written here does not last: it belongs to packages, to the kernel, or to the running system alone.
NOT_OURS = ("/usr/lib/", "/usr/share/", "/lib/", "/run/", "/var/run/", "/tmp/", "/proc/", "/sys/", "/dev/")


class Plan(NamedTuple):
    """What will be done. `originals` is what to record before the first effect."""

    changes: list[Change]
    files: list[FileChange]
    originals: Originals
    released: list[str]
    warnings: list[str]

    @property
    def changed(self) -> bool:
        return bool(self.files)


def plan(request: Request, observed: Observed) -> Plan:
    """The plan that brings the host to what is requested.

    Raises PoolsError where that must not be done, EnvironmentFileError for a file that cannot be read for sure.
    """
    _check_names(observed.units)
    found = texts_of(observed.files)
    without = _without_us(found, observed)
    work = _Work(dict(without), without, observed)
    pools = {unit.name: unit.pools for unit in request.units}
    there = [unit for unit in observed.units if not unavailable(unit)]
    decisions = [work.decide(unit, pool) for unit in there for pool in pools.get(unit.asked, ())]
    then = work.texts
    _check_memory(decisions, then, observed)
    files = _file_changes(found, then, observed)
    changes = []
    for unit in observed.units:
        of_unit = {decision.pool.kind.name: decision for decision in decisions if decision.unit is unit}
        changes += [
            pool_item(unit, pool, of_unit.get(pool.kind.name), found, then, observed)
            for pool in pools.get(unit.asked, ())
        ]
        changes += _returned(unit, set(of_unit), found, then, observed)
        if request.advice and not unavailable(unit) and command_of(unit, then):
            changes.append(advice_item(unit, then, observed))
    changes += _left_over(found, then, observed)
    return Plan(
        changes=changes,
        files=files,
        originals=observed.originals._replace(files=_recorded(files, observed)),
        released=[path for path in observed.files if not notes(then.get(path, ""))],
        warnings=_warnings(decisions, then),
    )


def finalize(planned: Plan) -> Originals:
    """The originals once everything is done, without what is no longer ours."""
    recorded = planned.originals
    return recorded._replace(files=finalize_files(recorded.files, planned.files, planned.released))


def _check_names(units: Iterable[Unit]) -> None:
    """Raises PoolsError for two names of one unit."""
    by_name: dict[str, str] = {}
    for unit in units:
        other = by_name.setdefault(unit.name, unit.asked)
        if other != unit.asked:
            raise PoolsError(unit.asked, f"is named twice, also as {other}: both are {unit.name}")


# --- texts ----------------------------------------------------------------------------------


def ours(note: Note, observed: Observed) -> bool:
    """Whether a line was set for one of the units of this call."""
    return any(note.unit in (unit.asked, unit.name, *unit.names) for unit in observed.units)


def _original_text(path: str, observed: Observed) -> str | None:
    """The text of a file as it was found, "" if it was not there, None if that is not recorded."""
    original = observed.originals.files.get(path)
    if original is None:
        return None
    return "" if original.record is None else original.record.content.decode("utf-8", "surrogateescape")


def _without_us(texts: Mapping[str, str], observed: Observed) -> dict[str, str]:
    """The texts as they would be without what was set for these units. A file that was ours alone is gone."""
    without = {}
    for path, text in texts.items():
        left = text
        for note in notes(text).values():
            if ours(note, observed):
                left = take_back(left, note.name, _original_text(path, observed))
        if left or not text or _original_text(path, observed) != "":
            without[path] = left
    return without


class _Work:
    """The texts of a plan while pools are set in them, one after the other."""

    def __init__(self, texts: dict[str, str], without: Mapping[str, str], observed: Observed) -> None:
        self.texts = texts
        self._without = without
        self._observed = observed
        self._set: dict[tuple[str, str], str] = {}

    def decide(self, unit: Unit, pool: Pool) -> Decision:
        """What becomes of a pool; its line is set if it has to be."""
        item = item_name(unit.asked, pool.kind.name)
        now = deciding(unit, pool.kind, self.texts)
        self._check_lines(unit, now)
        kept = pool.meets(now.value if now else None)
        path, obstacle = ("", "") if kept or now is None else self._target(unit, now)
        if path and now is not None:
            self._set_line(unit, pool, item, path, now.variable)
        without = deciding(unit, pool.kind, self._without)
        return Decision(unit, pool, kept and pool.meets(without.value if without else None), bool(path), obstacle)

    def _check_lines(self, unit: Unit, now: Deciding | None) -> None:
        """Raises EnvironmentFileError if a line that has to do with the variable cannot be read for sure."""
        if now is not None and now.variable and now.whole:
            for path in unit.files:
                if path in self.texts:
                    read_number(self.texts[path], path, now.variable)

    def _target(self, unit: Unit, now: Deciding) -> tuple[str, str]:
        """The file in which to set a pool; or "", and why there is none."""
        if not now.variable or not now.whole:
            return "", ""
        if any(name.partition("=")[0] == now.variable for name in unit.start.unset):
            return "", f"the unit removes {now.variable} with UnsetEnvironment="
        if now.editable:
            path = now.file
        else:
            path = next((file.pattern for file in unit.start.files if file.plain and may_be_written(file.pattern)), "")
        if not path:
            return "", (
                f"{unit.name} reads no file that could set {now.variable}: "
                f"give it one with a drop-in, EnvironmentFile=-/etc/default/{unit.name.rpartition('.')[0]}"
            )
        if not _lasts(path):
            return "", f"{path} is no file for settings: what is written there does not last"
        if not may_be_written(path):
            return "", f"{path} is in none of {', '.join(ENVIRONMENT_DIRECTORIES)}: set {now.variable} there by hand"
        return path, ""

    def _set_line(self, unit: Unit, pool: Pool, item: str, path: str, variable: str) -> None:
        text = self.texts.get(path, "")
        other = self._set.setdefault((path, variable), item)
        note = notes(text).get(variable)
        if other != item or note is not None:
            other = note.unit if note is not None and other == item else other
            raise PoolsError(item, f"and {other} are one line, {variable} in {path}: give both the same value")
        check(text, path)
        mark = Mark(unit.name, read_number(text, path, variable), pool.why)
        self.texts[path] = set_number(text, variable, pool.value, mark)


def _lasts(path: str) -> bool:
    return not path.startswith(NOT_OURS)


# --- files ----------------------------------------------------------------------------------


def _file_changes(found: Mapping[str, str], then: Mapping[str, str], observed: Observed) -> list[FileChange]:
    """Raises PoolsError for a file that must not be written, EnvironmentFileError for one that cannot be read."""
    changes = []
    for path, state in observed.files.items():
        if found.get(path) == then.get(path):
            continue
        if state.refusal:
            raise PoolsError(path, state.refusal)
        check(found.get(path, ""), path)
        after = None
        if path in then:
            content = then[path].encode("utf-8", "surrogateescape")
            after = FileRecord(content, CONFIG_MODE, *observed.owner)
            if state.record is not None:
                after = state.record._replace(content=content)
        changes.append(FileChange(path, state.record, after))
    return changes


def _recorded(files: Iterable[FileChange], observed: Observed) -> dict[str, FileOriginal]:
    """The records as they must stand before the first effect.

    Where the record of a file of ours is lost, the file counts as it would be without us.
    """
    recorded = dict(observed.originals.files)
    for change in files:
        if change.path not in recorded and change.before is not None:
            text = change.before.content.decode("utf-8", "surrogateescape")
            for name in notes(text):
                text = take_back(text, name, None)
            found = change.before._replace(content=text.encode("utf-8", "surrogateescape"))
            recorded[change.path] = FileOriginal(found, ())
    return record_files(recorded, files)


# --- what must not be done ------------------------------------------------------------------


def _check_memory(decisions: Iterable[Decision], then: Mapping[str, str], observed: Observed) -> None:
    """Raises PoolsError for pools that the unit or the host has no room for. Of private memory one process counts."""
    if not observed.systemd_running:
        return  # an image is not built on the machine that it is for
    for decision in decisions:
        unit = decision.unit
        found = [deciding(unit, kind, then) for kind in KINDS.values()]
        needed = sum((one.value or 0) for one in found if one is not None) * MIB
        bounds = [("the memory of this host", observed.memory_bytes), ("MemoryMax of the unit", unit.memory_max)]
        for name, most in bounds:
            if decision.set and most is not None and needed > most:
                raise PoolsError(
                    item_name(unit.asked, decision.pool.kind.name),
                    f"both pools of {unit.name} would have {needed // MIB} MiB, and {name} is {most // MIB} MiB",
                )


def _warnings(decisions: Iterable[Decision], then: Mapping[str, str]) -> list[str]:
    """The hazards of the pools that are, or will be, as asked for."""
    warnings = []
    for decision in decisions:
        found = deciding(decision.unit, decision.pool.kind, then)
        if decision.pool.hazard and found is not None and found.value == decision.pool.value:
            item = item_name(decision.unit.asked, decision.pool.kind.name)
            warnings.append(hazard_warning(item, str(decision.pool.value), decision.pool.hazard))
    return warnings


# --- what goes back -------------------------------------------------------------------------


def _returned(
    unit: Unit, wanted: set[str], found: Mapping[str, str], then: Mapping[str, str], observed: Observed
) -> list[Change]:
    """Items for the pools of a unit that were set by us and are no longer asked for."""
    changes = []
    for kind in KINDS.values():
        now = None if unavailable(unit) else deciding(unit, kind, found)
        if kind.name in wanted or now is None or not now.variable:
            continue
        for path in unit.files:
            note = notes(found.get(path, "")).get(now.variable)
            if note is not None and ours(note, observed) and notes(then.get(path, "")).get(now.variable) is None:
                changes.append(returned_item(unit, kind, note, path, found, then, observed))
                break
    return changes


def _left_over(found: Mapping[str, str], then: Mapping[str, str], observed: Observed) -> list[Change]:
    """Items for lines of ours that go back though their unit is not there any more, or does not read them now."""
    read = {(path, name) for unit in observed.units if not unavailable(unit) for path, name in _lines_of(unit, found)}
    changes = []
    for path, text in found.items():
        left = notes(then.get(path, ""))
        for note in notes(text).values():
            if ours(note, observed) and note.name not in left and (path, note.name) not in read:
                changes.append(returned_item(None, None, note, path, found, then, observed))
    return changes


def _lines_of(unit: Unit, texts: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    for kind in KINDS.values():
        now = deciding(unit, kind, texts)
        if now is not None:
            yield from ((path, now.variable) for path in unit.files)
