# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of memory pools.

It starts from the files without our lines: those decide whether a floor is met without us, and the pools are set on
top. So the result does not depend on earlier runs, and reverting a host is the plan for no pools at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from .._core.text import encoded
from .._engine.own_paths import ENVIRONMENT_DIRECTORIES, may_be_written
from .._engine.owned_files import CONFIG_MODE, FileChange, FilesPlan
from .._host.host import FileRecord
from .._systemd.environment_file import (
    EnvironmentFileError,
    Mark,
    is_certain,
    notes,
    read_number,
    set_number,
    why_skipped,
)
from .effective import StartValue, command_of, start_value
from .items import hazards, maxbuffer_item, pool_item, waits_for_restart, with_restart
from .model import Decision, Observed, Request, Texts, Unit
from .revert import originals_before, reverted_lines, reverted_pools, without_our_lines
from .safety import check_memory, check_names
from .settings import Pool, PoolsError, item_name

# Files here do not last: they belong to packages, to the kernel, or to the running system alone.
VOLATILE = ("/usr/lib/", "/usr/share/", "/lib/", "/run/", "/var/run/", "/tmp/", "/proc/", "/sys/", "/dev/")


def plan(request: Request, observed: Observed) -> FilesPlan:
    """The plan that fulfils the request. Raises PoolsError where that is not safe."""
    check_names(observed.units)
    now = observed.texts
    draft = _Draft(observed)
    pools = {unit.name: unit.pools for unit in request.units}
    available = [unit for unit in observed.units if not unit.unavailable]
    decisions = [draft.decide(unit, pool) for unit in available for pool in pools.get(unit.asked, ())]
    then = draft.texts
    check_memory(decisions, then, observed)
    files = _file_changes(now, then, observed)
    changes, restarts = [], []
    for unit in observed.units:
        by_name = {decision.pool.kind.name: decision for decision in decisions if decision.unit is unit}
        own = [
            pool_item(unit, pool, by_name.get(pool.kind.name), now, then, observed)
            for pool in pools.get(unit.asked, ())
        ]
        own += reverted_pools(unit, set(by_name), now, then, observed)
        if request.restart and waits_for_restart(unit, own, observed):
            restarts += [] if observed.blocked_by_calls else [unit.name]
            own = [with_restart(change, observed.blocked_by_calls) for change in own]
        changes += own
        if request.advice and not observed.boot_only and not unit.unavailable and command_of(unit, then):
            changes.append(maxbuffer_item(unit, then, observed))
    return FilesPlan(
        changes=changes + reverted_lines(now, then, observed),
        files=files,
        originals=observed.originals._replace(files=originals_before(files, observed)),
        released=[path for path in observed.files if not notes(then.get(path, ""))],
        warnings=hazards(decisions, then),
        restarts=restarts,
    )


class _Draft:
    """The texts of a plan, in which pools are set one after the other."""

    def __init__(self, observed: Observed) -> None:
        self._unreadable = {path: one.refusal for path, one in observed.files.items() if one.text is None}
        self._without = without_our_lines(observed)
        self.texts = dict(self._without)
        self._set: dict[tuple[str, str], str] = {}

    def decide(self, unit: Unit, pool: Pool) -> Decision:
        """The decision on a pool; its line is set if that is needed."""
        value = start_value(unit, pool.kind, self.texts)
        kept = pool.meets(value.value if value else None) and self._is_certain(unit, value)
        path, obstacle = ("", "") if kept or value is None else _target(unit, value, self.texts)
        if self._unreadable.get(path):
            path, obstacle = "", f"{path} {self._unreadable[path]}"
        if path and value is not None:
            try:
                self._set_line(unit, pool, path, value.variable)
            except EnvironmentFileError as error:
                path, obstacle = "", f"{path} {error.reason}"
        without = start_value(unit, pool.kind, self._without)
        return Decision(unit, pool, kept and pool.meets(without.value if without else None), bool(path), obstacle)

    def _is_certain(self, unit: Unit, value: StartValue | None) -> bool:
        """Whether every version of systemd starts the unit with this value."""
        texts = [self.texts[path] for path in unit.files if path in self.texts]
        return value is None or all(is_certain(text, value.variable) for text in texts)

    def _set_line(self, unit: Unit, pool: Pool, path: str, variable: str) -> None:
        """Raises EnvironmentFileError where the file's lines do not allow it, PoolsError for a line of another unit."""
        item, text = item_name(unit.asked, pool.kind.name), self.texts.get(path, "")
        other = self._set.setdefault((path, variable), item)
        note = notes(text).get(variable)
        if other != item or note is not None:
            other = note.unit if note is not None and other == item else other
            raise PoolsError(item, f"shares the line {variable} in {path} with {other}: give both the same value")
        mark = Mark(unit.name, read_number(text, path, variable), pool.why)
        self.texts[path] = set_number(text, path, variable, pool.value, mark)


def _target(unit: Unit, value: StartValue, texts: Texts) -> tuple[str, str]:
    """The file in which to set a pool; or "", and why there is none."""
    if not value.variable or not value.whole:
        return "", ""
    if any(name.partition("=")[0] == value.variable for name in unit.start.unset):
        return "", f"the unit removes {value.variable} with UnsetEnvironment="
    path = value.file
    if not value.editable:
        paths = [file.pattern for file in unit.start.files if file.plain and may_be_written(file.pattern)]
        skipped = {path: why_skipped(texts.get(path, "")) for path in paths}
        path = next((path for path in paths if not skipped[path]), "")
        if paths and not path:
            return "", f"systemd cannot read {paths[0]} and takes nothing from it: {skipped[paths[0]]}"
    if not path:
        return "", (
            f"{unit.name} reads no file that could set {value.variable}: "
            f"add EnvironmentFile=-/etc/default/{unit.name.rpartition('.')[0]} with a drop-in"
        )
    if path.startswith(VOLATILE):
        return "", f"{path} is not a place for settings: changes there do not last"
    if not may_be_written(path):
        return "", f"{path} is not below {', '.join(ENVIRONMENT_DIRECTORIES)}: set {value.variable} there by hand"
    return path, ""


def _file_changes(now: Texts, then: Mapping[str, str], observed: Observed) -> list[FileChange]:
    """Raises PoolsError for a file that must not be written."""
    changes = []
    for path, state in observed.files.items():
        if now.get(path) == then.get(path):
            continue
        if state.refusal:
            raise PoolsError(path, state.refusal)
        after = None
        if path in then:
            content = encoded(then[path])
            after = FileRecord(content, CONFIG_MODE, *observed.owner)
            if state.record is not None:
                after = state.record._replace(content=content)
        changes.append(FileChange(path, state.record, after))
    return changes
