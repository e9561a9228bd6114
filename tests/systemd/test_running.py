# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What running processes get, with and without a restart."""

from __future__ import annotations

import pytest
from machine import Machine


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
    if machine.may_raise():
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
    done = machine.module({"sipd.service": {"LimitNOFILE": 4096, "OOMScoreAdjust": 100}}, when="boot")
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
    assert "1 of 4 processes has 700" in item.reason


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
    predicted = machine.module(units, restart=True, check=True)
    done = machine.module(units, restart=True)
    assert predicted.items == done.items
    assert set(done.states().values()) == {"changed"}
    assert not set(machine.pids("sipd.service")) & set(pids["sipd.service"])
    assert machine.nofile("sipd.service") == {("3000", "5000")}
    for unit in ("kam@edge.service", "kam@core.service"):
        assert machine.pids(unit) == pids[unit]
    assert machine.show("quiet.service", "ActiveState") == "inactive"
    again = machine.module(units, restart=True)
    assert not again.changed
    assert set(again.states().values()) == {"ok"}


def test_a_restart_makes_up_for_what_was_pending(machine: Machine) -> None:
    machine.module({"sipd.service": {"Nice": 4}}, when="boot")
    before = machine.pids("sipd.service")
    done = machine.module({"sipd.service": {"Nice": 4}}, restart=True)
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
    message = machine.failure({"loop.service": {"LimitNOFILE": 4000}}, restart=True)
    assert "loop.service: did not come back from its restart" in message
    assert "Everything this call had changed has been put back" in message
    assert machine.dump() == before
    assert machine.show("loop.service", "LimitNOFILESoft") == "1000"
    machine.sh("for _ in 1 2 3 4 5 6 7 8 9 10; do systemctl is-active -q loop && exit 0; sleep 0.3; done; exit 1")


def test_what_systemd_cuts_in_silence_is_said(machine: Machine) -> None:
    if machine.may_raise():
        pytest.fail("this container may raise its hard limits, so nothing is cut: the test needs one that may not")
    own = machine.limit(1, "Max open files")[1]
    wanted = int(own) * 2
    for _ in range(2):
        item = machine.module({"sipd.service": {"LimitNOFILE": wanted}}, restart=True).items["sipd.service.LimitNOFILE"]
        assert (item.state, item.after, item.at_boot) == ("readonly", own, str(wanted))
        assert f"systemd silently cuts it to {own}" in item.reason
        assert machine.nofile("sipd.service") == {(own, own)}
        assert machine.show("sipd.service", "LimitNOFILE") == str(wanted)
