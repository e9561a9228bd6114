# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.rlimits import INFINITY, Process
from ansible_collections.siptune.linux.plugins.module_utils._units.model import Container, Request
from ansible_collections.siptune.linux.plugins.module_utils._units.observe import (
    _by_unit,
    _container,
    _defaults,
    _started_before_drop_in,
    _usage,
    observe,
    pids_of,
    start_deadline,
    unit_processes,
)
from ansible_collections.siptune.linux.plugins.module_utils._units.settings import UnitSettings
from systemd_host import DROP_IN

# --- processes ------------------------------------------------------------------------------


@pytest.mark.parametrize("mount", ["sys/fs/cgroup", "sys/fs/cgroup/unified", "sys/fs/cgroup/systemd"])
def test_the_processes_of_a_unit_and_of_the_groups_below_it(tmp_path: Path, mount: str) -> None:
    group = tmp_path / mount / "system.slice/sipd.service"
    (group / "workers/one").mkdir(parents=True)
    (group / "cgroup.procs").write_text("12\n7\n0\n")
    (group / "workers/cgroup.procs").write_text("")
    (group / "workers/one/cgroup.procs").write_text("99\n7\n")
    host = Host(str(tmp_path))
    assert pids_of(host, {"ControlGroup": "/system.slice/sipd.service"}) == [7, 12, 99]
    assert pids_of(host, {"ControlGroup": "/system.slice/other.service"}) == []


def test_a_service_that_nests_its_groups_as_deeply_as_a_path_goes(tmp_path: Path) -> None:
    group = tmp_path / "sys/fs/cgroup/g"
    group.mkdir(parents=True)
    below = [str(group) + "/a" * depth for depth in range(1500)]
    for directory in below[1:]:
        os.mkdir(directory)
    for directory in below:
        Path(f"{directory}/cgroup.procs").touch()
    Path(f"{below[-1]}/cgroup.procs").write_text("99\n")
    found = pids_of(Host(str(tmp_path)), {"ControlGroup": "/g"})
    for directory in reversed(below):  # shutil.rmtree would not get that deep
        os.unlink(f"{directory}/cgroup.procs")
        os.rmdir(directory)
    assert found == [99]


@pytest.mark.parametrize("group", ["", "/"])
def test_a_unit_without_a_group_has_no_processes(tmp_path: Path, group: str) -> None:
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cgroup.procs").write_text("1\n")
    assert pids_of(Host(str(tmp_path)), {"ControlGroup": group}) == []


QUADLET = "/etc/containers/systemd/sipd.container"


@pytest.mark.parametrize(
    ("source", "payload", "tasks", "expected"),
    [
        pytest.param("", False, "", None, id="no container"),
        pytest.param("/etc/init.d/sipd", False, "", None, id="a script"),
        pytest.param(QUADLET, False, "", Container(QUADLET), id="a quadlet that does not run"),
        pytest.param(QUADLET, True, "2048", Container(QUADLET, [7, 12], 2048), id="a quadlet"),
        pytest.param(QUADLET, True, "max", Container(QUADLET, [7, 12], INFINITY), id="without a bound"),
        pytest.param("", True, "many", Container("/etc/sipd.service", [7, 12]), id="a unit of the operator's own"),
    ],
)
def test_the_container_of_a_unit(
    tmp_path: Path, source: str, payload: bool, tasks: str, expected: Container | None
) -> None:
    shown = {**put_group(tmp_path, "40\n"), "SourcePath": source, "FragmentPath": "/etc/sipd.service"}
    if payload:
        group = tmp_path / "sys/fs/cgroup/system.slice/sipd.service/libpod-payload-1f"
        group.mkdir()
        (group / "cgroup.procs").write_text("12\n7\n")
        (group / "pids.max").write_text(f"{tasks}\n")
    assert _container(Host(str(tmp_path)), shown) == expected


def put_process(root: Path, pid: int, executable: str) -> None:
    directory = root / "proc" / str(pid)
    directory.mkdir(parents=True)
    (directory / "exe").symlink_to(executable)
    (directory / "limits").write_text(f"{'Max open files':26}{20000:<21}{20000:<21}files\n")


def put_group(root: Path, pids: str) -> dict[str, str]:
    group = root / "sys/fs/cgroup/system.slice/sipd.service"
    group.mkdir(parents=True)
    (group / "cgroup.procs").write_text(pids)
    return {"ControlGroup": "/system.slice/sipd.service"}


def test_a_process_on_its_way_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    shown = put_group(tmp_path, "7\n12\n")
    put_process(tmp_path, 7, "/usr/sbin/sipd")
    put_process(tmp_path, 12, "/usr/lib/systemd/systemd-executor")
    deadline = time.monotonic() + 0.2
    processes, on_their_way = unit_processes(Host(str(tmp_path)), shown, deadline)
    assert ([process.pid for process in processes], on_their_way) == ([7], [12])
    assert time.monotonic() >= deadline


def test_a_process_that_reaches_its_program_meanwhile_is_one_of_the_units(tmp_path: Path) -> None:
    shown = put_group(tmp_path, "12\n")
    put_process(tmp_path, 12, "/usr/lib/systemd/systemd-executor")

    def reach() -> None:
        (tmp_path / "proc/12/exe").unlink()
        (tmp_path / "proc/12/exe").symlink_to("/usr/sbin/sipd")

    timer = threading.Timer(0.2, reach)
    timer.start()
    processes, on_their_way = unit_processes(Host(str(tmp_path)), shown, start_deadline())
    timer.join()
    assert ([process.pid for process in processes], on_their_way) == ([12], [])


@pytest.mark.parametrize(
    ("started", "written", "expected"), [("1", True, True), ("1", False, False), ("0", True, False), ("", True, False)]
)
def test_a_process_started_before_its_drop_in(tmp_path: Path, started: str, written: bool, expected: bool) -> None:
    if written:
        (tmp_path / "file").write_text("")
    shown = {"ExecMainStartTimestampMonotonic": started}
    assert _started_before_drop_in(Host(str(tmp_path)), shown, "/file") is expected


def test_a_process_started_after_its_drop_in(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    later = int((time.clock_gettime(time.CLOCK_MONOTONIC) + 5) * 10**6)
    assert not _started_before_drop_in(Host(str(tmp_path)), {"ExecMainStartTimestampMonotonic": str(later)}, "/file")


@pytest.mark.parametrize(
    ("answer", "running"),
    [
        pytest.param("", False, id="a chroot"),
        pytest.param("Id=sipd.service\nNames=sipd.service\nLoadState=loaded", True, id="systemd"),
    ],
)
def test_whether_systemd_runs(image: Path, monkeypatch: pytest.MonkeyPatch, answer: str, running: bool) -> None:
    (image / "run/systemd/system").mkdir(parents=True)
    (image / "bin").mkdir()
    (image / "bin/systemctl").write_text(f"#!/bin/sh\nprintf '{answer}'\n")
    (image / "bin/systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(image / "bin"))
    observed = observe(Host(str(image)), Request([UnitSettings("sipd.service", [])], DROP_IN))
    assert observed.systemd_running is running
    assert len(observed.units[0].loaded) == int(running)


REFERENCE = {
    "Id": "rescue.service",
    "LoadState": "loaded",
    "FragmentPath": "/usr/lib/systemd/system/rescue.service",
    "LimitNOFILESoft": "1024",
    "LimitNOFILE": "524288",
    "Nice": "0",
    "TasksMax": "28909",
}
OTHER_REFERENCE = {**REFERENCE, "Id": "emergency.service", "FragmentPath": "/usr/lib/systemd/system/emergency.service"}


def test_systemds_defaults_are_seen_at_services_that_set_nothing(image: Path) -> None:
    files = {
        "usr/lib/systemd/system/rescue.service": "[Service]\nTasksMax=5\n",
        "etc/systemd/system/rescue.service.d/x.conf": "[Service]\nNice=3\n",
        "usr/lib/systemd/system/emergency.service": "[Service]\nNice=4\n",
    }
    for name, text in files.items():
        (image / name).parent.mkdir(exist_ok=True)
        (image / name).write_text(text)
    shown = [{**OTHER_REFERENCE, "TasksMax": "77", "Nice": "4"}, {**REFERENCE, "TasksMax": "5", "Nice": "3"}]
    defaults = _defaults(Host(str(image)), shown)
    assert (defaults["LimitNOFILESoft"], defaults["LimitNOFILE"]) == ("1024", "524288")
    assert defaults["TasksMax"] == "77"
    assert "Nice" not in defaults


@pytest.mark.parametrize("shown", [[], [{**REFERENCE, "LoadState": "masked"}], [{**REFERENCE, "Id": "sipd.service"}]])
def test_without_a_witness_no_default_is_known(image: Path, shown: list[dict[str, str]]) -> None:
    assert _defaults(Host(str(image)), shown) == {}


def test_units_without_settings_are_asked_about_too(image: Path) -> None:
    observed = observe(Host(str(image)), Request([UnitSettings("sipd.service", [])], DROP_IN))
    assert [unit.name for unit in observed.units] == ["sipd.service"]
    assert not observed.systemd_running


def test_each_unit_has_its_own_properties_and_a_template_those_of_its_instances() -> None:
    shown = [
        {"Id": "a.service", "Names": "a.service alias.service"},
        {"Id": "kam@edge.service", "Names": "kam@edge.service"},
        {"Id": "kam@core.service", "Names": "kam@core.service also@core.service"},
        {"Id": "other.service", "Names": "other.service"},
    ]
    named = {"a.service", "alias.service", "kam@.service", "kam@core.service", "also@.service", "gone.service"}
    found = {name: [one["Id"] for one in units] for name, units in _by_unit(shown, named).items()}
    assert found == {
        "a.service": ["a.service"],
        "alias.service": ["a.service"],
        "kam@.service": ["kam@edge.service"],
        "kam@core.service": ["kam@core.service"],
    }


def test_the_time_for_many_units_is_linear() -> None:
    """Four times as many take about four times as long; what takes the square would take sixteen times."""

    def seconds(count: int) -> float:
        shown = [{"Id": f"unit-{number}.service", "Names": f"unit-{number}.service"} for number in range(count)]
        names = {one["Id"] for one in shown}
        before = time.process_time()
        assert len(_by_unit(shown, names)) == count
        return time.process_time() - before

    small, large = min(seconds(500) for _ in range(3)), min(seconds(2000) for _ in range(3))
    assert large < 10 * max(small, 0.001)


def test_what_the_largest_process_uses(tmp_path: Path) -> None:
    for pid, peak, descriptors in ((7, 9000, 3), (8, 4000, 5)):
        process = tmp_path / f"proc/{pid}"
        (process / "fd").mkdir(parents=True)
        for number in range(descriptors):
            (process / f"fd/{number}").symlink_to("/dev/null")
        text = f"Name:\tx\nVmPeak:\t    {peak} kB\nVmLck:\t       0 kB\nVmData:\t     100 kB\nVmStk:\t     132 kB\n"
        (process / "status").write_text(text)
    processes = [Process(pid, {}, None, None) for pid in (7, 8, 9)]
    assert _usage(Host(str(tmp_path)), processes) == {
        "LimitAS": 9000 * 1024,
        "LimitDATA": 100 * 1024,
        "LimitSTACK": 132 * 1024,
        "LimitMEMLOCK": 0,
        "LimitNOFILE": 5,
    }
