# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import BOOT
from ansible_collections.siptune.linux.plugins.module_utils._host.rlimits import Scheduling
from ansible_collections.siptune.linux.plugins.module_utils._units.forecast import (
    forecast,
    properties_after,
    to_restart,
)
from ansible_collections.siptune.linux.plugins.module_utils._units.model import LoadedUnit, Raise
from ansible_collections.siptune.linux.plugins.module_utils._units.plan import plan
from systemd_host import LOCAL, OURS, floor, loaded, observed, process, request, unit


def shown_after(directives: dict[str, Any], now: LoadedUnit, texts: dict[str, str] | None = None) -> dict[str, str]:
    planned = plan(request(directives), observed(unit(now), texts=texts))
    after = properties_after(planned.decisions, now, planned.then)
    return {name: value for name, value in after.items() if now.properties.get(name) != value}


@pytest.mark.parametrize(
    ("directives", "moved"),
    [
        ({"TasksMax": 500}, {"TasksMax": "500"}),
        ({"LimitNOFILE": "5:6"}, {"LimitNOFILESoft": "5", "LimitNOFILE": "6"}),
        ({"LimitNOFILE": "infinity"}, {"LimitNOFILESoft": "infinity", "LimitNOFILE": "infinity"}),
        ({"RestartSec": "5s"}, {"RestartUSec": "5000000us"}),
        ({"LimitNOFILE": "1024:4096"}, {}),
        ({"LimitNOFILE": floor(1000)}, {}),
    ],
)
def test_the_properties_that_a_drop_in_brings(directives: dict[str, Any], moved: dict[str, str]) -> None:
    assert shown_after(directives, loaded()) == moved


def test_a_shadowed_drop_in_brings_no_property() -> None:
    texts = {LOCAL: "[Service]\nTasksMax=7\n"}
    assert shown_after({"TasksMax": 500}, loaded(TasksMax="7"), texts) == {}


@pytest.mark.parametrize(
    ("now", "directives", "names"),
    [
        pytest.param(loaded(process()), {"LimitNOFILE": 8192}, ["sipd.service"], id="a limit"),
        pytest.param(loaded(process()), {"Nice": -5}, ["sipd.service"], id="scheduling"),
        pytest.param(loaded(process()), {"TasksMax": 500}, [], id="in force at the reload"),
        pytest.param(loaded(process(nofile=(8192, 8192))), {"LimitNOFILE": 8192}, [], id="a process that has it"),
        pytest.param(loaded(), {"LimitNOFILE": 8192}, [], id="no process"),
        pytest.param(loaded(process(), Transient="yes"), {"Nice": -5}, [], id="a transient unit"),
        pytest.param(loaded()._replace(starting=[5]), {"Nice": -5}, [], id="a unit that is started just now"),
    ],
)
def test_the_units_that_need_a_restart(now: LoadedUnit, directives: dict[str, Any], names: list[str]) -> None:
    host = observed(unit(now))
    planned = plan(request(directives, BOOT), host)
    assert to_restart(planned.decisions, {OURS}, host, planned.then) == names


def test_raised_and_restarted_processes() -> None:
    now = loaded(process())._replace(starting=[226])
    host = observed(unit(now))
    planned = plan(request({"LimitNOFILE": 8192, "Nice": -5}, BOOT), host)

    raises = {"sipd.service": Raise({"LimitNOFILE": (8192, 8192)})}
    (raised,) = forecast(planned.decisions, host, {OURS}, raises, [], planned.then).values()
    assert raised.processes[0].limits["LimitNOFILE"] == (8192, 8192)
    assert raised.processes[0].scheduling == Scheduling(0, "other", 0)
    assert (raised.started_before_drop_in, raised.starting) == (True, [226])

    (fresh,) = forecast(planned.decisions, host, {OURS}, {}, ["sipd.service"], planned.then).values()
    assert fresh.processes[0].limits["LimitNOFILE"] == (8192, 8192)
    assert fresh.processes[0].scheduling == Scheduling(-5, "other", 0)
    assert (fresh.started_before_drop_in, fresh.starting) == (False, ())
