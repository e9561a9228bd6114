# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of the unit limits: the request, the host as observed, the decisions, and the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .._core.change import Change
from .._core.setting import EXACT
from .._core.text import whole_number
from .._engine.operation import BOTH
from .._engine.originals import Originals
from .._engine.owned_files import FileChange
from .._host.host import FileRecord
from .._host.rlimits import Pair, Powers, Process
from .._sysctl.nr_open import NrOpen
from .._systemd.names import NOT_FOUND
from .._systemd.parsers import Meaning
from .._systemd.units import Assignment
from .._systemd.values import Setting, meets
from .settings import UnitSettings, item_name


class Request(NamedTuple):
    """A call's settings, for drop-ins of this name.

    `when` is BOTH, which raises the limits of running processes, or BOOT, which writes drop-ins only. With `restart`,
    units are restarted if an item would wait for that, and with `despite_calls` also while calls are in progress.
    With `others`, drop-ins of this name that earlier calls wrote for other units go back to their originals.
    """

    units: Sequence[UnitSettings]
    drop_in: str
    when: str = BOTH
    restart: bool = False
    others: bool = False
    despite_calls: bool = False


QUADLET_SUFFIX = ".container"  # podman-systemd.unit(5)


class Container(NamedTuple):
    """The container that podman runs as a unit's service: the quadlet or the unit's file, and what runs in it now.

    `tasks_max` is the bound of its control group, None where it is unknown.
    """

    file: str
    pids: Sequence[int] = ()
    tasks_max: int | None = None


class LoadedUnit(NamedTuple):
    """A unit that systemd has loaded: an ordinary unit, or an instance of a template.

    `properties` are those of `systemctl show`. `candidates` are the paths of its possible drop-ins, ours included, the
    most important first. `started_before_drop_in` is True if its processes are older than our drop-in. `starting` are
    the ids of processes that still run systemd's own program, without the unit's limits. `usage` is what the largest of
    its processes uses of each limit; it is read for units that logins need. `container` is None where podman runs none.
    """

    name: str
    properties: Mapping[str, str]
    fragment: str
    candidates: Sequence[str]
    processes: Sequence[Process] = ()
    started_before_drop_in: bool = False
    starting: Sequence[int] = ()
    usage: Mapping[str, int] = {}
    container: Container | None = None

    @property
    def transient(self) -> bool:
        """Whether systemd-run or the like has made the unit, which ends with its processes."""
        return self.properties.get("Transient") == "yes"

    @property
    def main_pid(self) -> int:
        """The id of its main process, 0 if it has none."""
        return whole_number(self.properties.get("MainPID", "")) or 0


class UnitState(NamedTuple):
    """A unit of the request.

    `asked` is its name in the request, `name` its real name, `path` our drop-in, and `own` that drop-in's content.
    `load` is systemd's LoadState, or follows from the files where systemd does not run. `loaded` are the loaded units
    that read our drop-in: the unit itself, or the instances of a template.
    """

    asked: str
    name: str
    path: str
    own: FileRecord | None
    load: str
    load_error: str
    fragment: str
    candidates: Sequence[str]
    loaded: Sequence[LoadedUnit] = ()


class Observed(NamedTuple):
    """Everything the plan depends on.

    `texts` are the existing unit files and drop-ins by path, ours included. `first` is PID 1, whose hard limits
    systemd falls back to, and `first_sys_resource` whether it may exceed them. `defaults` are systemd's own values by
    the properties that show them, filled if `needs_defaults`. `blocked_by_calls` names the calls in progress that
    forbid a restart, and is empty if there are none. `memory_bytes` is the host's memory, None if it is unknown. With
    `boot_only` the host is an image, whose units its own systemd will start.
    """

    systemd_running: bool
    version: int | None
    units: Sequence[UnitState]
    texts: Mapping[str, str]
    originals: Originals
    owner: tuple[int, int]
    powers: Powers
    nr_open: NrOpen
    first: Process | None
    first_sys_resource: bool
    defaults: Mapping[str, str] = {}
    blocked_by_calls: str = ""
    memory_bytes: int | None = None
    boot_only: bool = False


class Decision(NamedTuple):
    """The decision on one directive of one unit.

    `wanted` is the meaning that the drop-in sets, None for a directive that leaves the drop-in. `now` and `then` are
    the lines that decide it today and after the call. `kept` is True if the unit meets its floor or ceiling without us,
    `left` if only a run on the booted host can tell.
    """

    unit: UnitState
    directive: str
    setting: Setting | None
    wanted: Meaning | None
    now: Assignment | None
    then: Assignment | None
    kept: bool = False
    left: bool = False

    @property
    def item(self) -> str:
        """Its name in results and messages."""
        return item_name(self.unit.asked, self.directive)

    @property
    def bound(self) -> Setting | None:
        """The setting, if it is a floor or a ceiling."""
        return self.setting if self.setting is not None and self.setting.rule != EXACT else None

    def met_by(self, meaning: Meaning) -> bool:
        """Whether a value meets the floor or ceiling; False without one."""
        return self.bound is not None and meets(self.bound.rule, self.bound.meaning, meaning)

    @property
    def changed(self) -> bool:
        """Whether another line, or another value, decides after the call."""
        return _line_of(self.now) != _line_of(self.then)


def _line_of(line: Assignment | None) -> tuple[Any, ...] | None:
    return None if line is None else (line.file, line.meaning)


class Raise(NamedTuple):
    """The new values of a loaded unit's processes: limits by name, and an OOM score (None: unchanged).

    With `at_most`, processes keep a lower score, which protects them better.
    """

    limits: Mapping[str, Pair] = {}
    oom_score_adj: int | None = None
    at_most: bool = False


class Plan(NamedTuple):
    """The steps of a call and the items it predicts.

    `originals` are recorded before the first effect. `then` are the texts of all files after the call. `notes` are
    items of drop-ins that somebody else has edited, and of directives that have no effect on this host.
    """

    changes: list[Change]
    decisions: list[Decision]
    notes: list[Change]
    files: list[FileChange]
    then: Mapping[str, str]
    originals: Originals
    released: list[str]
    reload: bool
    raises: Mapping[str, Raise]
    restarts: list[str]
    warnings: list[str]

    @property
    def changed(self) -> bool:
        """Whether the call changes anything."""
        return bool(self.files or self.reload or self.restarts or self.raises)

    @property
    def missing(self) -> set[str]:
        """The items of units that are not installed."""
        return {
            decision.item
            for decision in self.decisions
            if decision.setting is not None and decision.unit.load == NOT_FOUND
        }
