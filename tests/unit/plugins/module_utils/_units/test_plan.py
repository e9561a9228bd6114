# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import BOOT, BOTH
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import (
    NOTHING,
    FileOriginal,
    Originals,
    digest,
)
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import finalize_files
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._host.rlimits import INFINITY, Powers, Process, Scheduling
from ansible_collections.siptune.linux.plugins.module_utils._systemd.names import MASKED, NOT_FOUND
from ansible_collections.siptune.linux.plugins.module_utils._systemd.values import SystemdError
from ansible_collections.siptune.linux.plugins.module_utils._units.effective import disagreement
from ansible_collections.siptune.linux.plugins.module_utils._units.model import (
    Observed,
    Plan,
    Raise,
    Request,
)
from ansible_collections.siptune.linux.plugins.module_utils._units.plan import confirmed, plan
from ansible_collections.siptune.linux.plugins.module_utils._units.processes import new_limits, new_score
from ansible_collections.siptune.linux.plugins.module_utils._units.settings import UnitSettings, parse_units
from hypothesis import given, settings
from hypothesis import strategies as st
from systemd_host import (
    DROP_IN,
    MAY,
    MAY_NOT,
    OURS,
    UNIT_FILE,
    loaded,
    observed,
    only,
    process,
    properties,
    request,
    unit,
    written,
)

# --- the files --------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "state"), [(239, "absent"), (243, "changed"), (None, "changed")])
def test_a_directive_that_this_systemd_does_not_know_is_not_written(version: int | None, state: str) -> None:
    planned = plan(request({"OOMPolicy": "kill", "TasksMax": 500}), observed(unit(loaded()), version=version))
    states = {change.item.split()[1]: change.state for change in planned.changes}
    assert states == {"TasksMax": "changed", "OOMPolicy": state}
    assert ("OOMPolicy=kill" in written(planned)[OURS]) is (state == "changed")
    if state == "absent":
        assert planned.changes[-1].reason == "OOMPolicy= needs systemd 243, and this is 239"


def test_a_line_that_this_systemd_ignores_leaves_the_drop_in() -> None:
    first = plan(request({"OOMPolicy": "kill"}), observed(unit(loaded())))
    host = observed(unit(loaded(), own=first.files[0].after), version=239, originals=first.originals)
    planned = plan(request({"OOMPolicy": "kill"}), host)
    assert [(change.item, change.wanted) for change in planned.changes] == [("sipd.service OOMPolicy", None)]
    assert planned.files[0].after is None


def test_a_drop_in_is_written_once() -> None:
    wanted = request({"TasksMax": 500})
    first = plan(wanted, observed(unit(loaded())))
    assert written(first)[OURS].endswith("[Service]\nTasksMax=500\n")
    assert (first.reload, first.changed) == (True, True)
    assert only(first)[:6] == ("sipd.service TasksMax", "500", "28909", "500", "500", "changed")
    assert first.originals.files[OURS] == FileOriginal(None, (digest(written(first)[OURS].encode()),))
    own = first.files[0].after
    second = plan(wanted, observed(unit(loaded(TasksMax="500"), own=own), originals=first.originals))
    assert (second.files, second.reload, second.changed, only(second).state) == ([], False, False, "ok")


def test_a_directive_left_out_goes_back() -> None:
    own = FileRecord(b"[Service]\nTasksMax=500\nNice=3\n", 0o644, 0, 0)
    originals = Originals({}, {OURS: FileOriginal(None, (digest(own.content),))})
    shown = loaded(process(scheduling=Scheduling(3, "other", 0)), TasksMax="500", Nice="3")
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
    shown = loaded(process(nofile=(8192, 8192)), started_before_drop_in=True)
    planned = plan(request(None), observed(unit(shown, own=own), originals=originals))
    assert [(file.path, file.after) for file in planned.files] == [(OURS, before)]
    assert planned.released == [OURS]
    change = only(planned)
    assert (change.state, change.wanted, change.at_boot) == ("pending", None, "1024:4096")
    assert "1 of 1 process has 8192, and a limit in use is never lowered" in change.reason


def test_an_edited_drop_in_is_left_and_named() -> None:
    own = FileRecord(b"[Service]\nLimitNOFILE=8192\n", 0o644, 0, 0)
    originals = Originals({}, {OURS: FileOriginal(None, ("another",))})
    planned = plan(request(None), observed(unit(loaded(), own=own), originals=originals))
    assert (planned.files, only(planned).item, only(planned).state) == ([], OURS, "kept")


def test_two_names_of_one_unit_are_one_too_many() -> None:
    units = parse_units({"sipd.service": {"Nice": 1}, "alias.service": {"Nice": 2}})
    host = observed(unit(loaded()), unit(loaded(), asked="alias.service"))
    with pytest.raises(SystemdError, match=r"alias\.service: is given twice, also as sipd\.service: both are sipd"):
        plan(Request(units, DROP_IN), host)


# --- confirmation -----------------------------------------------------------------------------


def test_what_systemd_did_not_take_is_noticed() -> None:
    planned = plan(request({"TasksMax": 500}), observed(unit(loaded())))
    (decision,) = planned.decisions
    assert disagreement(decision, loaded(TasksMax="500"), planned.then) is None
    assert disagreement(decision, loaded(TasksMax="28909"), planned.then) == "28909"
    assert disagreement(decision, loaded(TasksMax="[not set]"), planned.then) == "nothing"


def test_what_is_read_back_is_what_is_said() -> None:
    host = observed(unit(loaded(process())))
    planned = plan(request({"LimitNOFILE": 8192}), host)
    shown = {"LimitNOFILE": "8192", "LimitNOFILESoft": "8192"}
    after = loaded(process(nofile=(4096, 4096)), started_before_drop_in=True, **shown)
    (change,) = confirmed(planned, host, {"sipd.service": after})
    assert (change.after, change.state) == ("4096", "pending")


def test_a_drop_in_that_systemd_has_not_read_is_reloaded() -> None:
    wanted = request({"TasksMax": 500})
    own = plan(wanted, observed(unit(loaded()))).files[0].after
    for need, reload in (("yes", True), ("no", False)):
        planned = plan(wanted, observed(unit(loaded(NeedDaemonReload=need), own=own)))
        assert (planned.files, planned.reload, planned.changed) == ([], reload, reload)


def test_translations_are_warned_of() -> None:
    planned = plan(request({"MemoryLimit": "1G"}), observed(unit(loaded())))
    assert planned.warnings == ["sipd.service MemoryLimit is deprecated; written as MemoryMax=1G"]
    assert only(planned).item == "sipd.service MemoryMax"
    assert "asked for as MemoryLimit" in only(planned).reason


def test_a_hazard_is_warned_of_as_long_as_we_set_it() -> None:
    texts = {UNIT_FILE: "[Service]\nTasksMax=9000\n"}
    wanted = request(
        {
            "LimitCORE": {"value": "infinity", "hazard": "fills the disk."},
            "TasksMax": {"value": 500, "rule": "at_least", "hazard": "is not in force."},
        }
    )
    planned = plan(wanted, observed(unit(loaded()), texts=texts))
    assert planned.warnings == ["sipd.service LimitCORE = infinity: fills the disk."]


def test_what_is_missing_is_a_unit_that_is_not_installed() -> None:
    wanted = request({"TasksMax": 500})
    assert plan(wanted, observed(unit(load=NOT_FOUND))).missing == {"sipd.service TasksMax"}
    assert plan(wanted, observed(unit(load=MASKED))).missing == set()
    assert plan(request(None), observed(unit(load=NOT_FOUND))).missing == set()


# --- properties -------------------------------------------------------------------------------


pairs = st.tuples(st.integers(1, 60000), st.integers(1, 60000)).map(lambda pair: tuple(sorted(pair)))
directives = st.fixed_dictionaries(
    {},
    optional={
        "LimitNOFILE": pairs.map(lambda pair: f"{pair[0]}:{pair[1]}"),
        "LimitCORE": st.sampled_from(["0", "1G", "0:infinity", "infinity"]),
        "TasksMax": st.sampled_from([50, 500, "50%", "infinity"]),
        "Nice": st.integers(-20, 19),
        "OOMScoreAdjust": st.integers(-1000, 1000),
        "RestartSec": st.sampled_from(["0", "5", "1min 30s", "infinity"]),
        "CPUWeight": st.sampled_from([1, 100, "idle"]),
    },
)
processes_of_a_unit = st.lists(st.tuples(pairs, st.integers(-1000, 1000)), max_size=3).map(
    lambda some: [process(100 + place, pair, oom_score_adj=score) for place, (pair, score) in enumerate(some)]
)


def applied(wanted: Request, host: Observed) -> tuple[Observed, Plan]:
    """The host after the plan, as a kernel and a systemd that do what they are told would have it."""
    done = plan(wanted, host)
    (state,) = host.units
    own = done.files[0].after if done.files else state.own
    (now,) = state.loaded
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
    early = now.started_before_drop_in or bool(done.files)
    after = now._replace(properties=shown, processes=fresh, started_before_drop_in=early)
    originals = Originals({}, finalize_files(done.originals.files, done.files, done.released))
    return host._replace(
        units=[state._replace(own=own, loaded=[after])], texts=dict(done.then), originals=originals
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
@given(directives, directives, processes_of_a_unit, st.sampled_from([MAY, MAY_NOT]), st.sampled_from([BOOT, BOTH]))
def test_a_second_run_changes_nothing_and_absent_brings_the_files_back(
    first: dict[str, Any], then: dict[str, Any], processes: list[Process], powers: Powers, when: str
) -> None:
    start = observed(unit(loaded(*processes)), powers=powers)
    host = start
    for wanted in (first, then):
        host, _ = applied(request(wanted, when), host)
        _, again = applied(request(wanted, when), host)
        assert not again.changed, (again.files, again.raises)
        assert {change.state for change in again.changes} <= {"ok", "kept", "pending", "readonly"}
    for one, before in zip(host.units[0].loaded[0].processes, processes):
        assert all(one.limits[name][0] >= before.limits[name][0] for name in one.limits)
    host, _ = applied(Request([UnitSettings("sipd.service", [])], DROP_IN, when), host)
    assert (host.units[0].own, dict(host.texts), host.originals) == (None, dict(start.texts), NOTHING)


@settings(deadline=None)
@given(directives, processes_of_a_unit, st.sampled_from([MAY, MAY_NOT]), st.sampled_from([BOOT, BOTH]))
def test_the_prediction_is_what_a_host_that_obeys_is_confirmed_to_have(
    wanted: dict[str, Any], processes: list[Process], powers: Powers, when: str
) -> None:
    host = observed(unit(loaded(*processes)), powers=powers)
    after, done = applied(request(wanted, when), host)
    real = confirmed(done, host, {"sipd.service": after.units[0].loaded[0]})
    predicted = [change for change in done.changes if change.wanted != "50%"]  # systemd works out the number
    assert predicted == [change for change in real if change.wanted != "50%"]


# --- calls in progress -----------------------------------------------------------------------


def test_calls_in_progress_turn_a_restart_into_what_can_be_done_without() -> None:
    old = loaded(process(), started_before_drop_in=True)
    wanted = request({"LimitNOFILE": 8192, "Nice": -5}, restart=True)
    idle = plan(wanted, observed(unit(old)))
    assert (idle.restarts, dict(idle.raises)) == (["sipd.service"], {})

    busy = plan(wanted, observed(unit(old), blocked_by_calls="3 calls in progress: asterisk"))
    assert busy.restarts == []
    assert busy.raises["sipd.service"].limits == {"LimitNOFILE": (8192, 8192)}
    assert written(busy) == written(idle)
    states = {change.item: (change.state, change.reason) for change in busy.changes}
    assert states["sipd.service LimitNOFILE"][0] == "changed"
    state, reason = states["sipd.service Nice"]
    assert state == "pending"
    assert reason.endswith("when sipd.service is restarted; not restarted now: 3 calls in progress: asterisk")
