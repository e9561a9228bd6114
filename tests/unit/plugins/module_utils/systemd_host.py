# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts and units that the tests of the plan for systemd are about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import BOTH
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import text_of
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._host.rlimits import INFINITY, Powers, Process, Scheduling
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.nr_open import NrOpen
from ansible_collections.siptune.linux.plugins.module_utils._systemd.names import LOADED, drop_in_path
from ansible_collections.siptune.linux.plugins.module_utils._systemd.systemctl import parse_show
from ansible_collections.siptune.linux.plugins.module_utils._units.model import (
    LoadedUnit,
    Observed,
    Plan,
    Request,
    UnitState,
)
from ansible_collections.siptune.linux.plugins.module_utils._units.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._units.settings import parse_units

CAPTURED = Path(__file__).parent / "captured"
SHOWN = {unit["Id"]: unit for unit in parse_show((CAPTURED / "systemctl-show-252.txt").read_text())}

DROP_IN = "90-siptune.conf"
UNIT_FILE = "/etc/systemd/system/sipd.service"
UNIT_TEXT = "[Service]\nExecStart=/bin/true\nLimitNOFILE=1024:4096\n"
OURS = drop_in_path("sipd.service", DROP_IN)
LOCAL = drop_in_path("sipd.service", "99-local.conf")
EARLY = drop_in_path("sipd.service", "10-early.conf")

MAY = Powers(True, 0)
MAY_NOT = Powers(False, 0)
FIRST = Process(1, {"LimitNOFILE": (20000, 20000), "LimitCORE": (0, INFINITY)}, 0, None, frozenset({0}))


def process(pid: int = 100, nofile: tuple = (1024, 4096), **changes: Any) -> Process:
    limits = {"LimitNOFILE": nofile, "LimitCORE": (0, INFINITY)}
    return Process(pid, limits, 0, Scheduling(0, "other", 0), frozenset({0}))._replace(**changes)


def properties(**changes: str) -> dict[str, str]:
    """What systemd 252 shows of a plain service with a limit of its own."""
    plain = {**SHOWN["quiet.service"], "Id": "sipd.service", "Names": "sipd.service", "MainPID": "100"}
    return {**plain, "LimitNOFILE": "4096", "LimitNOFILESoft": "1024", **changes}


def loaded(
    *processes: Process, name: str = "sipd.service", started_before_drop_in: bool = False, **changes: str
) -> LoadedUnit:
    shown = properties(Id=name, **changes)
    return LoadedUnit(name, shown, UNIT_FILE, [EARLY, OURS, LOCAL], processes, started_before_drop_in)


def unit(*units: LoadedUnit, **changes: Any) -> UnitState:
    state = UnitState("sipd.service", "sipd.service", OURS, None, LOADED, "", UNIT_FILE, [EARLY, OURS, LOCAL], units)
    return state._replace(**changes)


def observed(*units: UnitState, texts: dict[str, str] | None = None, **changes: Any) -> Observed:
    own = {state.path: text_of(state.own) for state in units if state.own is not None}
    host = Observed(
        systemd_running=True,
        version=252,
        units=units,
        texts={UNIT_FILE: UNIT_TEXT, **(texts or {}), **own},
        originals=NOTHING,
        owner=(0, 0),
        powers=MAY,
        nr_open=NrOpen(1048576, 1048576),
        first=FIRST,
        first_sys_resource=True,
    )
    return host._replace(**changes)


def request(
    directives: dict[str, Any] | None, when: str = BOTH, restart: bool = False, name: str = "sipd.service"
) -> Request:
    return Request(parse_units({name: directives}), DROP_IN, when, restart)


def only(planned: Plan) -> Change:
    assert len(planned.changes) == 1
    return planned.changes[0]


def written(planned: Plan) -> dict[str, str]:
    return {file.path: text_of(file.after) for file in planned.files}


def floor(value: Any) -> dict[str, Any]:
    return {"value": value, "rule": "at_least"}


def template(*names: str) -> UnitState:
    path = drop_in_path("kam@.service", DROP_IN)
    loaded_units = [
        loaded(process(), name=name)._replace(candidates=[drop_in_path(name, "99-local.conf"), path]) for name in names
    ]
    return UnitState("kam@.service", "kam@.service", path, None, LOADED, "", UNIT_FILE, [path], loaded_units)


def tuned(*processes: Process, directives: str = "LimitNOFILE=8192", **changes: Any) -> Observed:
    """A host on which the drop-in is in place and read."""
    own = FileRecord(f"[Service]\n{directives}\n".encode(), 0o644, 0, 0)
    shown = {"LimitNOFILE": "8192", "LimitNOFILESoft": "8192", "OOMScoreAdjust": "-500", "Nice": "-5"}
    early = changes.pop("started_before_drop_in", False)
    state = unit(loaded(*processes, started_before_drop_in=early, **shown), own=own)
    return observed(state, **changes)


def finalized(host: Observed, wanted: Request) -> Plan:
    """The plan once the drop-in's very text is ours."""
    first = plan(wanted, host)
    own = first.files[0].after if first.files else host.units[0].own
    state = host.units[0]._replace(own=own)
    return plan(wanted, host._replace(units=[state], texts={**host.texts, OURS: text_of(own)}))
