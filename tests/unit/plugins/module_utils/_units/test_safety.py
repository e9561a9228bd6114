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
from ansible_collections.siptune.linux.plugins.module_utils._units.safety import needed_by_logins
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


# --- units that logins need -----------------------------------------------------------------

NEEDED = [
    *("ssh.service", "sshd.service", "ssh@.service", "sshd@1-192.0.2.1:22-192.0.2.9:40000.service", "dbus.service"),
    *("dbus-broker.service", "systemd-logind.service", "systemd-journald.service", "systemd-journald@x.service"),
    *("user@.service", "user@1000.service", "user-runtime-dir@0.service", "polkit.service", "getty@tty1.service"),
    *("serial-getty@ttyS0.service", "sssd.service", "sssd-nss.service", "nscd.service", "NetworkManager.service"),
    *("user.slice", "user-1000.slice", "user-.slice", "system.slice"),
]
NOT_NEEDED = ["sipd.service", "kamailio.service", "sip.slice", "sshguard.service", "dbus-x.service", "usersip.service"]


@pytest.mark.parametrize(("names", "needed"), [(NEEDED, True), (NOT_NEEDED, False)], ids=["needed", "not needed"])
def test_units_that_logins_need(names: list[str], needed: bool) -> None:
    assert {name: needed_by_logins(name) for name in names} == dict.fromkeys(names, needed)


def _host(name: str, usage: dict[str, int] | None = None, **shown: str) -> Any:
    one = loaded(process(), process(101), name=name, Names=name, **shown)._replace(usage=usage or {})
    return observed(unit(one, asked=name, name=name), memory_bytes=8 * 2**30)


@pytest.mark.parametrize(
    ("directives", "usage", "shown", "message"),
    [
        ({"LimitNOFILE": 300}, {"LimitNOFILE": 60}, {}, "300 is too little .* uses 60 now, and 256 .* at least 316"),
        ({"LimitNOFILE": "10:4096"}, {}, {}, "10 is too little"),
        ({"LimitNPROC": 2}, {}, {}, "uses 2 now, and 64"),
        ({"LimitAS": "300M"}, {"LimitAS": 2**28}, {}, "uses 268435456 now"),
        ({"LimitDATA": "4K"}, {}, {}, "4096 is too little"),
        ({"LimitSTACK": "8K"}, {}, {}, "8192 is too little"),
        ({"LimitFSIZE": 0}, {}, {}, "0 is too little"),
        ({"LimitCPU": 60}, {}, {}, "60 is too little"),
        ({"LimitMEMLOCK": 4096}, {"LimitMEMLOCK": 8192}, {}, "uses 8192 now, and 0 more"),
        ({"TasksMax": 200}, {}, {"TasksCurrent": "100"}, "uses 100 now, and 128 more"),
        ({"MemoryMax": "128M"}, {}, {"MemoryCurrent": "4517888"}, "uses 4517888 now"),
        ({"MemoryHigh": "64M"}, {}, {"MemoryCurrent": "[not set]"}, "uses 0 now"),
        ({"MemoryMax": "1%"}, {}, {"MemoryCurrent": "[not set]"}, "85899345 is too little"),
        ({"MemoryMax": "0.5%"}, {}, {"MemoryCurrent": "[not set]"}, "42949672 is too little"),
    ],
)
@pytest.mark.parametrize("name", ["ssh.service", "user@1000.service"])
def test_a_unit_that_logins_need_keeps_its_room(
    name: str, directives: dict[str, Any], usage: dict[str, int], shown: dict[str, str], message: str
) -> None:
    host = _host(name, usage, **shown)
    with pytest.raises(SystemdError, match=message):
        plan(request(directives, name=name), host)
    plan(request(directives, name="sipd.service"), observed(unit(loaded(process(), MemoryCurrent="[not set]"))))


@pytest.mark.parametrize(
    "directives",
    [{"LimitNOFILE": "1024:524288"}, {"LimitCORE": 0}, {"TasksMax": "5%"}, {"MemoryMax": "10%"}, {"LimitAS": "8G"}],
)
def test_a_unit_that_logins_need_may_have_ordinary_limits(directives: dict[str, Any]) -> None:
    host = _host("ssh.service", {"LimitNOFILE": 60}, MemoryCurrent="4517888", TasksCurrent="2")
    assert plan(request(directives, name="ssh.service"), host).changed


def test_an_alias_does_not_hide_a_unit_that_logins_need() -> None:
    one = loaded(process(), name="entrance.service", Names="entrance.service sshd.service")
    host = observed(unit(one, asked="entrance.service", name="entrance.service"))
    with pytest.raises(SystemdError, match="too little for a unit that logins need"):
        plan(request({"TasksMax": 5}, name="entrance.service"), host)


def test_a_template_without_instances_keeps_its_room() -> None:
    host = observed(unit(asked="user@.service", name="user@.service"))
    with pytest.raises(SystemdError, match="uses 0 now, and 256 more"):
        plan(request({"LimitNOFILE": 32}, name="user@.service"), host)
