# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._change import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._files import RefusedError
from ansible_collections.siptune.linux.plugins.module_utils._host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._prlimit import own_powers, read_process, set_limit
from ansible_collections.siptune.linux.plugins.module_utils._systemd_limits import (
    _older,
    _pids,
    _raise_one,
    _real_name,
    _restarting,
    _systemctl,
    _try,
    carry_out,
    observe,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd_limits_plan import Bearer, Raise, Request, plan
from ansible_collections.siptune.linux.plugins.module_utils._systemd_settings import UnitSettings, parse_units

ETC = "etc/systemd/system"
LIB = "usr/lib/systemd/system"
DROP_IN = "90-siptune.conf"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The tree of an image that is being built: units, and no systemd that runs."""
    for directory in (ETC, LIB, "var/lib", "proc/self", "proc/1", "run"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / LIB / "sipd.service").write_text("[Service]\nLimitNOFILE=1024:4096\n")
    (tmp_path / LIB / "kam@.service").write_text("[Service]\nTasksMax=5\n")
    return tmp_path


def link(root: Path, name: str, target: str) -> None:
    os.symlink(target, root / ETC / name)


def request(units: dict[str, Any], **options: Any) -> Request:
    return Request(parse_units(units), DROP_IN, **options)


def run(root: Path, wanted: Request) -> tuple[bool, dict[str, str]]:
    """Observe, plan and carry out: whether it changed anything, and the states."""
    host = Host(str(root))
    observed = observe(host, wanted)
    outcome = carry_out(host, wanted, observed, plan(wanted, observed))
    return outcome.changed, {change.item: change.state for change in outcome.changes}


def tree(root: Path) -> dict[str, Any]:
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in root.rglob("*")
    }


# --- an image without a running systemd -----------------------------------------------------


def test_files_are_written_found_again_and_put_back(root: Path) -> None:
    link(root, "alias.service", "/usr/lib/systemd/system/sipd.service")
    before = tree(root)
    units = {"alias.service": {"LimitNOFILE": 8192}, "kam@edge.service": {"Nice": 1}, "late.service": {"Nice": 2}}
    states = {
        "alias.service LimitNOFILE": "pending",
        "kam@edge.service Nice": "pending",
        "late.service Nice": "pending",
    }
    assert run(root, request(units)) == (True, states)
    assert "LimitNOFILE=8192" in (root / ETC / "sipd.service.d" / DROP_IN).read_text()
    assert (root / ETC / "kam@edge.service.d" / DROP_IN).exists()
    assert run(root, request(units)) == (False, states)
    changed, back = run(root, Request([], DROP_IN, others=True))
    assert (changed, set(back.values())) == (True, {"changed"})
    assert tree(root) == before


def test_only_drop_ins_of_this_name_are_put_back(root: Path) -> None:
    run(root, request({"sipd.service": {"Nice": 1}}))
    run(root, Request(parse_units({"sipd.service": {"Nice": 2}}), "50-other.conf"))
    run(root, Request([], DROP_IN, others=True))
    assert sorted(path.name for path in (root / ETC / "sipd.service.d").iterdir()) == ["50-other.conf"]


def test_a_link_in_place_of_the_directory_is_refused_before_anything_is_done(root: Path) -> None:
    (root / "elsewhere").mkdir()
    link(root, "sipd.service.d", str(root / "elsewhere"))
    before = tree(root)
    with pytest.raises(HostError, match="is no plain directory"):
        run(root, request({"late.service": {"Nice": 1}, "sipd.service": {"Nice": 1}}))
    assert tree(root) == before


def test_a_disk_that_refuses_is_undone(root: Path) -> None:
    before = tree(root)
    host = Host(str(root))
    wanted = request({"late.service": {"Nice": 1}, "sipd.service": {"Nice": 1}})
    observed = observe(host, wanted)
    planned = plan(wanted, observed)
    (root / ETC / "sipd.service.d").write_text("a file where a directory has to be")
    with pytest.raises(RefusedError):
        carry_out(host, wanted, observed, planned)
    (root / ETC / "sipd.service.d").unlink()
    assert tree(root) == before


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
def test_the_unit_that_a_name_stands_for(root: Path, links: dict[str, str], asked: str, real: str | None) -> None:
    for name, target in links.items():
        link(root, name, target)
    assert _real_name(Host(str(root)), asked) in ([real] if real else list(links))


# --- processes ------------------------------------------------------------------------------


@pytest.mark.parametrize("mount", ["sys/fs/cgroup", "sys/fs/cgroup/unified", "sys/fs/cgroup/systemd"])
def test_the_processes_of_a_unit_and_of_the_groups_below_it(tmp_path: Path, mount: str) -> None:
    group = tmp_path / mount / "system.slice/sipd.service"
    (group / "workers/one").mkdir(parents=True)
    (group / "cgroup.procs").write_text("12\n7\n0\n")
    (group / "workers/cgroup.procs").write_text("")
    (group / "workers/one/cgroup.procs").write_text("99\n7\n")
    host = Host(str(tmp_path))
    assert _pids(host, {"ControlGroup": "/system.slice/sipd.service"}) == [7, 12, 99]
    assert _pids(host, {"ControlGroup": "/system.slice/other.service"}) == []


@pytest.mark.parametrize("group", ["", "/"])
def test_a_unit_without_a_group_has_no_processes(tmp_path: Path, group: str) -> None:
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cgroup.procs").write_text("1\n")
    assert _pids(Host(str(tmp_path)), {"ControlGroup": group}) == []


@pytest.mark.parametrize(
    ("started", "age_seconds", "older"), [("1", 10, True), ("1", None, False), ("0", 10, False), ("", 10, False)]
)
def test_what_is_older_than_its_drop_in(tmp_path: Path, started: str, age_seconds: int | None, older: bool) -> None:
    if age_seconds is not None:
        (tmp_path / "file").write_text("")
    assert _older(Host(str(tmp_path)), {"ExecMainStartTimestampMonotonic": started}, "/file") is older


def test_a_process_started_after_the_drop_in_was_written_is_not_older(tmp_path: Path) -> None:
    import time

    (tmp_path / "file").write_text("")
    later = int((time.clock_gettime(time.CLOCK_MONOTONIC) + 5) * 10**6)
    assert not _older(Host(str(tmp_path)), {"ExecMainStartTimestampMonotonic": str(later)}, "/file")


@pytest.mark.parametrize(
    ("properties", "restarting"),
    [
        ({"Job": "5", "ActiveState": "active"}, True),
        ({"Job": "", "ActiveState": "activating", "SubState": "start"}, True),
        ({"Job": "", "ActiveState": "deactivating", "SubState": "stop-sigterm"}, True),
        ({"Job": "", "ActiveState": "active", "SubState": "running"}, False),
        ({"Job": "", "ActiveState": "failed"}, False),
        ({"Job": "7", "ActiveState": "activating", "SubState": "auto-restart"}, False),
    ],
)
def test_when_a_restart_is_over(properties: dict[str, str], restarting: bool) -> None:
    assert _restarting(Bearer("a.service", properties, "", [])) is restarting


# --- refusals -------------------------------------------------------------------------------


def refuse(number: int) -> bool:
    raise HostError("process 5", "no", number)


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
def test_a_missing_permission_ends_no_run(number: int) -> None:
    log = UndoLog()
    assert not _try(log, lambda: refuse(number), lambda: None, "x")
    assert log.undo() == ([], [])


def test_any_other_refusal_does() -> None:
    with pytest.raises(HostError):
        _try(UndoLog(), lambda: refuse(errno.EINVAL), lambda: None, "x")


def test_what_was_done_can_be_undone() -> None:
    log, undone = UndoLog(), []
    assert _try(log, lambda: True, lambda: undone.append(1), "x")
    assert not _try(log, lambda: False, lambda: undone.append(2), "y")
    assert (log.undo(), undone) == ((["x"], []), [1])


def test_a_raised_process_is_put_back_when_a_later_step_fails(root: Path) -> None:
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    try:
        host = Host()
        before = read_process(host, child)
        assert before is not None
        hard = before.limits["LimitNOFILE"][1]
        assert set_limit(child, "LimitNOFILE", (100, hard))
        low = read_process(host, child)
        assert low is not None
        observed = observe(Host(str(root)), request({}))._replace(powers=own_powers(host))
        bearer = Bearer("sipd.service", {"MainPID": str(child)}, "", [], [low])
        log = UndoLog()
        assert _raise_one(host, low, bearer, Raise({"LimitNOFILE": (200, hard)}, 900), observed, log)
        raised = read_process(host, child)
        assert raised is not None
        assert (raised.limits["LimitNOFILE"], raised.oom_score_adj) == ((200, hard), 900)
        undone, failed = log.undo()
        assert failed == []
        assert len(undone) == 2
        assert read_process(host, child) == low
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_systemctl_that_fails_or_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="systemctl is not there"):
        _systemctl(Host(), "show")
    script = tmp_path / "systemctl"
    script.write_text("#!/bin/sh\necho Failed to connect to bus >&2\nexit 1\n")
    script.chmod(0o755)
    with pytest.raises(HostError, match="systemctl daemon-reload: Failed to connect to bus"):
        _systemctl(Host(), "daemon-reload")


def test_units_without_settings_are_asked_about_too(root: Path) -> None:
    observed = observe(Host(str(root)), Request([UnitSettings("sipd.service", [])], DROP_IN))
    assert [unit.name for unit in observed.units] == ["sipd.service"]
    assert not observed.systemd_running
