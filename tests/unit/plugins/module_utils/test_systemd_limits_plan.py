# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._change import Change
from ansible_collections.siptune.linux.plugins.module_utils._file_change import settle_files, text_of
from ansible_collections.siptune.linux.plugins.module_utils._host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._limits_plan import NrOpen
from ansible_collections.siptune.linux.plugins.module_utils._originals import NOTHING, FileOriginal, Originals, digest
from ansible_collections.siptune.linux.plugins.module_utils._prlimit import Powers, Process, Scheduling
from ansible_collections.siptune.linux.plugins.module_utils._systemd_limits_plan import (
    KEEP,
    LOADED,
    MASKED,
    NOT_FOUND,
    PRLIMIT,
    RESTART,
    Bearer,
    Observed,
    Plan,
    Raise,
    Request,
    UnitState,
    confirmed,
    diff,
    disagreement,
    needs_defaults,
    new_limits,
    new_score,
    plan,
    start_value,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd_settings import UnitSettings, parse_units
from ansible_collections.siptune.linux.plugins.module_utils._systemd_unit import drop_in_path, parse_show
from ansible_collections.siptune.linux.plugins.module_utils._systemd_values import INFINITY, SystemdError
from hypothesis import given, settings
from hypothesis import strategies as st

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


def bearer(*processes: Process, name: str = "sipd.service", older: bool = False, **changes: str) -> Bearer:
    shown = properties(Id=name, **changes)
    return Bearer(name, shown, UNIT_FILE, [EARLY, OURS, LOCAL], processes, older)


def unit(*bearers: Bearer, **changes: Any) -> UnitState:
    state = UnitState("sipd.service", "sipd.service", OURS, None, LOADED, "", UNIT_FILE, [EARLY, OURS, LOCAL], bearers)
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


def request(directives: dict[str, Any] | None, running: str = PRLIMIT, name: str = "sipd.service") -> Request:
    return Request(parse_units({name: directives}), DROP_IN, running)


def only(planned: Plan) -> Change:
    assert len(planned.changes) == 1
    return planned.changes[0]


def written(planned: Plan) -> dict[str, str]:
    return {file.path: text_of(file.after) for file in planned.files}


# --- the files ------------------------------------------------------------------------------


def test_a_drop_in_is_written_once() -> None:
    wanted = request({"TasksMax": 500})
    first = plan(wanted, observed(unit(bearer())))
    assert written(first)[OURS].endswith("[Service]\nTasksMax=500\n")
    assert (first.reload, first.changed) == (True, True)
    assert only(first)[:6] == ("sipd.service TasksMax", "500", "28909", "500", "500", "changed")
    assert first.originals.files[OURS] == FileOriginal(None, (digest(written(first)[OURS].encode()),))
    own = first.files[0].after
    second = plan(wanted, observed(unit(bearer(TasksMax="500"), own=own), originals=first.originals))
    assert (second.files, second.reload, second.changed, only(second).state) == ([], False, False, "ok")


def test_a_directive_left_out_goes_back() -> None:
    own = FileRecord(b"[Service]\nTasksMax=500\nNice=3\n", 0o644, 0, 0)
    originals = Originals({}, {OURS: FileOriginal(None, (digest(own.content),))})
    shown = bearer(process(scheduling=Scheduling(3, "other", 0)), TasksMax="500", Nice="3")
    planned = plan(request({"Nice": 3}), observed(unit(shown, own=own), originals=originals))
    assert {change.item: change.state for change in planned.changes} == {
        "sipd.service Nice": "ok",
        "sipd.service TasksMax": "changed",
    }
    assert [change.wanted for change in planned.changes] == ["3", None]


def test_without_settings_the_drop_in_goes_and_its_record() -> None:
    own = FileRecord(b"[Service]\nLimitNOFILE=8192\n", 0o644, 0, 0)
    before = FileRecord(b"[Service]\nTasksMax=7\n", 0o640, 0, 4)
    originals = Originals({}, {OURS: FileOriginal(before, (digest(own.content),))})
    shown = bearer(process(nofile=(8192, 8192)), older=True)
    planned = plan(request(None), observed(unit(shown, own=own), originals=originals))
    assert [(file.path, file.after) for file in planned.files] == [(OURS, before)]
    assert planned.released == [OURS]
    change = only(planned)
    assert (change.state, change.wanted, change.at_boot) == ("pending", None, "1024:4096")
    assert "1 of 1 processes have 8192, and a limit in use is never lowered" in change.reason


def test_an_edited_drop_in_is_left_and_named() -> None:
    own = FileRecord(b"[Service]\nLimitNOFILE=8192\n", 0o644, 0, 0)
    originals = Originals({}, {OURS: FileOriginal(None, ("another",))})
    planned = plan(request(None), observed(unit(bearer(), own=own), originals=originals))
    assert (planned.files, only(planned).item, only(planned).state) == ([], OURS, "kept")


def test_two_names_of_one_unit_are_one_too_many() -> None:
    units = parse_units({"sipd.service": {"Nice": 1}, "alias.service": {"Nice": 2}})
    host = observed(unit(bearer()), unit(bearer(), asked="alias.service"))
    with pytest.raises(SystemdError, match=r"alias\.service: is named twice, also as sipd\.service: both are sipd"):
        plan(Request(units, DROP_IN), host)


# --- shadows --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "state", "reason"),
    [
        ({LOCAL: "[Service]\n\nTasksMax=5\n"}, "shadowed", f"{LOCAL} line 3 sets 5"),
        ({LOCAL: "[Service]\nTasksMax=\n"}, "shadowed", f"{LOCAL} line 2 resets it"),
        ({LOCAL: "[Service]\nTasksMax=500\n"}, "changed", ""),
        ({LOCAL: "[Service]\nTasksMax=many\n"}, "changed", ""),
        ({LOCAL: "[Slice]\nTasksMax=5\n"}, "changed", ""),
        ({EARLY: "[Service]\nTasksMax=5\n"}, "changed", ""),
    ],
)
def test_who_has_the_last_word(texts: dict[str, str], state: str, reason: str) -> None:
    change = only(plan(request({"TasksMax": 500}), observed(unit(bearer()), texts=texts)))
    assert (change.state, change.reason) == (state, reason)


def test_a_drop_in_of_our_name_that_comes_first_hides_ours() -> None:
    other = "/etc/systemd/system.control/sipd.service.d/90-siptune.conf"
    places = [other, OURS]
    state = unit(bearer()._replace(candidates=places), candidates=places)
    planned = plan(request({"TasksMax": 500}), observed(state, texts={other: "[Service]\nNice=1\n"}))
    assert only(planned).state == "shadowed"
    assert "hides ours" in only(planned).reason


@pytest.mark.parametrize("local", ["500:600", "5000:6000"])
def test_what_is_shadowed_is_not_raised(local: str) -> None:
    texts = {LOCAL: f"[Service]\nLimitNOFILE={local}\n"}
    planned = plan(request({"LimitNOFILE": 8192}), observed(unit(bearer(process())), texts=texts))
    assert planned.raises == {}
    assert only(planned)[2:6] == ("1024:4096", "1024:4096", local, "shadowed")


# --- units that are not there ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "host", "reason"),
    [
        ({"load": NOT_FOUND}, {}, "there is no such unit yet"),
        ({"load": MASKED}, {}, "the unit is masked"),
        ({"load": "bad-setting", "load_error": "Invalid argument"}, {}, "could not load the unit: Invalid argument"),
        ({}, {"systemd_running": False}, "systemd does not run here"),
    ],
)
def test_a_unit_that_is_not_loaded_is_pending(changes: dict[str, Any], host: dict[str, Any], reason: str) -> None:
    planned = plan(request({"LimitNOFILE": 5000}), observed(unit(**changes), **host))
    change = only(planned)
    assert (change.state, change.before, change.after, change.at_boot) == ("pending", "1024:4096", "5000", "5000")
    assert reason in change.reason
    assert planned.changed
    assert planned.reload is host.get("systemd_running", True)


# --- floors ---------------------------------------------------------------------------------


def floor(value: Any) -> dict[str, Any]:
    return {"value": value, "rule": "at_least"}


@pytest.mark.parametrize(
    ("directive", "value", "texts", "line", "state"),
    [
        ("LimitNOFILE", "1000:4096", {}, None, "kept"),
        ("LimitNOFILE", "2000:3000", {}, "2000:4096", "changed"),
        ("LimitNOFILE", "9000", {}, "9000", "changed"),
        ("LimitNOFILE", "9000", {EARLY: "[Service]\nLimitNOFILE=262144\n"}, None, "kept"),
        ("LimitNOFILE", "9000", {LOCAL: "[Service]\nLimitNOFILE=262144\n"}, None, "kept"),
        ("TasksMax", 4096, {}, None, "kept"),  # systemd's default shows 28909
        ("TasksMax", 30000, {}, "30000", "changed"),
        ("TasksMax", 30000, {EARLY: "[Service]\nTasksMax=infinity\n"}, None, "kept"),
    ],
)
def test_floors(directive: str, value: Any, texts: dict[str, str], line: str | None, state: str) -> None:
    planned = plan(request({directive: floor(value)}), observed(unit(bearer()), texts=texts))
    assert only(planned).state == state
    assert only(planned).wanted == f"at least {value}"
    lines = [text.split(f"{directive}=")[1].split("\n")[0] for text in written(planned).values()]
    assert lines == ([line] if line else [])


def test_a_floor_that_only_we_set_stays_set() -> None:
    wanted = request({"TasksMax": floor(30000)})
    own = plan(wanted, observed(unit(bearer()))).files[0].after
    planned = plan(wanted, observed(unit(bearer(TasksMax="30000"), own=own)))
    assert (planned.files, only(planned).state) == ([], "ok")


def test_a_floor_over_systemds_default_is_the_same_in_every_run() -> None:
    plain = bearer(LimitNOFILE="524288", LimitNOFILESoft="1024")
    defaults = {"LimitNOFILE": "524288", "LimitNOFILESoft": "1024", "TasksMax": "28909"}
    wanted = request({"LimitNOFILE": floor(8192)})
    own, texts = None, {UNIT_FILE: "[Service]\n"}
    for shown, changed in ((plain, True), (bearer(LimitNOFILE="524288", LimitNOFILESoft="8192"), False)):
        host = observed(unit(shown, own=own), texts=texts)
        needed = needs_defaults(wanted, host.units, host.texts)
        planned = plan(wanted, host._replace(defaults=defaults if needed else {}))
        assert (needed, planned.changed, only(planned).at_boot) == (not changed, changed, "8192:524288")
        own = planned.files[0].after if planned.files else own


def test_a_process_above_its_floor_is_fine() -> None:
    own = FileRecord(b"x", 0o644, 0, 0)
    host = observed(unit(bearer(process(nofile=(99999, 99999)), older=True), own=own))
    assert only(plan(request({"LimitNOFILE": floor(9000)}), host)).state == "changed"


# --- running processes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("running", "powers", "older", "nofile", "state", "after"),
    [
        (PRLIMIT, MAY, False, (1024, 4096), "changed", "8192"),
        (PRLIMIT, MAY_NOT, False, (1024, 4096), "pending", "4096"),
        (KEEP, MAY, False, (1024, 4096), "pending", "1024:4096"),
        (RESTART, MAY, False, (1024, 4096), "changed", "8192"),
        (PRLIMIT, MAY, False, (9000, 9000), "pending", "9000"),
        (PRLIMIT, MAY, False, (1024, 9000), "pending", "8192:9000"),
    ],
)
def test_what_running_processes_get(
    running: str, powers: Powers, older: bool, nofile: tuple, state: str, after: str
) -> None:
    host = observed(unit(bearer(process(nofile=nofile), older=older)), powers=powers)
    planned = plan(request({"LimitNOFILE": 8192}, running), host)
    assert (only(planned).state, only(planned).after) == (state, after)
    assert planned.restarts == (["sipd.service"] if running == RESTART else [])


def test_a_process_of_another_user_is_out_of_reach_without_the_capability() -> None:
    host = observed(unit(bearer(process(uids=frozenset({5})))), powers=MAY_NOT)
    planned = plan(request({"LimitNOFILE": "4096"}), host)
    assert planned.raises == {}
    assert "takes CAP_SYS_RESOURCE" in only(planned).reason


def test_the_least_of_all_processes_counts() -> None:
    processes = [process(100, (9000, 9000)), process(101, (50, 60)), process(102, (8192, 8192))]
    planned = plan(request({"LimitNOFILE": 8192}, KEEP), observed(unit(bearer(*processes))))
    assert (only(planned).before, only(planned).state) == ("50:60", "pending")
    assert "1 of 3 processes have 50:60" in only(planned).reason


def tuned(*processes: Process, directives: str = "LimitNOFILE=8192", **changes: Any) -> Observed:
    """A host on which the drop-in is in place and read."""
    own = FileRecord(f"[Service]\n{directives}\n".encode(), 0o644, 0, 0)
    shown = {"LimitNOFILE": "8192", "LimitNOFILESoft": "8192", "OOMScoreAdjust": "-500", "Nice": "-5"}
    older = changes.pop("older", False)
    state = unit(bearer(*processes, older=older, **shown), own=own)
    return observed(state, **changes)


def settled(host: Observed, wanted: Request) -> Plan:
    """The plan once the drop-in's very text is ours."""
    first = plan(wanted, host)
    own = first.files[0].after if first.files else host.units[0].own
    state = host.units[0]._replace(own=own)
    return plan(wanted, host._replace(units=[state], texts={**host.texts, OURS: text_of(own)}))


def test_what_a_daemon_does_to_itself_is_no_reason_to_restart_it() -> None:
    wanted = request({"LimitNOFILE": 8192}, RESTART)
    planned = settled(tuned(process(nofile=(999999, 999999))), wanted)
    assert (planned.restarts, only(planned).state) == ([], "kept")
    assert "has set 999999 by itself" in only(planned).reason


def test_a_unit_older_than_its_drop_in_is_restarted_though_nothing_else_changes() -> None:
    wanted = request({"Nice": -5}, RESTART)
    planned = settled(tuned(process(), older=True), wanted)
    assert (planned.restarts, planned.changed, only(planned).state) == (["sipd.service"], True, "changed")
    assert not settled(tuned(process(scheduling=Scheduling(-5, "other", 0)), older=True), wanted).changed


def test_what_counts_from_the_reload_on_needs_no_restart() -> None:
    wanted = request({"TasksMax": 50, "RestartSec": 3, "MemoryMax": "1G"}, RESTART)
    assert plan(wanted, observed(unit(bearer(process())))).restarts == []


def test_transient_units_are_not_restarted() -> None:
    planned = plan(request({"Nice": 4}, RESTART), observed(unit(bearer(process(), Transient="yes"))))
    assert (planned.restarts, only(planned).state) == ([], "pending")
    assert "transient" in only(planned).reason


def test_units_that_do_not_run_are_not_started() -> None:
    planned = plan(request({"Nice": 4}, RESTART), observed(unit(bearer())))
    assert (planned.restarts, only(planned).state, only(planned).after) == ([], "changed", "4")


@pytest.mark.parametrize(
    ("scores", "powers", "changes", "state"),
    [
        ((0, 0), MAY, [-500, -500], "changed"),
        ((0, 300), MAY, [-500, None], "pending"),
        ((0, 0), MAY_NOT, [], "pending"),
        ((-500, -500), MAY, [], "changed"),
    ],
)
def test_oom_scores(scores: tuple, powers: Powers, changes: list[int | None], state: str) -> None:
    processes = [process(100 + place, oom_score_adj=score) for place, score in enumerate(scores)]
    planned = plan(request({"OOMScoreAdjust": -500}), observed(unit(bearer(*processes)), powers=powers))
    what = planned.raises.get("sipd.service")
    found = [new_score(one, bearer(*processes), what, powers) for one in processes] if what else []
    assert (found, only(planned).state) == (changes, state)


def test_a_score_that_systemd_cannot_give_is_said() -> None:
    host = observed(unit(bearer(process())), powers=MAY_NOT, first_sys_resource=False)
    change = only(plan(request({"OOMScoreAdjust": -500}), host))
    assert (change.state, change.after, change.at_boot) == ("readonly", "0", "-500")


# --- what systemd cuts ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "capable", "given_to_process"),
    [
        ((1000, 20000), False, (1000, 20000)),
        ((1000, 30000), False, (1000, 20000)),
        ((25000, 30000), False, (20000, 20000)),
        ((INFINITY, INFINITY), False, (20000, 20000)),
        ((25000, 30000), True, (25000, 30000)),
        ((INFINITY, INFINITY), True, (20000, 20000)),  # above fs.nr_open, capable or not
    ],
)
def test_what_systemd_can_give(wanted: tuple, capable: bool, given_to_process: tuple) -> None:
    assert start_value("LimitNOFILE", wanted, observed(first_sys_resource=capable)) == given_to_process


def test_other_limits_are_not_held_against_nr_open() -> None:
    assert start_value("LimitCORE", (INFINITY, INFINITY), observed()) == (INFINITY, INFINITY)
    assert start_value("LimitNICE", (5, 5), observed(first=None)) == (5, 5)


@pytest.mark.parametrize("running", [True, False])
def test_a_cut_is_said_whether_the_unit_runs_or_not(running: bool) -> None:
    processes = [process(nofile=(20000, 20000))] if running else []
    host = observed(unit(bearer(*processes)), powers=MAY_NOT, first_sys_resource=False)
    change = only(plan(request({"LimitNOFILE": 65536}), host))
    assert (change.state, change.at_boot) == ("readonly", "65536")
    assert "systemd cuts it to 20000 in silence" in change.reason


def test_a_floor_that_is_met_though_more_would_be_cut_is_no_cut() -> None:
    texts = {UNIT_FILE: "[Service]\nLimitNOFILE=1024:524288\n"}
    host = observed(unit(bearer(process(nofile=(1024, 20000)))), texts=texts, powers=MAY_NOT, first_sys_resource=False)
    change = only(plan(request({"LimitNOFILE": floor(8192)}), host))
    assert (change.state, change.after, change.at_boot, change.reason) == ("changed", "8192:20000", "8192:524288", "")


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("directives", "host", "message"),
    [
        ({"LimitNOFILE": 2000000}, {}, "sipd.service LimitNOFILE: 2000000 is above fs.nr_open (1048576)"),
        ({"LimitNOFILE": "1024:2000000"}, {}, "2000000 is above fs.nr_open"),
        (
            {"LimitNOFILE": 5000},
            {"nr_open": NrOpen(1048576, 4000, "/etc/sysctl.d/x.conf line 3")},
            "5000 is above what fs.nr_open will be after a boot (4000, /etc/sysctl.d/x.conf line 3)",
        ),
        ({"LimitNOFILE": 2**21}, {"nr_open": NrOpen(2**30, 2**20)}, "(1048576, the kernel's default)"),
        ({"MemoryMax": "1M"}, {}, "sipd.service MemoryMax: 1048576 is below the 4517888 bytes that sipd.service uses"),
        ({"CPUWeight": "idle"}, {"version": 247}, "idle is known since systemd 252, and this is 247"),
    ],
)
def test_what_would_stop_a_service_is_refused(directives: dict[str, Any], host: dict[str, Any], message: str) -> None:
    with pytest.raises(SystemdError, match=re.escape(message)):
        plan(request(directives), observed(unit(bearer(process(), MemoryCurrent="4517888")), **host))


@pytest.mark.parametrize(
    ("directives", "host"),
    [
        ({"LimitNOFILE": "1024:infinity"}, {}),
        ({"LimitNOFILE": 1048576}, {}),
        ({"MemoryMax": "50%"}, {}),
        ({"MemoryMax": "infinity"}, {}),
        ({"CPUWeight": "idle"}, {"version": 252}),
        ({"CPUWeight": "idle"}, {"version": None}),
    ],
)
def test_what_is_not_refused(directives: dict[str, Any], host: dict[str, Any]) -> None:
    assert plan(request(directives), observed(unit(bearer(process(), MemoryCurrent="[not set]")), **host)).changed


# --- templates ------------------------------------------------------------------------------


def template(*names: str) -> UnitState:
    path = drop_in_path("kam@.service", DROP_IN)
    bearers = [
        bearer(process(), name=name)._replace(candidates=[drop_in_path(name, "99-local.conf"), path]) for name in names
    ]
    return UnitState("kam@.service", "kam@.service", path, None, LOADED, "", UNIT_FILE, [path], bearers)


def test_a_template_is_judged_by_its_instances() -> None:
    texts = {drop_in_path("kam@b.service", "99-local.conf"): "[Service]\nLimitNOFILE=7:8\n"}
    host = observed(template("kam@a.service", "kam@b.service"), texts=texts)
    planned = plan(request({"LimitNOFILE": 5000}, name="kam@.service"), host)
    change = only(planned)
    assert (change.state, change.before, change.after) == ("shadowed", "1024:4096", "5000, 1024:4096")
    assert change.reason.startswith("kam@b.service: /etc/systemd/system/kam@b.service.d/99-local.conf line 2 sets 7:8")
    assert set(planned.raises) == {"kam@a.service"}


def test_a_template_without_instances_goes_by_its_files() -> None:
    change = only(plan(request({"LimitNOFILE": 5000}, name="kam@.service"), observed(template())))
    assert (change.state, change.before, change.after) == ("changed", "1024:4096", "5000")


# --- confirmation ---------------------------------------------------------------------------


def test_what_systemd_did_not_take_is_noticed() -> None:
    planned = plan(request({"TasksMax": 500}), observed(unit(bearer())))
    (decision,) = planned.decisions
    assert disagreement(decision, bearer(TasksMax="500"), planned.then) is None
    assert disagreement(decision, bearer(TasksMax="28909"), planned.then) == "28909"
    assert disagreement(decision, bearer(TasksMax="[not set]"), planned.then) == "nothing"


def test_what_is_read_back_is_what_is_said() -> None:
    host = observed(unit(bearer(process())))
    planned = plan(request({"LimitNOFILE": 8192}), host)
    after = bearer(process(nofile=(4096, 4096)), older=True, LimitNOFILE="8192", LimitNOFILESoft="8192")
    (change,) = confirmed(planned, host, {"sipd.service": after})
    assert (change.after, change.state) == ("4096", "pending")


def test_a_drop_in_that_systemd_has_not_read_is_reloaded() -> None:
    wanted = request({"TasksMax": 500})
    own = plan(wanted, observed(unit(bearer()))).files[0].after
    for need, reload in (("yes", True), ("no", False)):
        planned = plan(wanted, observed(unit(bearer(NeedDaemonReload=need), own=own)))
        assert (planned.files, planned.reload, planned.changed) == ([], reload, reload)


def test_the_diff_shows_the_file_and_what_is_in_force() -> None:
    shown = diff(plan(request({"TasksMax": 500}), observed(unit(bearer()))))
    assert [entry["before_header"] for entry in shown] == [OURS, "values in force"]
    assert shown[1]["before"] == "sipd.service TasksMax = 28909\n"
    assert shown[1]["after"] == "sipd.service TasksMax = 500\n"


def test_translations_are_warned_of() -> None:
    planned = plan(request({"MemoryLimit": "1G"}), observed(unit(bearer())))
    assert planned.warnings == ["sipd.service MemoryLimit is deprecated; written as MemoryMax=1G"]
    assert only(planned).item == "sipd.service MemoryMax"
    assert "asked for as MemoryLimit" in only(planned).reason


# --- properties -----------------------------------------------------------------------------

pairs = st.tuples(st.integers(1, 60000), st.integers(1, 60000)).map(lambda pair: tuple(sorted(pair)))
directives = st.fixed_dictionaries(
    {},
    optional={
        "LimitNOFILE": pairs.map(lambda pair: f"{pair[0]}:{pair[1]}"),
        "LimitCORE": st.sampled_from(["0", "1G", "0:infinity", "infinity"]),
        "TasksMax": st.sampled_from([1, 500, "50%", "infinity"]),
        "Nice": st.integers(-20, 19),
        "OOMScoreAdjust": st.integers(-1000, 1000),
        "RestartSec": st.sampled_from(["0", "5", "1min 30s", "infinity"]),
        "CPUWeight": st.sampled_from([1, 100, "idle"]),
    },
)
processes_of_a_unit = st.lists(st.tuples(pairs, st.integers(-1000, 1000)), max_size=3).map(
    lambda some: [process(100 + place, pair, oom_score_adj=score) for place, (pair, score) in enumerate(some)]
)


def carried_out(wanted: Request, host: Observed) -> tuple[Observed, Plan]:
    """The host after the plan, as a kernel and a systemd that do what they are told would have it."""
    done = plan(wanted, host)
    (state,) = host.units
    own = done.files[0].after if done.files else state.own
    (now,) = state.bearers
    shown = dict(now.properties)
    for decision in done.decisions:
        line = decision.then
        for name, value in predicted_properties(decision.directive, line.meaning if line else None).items():
            shown[name] = value
    fresh = []
    what = done.raises.get(now.name, Raise({}, None))
    for one in now.processes:
        score = new_score(one, now, what, host.powers)
        limits = {**one.limits, **new_limits(one, what, host.powers)}
        fresh.append(one._replace(limits=limits, oom_score_adj=one.oom_score_adj if score is None else score))
    after = now._replace(properties=shown, processes=fresh, older=now.older or bool(done.files))
    originals = Originals({}, settle_files(done.originals.files, done.files, done.released))
    return host._replace(
        units=[state._replace(own=own, bearers=[after])], texts=dict(done.then), originals=originals
    ), done


def predicted_properties(directive: str, meaning: tuple | None) -> dict[str, str]:
    names = {"RestartSec": ("RestartUSec",), "LimitNOFILE": ("LimitNOFILESoft", "LimitNOFILE")}
    names["LimitCORE"] = ("LimitCORESoft", "LimitCORE")
    if meaning is None:
        return {name: properties()[name] for name in names.get(directive, (directive,))}
    texts = ["infinity" if value == INFINITY else "99" if str(value).endswith("%") else str(value) for value in meaning]
    if directive == "RestartSec":
        texts = [text if text == "infinity" else f"{text}us" for text in texts]
    return dict(zip(names.get(directive, (directive,)), texts))


@settings(deadline=None)
@given(directives, directives, processes_of_a_unit, st.sampled_from([MAY, MAY_NOT]), st.sampled_from([KEEP, PRLIMIT]))
def test_a_second_run_changes_nothing_and_absent_brings_the_files_back(
    first: dict[str, Any], then: dict[str, Any], processes: list[Process], powers: Powers, running: str
) -> None:
    start = observed(unit(bearer(*processes)), powers=powers)
    host = start
    for wanted in (first, then):
        host, _ = carried_out(request(wanted, running), host)
        _, again = carried_out(request(wanted, running), host)
        assert not again.changed, (again.files, again.raises)
        assert {change.state for change in again.changes} <= {"ok", "kept", "pending", "readonly"}
    for one, before in zip(host.units[0].bearers[0].processes, processes):
        assert all(one.limits[name][0] >= before.limits[name][0] for name in one.limits)
    host, _ = carried_out(Request([UnitSettings("sipd.service", [])], DROP_IN, running), host)
    assert (host.units[0].own, dict(host.texts), host.originals) == (None, dict(start.texts), NOTHING)


@settings(deadline=None)
@given(directives, processes_of_a_unit, st.sampled_from([MAY, MAY_NOT]), st.sampled_from([KEEP, PRLIMIT]))
def test_the_prediction_is_what_a_host_that_obeys_is_confirmed_to_have(
    wanted: dict[str, Any], processes: list[Process], powers: Powers, running: str
) -> None:
    host = observed(unit(bearer(*processes)), powers=powers)
    after, done = carried_out(request(wanted, running), host)
    real = confirmed(done, host, {"sipd.service": after.units[0].bearers[0]})
    predicted = [change for change in done.changes if change.wanted != "50%"]  # systemd works out the number
    assert predicted == [change for change in real if change.wanted != "50%"]
