# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for of units, what the host has, and what is decided: the records that the plan is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .._core.setting import EXACT
from .._engine.originals import Originals
from .._host.host import FileRecord
from .._host.rlimits import Pair, Powers, Process
from .._sysctl.nr_open import NrOpen
from .._systemd.parsers import Meaning
from .._systemd.units import Assignment
from .._systemd.values import Setting, meets
from .settings import UnitSettings, item_name

# What becomes of running processes
KEEP = "keep"
PRLIMIT = "prlimit"
RESTART = "restart"

# What systemd has of a unit: LoadState, org.freedesktop.systemd1(5)
LOADED = "loaded"
MASKED = "masked"
NOT_FOUND = "not-found"


class Request(NamedTuple):
    """What a call asks for: these settings, in drop-ins of this name.

    `running` says what becomes of running processes, and `despite_calls` whether calls in progress are no reason
    against a restart; `others`, whether drop-ins of this name that were written
    for other units earlier go back to what they were.
    """

    units: Sequence[UnitSettings]
    drop_in: str
    running: str = PRLIMIT
    others: bool = False
    despite_calls: bool = False


class Bearer(NamedTuple):
    """A unit as systemd has it loaded: an ordinary unit, or an instance of a template.

    `properties` is what `systemctl show` says, `candidates` are the paths of its possible drop-ins, the most
    important first, ours included. `older` tells that its processes were started before our drop-in was written.
    """

    name: str
    properties: Mapping[str, str]
    fragment: str
    candidates: Sequence[str]
    processes: Sequence[Process] = ()
    older: bool = False

    @property
    def transient(self) -> bool:
        """Whether it was made by systemd-run or the like, and goes when it ends."""
        return self.properties.get("Transient") == "yes"

    @property
    def main_pid(self) -> int:
        """Its main process, 0 if it has none."""
        return int(self.properties.get("MainPID", "") or 0)


class UnitState(NamedTuple):
    """A unit that the call is about.

    `asked` is the name it goes by in the request, `name` the real one, `path` our drop-in and `own` what it holds.
    `load` is systemd's word, or what the files say; `bearers` are the loaded units that live by it: itself, or the
    instances of a template.
    """

    asked: str
    name: str
    path: str
    own: FileRecord | None
    load: str
    load_error: str
    fragment: str
    candidates: Sequence[str]
    bearers: Sequence[Bearer] = ()


class Observed(NamedTuple):
    """Everything the plan depends on.

    `texts` has the content of each unit file and drop-in that is there, ours included. `first` is PID 1, whose hard
    limits systemd falls back to, and `first_sys_resource` tells whether it may exceed them. `defaults` are systemd's
    own, by the properties that show them for a unit, where `needs_defaults`. `blocked_by_calls` names the calls in
    progress that forbid a restart, empty if there are none.
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


class Decision(NamedTuple):
    """What becomes of one directive of one unit.

    `wanted` is the meaning that the drop-in sets, None for a directive that is no longer in it; `now` and `then`
    are the lines that decide it today and after the call. `kept` tells that the unit meets its floor or ceiling
    without us.
    """

    unit: UnitState
    directive: str
    setting: Setting | None
    wanted: Meaning | None
    now: Assignment | None
    then: Assignment | None
    kept: bool = False

    @property
    def item(self) -> str:
        """What it is called in results and messages."""
        return item_name(self.unit.asked, self.directive)

    @property
    def bound(self) -> Setting | None:
        """The setting, if it is a floor or a ceiling."""
        return self.setting if self.setting is not None and self.setting.rule != EXACT else None

    def met_by(self, meaning: Meaning) -> bool:
        """Whether a value is as good as the floor or ceiling that is asked for; never without one."""
        return self.bound is not None and meets(self.bound.rule, self.bound.meaning, meaning)

    @property
    def changed(self) -> bool:
        """Whether another line, or another value, has the last word after the call."""
        return _line_of(self.now) != _line_of(self.then)


def _line_of(line: Assignment | None) -> tuple[Any, ...] | None:
    return None if line is None else (line.file, line.meaning)


class Raise(NamedTuple):
    """What the processes of a loaded unit get now: limits by their names, and an OOM score (None: as it is).

    `at_most` tells that a lower score, which protects better, is as good.
    """

    limits: Mapping[str, Pair] = {}
    oom_score_adj: int | None = None
    at_most: bool = False
