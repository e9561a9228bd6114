# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import FileChange
from ansible_collections.siptune.linux.plugins.module_utils._systemd.names import NOT_FOUND
from ansible_collections.siptune.linux.plugins.module_utils._systemd.units import Assignment
from ansible_collections.siptune.linux.plugins.module_utils._systemd.values import Setting
from ansible_collections.siptune.linux.plugins.module_utils._units.model import Decision, Plan, Raise
from systemd_host import LOCAL, OURS, loaded, unit

OUR_LINE = Assignment("TasksMax", "500", (500,), OURS, 5)
NICE = Setting("Nice", "-5", "at_most")
FLOOR = Setting("TasksMax", "500", "at_least")
EXACT = Setting("TasksMax", "500")


def decision(**changes: Any) -> Decision:
    return Decision(unit(), "TasksMax", EXACT, (500,), None, OUR_LINE)._replace(**changes)


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        pytest.param(None, True, id="a new line"),
        pytest.param(OUR_LINE, False, id="the same line"),
        pytest.param(OUR_LINE._replace(line=9), False, id="the same value on another line of the file"),
        pytest.param(OUR_LINE._replace(meaning=(400,)), True, id="another value"),
        pytest.param(OUR_LINE._replace(file=LOCAL), True, id="another file"),
    ],
)
def test_a_decision_changes_if_another_line_decides(now: Assignment | None, changed: bool) -> None:
    assert decision(now=now).changed is changed


@pytest.mark.parametrize(
    ("setting", "meaning", "met"),
    [
        (FLOOR, (500,), True),
        (FLOOR, (499,), False),
        (NICE, (-9,), True),
        (NICE, (0,), False),
        (EXACT, (500,), False),
        (None, (500,), False),
    ],
)
def test_only_a_floor_or_a_ceiling_can_be_met(setting: Setting | None, meaning: tuple, met: bool) -> None:
    assert decision(setting=setting).met_by(meaning) is met


def test_an_item_has_the_name_that_was_asked_for() -> None:
    assert decision(unit=unit(asked="alias.service")).item == "alias.service TasksMax"


@pytest.mark.parametrize(("shown", "pid"), [({"MainPID": "0"}, 0), ({"MainPID": ""}, 0), ({"MainPID": "7"}, 7)])
def test_the_main_process(shown: dict[str, str], pid: int) -> None:
    assert loaded(**shown).main_pid == pid


def test_a_transient_unit() -> None:
    assert loaded(Transient="yes").transient
    assert not loaded(Transient="no").transient


EMPTY = Plan([], [], [], [], {}, NOTHING, [], False, {}, [], [])


@pytest.mark.parametrize(
    ("step", "changed"),
    [
        ({}, False),
        ({"files": [FileChange(OURS, None, None)]}, True),
        ({"reload": True}, True),
        ({"raises": {"sipd.service": Raise({})}}, True),
        ({"restarts": ["sipd.service"]}, True),
        ({"warnings": ["a hazard"], "released": [OURS]}, False),
    ],
)
def test_a_plan_changes_the_host_by_its_steps(step: dict[str, Any], changed: bool) -> None:
    assert EMPTY._replace(**step).changed is changed


def test_an_item_of_a_unit_that_is_not_installed_is_missing() -> None:
    there, missing = decision(), decision(unit=unit(load=NOT_FOUND), directive="Nice")
    gone = decision(unit=unit(load=NOT_FOUND), setting=None)
    assert EMPTY._replace(decisions=[there, missing, gone]).missing == {"sipd.service Nice"}
