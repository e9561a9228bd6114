# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes as /proc shows them, from text captured on Debian 11 and 12."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.processes import (
    ControlGroup,
    ProcessNames,
    ProcessStatus,
    control_group,
    manager_root,
    namespace_root,
    parse_control_group,
    parse_environment,
    parse_start_ticks,
    parse_status,
    process_environment,
    process_names,
    runs_program_of,
    start_ticks,
    started_by_root,
)
from hypothesis import given
from hypothesis import strategies as st

ASTERISK_STATUS = """Name:\tasterisk
Umask:\t0022
State:\tS (sleeping)
Tgid:\t370
Ngid:\t0
Pid:\t370
PPid:\t1
TracerPid:\t0
Uid:\t104\t104\t104\t104
Gid:\t105\t105\t105\t105
FDSize:\t64
NStgid:\t370
NSpid:\t370
NSpgid:\t370
NSsid:\t370
VmPeak:\t 1195480 kB
"""


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (ASTERISK_STATUS, ProcessStatus(1, 104, False)),
        (ASTERISK_STATUS.replace("NSpid:\t370", "NSpid:\t4711\t370"), ProcessStatus(1, 104, True)),
        (ASTERISK_STATUS.replace("NSpid:\t370\n", ""), ProcessStatus(1, 104, False)),
        (ASTERISK_STATUS.replace("Uid:", "Uid"), None),
        (ASTERISK_STATUS.replace("PPid:\t1\n", ""), None),
        ("", None),
    ],
    ids=["daemon", "in a container", "before Linux 4.1", "no user", "no parent", "ended"],
)
def test_status(status: str, expected: ProcessStatus | None) -> None:
    assert parse_status(status) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ("A=1\0B=x=y\0", {"A": "1", "B": "x=y"}),
        ("EMPTY=\0stray\0", {"EMPTY": ""}),
        ("", {}),
    ],
    ids=["equals sign in a value", "a word without one", "empty"],
)
def test_environment(environ: str, expected: dict) -> None:
    assert parse_environment(environ) == expected


@given(text=st.text())
def test_arbitrary_text_never_raises(text: str) -> None:
    parse_environment(text)
    parse_status(text)
    parse_status("PPid:\t" + text + "\nUid:\t" + text + "\t0\nNSpid:\t" + text)


def write(root: Path, path: str, text: str) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def test_names_of_all_processes(tmp_path: Path) -> None:
    for pid, comm in {1: "systemd", 12: "bpftune", 7: "bpftune", 9: "a long name in s"}.items():
        write(tmp_path, f"/proc/{pid}/comm", f"{comm}\n")
    write(tmp_path, "/proc/uptime", "1 2\n")
    (tmp_path / "proc/99").mkdir()  # ended between the listing and the reading
    found = process_names(Host(str(tmp_path)))
    assert found == ProcessNames({1: "systemd", 7: "bpftune", 9: "a long name in s", 12: "bpftune"}, True)
    assert found.pids_named("bpftune") == [7, 12]


def test_a_long_name_is_found_as_the_kernel_cuts_it() -> None:
    assert ProcessNames({5: "ngcp-rtpengine-"}, True).pids_named("ngcp-rtpengine-daemon") == [5]


def test_hidden_processes_make_the_names_incomplete(tmp_path: Path) -> None:
    write(tmp_path, "/proc/4711/comm", "python3\n")
    assert not process_names(Host(str(tmp_path))).complete
    assert not process_names(Host(str(tmp_path / "nothing"))).complete


def test_an_environment_that_may_not_be_seen_is_empty(tmp_path: Path) -> None:
    (tmp_path / "proc/5/environ").mkdir(parents=True)  # reading it fails, even for root
    assert process_environment(Host(str(tmp_path)), 5) == {}


STAT = (Path(__file__).parents[1] / "captured/process-stat.txt").read_text(encoding="ascii")


def test_when_a_process_began() -> None:
    fields = STAT.rpartition(")")[2].split()
    assert parse_start_ticks(STAT) == int(fields[19])
    assert parse_start_ticks(STAT.replace("(", "((a) 1 2 ")) == int(fields[19])
    assert parse_start_ticks("") is None
    assert parse_start_ticks("1 (a) S 1") is None
    assert start_ticks(Host(), 2**22 + 1) is None


@given(st.text())
def test_no_start_is_too_strange(text: str) -> None:
    assert parse_start_ticks(text) is None or parse_start_ticks(text) >= 0


# --- control groups ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cgroup", "expected"),
    [
        pytest.param("0::/system.slice/asterisk.service\n", "/system.slice/asterisk.service", id="version 2"),
        pytest.param(
            "9:name=systemd:/system.slice/asterisk.service\n2:cpuacct:/\n0::/\n",
            "/system.slice/asterisk.service",
            id="version 1",
        ),
        pytest.param(
            "12:cpu,cpuacct:/user.slice\n1:name=systemd:/user.slice/user-0.slice/session-1.scope\n"
            "0::/user.slice/user-0.slice/session-1.scope\n",
            "/user.slice/user-0.slice/session-1.scope",
            id="both",
        ),
        pytest.param("2:name=systemd:/\n0::/system.slice/a.service\n", "/system.slice/a.service", id="an empty one"),
        pytest.param("0::/system.slice/a.service (deleted)\n", "/system.slice/a.service", id="ended"),
        pytest.param("0::/a:b/c\n", "/a:b/c", id="colons"),
        pytest.param("0::/\n", "", id="root"),
        pytest.param("4:pids:/system.slice/a.service\n", "", id="another controller"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_the_control_group_of_systemd(cgroup: str, expected: str) -> None:
    assert parse_control_group(cgroup) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/system.slice/edge.service/libpod-payload-1f", True),
        ("/system.slice/edge.service/libpod-payload-1f/container", True),
        ("/system.slice/edge.service/libpod-payload-1f/init.scope", False),
        ("/system.slice/edge.service/libpod-payload-1f/system.slice/kamailio.service", False),
        ("/system.slice/edge.service/runtime", False),
        ("/system.slice/edge.service/below/libpod-payload-1f", False),
        ("/system.slice/edge.service", False),
        ("/user.slice/user-9.slice/user@9.service/app.slice/edge.service/libpod-payload-1f", False),
        ("/libpod-payload-1f", False),
        ("", False),
    ],
)
def test_the_container_of_a_unit(path: str, expected: bool) -> None:
    assert ControlGroup(path).in_container_of_unit is expected


@pytest.mark.parametrize(
    ("path", "unit", "of_users"),
    [
        ("", "", False),
        ("/system.slice/freepbx.service", "freepbx.service", False),
        ("/system.slice/system-kamailio.slice/kamailio@edge.service", "kamailio@edge.service", False),
        ("/system.slice/docker-0a1b.scope", "docker-0a1b.scope", False),
        ("/docker/0a1b", "", False),
        ("/system.slice", "", False),
        ("/system.slice/a.service/b.service", "a.service", False),
        ("/user.slice/user-1.slice/user@1.service/app.slice/kamailio.service", "user@1.service", True),
        ("/user.slice/user-1.slice/session-2.scope", "session-2.scope", True),
        ("/users.slice/a.service", "a.service", False),
        ("/lxc.payload.a/system.slice/kamailio.service", "", False),
    ],
)
def test_the_unit_of_a_control_group(path: str, unit: str, of_users: bool) -> None:
    group = ControlGroup(path)
    assert (group.unit, group.of_users) == (unit, of_users)


@pytest.mark.parametrize(
    ("first", "process", "expected"),
    [
        ("/init.scope", "/system.slice/a.service", "/system.slice/a.service"),
        ("/", "/system.slice/a.service", "/system.slice/a.service"),
        ("/x.slice/docker-1.scope/init.scope", "/x.slice/docker-1.scope/a.slice/a.service", "/a.slice/a.service"),
        ("/x.slice/docker-1.scope", "/x.slice/docker-1.scope", ""),
        ("/x.slice/docker-1.scope", "/x.slice/docker-12.scope/system.slice/a.service", ""),
        ("/x.slice/docker-1.scope", "/system.slice/a.service", ""),
        ("/", "/../system.slice/a.service", ""),
    ],
)
def test_a_control_group_below_that_of_the_systems_manager(
    tmp_path: Path, first: str, process: str, expected: str
) -> None:
    write(tmp_path, "/proc/1/cgroup", f"0::{first}\n")
    write(tmp_path, "/proc/7/cgroup", f"0::{process}\n")
    host = Host(str(tmp_path))
    assert control_group(host, 7, manager_root(host)) == ControlGroup(expected)


@given(text=st.text())
def test_any_control_group_is_parsed(text: str) -> None:
    assert isinstance(ControlGroup(parse_control_group(text)).unit, str)


# --- programs ---------------------------------------------------------------------------------


def test_whose_program_a_process_runs(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("")
    link = tmp_path / "proc/7/exe"
    link.parent.mkdir(parents=True)
    link.symlink_to(program)
    host, uid = Host(str(tmp_path)), program.stat().st_uid
    for mode in (0o755, 0o555, 0o757, 0o775, 0o4755, 0o2755):
        program.chmod(mode)
        assert runs_program_of(host, 7, (uid,)) is (mode in (0o755, 0o555))
        assert runs_program_of(host, 7, (uid + 1,)) is False
    assert runs_program_of(host, 8, (uid,)) is None


@pytest.mark.parametrize(("uid", "nspid", "expected"), [("0", "7", True), ("1000", "7", False), ("0", "7\t1", False)])
def test_a_process_of_root(tmp_path: Path, uid: str, nspid: str, expected: bool) -> None:
    write(tmp_path, "/proc/7/status", f"PPid:\t1\nUid:\t{uid}\t0\t0\t0\nNSpid:\t{nspid}\n")
    (tmp_path / "proc/7/exe").symlink_to("/bin/sh")
    assert started_by_root(Host(str(tmp_path)), 7) is expected
    (tmp_path / "proc/7/exe").unlink()
    (tmp_path / "program").touch(0o777)
    (tmp_path / "program").chmod(0o777)
    (tmp_path / "proc/7/exe").symlink_to(tmp_path / "program")
    assert not started_by_root(Host(str(tmp_path)), 7)


@pytest.mark.parametrize(
    ("uid_map", "expected"),
    [
        ("         0          0 4294967295\n", 0),
        ("         0     100000      65536\n", 100000),
        ("      1000       1000          1\n         0     100000      65536\n", 100000),
        ("", 0),
    ],
)
def test_the_root_of_a_user_namespace(tmp_path: Path, uid_map: str, expected: int) -> None:
    write(tmp_path, "/proc/7/uid_map", uid_map)
    assert namespace_root(Host(str(tmp_path)), 7) == expected
