# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real module against the real systemd of Debian 11, 12 and 13."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from machine import CHECKOUT, LIBRARY, STARTER, Machine, podman

DROP_IN = "/etc/systemd/system/sipd.service.d/90-siptune.conf"
CAP_SYS_RESOURCE = 24

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


def may_raise(machine: Machine) -> bool:
    """Whether hard limits can be raised in this container."""
    status = machine.read("/proc/1/status") or ""
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff"))
    return bool(int(effective, 16) >> CAP_SYS_RESOURCE & 1)


# --- the whole way --------------------------------------------------------------------------


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


def test_slices(machine: Machine) -> None:
    done = machine.module({"sip.slice": {"MemoryMax": "1G", "TasksMax": 3000}})
    assert set(done.states().values()) == {"changed"}
    assert machine.show("sip.slice", "MemoryMax") == "1073741824"


# --- running processes ----------------------------------------------------------------------


def test_prlimit_raises_every_process_and_restarts_none(machine: Machine) -> None:
    pids = machine.pids("sipd.service")
    assert len(pids) == 4
    assert machine.nofile("sipd.service") == {("1024", "4096")}
    item = machine.module({"sipd.service": {"LimitNOFILE": 4096}}).items["sipd.service.LimitNOFILE"]
    assert (item.state, item.before, item.after) == ("changed", "1024:4096", "4096")
    assert machine.nofile("sipd.service") == {("4096", "4096")}
    assert machine.pids("sipd.service") == pids


def test_a_hard_limit_is_raised_where_that_is_permitted_and_pending_where_not(machine: Machine) -> None:
    done = machine.module({"sipd.service": {"LimitNOFILE": "5000:6000"}})
    item = done.items["sipd.service.LimitNOFILE"]
    if may_raise(machine):
        assert item.state == "changed"
        assert machine.nofile("sipd.service") == {("5000", "6000")}
    else:
        assert item.state == "pending"
        assert "CAP_SYS_RESOURCE" in item.reason
        assert machine.nofile("sipd.service") == {("4096", "4096")}
    assert not machine.module({"sipd.service": {"LimitNOFILE": "5000:6000"}}).changed


def test_a_running_limit_is_never_lowered(machine: Machine) -> None:
    done = machine.module({"sipd.service": {"LimitNOFILE": "500:600"}})
    item = done.items["sipd.service.LimitNOFILE"]
    assert (item.state, item.after, item.at_boot) == ("pending", "1024:4096", "500:600")
    assert "never lowered" in item.reason
    assert machine.nofile("sipd.service") == {("1024", "4096")}
    assert machine.show("sipd.service", "LimitNOFILE") == "600"


def test_keep_leaves_running_processes_alone(machine: Machine) -> None:
    done = machine.module({"sipd.service": {"LimitNOFILE": 4096, "OOMScoreAdjust": 100}}, running="keep")
    assert set(done.states().values()) == {"pending"}
    assert machine.nofile("sipd.service") == {("1024", "4096")}
    # Later it can be had without another change of the drop-in.
    again = machine.module({"sipd.service": {"LimitNOFILE": 4096, "OOMScoreAdjust": 100}})
    assert again.changed
    assert set(again.states().values()) == {"changed"}
    assert machine.nofile("sipd.service") == {("4096", "4096")}


def test_an_oom_score_is_given_to_those_that_have_the_units_own(machine: Machine) -> None:
    main, *others = machine.pids("sipd.service")
    machine.sh(f"echo 700 > /proc/{others[0]}/oom_score_adj")
    done = machine.module({"sipd.service": {"OOMScoreAdjust": 300}})
    scores = [int(machine.read(f"/proc/{pid}/oom_score_adj") or "") for pid in (main, *others)]
    assert scores == [300, 700, 300, 300]
    item = done.items["sipd.service.OOMScoreAdjust"]
    assert item.state == "pending"
    assert "1 of 4 processes have 700" in item.reason


def test_processes_that_come_and_go_meanwhile_do_no_harm(machine: Machine) -> None:
    machine.write(
        "/etc/systemd/system/loop.service",
        "[Service]\nLimitNOFILE=1000:4096\nExecStart=/bin/sh -c 'while :; do /bin/true & /bin/true; wait; done'\n",
    )
    machine.sh("systemctl daemon-reload; systemctl start loop")
    for soft in range(1100, 1500, 100):
        done = machine.module({"loop.service": {"LimitNOFILE": f"{soft}:4096"}})
        assert done.changed
        assert machine.limit(int(machine.show("loop.service", "MainPID")), "Max open files") == (str(soft), "4096")


# --- restart --------------------------------------------------------------------------------


def test_restart_restarts_the_changed_running_units_only(machine: Machine) -> None:
    units = {
        "sipd.service": {"Nice": 4, "LimitNOFILE": "3000:5000"},
        "quiet.service": {"Nice": 4},
        "kam@core.service": {"TasksMax": 400},
    }
    pids = {unit: machine.pids(unit) for unit in ("sipd.service", "kam@edge.service", "kam@core.service")}
    predicted = machine.module(units, running="restart", check=True)
    done = machine.module(units, running="restart")
    assert predicted.items == done.items
    assert set(done.states().values()) == {"changed"}
    assert not set(machine.pids("sipd.service")) & set(pids["sipd.service"])
    assert machine.nofile("sipd.service") == {("3000", "5000")}
    for unit in ("kam@edge.service", "kam@core.service"):
        assert machine.pids(unit) == pids[unit]
    assert machine.show("quiet.service", "ActiveState") == "inactive"
    again = machine.module(units, running="restart")
    assert not again.changed
    assert set(again.states().values()) == {"ok"}


def test_a_restart_makes_up_for_what_was_pending(machine: Machine) -> None:
    machine.module({"sipd.service": {"Nice": 4}}, running="keep")
    before = machine.pids("sipd.service")
    done = machine.module({"sipd.service": {"Nice": 4}}, running="restart")
    assert done.changed
    assert done.states() == {"sipd.service.Nice": "changed"}
    assert machine.pids("sipd.service") != before


def test_a_unit_that_does_not_come_back_is_put_back(machine: Machine) -> None:
    machine.write(
        "/etc/systemd/system/loop.service",
        "[Service]\nLimitNOFILE=1000:4096\n"
        "ExecStart=/bin/sh -c 'test $(ulimit -n) -lt 3000 && exec /bin/sleep infinity'\n",
    )
    machine.sh("systemctl daemon-reload; systemctl start loop")
    before = machine.dump()
    message = machine.failure({"loop.service": {"LimitNOFILE": 4000}}, running="restart")
    assert "loop.service: did not come back from its restart" in message
    assert "Everything this call had changed has been put back" in message
    assert machine.dump() == before
    assert machine.show("loop.service", "LimitNOFILESoft") == "1000"
    machine.sh("for _ in 1 2 3 4 5 6 7 8 9 10; do systemctl is-active -q loop && exit 0; sleep 0.3; done; exit 1")


def test_what_systemd_cuts_in_silence_is_said(machine: Machine) -> None:
    if may_raise(machine):
        pytest.fail("this container may raise its hard limits, so nothing is cut: the test needs one that may not")
    own = machine.limit(1, "Max open files")[1]
    wanted = int(own) * 2
    for _ in range(2):
        item = machine.module({"sipd.service": {"LimitNOFILE": wanted}}, running="restart").items[
            "sipd.service.LimitNOFILE"
        ]
        assert (item.state, item.after, item.at_boot) == ("readonly", own, str(wanted))
        assert f"systemd cuts it to {own} in silence" in item.reason
        assert machine.nofile("sipd.service") == {(own, own)}
        assert machine.show("sipd.service", "LimitNOFILE") == str(wanted)


# --- names ----------------------------------------------------------------------------------


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
        "systemd-run -q --unit=transi --property=LimitNOFILE=100:4096 /bin/sleep infinity"
    )
    pids = machine.pids("transi.service")
    units: dict[str, Any] = {
        name: {"LimitNOFILE": "2000:4096"} for name in ("quiet.service", "transi.service", "late.service")
    }
    units["transi.service"]["Nice"] = 2
    done = machine.module(units, running="restart")
    assert done.states() == {
        "quiet.service.LimitNOFILE": "pending",
        "transi.service.LimitNOFILE": "pending",
        "transi.service.Nice": "pending",
        "late.service.LimitNOFILE": "pending",
    }
    assert "masked" in done.items["quiet.service.LimitNOFILE"].reason
    assert "transient" in done.items["transi.service.Nice"].reason
    assert "no such unit yet" in done.items["late.service.LimitNOFILE"].reason
    assert machine.pids("transi.service") == pids
    assert machine.module({"transi.service": {"LimitNOFILE": "2000:4096"}}).states() == {
        "transi.service.LimitNOFILE": "changed",
        "transi.service.Nice": "changed",
    }
    machine.write("/etc/systemd/system/late.service", "[Service]\nExecStart=/bin/sleep infinity\n")
    machine.sh("systemctl daemon-reload")
    assert machine.show("late.service", "LimitNOFILE") == "4096"
    assert machine.module({"late.service": {"LimitNOFILE": "2000:4096"}}).states() == {"late.service.LimitNOFILE": "ok"}


# --- shadows --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        pytest.param(
            "/etc/systemd/system/sipd.service.d/99-local.conf",
            "# by hand\n[Service]\nLimitNOFILE=1500:4096\n",
            "/etc/systemd/system/sipd.service.d/99-local.conf line 3 sets 1500:4096",
            id="later name",
        ),
        pytest.param(
            "/run/systemd/system/sipalias.service.d/95-x.conf",
            "[Service]\nLimitNOFILE=1500:4096\n",
            "/run/systemd/system/sipalias.service.d/95-x.conf line 2 sets 1500:4096",
            id="beside an alias",
        ),
        pytest.param(
            "/etc/systemd/system/service.d/95-all.conf",
            "[Service]\nLimitNOFILE=1500:4096\n",
            "/etc/systemd/system/service.d/95-all.conf line 2 sets 1500:4096",
            id="for all services",
        ),
        pytest.param(
            "/etc/systemd/system.control/sipd.service.d/90-siptune.conf",
            "[Service]\nLimitNOFILE=1500:4096\n",
            "/etc/systemd/system.control/sipd.service.d/90-siptune.conf line 2 sets 1500:4096",
            id="of our name in a directory that comes first",
        ),
        pytest.param(
            "/etc/systemd/system.control/sipd.service.d/90-siptune.conf",
            "[Service]\nNice=1\n",
            "/etc/systemd/system/sipd.service line 3 sets 1024:4096",
            id="of our name, which hides ours and does not set it",
        ),
    ],
)
def test_a_shadow_is_named_and_nothing_is_raised(machine: Machine, path: str, text: str, reason: str) -> None:
    machine.write(path, text)
    machine.sh("systemctl daemon-reload")
    item = machine.module({"sipd.service": {"LimitNOFILE": 4096}}).items["sipd.service.LimitNOFILE"]
    assert (item.state, item.reason) == ("shadowed", reason)
    assert machine.nofile("sipd.service") == {("1024", "4096")}
    assert item.at_boot == reason.rpartition(" ")[2]
    assert machine.show("sipd.service", "LimitNOFILESoft") == item.at_boot.partition(":")[0]


def test_a_later_line_that_systemd_skips_is_no_shadow(machine: Machine) -> None:
    for text in ("[Service]\nLimitNOFILE=16K\nLimitNOFILE=\n", "[Unit]\nLimitNOFILE=1:2\n", "LimitNOFILE=1:2\n"):
        machine.write("/etc/systemd/system/sipd.service.d/99-local.conf", text)
        machine.sh("systemctl daemon-reload")
        assert "shadowed" not in machine.module({"sipd.service": {"LimitNOFILE": 4096}}).states().values()
        assert machine.show("sipd.service", "LimitNOFILESoft") == "4096"


# --- floors ---------------------------------------------------------------------------------


def test_a_floor_that_the_unit_meets_is_kept_without_a_line(machine: Machine) -> None:
    units = {"sipd.service": {"LimitNOFILE": {"value": "1000:2000", "rule": "at_least"}}}
    done = machine.module(units)
    assert not done.changed
    assert done.states() == {"sipd.service.LimitNOFILE": "kept"}
    assert machine.read(DROP_IN) is None


def test_a_floor_raises_what_is_below_it_only(machine: Machine) -> None:
    units = {"sipd.service": {"LimitNOFILE": {"value": 2000, "rule": "at_least"}}}
    item = machine.module(units).items["sipd.service.LimitNOFILE"]
    assert (item.state, item.wanted, item.after, item.at_boot) == ("changed", "at least 2000", "2000:4096", "2000:4096")
    assert not machine.module(units).changed


def test_a_floor_above_systemds_default_keeps_the_default_hard_limit(machine: Machine) -> None:
    units = {
        "quiet.service": {
            "LimitNOFILE": {"value": 2000, "rule": "at_least"},
            "TasksMax": {"value": 10**6, "rule": "at_least"},
        }
    }
    hard = machine.show("quiet.service", "LimitNOFILE")
    item = machine.module(units).items["quiet.service.LimitNOFILE"]
    assert item.at_boot == f"2000:{hard}"
    machine.calls_of_systemctl()
    assert not machine.module(units).changed
    assert machine.calls_of_systemctl() == ["show", "show"]
    units["quiet.service"]["LimitNOFILE"]["value"] = 1500
    assert machine.module(units).items["quiet.service.LimitNOFILE"].at_boot == f"1500:{hard}"
    units["quiet.service"]["LimitNOFILE"]["value"] = 1000
    assert machine.module(units).states()["quiet.service.LimitNOFILE"] == "changed"
    assert machine.module(units).states() == {"quiet.service.LimitNOFILE": "kept", "quiet.service.TasksMax": "ok"}


# --- the way back ---------------------------------------------------------------------------


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
    machine.module({"sipd.service": {"LimitNOFILE": 4096, "Nice": 3}}, running="restart")
    done = machine.module(state="absent", running="restart")
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


# --- trouble --------------------------------------------------------------------------------


def test_a_drop_in_that_systemd_has_not_read_yet_is_reloaded(machine: Machine) -> None:
    machine.module({"sipd.service": {"TasksMax": 300}})
    machine.sh(f"rm {DROP_IN}; systemctl daemon-reload")
    machine.calls_of_systemctl()
    text = machine.module({"sipd.service": {"TasksMax": 300}}, check=True).raw["diff"][0]["after"]
    machine.write(DROP_IN, text)  # as a run that was killed before its daemon-reload leaves it
    machine.calls_of_systemctl()
    done = machine.module({"sipd.service": {"TasksMax": 300}})
    assert machine.calls_of_systemctl() == ["show", "daemon-reload", "show"]
    assert (done.changed, done.states()) == (True, {"sipd.service.TasksMax": "changed"})
    assert machine.show("sipd.service", "TasksMax") == "300"


def test_a_value_that_this_systemd_does_not_take_is_refused_and_undone(machine: Machine) -> None:
    if machine.suite != "bullseye":
        pytest.skip("only systemd 247 drops a priority without a policy; newer ones take it")
    before = machine.dump()
    raw = machine.call({"quiet.service": {"CPUSchedulingPriority": 10}})
    assert raw["failed"]
    assert "quiet.service CPUSchedulingPriority: this systemd does not take 10" in raw["msg"]
    assert [item["state"] for item in raw["items"]] == ["refused"]
    assert machine.dump() == before


def test_bad_input_changes_nothing(machine: Machine) -> None:
    before = machine.dump()
    for units, message in (
        ({"sipd.service": {"LimitNOFILE": 2**31}}, "is above fs.nr_open"),
        ({"sipd.service": {"Nice": 1}, "sipalias.service": {"Nice": 2}}, "is named twice"),
        ({"../sipd.service": {"Nice": 1}}, "holds neither / nor .."),
        ({"sipd.service": {"LimitNOFIL": 1}}, "is it LimitNOFILE?"),
    ):
        said = machine.failure({"quiet.service": {"TasksMax": 300}, **units})
        assert message in said
        assert said.endswith("Nothing was changed.")
    assert "Nothing was changed." in machine.failure({"quiet.service": {"Nice": 1}}, drop_in="../90-x.conf")
    assert machine.dump() == before


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("mkdir /elsewhere; ln -s /elsewhere /etc/systemd/system/quiet.service.d", id="directory"),
        pytest.param(
            "mkdir -p /etc/systemd/system/quiet.service.d;"
            "ln -s /etc/passwd /etc/systemd/system/quiet.service.d/90-siptune.conf",
            id="file",
        ),
        pytest.param("mkdir -p /etc/systemd/system/quiet.service.d/90-siptune.conf", id="a directory for a file"),
    ],
)
def test_links_in_the_way_are_refused(machine: Machine, script: str) -> None:
    machine.sh(script)
    before = machine.dump()
    message = machine.failure({"sipd.service": {"TasksMax": 300}, "quiet.service": {"Nice": 1}})
    assert "/etc/systemd/system/quiet.service.d" in message
    assert machine.dump() == before


def test_a_systemd_that_does_not_answer_is_not_waited_for_forever(machine: Machine) -> None:
    if machine.suite != "bookworm":
        pytest.skip("once is enough, on Debian 12: it takes half a minute")
    counter = machine.read("/usr/local/bin/systemctl") or ""
    machine.write("/usr/local/bin/systemctl", "#!/bin/sh\nexec sleep 100\n", 0o755)
    try:
        before = machine.dump()
        assert "did not end within 30 s. Nothing was changed." in machine.failure({"sipd.service": {"Nice": 2}})
        assert machine.dump() == before
    finally:
        machine.write("/usr/local/bin/systemctl", counter, 0o755)


def test_a_daemon_reload_that_fails_is_undone(machine: Machine) -> None:
    counter = machine.read("/usr/local/bin/systemctl") or ""
    failing = 'if [ "$1" = daemon-reload ] && [ ! -e /run/failed-once ]; then touch /run/failed-once; exit 1; fi\n'
    machine.write("/usr/local/bin/systemctl", counter.replace("exec", failing + "exec"), 0o755)
    try:
        before = machine.dump()
        message = machine.failure({"sipd.service": {"LimitNOFILE": 4096}})
        assert "systemctl daemon-reload: exit status 1" in message
        assert machine.dump() == before
        assert machine.nofile("sipd.service") == {("1024", "4096")}
    finally:
        machine.write("/usr/local/bin/systemctl", counter, 0o755)
        machine.sh("rm -f /run/failed-once")


def test_deprecated_names_are_translated_and_said(machine: Machine) -> None:
    raw = machine.call({"sipd.service": {"MemoryLimit": "512M", "CPUShares": 2048}})
    assert any(
        "sipd.service MemoryLimit is deprecated; written as MemoryMax=512M" in str(one) for one in raw["warnings"]
    )
    assert machine.show("sipd.service", "MemoryMax") == str(512 * 2**20)
    assert machine.show("sipd.service", "CPUWeight") == "200"
    assert "MemoryLimit" not in (machine.read(DROP_IN) or "")


# --- without systemd ------------------------------------------------------------------------


def test_without_systemd_the_drop_ins_are_written(container: Machine) -> None:
    script = (
        'python3 -c "$1" "$2"; echo; cat /etc/systemd/system/sipd.service.d/90-siptune.conf;'
        'python3 -c "$1" "$2"; echo; python3 -c "$1" "$3"; echo; find /etc/systemd/system -name "*sipd*"'
    )
    units = '{"alias.service": {"LimitNOFILE": 4096}}'
    prepare = (
        "printf '[Service]\\nExecStart=/bin/true\\n' > /lib/systemd/system/sipd.service;"
        "ln -s /lib/systemd/system/sipd.service /etc/systemd/system/alias.service;"
    )
    done = podman(
        *("run", "--rm", "--network", "none", "--pull", "never"),
        *("--volume", f"{CHECKOUT}:/srv/siptune:ro", "--volume", f"{LIBRARY}:/srv/ansible:ro"),
        *(podman("inspect", "--format", "{{.ImageName}}", container.name).stdout.strip(),),
        *("/bin/sh", "-c", prepare + script, "-", STARTER),
        f'{{"ANSIBLE_MODULE_ARGS": {{"units": {units}}}}}',
        '{"ANSIBLE_MODULE_ARGS": {"state": "absent"}}',
    ).stdout
    assert '"changed": true' in done
    assert "systemd does not run here" in done
    assert "LimitNOFILE=4096" in done
    assert done.count('"changed": false') == 1
    assert "sipd.service.d" not in done.splitlines()[-1]


def test_ansible_reads_the_documentation() -> None:
    import sys

    done = subprocess.run(
        [f"{sys.prefix}/bin/ansible-doc", "--type", "module", "siptune.linux.systemd_limits"],
        env={"PATH": "/usr/bin:/bin", "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".build"), "HOME": "/tmp"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "drop_in" in done.stdout
