# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import BOOT
from ansible_collections.siptune.linux.plugins.module_utils._host.rlimits import INFINITY, Powers, Scheduling
from ansible_collections.siptune.linux.plugins.module_utils._units.model import Raise
from ansible_collections.siptune.linux.plugins.module_utils._units.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._units.processes import new_score, start_value
from systemd_host import (
    EARLY,
    MAY,
    MAY_NOT,
    UNIT_FILE,
    finalized,
    floor,
    loaded,
    observed,
    only,
    process,
    request,
    tuned,
    unit,
)

# --- running processes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "powers", "nofile", "state", "after"),
    [
        ({}, MAY, (1024, 4096), "changed", "8192"),
        ({}, MAY_NOT, (1024, 4096), "pending", "4096"),
        ({"when": BOOT}, MAY, (1024, 4096), "pending", "1024:4096"),
        ({"restart": True}, MAY, (1024, 4096), "changed", "8192"),
        ({}, MAY, (9000, 9000), "pending", "9000"),
        ({}, MAY, (1024, 9000), "pending", "8192:9000"),
    ],
)
def test_what_running_processes_get(
    options: dict[str, Any], powers: Powers, nofile: tuple, state: str, after: str
) -> None:
    host = observed(unit(loaded(process(nofile=nofile))), powers=powers)
    planned = plan(request({"LimitNOFILE": 8192}, **options), host)
    assert (only(planned).state, only(planned).after) == (state, after)
    assert planned.restarts == (["sipd.service"] if options.get("restart") else [])


def test_a_process_of_another_user_is_out_of_reach_without_the_capability() -> None:
    host = observed(unit(loaded(process(uids=frozenset({5})))), powers=MAY_NOT)
    planned = plan(request({"LimitNOFILE": "4096"}), host)
    assert planned.raises == {}
    assert "requires CAP_SYS_RESOURCE" in only(planned).reason


def test_the_least_of_all_processes_counts() -> None:
    processes = [process(100, (9000, 9000)), process(101, (50, 60)), process(102, (8192, 8192))]
    planned = plan(request({"LimitNOFILE": 8192}, BOOT), observed(unit(loaded(*processes))))
    assert (only(planned).before, only(planned).state) == ("50:60", "pending")
    assert "1 of 3 processes has 50:60" in only(planned).reason


def test_what_a_daemon_does_to_itself_is_no_reason_to_restart_it() -> None:
    wanted = request({"LimitNOFILE": 8192}, restart=True)
    planned = finalized(tuned(process(nofile=(999999, 999999))), wanted)
    assert (planned.restarts, only(planned).state) == ([], "kept")
    assert "has set 999999 itself" in only(planned).reason


def test_a_unit_older_than_its_drop_in_is_restarted_though_nothing_else_changes() -> None:
    wanted = request({"Nice": -5}, restart=True)
    planned = finalized(tuned(process(), started_before_drop_in=True), wanted)
    assert (planned.restarts, planned.changed, only(planned).state) == (["sipd.service"], True, "changed")
    nice = process(scheduling=Scheduling(-5, "other", 0))
    assert not finalized(tuned(nice, started_before_drop_in=True), wanted).changed


def test_what_counts_from_the_reload_on_needs_no_restart() -> None:
    wanted = request({"TasksMax": 50, "RestartSec": 3, "MemoryMax": "1G"}, restart=True)
    assert plan(wanted, observed(unit(loaded(process())))).restarts == []


def test_transient_units_are_not_restarted() -> None:
    planned = plan(request({"Nice": 4}, restart=True), observed(unit(loaded(process(), Transient="yes"))))
    assert (planned.restarts, only(planned).state) == ([], "pending")
    assert "transient" in only(planned).reason


def test_a_unit_that_cannot_be_restarted_is_raised() -> None:
    shown = loaded(process(), started_before_drop_in=True, Transient="yes")
    planned = plan(request({"LimitNOFILE": 8192}, restart=True), observed(unit(shown)))
    assert (planned.restarts, set(planned.raises), only(planned).state) == ([], {"sipd.service"}, "changed")


def test_units_that_do_not_run_are_not_started() -> None:
    planned = plan(request({"Nice": 4}, restart=True), observed(unit(loaded())))
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
    planned = plan(request({"OOMScoreAdjust": -500}), observed(unit(loaded(*processes)), powers=powers))
    what = planned.raises.get("sipd.service")
    found = [new_score(one, loaded(*processes), what, powers) for one in processes] if what else []
    assert (found, only(planned).state) == (changes, state)


@pytest.mark.parametrize(
    ("texts", "scores", "after", "state"),
    [
        pytest.param({}, (0, 0), [-600, -600], "changed", id="below"),
        pytest.param({}, (-900, -900), [None, None], "changed", id="a daemon that protects itself better"),
        pytest.param({}, (0, -900), [-600, None], "changed", id="one that does"),
        pytest.param({EARLY: "[Service]\nOOMScoreAdjust=-900\n"}, (-900, -900), [None, None], "kept", id="its file"),
    ],
)
def test_a_protection_is_not_weakened(
    texts: dict[str, str], scores: tuple, after: list[int | None], state: str
) -> None:
    processes = [process(100 + place, oom_score_adj=score) for place, score in enumerate(scores)]
    shown = loaded(*processes, OOMScoreAdjust=str(-900 if texts else 0))
    wanted = request({"OOMScoreAdjust": {"value": -600, "rule": "at_most"}})
    planned = plan(wanted, observed(unit(shown), texts=texts))
    what = planned.raises.get("sipd.service", Raise())
    assert [new_score(one, shown, what, MAY) for one in processes] == after
    assert only(planned).state == state


def test_a_nice_value_below_its_ceiling_needs_no_restart() -> None:
    wanted = request({"Nice": {"value": -5, "rule": "at_most"}}, restart=True)
    assert plan(wanted, observed(unit(loaded(process(scheduling=Scheduling(-9, "other", 0)))))).restarts == []
    assert plan(wanted, observed(unit(loaded(process())))).restarts == ["sipd.service"]


def test_a_score_that_systemd_cannot_give_is_said() -> None:
    host = observed(unit(loaded(process())), powers=MAY_NOT, first_sys_resource=False)
    change = only(plan(request({"OOMScoreAdjust": -500}), host))
    assert (change.state, change.after, change.at_boot) == ("readonly", "0", "-500")


# --- what systemd cuts ------------------------------------------------------------------------


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
    host = observed(unit(loaded(*processes)), powers=MAY_NOT, first_sys_resource=False)
    change = only(plan(request({"LimitNOFILE": 65536}), host))
    assert (change.state, change.at_boot) == ("readonly", "65536")
    assert "systemd silently cuts it to 20000" in change.reason


def test_a_floor_that_is_met_though_more_would_be_cut_is_no_cut() -> None:
    texts = {UNIT_FILE: "[Service]\nLimitNOFILE=1024:524288\n"}
    host = observed(unit(loaded(process(nofile=(1024, 20000)))), texts=texts, powers=MAY_NOT, first_sys_resource=False)
    change = only(plan(request({"LimitNOFILE": floor(8192)}), host))
    assert (change.state, change.after, change.at_boot, change.reason) == ("changed", "8192:20000", "8192:524288", "")
