# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.nr_open import NrOpen
from ansible_collections.siptune.linux.plugins.module_utils._systemd.values import SystemdError
from ansible_collections.siptune.linux.plugins.module_utils._units.plan import plan
from systemd_host import loaded, observed, only, process, request, unit


@pytest.mark.parametrize(
    ("directives", "host", "message"),
    [
        ({"LimitNOFILE": 2000000}, {}, "sipd.service LimitNOFILE: 2000000 is above fs.nr_open (1048576)"),
        ({"LimitNOFILE": "1024:2000000"}, {}, "2000000 is above fs.nr_open"),
        (
            {"LimitNOFILE": 5000},
            {"nr_open": NrOpen(1048576, 4000, "/etc/sysctl.d/x.conf line 3")},
            "5000 is above what fs.nr_open will be after a boot (4000, /etc/sysctl.d/x.conf line 3)",
        ),
        ({"LimitNOFILE": 2**21}, {"nr_open": NrOpen(2**30, 2**20)}, "(1048576, the kernel's default)"),
        ({"MemoryMax": "1M"}, {}, "sipd.service MemoryMax: 1048576 is below the 4517888 bytes that sipd.service uses"),
        ({"CPUWeight": "idle"}, {"version": 247}, "idle requires systemd 252, this is 247"),
    ],
)
def test_what_would_stop_a_service_is_refused(directives: dict[str, Any], host: dict[str, Any], message: str) -> None:
    with pytest.raises(SystemdError, match=re.escape(message)):
        plan(request(directives), observed(unit(loaded(process(), MemoryCurrent="4517888")), **host))


@pytest.mark.parametrize(
    ("directives", "host"),
    [
        ({"LimitNOFILE": "1024:infinity"}, {}),
        ({"LimitNOFILE": 1048576}, {}),
        ({"MemoryMax": "50%"}, {}),
        ({"MemoryMax": "infinity"}, {}),
        ({"CPUWeight": "idle"}, {"version": 252}),
        ({"CPUWeight": "idle"}, {"version": None}),
    ],
)
def test_what_is_not_refused(directives: dict[str, Any], host: dict[str, Any]) -> None:
    assert plan(request(directives), observed(unit(loaded(process(), MemoryCurrent="[not set]")), **host)).changed


@pytest.mark.parametrize(
    ("directives", "shown", "message"),
    [
        pytest.param(
            {"TasksMax": 7},
            {"TasksCurrent": "8"},
            "sipd.service TasksMax: 7 is below the 8 processes and threads that sipd.service has",
            id="tasks",
        ),
        pytest.param(
            {"TasksMax": 1},
            {"TasksCurrent": "[not set]"},
            "1 is below the 2 processes",
            id="tasks that nobody counts",
        ),
        pytest.param(
            {"Restart": "always"},
            {"Type": "oneshot"},
            "sipd.service Restart: systemd does not load a unit of Type=oneshot with always, and sipd.service is one",
            id="restart",
        ),
    ],
)
def test_what_would_harm_a_running_unit_is_refused(
    directives: dict[str, Any], shown: dict[str, str], message: str
) -> None:
    with pytest.raises(SystemdError, match=re.escape(message)):
        plan(request(directives), observed(unit(loaded(process(100), process(101), **shown))))


@pytest.mark.parametrize(
    ("directives", "shown"),
    [
        pytest.param({"TasksMax": 8}, {"TasksCurrent": "8"}, id="as many tasks as there are"),
        pytest.param({"TasksMax": "50%"}, {"TasksCurrent": "8"}, id="a percentage"),
        pytest.param({"Restart": "on-failure"}, {"Type": "oneshot"}, id="a restart that it may have"),
        pytest.param({"Restart": "always"}, {"Type": "simple"}, id="a service that goes on"),
    ],
)
def test_what_harms_no_running_unit(directives: dict[str, Any], shown: dict[str, str]) -> None:
    assert plan(request(directives), observed(unit(loaded(process(), **shown)))).changed


def test_what_is_in_force_already_is_not_refused() -> None:
    own = FileRecord(b"[Service]\nTasksMax=7\n", 0o644, 0, 0)
    host = observed(unit(loaded(process(), TasksMax="7", TasksCurrent="8"), own=own))
    assert only(plan(request({"TasksMax": 7}), host)).state == "ok"
