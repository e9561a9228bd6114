# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A call from its check mode to its second run, with every directive there is."""

from __future__ import annotations

from machine import DROP_IN, Machine

# A value for each directive, none of them systemd's default.
EVERYTHING = {
    "LimitCPU": "5min:1500000ms",
    "LimitFSIZE": "1.5G",
    "LimitDATA": "64G",
    "LimitSTACK": "8M:infinity",
    "LimitCORE": "0:1G",
    "LimitRSS": "infinity",
    "LimitNOFILE": "2000:3000",
    "LimitAS": "1T",
    "LimitNPROC": 5000,
    "LimitMEMLOCK": "4M",
    "LimitLOCKS": 100,
    "LimitSIGPENDING": 1000,
    "LimitMSGQUEUE": "512K",
    "LimitNICE": "0:+5",
    "LimitRTPRIO": 0,
    "LimitRTTIME": "200ms:2s",
    "TasksMax": "50%",
    "MemoryMax": "1G",
    "MemoryHigh": "75%",
    "CPUWeight": 250,
    "Nice": 5,
    "OOMScoreAdjust": 250,
    "OOMPolicy": "kill",
    "CPUSchedulingPolicy": "batch",
    "IOSchedulingClass": "idle",
    "Restart": "on-abnormal",
    "RestartSec": "1min 2.5s",
    "TimeoutStopSec": 0,
}


def test_check_mode_predicts_the_run_and_a_second_run_changes_nothing(machine: Machine) -> None:
    units = {
        "sipd.service": {"LimitNOFILE": "3000:4096", "TasksMax": 500, "Nice": 3, "OOMScoreAdjust": 100},
        "kam@.service": {"LimitNOFILE": "4000:4096", "RestartSec": "2s"},
        "quiet.service": {"CPUWeight": 300, "MemoryMax": "64M"},
        "late.service": {"LimitNOFILE": 4096},
    }
    pids = {unit: machine.pids(unit) for unit in ("sipd.service", "kam@edge.service", "kam@core.service")}
    before = machine.dump()
    predicted = machine.module(units, check=True)
    assert machine.dump() == before
    done = machine.module(units)
    assert (predicted.changed, predicted.items) == (True, done.items)
    assert done.states() == {
        "sipd.service.LimitNOFILE": "changed",
        "sipd.service.TasksMax": "changed",
        "sipd.service.Nice": "pending",
        "sipd.service.OOMScoreAdjust": "changed",
        "kam@.service.LimitNOFILE": "changed",
        "kam@.service.RestartSec": "changed",
        "quiet.service.CPUWeight": "changed",
        "quiet.service.MemoryMax": "changed",
        "late.service.LimitNOFILE": "pending",
    }
    tuned = machine.dump()
    again = machine.module(units)
    assert not again.changed
    assert machine.dump() == tuned
    assert set(again.states().values()) == {"ok", "pending"}
    assert {unit: machine.pids(unit) for unit in pids} == pids


def test_systemctl_is_called_three_times_at_most_and_once_where_nothing_changes(machine: Machine) -> None:
    eight = (
        "LimitNOFILE",
        "TasksMax",
        "MemoryMax",
        "CPUWeight",
        "OOMScoreAdjust",
        "Restart",
        "RestartSec",
        "LimitCORE",
    )
    units = {f"sip{number}.service": {name: EVERYTHING[name] for name in eight} for number in range(10)}
    machine.module({**units, "sipd.service": {"LimitNOFILE": "2000:4096"}})
    assert machine.calls_of_systemctl() == ["show", "daemon-reload", "show"]
    machine.module({**units, "sipd.service": {"LimitNOFILE": "2000:4096"}})
    assert machine.calls_of_systemctl() == ["show"]


def test_systemd_takes_a_value_of_every_directive(machine: Machine) -> None:
    done = machine.module({"quiet.service": EVERYTHING})
    assert {name.rpartition(".")[2] for name in done.items} == set(EVERYTHING)
    # What is not "changed" is cut by the container's own limits, and said to be.
    assert {item.state for item in done.items.values()} <= {"changed", "readonly"}
    assert not machine.module({"quiet.service": EVERYTHING}).changed


def test_realtime_scheduling_is_written_in_an_order_that_systemd_takes(machine: Machine) -> None:
    wanted = {"CPUSchedulingPriority": 10, "CPUSchedulingPolicy": "rr"}
    assert machine.module({"quiet.service": wanted}).changed
    assert machine.show("quiet.service", "CPUSchedulingPriority") == "10"


def test_deprecated_names_are_translated_and_said(machine: Machine) -> None:
    raw = machine.call({"sipd.service": {"MemoryLimit": "512M", "CPUShares": 2048}})
    assert "sipd.service MemoryLimit is deprecated; written as MemoryMax=512M" in raw["warnings"]
    assert machine.show("sipd.service", "MemoryMax") == str(512 * 2**20)
    assert machine.show("sipd.service", "CPUWeight") == "200"
    assert "MemoryLimit" not in (machine.read(DROP_IN) or "")


def test_hazards_are_warned_of(machine: Machine) -> None:
    units = {"quiet.service": {"LimitCORE": {"value": "infinity", "why": "Traces.", "hazard": "Fills the disk."}}}
    for _time in range(2):
        assert "quiet.service LimitCORE = infinity: Fills the disk." in machine.call(units)["warnings"]
    assert machine.call(state="absent")["warnings"] == []
