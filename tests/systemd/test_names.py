# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aliases, templates, instances, slices, and units that are masked, transient or not there."""

from __future__ import annotations

from typing import Any

from machine import DROP_IN, Machine


def test_the_drop_in_of_an_alias_goes_to_the_real_unit(machine: Machine) -> None:
    item = machine.module({"sipalias.service": {"LimitNOFILE": 4096}}).items["sipalias.service.LimitNOFILE"]
    assert item.state == "changed"
    assert "another name of sipd.service" in item.reason
    assert machine.show("sipd.service", "DropInPaths") == DROP_IN


def test_a_template_counts_for_its_instances_and_an_instance_for_itself(machine: Machine) -> None:
    units = {
        "kam@.service": {"LimitNOFILE": "3000:4096", "TasksMax": 300},
        "kam@edge.service": {"LimitNOFILE": "4000:4096"},
    }
    done = machine.module(units)
    assert done.states() == {
        "kam@.service.LimitNOFILE": "changed",
        "kam@.service.TasksMax": "changed",
        "kam@edge.service.LimitNOFILE": "changed",
        "kam@edge.service.TasksMax": "changed",
    }
    assert machine.nofile("kam@core.service") == {("3000", "4096")}
    assert machine.nofile("kam@edge.service") == {("4000", "4096")}
    for instance in ("core", "edge", "new"):
        assert machine.show(f"kam@{instance}.service", "TasksMax") == "300"
    assert not machine.module(units).changed


def test_an_instance_alone_leaves_the_others(machine: Machine) -> None:
    machine.module({"kam@edge.service": {"LimitNOFILE": "4000:4096"}})
    assert machine.nofile("kam@edge.service") == {("4000", "4096")}
    assert machine.nofile("kam@core.service") == {("2048", "4096")}


def test_an_instance_of_its_own_drop_in_shadows_the_template(machine: Machine) -> None:
    machine.write("/etc/systemd/system/kam@edge.service.d/99-local.conf", "[Service]\nLimitNOFILE=2500:4096\n")
    machine.sh("systemctl daemon-reload")
    item = machine.module({"kam@.service": {"LimitNOFILE": "3000:4096"}}).items["kam@.service.LimitNOFILE"]
    assert item.state == "shadowed"
    assert item.reason == (
        "kam@edge.service: /etc/systemd/system/kam@edge.service.d/99-local.conf line 2 sets 2500:4096"
    )
    assert machine.nofile("kam@core.service") == {("3000", "4096")}
    assert machine.nofile("kam@edge.service") == {("2048", "4096")}


def test_units_that_are_masked_transient_or_not_there_yet(machine: Machine) -> None:
    machine.sh(
        "rm /etc/systemd/system/quiet.service; systemctl mask -q quiet.service;"
        "systemd-run -q --unit=transi --service-type=exec --property=LimitNOFILE=100:4096 /bin/sleep infinity"
    )
    pids = machine.pids("transi.service")
    units: dict[str, Any] = {
        name: {"LimitNOFILE": "2000:4096"} for name in ("quiet.service", "transi.service", "late.service")
    }
    units["transi.service"]["Nice"] = 2
    done = machine.module(units, restart=True)
    assert done.states() == {
        "quiet.service.LimitNOFILE": "pending",
        "transi.service.LimitNOFILE": "changed",  # raised, as it cannot be restarted
        "transi.service.Nice": "pending",
        "late.service.LimitNOFILE": "pending",
    }
    assert "masked" in done.items["quiet.service.LimitNOFILE"].reason
    assert "transient" in done.items["transi.service.Nice"].reason
    assert "the unit is not installed" in done.items["late.service.LimitNOFILE"].reason
    assert machine.pids("transi.service") == pids
    assert machine.nofile("transi.service") == {("2000", "4096")}
    assert machine.module({"transi.service": {"LimitNOFILE": "2000:4096"}}).states() == {
        "transi.service.LimitNOFILE": "ok",
        "transi.service.Nice": "changed",
    }
    machine.write("/etc/systemd/system/late.service", "[Service]\nExecStart=/bin/sleep infinity\n")
    machine.sh("systemctl daemon-reload")
    assert machine.show("late.service", "LimitNOFILE") == "4096"
    assert machine.module({"late.service": {"LimitNOFILE": "2000:4096"}}).states() == {"late.service.LimitNOFILE": "ok"}


def test_a_floor_for_a_unit_that_systemd_has_not_loaded_is_written_once(machine: Machine) -> None:
    machine.sh("rm /etc/systemd/system/quiet.service; systemctl mask -q quiet.service")
    units = {name: {"LimitNOFILE": {"value": 2000, "rule": "at_least"}} for name in ("quiet.service", "late.service")}
    assert machine.module(units).changed
    assert not machine.module(units).changed


def test_slices(machine: Machine) -> None:
    done = machine.module({"sip.slice": {"MemoryMax": "1G", "TasksMax": 3000}})
    assert set(done.states().values()) == {"changed"}
    assert machine.show("sip.slice", "MemoryMax") == "1073741824"


def test_an_instance_does_not_hide_what_its_template_sets(machine: Machine) -> None:
    machine.module({"kam@.service": {"LimitNOFILE": 4096}})
    before = machine.dump()
    message = machine.failure({"kam@edge.service": {"TasksMax": 900}})
    assert "would hide /etc/systemd/system/kam@.service.d/90-siptune.conf, which sets LimitNOFILE" in message
    assert machine.dump() == before
    both = {"kam@edge.service": {"TasksMax": 900}, "kam@.service": {"LimitNOFILE": 4096}}
    machine.module(both)
    assert machine.show("kam@edge.service", "LimitNOFILESoft") == "4096"
    assert machine.show("kam@edge.service", "TasksMax") == "900"


def test_what_the_user_rules_out_fails_before_anything_is_done(machine: Machine) -> None:
    machine.write("/etc/systemd/system/sipd.service.d/99-local.conf", "[Service]\nTasksMax=700\n")
    machine.sh("systemctl daemon-reload")
    before = machine.dump()
    units = {"sipd.service": {"TasksMax": 900}, "late.service": {"TasksMax": 900}}
    message = machine.failure(units, missing="fail")
    assert "late.service TasksMax is pending: the unit is not installed: in force once it is. " in message
    message = machine.failure(units, shadowed="fail", check=True)
    assert "sipd.service TasksMax is shadowed: /etc/systemd/system/sipd.service.d/99-local.conf line 2" in message
    assert machine.dump() == before
    assert machine.module(units).states() == {"sipd.service.TasksMax": "shadowed", "late.service.TasksMax": "pending"}
