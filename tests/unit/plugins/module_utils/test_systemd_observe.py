# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils import _host
from ansible_collections.siptune.linux.plugins.module_utils._host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._systemd_observe import (
    _defaults,
    _older,
    _real_name,
    observe,
    pids_of,
    systemctl,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd_records import Request
from ansible_collections.siptune.linux.plugins.module_utils._systemd_settings import UnitSettings
from systemd_host import DROP_IN

# --- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("links", "asked", "real"),
    [
        ({}, "sipd.service", "sipd.service"),
        ({}, "late.service", "late.service"),
        ({"alias.service": "sipd.service"}, "alias.service", "sipd.service"),
        ({"alias.service": "/usr/lib/systemd/system/sipd.service"}, "alias.service", "sipd.service"),
        ({"one.service": "two.service", "two.service": "sipd.service"}, "one.service", "sipd.service"),
        ({"one.service": "two.service", "two.service": "one.service"}, "one.service", None),
        ({"sipd.service": "/opt/sipd/sipd.service"}, "sipd.service", "sipd.service"),
        ({"late.service": "/dev/null"}, "late.service", "late.service"),
        ({}, "kam@edge.service", "kam@edge.service"),
        ({"kalias@.service": "kam@.service"}, "kalias@edge.service", "kam@edge.service"),
        ({"kalias@.service": "kam@.service"}, "kalias@.service", "kam@.service"),
        ({"kam@edge.service": "/usr/lib/systemd/system/kam@.service"}, "kam@edge.service", "kam@edge.service"),
        ({}, "none@edge.service", "none@edge.service"),
    ],
)
def test_the_unit_that_a_name_stands_for(image: Path, links: dict[str, str], asked: str, real: str | None) -> None:
    for name, target in links.items():
        (image / "etc/systemd/system" / name).symlink_to(target)
    assert _real_name(Host(str(image)), asked) in ([real] if real else list(links))


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


@pytest.mark.parametrize("group", ["", "/"])
def test_a_unit_without_a_group_has_no_processes(tmp_path: Path, group: str) -> None:
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cgroup.procs").write_text("1\n")
    assert pids_of(Host(str(tmp_path)), {"ControlGroup": group}) == []


@pytest.mark.parametrize(
    ("started", "age_seconds", "older"), [("1", 10, True), ("1", None, False), ("0", 10, False), ("", 10, False)]
)
def test_what_is_older_than_its_drop_in(tmp_path: Path, started: str, age_seconds: int | None, older: bool) -> None:
    if age_seconds is not None:
        (tmp_path / "file").write_text("")
    assert _older(Host(str(tmp_path)), {"ExecMainStartTimestampMonotonic": started}, "/file") is older


def test_a_process_started_after_the_drop_in_was_written_is_not_older(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    later = int((time.clock_gettime(time.CLOCK_MONOTONIC) + 5) * 10**6)
    assert not _older(Host(str(tmp_path)), {"ExecMainStartTimestampMonotonic": str(later)}, "/file")


# --- systemctl ------------------------------------------------------------------------------


def test_a_systemctl_that_fails_or_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="systemctl is not there"):
        systemctl(Host(), "show")
    script = tmp_path / "systemctl"
    script.write_text("#!/bin/sh\necho Failed to connect to bus >&2\nexit 1\n")
    script.chmod(0o755)
    with pytest.raises(HostError, match="systemctl daemon-reload: Failed to connect to bus"):
        systemctl(Host(), "daemon-reload")


def test_a_systemd_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "systemctl"
    script.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_host, "COMMAND_TIMEOUT_SECONDS", 0.2)
    with pytest.raises(HostError) as caught:
        systemctl(Host(), "--no-pager", "show")
    assert str(caught.value) == "systemctl show: did not end within 0.2 s: systemd does not answer"


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
    assert len(observed.units[0].bearers) == int(running)


WITNESS = {
    "Id": "rescue.service",
    "LoadState": "loaded",
    "FragmentPath": "/usr/lib/systemd/system/rescue.service",
    "LimitNOFILESoft": "1024",
    "LimitNOFILE": "524288",
    "Nice": "0",
    "TasksMax": "28909",
}
OTHER_WITNESS = {**WITNESS, "Id": "emergency.service", "FragmentPath": "/usr/lib/systemd/system/emergency.service"}


def test_systemds_defaults_are_seen_at_services_that_set_nothing(image: Path) -> None:
    files = {
        "usr/lib/systemd/system/rescue.service": "[Service]\nTasksMax=5\n",
        "etc/systemd/system/rescue.service.d/x.conf": "[Service]\nNice=3\n",
        "usr/lib/systemd/system/emergency.service": "[Service]\nNice=4\n",
    }
    for name, text in files.items():
        (image / name).parent.mkdir(exist_ok=True)
        (image / name).write_text(text)
    shown = [{**OTHER_WITNESS, "TasksMax": "77", "Nice": "4"}, {**WITNESS, "TasksMax": "5", "Nice": "3"}]
    defaults = _defaults(Host(str(image)), shown)
    assert (defaults["LimitNOFILESoft"], defaults["LimitNOFILE"]) == ("1024", "524288")
    assert defaults["TasksMax"] == "77"
    assert "Nice" not in defaults


@pytest.mark.parametrize("shown", [[], [{**WITNESS, "LoadState": "masked"}], [{**WITNESS, "Id": "sipd.service"}]])
def test_without_a_witness_no_default_is_known(image: Path, shown: list[dict[str, str]]) -> None:
    assert _defaults(Host(str(image)), shown) == {}


def test_units_without_settings_are_asked_about_too(image: Path) -> None:
    observed = observe(Host(str(image)), Request([UnitSettings("sipd.service", [])], DROP_IN))
    assert [unit.name for unit in observed.units] == ["sipd.service"]
    assert not observed.systemd_running
