# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: what was there before is there again."""

from __future__ import annotations

from machine import DROP_IN, Machine


def test_absent_brings_everything_back(machine: Machine) -> None:
    before = machine.dump()
    machine.module({"sipd.service": {"TasksMax": 300, "LimitNOFILE": 4096}, "late.service": {"Nice": 1}})
    predicted = machine.module(state="absent", check=True)
    done = machine.module(state="absent")
    assert predicted.changed
    assert predicted.states() == done.states()
    assert done.states() == {
        "sipd.service.TasksMax": "changed",
        "sipd.service.LimitNOFILE": "pending",
        "late.service.Nice": "changed",
    }
    assert "sipd.service is restarted" in done.items["sipd.service.LimitNOFILE"].reason
    assert machine.dump() == before
    assert machine.show("sipd.service", "TasksMax") != "300"
    assert machine.calls_of_systemctl().count("daemon-reload") == 2
    assert not machine.module(state="absent").changed


def test_absent_with_restart_leaves_nothing_pending(machine: Machine) -> None:
    machine.module({"sipd.service": {"LimitNOFILE": 4096, "Nice": 3}}, restart=True)
    done = machine.module(state="absent", restart=True)
    assert set(done.states().values()) == {"changed"}
    machine.wait_for_own_program("sipd.service")
    assert machine.nofile("sipd.service") == {("1024", "4096")}


def test_a_drop_in_that_was_there_comes_back_as_it_was(machine: Machine) -> None:
    machine.write(DROP_IN, "[Service]\nTasksMax=77\n", 0o640)
    machine.sh("systemctl daemon-reload")
    before = machine.dump()
    machine.module({"sipd.service": {"LimitNOFILE": 4096}})
    assert machine.show("sipd.service", "TasksMax") != "77"
    done = machine.module({"sipd.service": {}})
    assert done.states() == {"sipd.service.LimitNOFILE": "pending"}
    assert machine.dump() == before
    assert machine.show("sipd.service", "TasksMax") == "77"


def test_a_drop_in_that_somebody_has_edited_is_left_alone(machine: Machine) -> None:
    machine.module({"sipd.service": {"LimitNOFILE": 4096}})
    machine.sh(f"echo Nice=7 >> {DROP_IN}")
    before = machine.dump()
    done = machine.module(state="absent")
    assert done.states() == {DROP_IN: "kept"}
    assert machine.dump() == before


def test_a_unit_left_out_stays_unless_the_call_is_exclusive(machine: Machine) -> None:
    machine.module({"sipd.service": {"TasksMax": 300}, "quiet.service": {"TasksMax": 300}})
    assert not machine.module({"quiet.service": {"TasksMax": 300}}).changed
    done = machine.module({"quiet.service": {"TasksMax": 300}}, exclusive=True)
    assert done.states() == {"quiet.service.TasksMax": "ok", "sipd.service.TasksMax": "changed"}
    assert machine.read(DROP_IN) is None


def test_a_directive_left_out_goes(machine: Machine) -> None:
    machine.module({"sipd.service": {"TasksMax": 300, "CPUWeight": 200}})
    done = machine.module({"sipd.service": {"TasksMax": 300}})
    assert done.states() == {"sipd.service.TasksMax": "ok", "sipd.service.CPUWeight": "changed"}
    assert machine.show("sipd.service", "CPUWeight") == "[not set]"
