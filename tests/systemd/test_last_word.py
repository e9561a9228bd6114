# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file has the last word, and floors that a unit meets without us."""

from __future__ import annotations

from typing import Any

import pytest
from machine import DROP_IN, Machine


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
    assert machine.calls_of_systemctl() == ["show"]
    units["quiet.service"]["LimitNOFILE"]["value"] = 1500
    assert machine.module(units).items["quiet.service.LimitNOFILE"].at_boot == f"1500:{hard}"
    units["quiet.service"]["LimitNOFILE"]["value"] = 1000
    assert machine.module(units).states()["quiet.service.LimitNOFILE"] == "changed"
    assert machine.module(units).states() == {"quiet.service.LimitNOFILE": "kept", "quiet.service.TasksMax": "ok"}


def test_a_floor_costs_no_further_systemctl(machine: Machine) -> None:
    floors = {"LimitNOFILE": {"value": 2000, "rule": "at_least"}, "TasksMax": {"value": 10**6, "rule": "at_least"}}
    machine.module({"quiet.service": floors})
    assert machine.calls_of_systemctl() == ["show", "daemon-reload", "show"]
    hard = machine.show("rescue.service", "LimitNOFILE")
    item = machine.module({"quiet.service": {**floors, "Nice": 3}}).items["quiet.service.LimitNOFILE"]
    assert (item.state, item.at_boot) == ("ok", f"2000:{hard}")
    assert machine.calls_of_systemctl() == ["show", "daemon-reload", "show"]


@pytest.mark.parametrize(
    "instances",
    [
        pytest.param({}, id="the template alone"),
        pytest.param({"kam@edge.service": {"TasksMax": 900}}, id="an instance beside it"),
    ],
)
def test_a_floor_of_a_template_is_the_same_in_every_run(machine: Machine, instances: dict[str, Any]) -> None:
    for soft in (4000, 3000):
        floor = {"value": soft, "rule": "at_least"}
        wanted = {"kam@.service": {"LimitNOFILE": floor}, **instances}
        assert machine.module(wanted).changed
        for instance in ("edge", "core"):
            assert machine.show(f"kam@{instance}.service", "LimitNOFILESoft") == str(soft)
        assert not machine.module(wanted).changed


# --- ceilings -------------------------------------------------------------------------------

PROTECTED = {"sipd.service": {"OOMScoreAdjust": {"value": 300, "rule": "at_most"}}}


def test_a_unit_that_protects_itself_better_is_left_alone(machine: Machine) -> None:
    machine.write("/etc/systemd/system/sipd.service.d/10-vendor.conf", "[Service]\nOOMScoreAdjust=-900\n")
    machine.sh("systemctl daemon-reload")
    wanted = {"sipd.service": {"OOMScoreAdjust": {"value": -600, "rule": "at_most"}}}
    item = machine.module(wanted, when="boot").items["sipd.service.OOMScoreAdjust"]
    assert (item.wanted, item.at_boot) == ("at most -600", "-900")
    assert machine.read(DROP_IN) is None
    assert machine.show("sipd.service", "OOMScoreAdjust") == "-900"


def test_systemds_own_score_meets_a_ceiling_above_it(machine: Machine) -> None:
    done = machine.module(PROTECTED)
    assert (done.changed, done.states()) == (False, {"sipd.service.OOMScoreAdjust": "kept"})
    assert machine.read(DROP_IN) is None


def test_a_worse_score_is_lowered_and_a_better_one_is_not_raised(machine: Machine) -> None:
    machine.write("/etc/systemd/system/sipd.service.d/10-vendor.conf", "[Service]\nOOMScoreAdjust=500\n")
    machine.sh("systemctl daemon-reload")
    done = machine.module(PROTECTED)
    scores = {machine.read(f"/proc/{pid}/oom_score_adj") for pid in machine.pids("sipd.service")}
    assert (scores, done.states()) == ({"0\n"}, {"sipd.service.OOMScoreAdjust": "changed"})
    assert machine.show("sipd.service", "OOMScoreAdjust") == "300"
    assert not machine.module(PROTECTED).changed
    machine.sh("rm /etc/systemd/system/sipd.service.d/10-vendor.conf; systemctl daemon-reload")
    assert machine.module(PROTECTED).changed
    assert machine.read(DROP_IN) is None
