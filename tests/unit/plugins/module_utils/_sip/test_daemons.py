# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP daemons, from unit trees and `systemctl show` captured on Debian 11 (asterisk) and 13 (kamailio, rtpengine)."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import CommandResult, Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._host.processes import process_names
from ansible_collections.siptune.linux.plugins.module_utils._sip import daemons
from ansible_collections.siptune.linux.plugins.module_utils._sip.daemons import (
    DAEMONS,
    SipDaemon,
    Unit,
    find_processes,
    find_unit_names,
    first_processes,
    is_client_call,
    loaded_units,
    of_users,
    sip_daemons,
    unit_stem,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd.systemctl import parse_show
from hypothesis import given
from hypothesis import strategies as st
from sip_trees import PROGRAM

BY_NAME = {daemon.name: daemon for daemon in DAEMONS}

SHOWN_ON_DEBIAN_13 = """MainPID=0
Id=rtpengine-daemon.service
Names=rtpengine-daemon.service rtpengine.service
LoadState=loaded
ActiveState=failed
SubState=failed

MainPID=0
Id=rtpengine-daemon.service
Names=rtpengine-daemon.service rtpengine.service
LoadState=loaded
ActiveState=failed
SubState=failed

MainPID=0
Id=kamailio@off.service
Names=kamailio@off.service
LoadState=loaded
ActiveState=inactive
SubState=dead

MainPID=172
Id=kamailio@edge.service
Names=kamailio@edge.service
LoadState=loaded
ActiveState=active
SubState=running
"""
SHOWN_NOT_FOUND = """MainPID=0
Id=kamailio.service
Names=kamailio.service
LoadState=not-found
ActiveState=inactive
SubState=dead
"""
SHOWN_RUNNING = """MainPID=36
Id=asterisk.service
Names=asterisk.service
LoadState=loaded
ActiveState=active
SubState=running
"""
SHOWN_EXITED = """MainPID=0
Id=freeswitch.service
Names=freeswitch.service
LoadState=loaded
ActiveState=active
SubState=exited
"""


class SystemdHost(Host):
    """A tree with a systemd that answers `systemctl show` with captured text, or refuses."""

    def __init__(self, root: Path, shown: str | None, status: int = 0) -> None:
        super().__init__(str(root))
        self.shown = shown
        self.status = status
        self.asked: list[str] = []

    def run(self, arguments):
        self.asked = list(arguments)
        if self.shown is None:
            raise HostError("systemctl", "did not end within 30 s")
        return CommandResult(self.status, self.shown, "")


def place(root: Path, path: str, text: str = "") -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def run_process(
    root: Path,
    pid: int,
    comm: str,
    parent: int = 1,
    cgroup: str = "/",
    command_line: str = "",
    nspid: str = "",
    uid: int = 0,
    program: str = PROGRAM,
    state: str = "S (sleeping)",
) -> None:
    place(root, f"/proc/{pid}/comm", f"{comm}\n")
    status = f"State:\t{state}\nPPid:\t{parent}\nUid:\t{uid}\t0\t0\t0\nNSpid:\t{nspid or pid}\n"
    place(root, f"/proc/{pid}/status", status)
    place(root, f"/proc/{pid}/cgroup", f"0::{cgroup}\n")
    place(root, f"/proc/{pid}/cmdline", command_line)
    link = root / f"proc/{pid}/exe"
    link.unlink(missing_ok=True)
    link.symlink_to(program)


def found(host: Host, systemd_running: bool = False) -> list[tuple]:
    records = sip_daemons(host, process_names(host), systemd_running)
    assert all(record.installed for record in records)
    return [(record.name, record.unit, record.running, record.main_pid, record.user) for record in records]


@pytest.fixture(name="root")
def root_with_first_process(tmp_path: Path) -> Path:
    place(tmp_path, "/proc/1/comm", "systemd\n")
    return tmp_path


# --- parsers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kamailio.service", "kamailio"),
        ("kamailio@.service", "kamailio"),
        ("kamailio@edge.service", "kamailio"),
        ("kamailio@a\\x2db.service", "kamailio"),
        ("ngcp-rtpengine-daemon.service", "ngcp-rtpengine-daemon"),
        ("kamailio.service.d", None),
        ("kamailio.socket", None),
        ("kamailio; reboot.service", None),
        ("kamailio@a b.service", None),
        ("", None),
    ],
)
def test_unit_stem(name: str, expected: str | None) -> None:
    assert unit_stem(name) == expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (
            SHOWN_ON_DEBIAN_13,
            [
                Unit("rtpengine-daemon.service", ("rtpengine-daemon.service", "rtpengine.service"), False, None),
                Unit("kamailio@off.service", ("kamailio@off.service",), False, None),
                Unit("kamailio@edge.service", ("kamailio@edge.service",), True, 172),
            ],
        ),
        (SHOWN_NOT_FOUND, []),
        (SHOWN_EXITED, [Unit("freeswitch.service", ("freeswitch.service",), False, None)]),
        ("", []),
    ],
    ids=["alias once, two instances", "not found", "active but exited", "nothing"],
)
def test_units(shown: str, expected: list[Unit]) -> None:
    assert loaded_units(parse_show(shown)) == expected


@pytest.mark.parametrize(
    ("command_line", "expected"),
    [
        ("/usr/sbin/asterisk\0-g\0-f\0-p\0-U\0asterisk\0-G\0asterisk\0", False),
        ("/usr/sbin/asterisk\0-Uasterisk\0-fp\0", False),
        ("/usr/sbin/asterisk\0-C\0/etc/asterisk/other.conf\0", False),
        ("/usr/sbin/asterisk\0", False),
        ("rasterisk\0r\0", True),
        ("asterisk\0-rvvv\0", True),
        ("asterisk\0-vvvr\0", True),
        ("asterisk\0-x\0core show channels\0", True),
        ("/usr/sbin/asterisk\0-R\0", True),
    ],
    ids=["Debian", "user attached", "another configuration", "plain", "as it names itself", "-r", "-vr", "-x", "-R"],
)
def test_a_console_of_asterisk_is_no_daemon(command_line: str, expected: bool) -> None:
    assert is_client_call(BY_NAME["asterisk"], command_line) is expected


def test_other_daemons_have_no_console() -> None:
    assert not is_client_call(BY_NAME["kamailio"], "/usr/sbin/kamailio\0-r\0")


@given(text=st.text())
def test_arbitrary_text_never_raises(text: str) -> None:
    unit_stem(text)
    loaded_units(parse_show(text))
    loaded_units(parse_show(f"Id=kamailio.service\nMainPID={text}\nNames={text}\nLoadState={text}"))
    is_client_call(BY_NAME["asterisk"], text)


# --- unit files ------------------------------------------------------------------------------


def test_unit_files_are_found_where_systemd_looks(tmp_path: Path) -> None:
    place(tmp_path, "/usr/lib/systemd/system/kamailio@.service")
    place(tmp_path, "/etc/systemd/system/multi-user.target.wants/kamailio@edge.service")
    place(tmp_path, "/usr/local/lib/systemd/system/freeswitch.service")
    place(tmp_path, "/etc/systemd/system/asterisk.service")
    place(tmp_path, "/usr/lib/systemd/system/asterisk.service")
    place(tmp_path, "/lib/systemd/system/kamailio-exporter.service")
    place(tmp_path, "/lib/systemd/system/ssh.service")
    assert find_unit_names(Host(str(tmp_path))) == {
        "asterisk.service": "/etc/systemd/system/asterisk.service",
        "kamailio@edge.service": "/etc/systemd/system/multi-user.target.wants/kamailio@edge.service",
        "freeswitch.service": "/usr/local/lib/systemd/system/freeswitch.service",
        "kamailio@.service": "/usr/lib/systemd/system/kamailio@.service",
    }


# --- records ---------------------------------------------------------------------------------


def test_debian_13_with_an_instance_and_an_alias(root: Path) -> None:
    place(root, "/usr/lib/systemd/system/rtpengine-daemon.service")
    (root / "usr/lib/systemd/system/rtpengine.service").symlink_to("rtpengine-daemon.service")
    place(root, "/etc/systemd/system/kamailio@.service")
    run_process(root, 172, "kamailio", cgroup="/system.slice/system-kamailio.slice/kamailio@edge.service")
    run_process(root, 173, "kamailio", 172, "/system.slice/system-kamailio.slice/kamailio@edge.service")
    host = SystemdHost(root, SHOWN_ON_DEBIAN_13)
    assert found(host, systemd_running=True) == [
        ("kamailio", "kamailio@edge.service", True, 172, "root"),
        ("kamailio", "kamailio@off.service", False, None, None),
        ("rtpengine", "rtpengine-daemon.service", False, None, None),
    ]
    assert host.asked[-3:] == ["kamailio@*.service", "rtpengine-daemon.service", "rtpengine.service"]


def test_without_a_unit_file_no_process_is_started(root: Path) -> None:
    run_process(root, 36, "asterisk")
    host = SystemdHost(root, "")
    assert found(host, systemd_running=True) == [("asterisk", None, True, 36, "root")]
    assert host.asked == []


def test_a_unit_beside_a_copy_started_by_hand_and_a_console(root: Path) -> None:
    place(root, "/lib/systemd/system/asterisk.service")
    run_process(root, 36, "asterisk", cgroup="/system.slice/asterisk.service")
    session = "/user.slice/user-0.slice/session-3.scope"
    run_process(root, 50, "asterisk", cgroup=session)
    run_process(root, 60, "asterisk", 50, session)
    run_process(root, 61, "asterisk", 40, session, command_line="rasterisk\0r\0")
    assert found(SystemdHost(root, SHOWN_RUNNING), systemd_running=True) == [
        ("asterisk", None, True, 50, "root"),
        ("asterisk", "asterisk.service", True, 36, "root"),
    ]


def test_a_unit_without_a_main_process_is_known_by_its_control_group(root: Path) -> None:
    place(root, "/lib/systemd/system/freeswitch.service")
    assert found(SystemdHost(root, SHOWN_EXITED), systemd_running=True) == [
        ("freeswitch", "freeswitch.service", False, None, None)
    ]
    run_process(root, 90, "freeswitch", cgroup="/system.slice/freeswitch.service")
    assert found(SystemdHost(root, SHOWN_EXITED), systemd_running=True) == [
        ("freeswitch", "freeswitch.service", True, 90, "root")
    ]


@pytest.mark.parametrize(("shown", "status"), [(None, 0), ("", 1)], ids=["too slow", "no bus"])
def test_a_systemd_that_does_not_answer_leaves_files_and_processes(root: Path, shown: str | None, status: int) -> None:
    place(root, "/lib/systemd/system/kamailio.service")
    run_process(root, 75, "kamailio", cgroup="/system.slice/kamailio.service")
    assert found(SystemdHost(root, shown, status), systemd_running=True) == [
        ("kamailio", "kamailio.service", True, 75, "root")
    ]


def test_without_systemd_an_alias_is_no_second_unit(root: Path) -> None:
    place(root, "/lib/systemd/system/rtpengine-daemon.service")
    place(root, "/lib/systemd/system/kamailio@.service")
    aliases = root / "etc/systemd/system"
    (aliases / "multi-user.target.wants").mkdir(parents=True)
    (aliases / "rtpengine.service").symlink_to("/lib/systemd/system/rtpengine-daemon.service")
    (aliases / "multi-user.target.wants/kamailio@edge.service").symlink_to("/lib/systemd/system/kamailio@.service")
    assert found(Host(str(root))) == [
        ("kamailio", "kamailio@edge.service", False, None, None),
        ("rtpengine", "rtpengine-daemon.service", False, None, None),
    ]


def test_a_daemon_in_a_container_is_not_the_hosts_unit_nor_user(root: Path) -> None:
    place(root, "/lib/systemd/system/kamailio.service")
    cgroup = "/machine.slice/libpod-1.scope/system.slice/kamailio.service"
    run_process(root, 800, "kamailio", cgroup=cgroup, nspid="800\t75")
    assert found(Host(str(root))) == [
        ("kamailio", None, True, 800, None),
        ("kamailio", "kamailio.service", False, None, None),
    ]


@pytest.mark.parametrize("binary", [daemon.binaries[0] for daemon in DAEMONS])
def test_a_binary_alone(root: Path, binary: str) -> None:
    place(root, binary)
    assert found(Host(str(root))) == [(binary.rsplit("/", 1)[-1], None, False, None, None)]


def test_where_processes_are_hidden_nothing_is_said_not_to_run(tmp_path: Path) -> None:
    place(tmp_path, "/usr/sbin/kamailio")
    place(tmp_path, "/lib/systemd/system/asterisk.service")
    assert found(Host(str(tmp_path))) == [
        ("asterisk", "asterisk.service", None, None, None),
        ("kamailio", None, None, None, None),
    ]


def test_a_host_without_sip(root: Path) -> None:
    assert found(Host(str(root))) == []


def test_a_record_has_the_documented_fields() -> None:
    configured = ("rtp_ports", "sip_ports", "udp_ports", "tcp_ports", "ceilings", "notes")
    assert SipDaemon._fields == ("name", "unit", "installed", "running", "main_pid", "user", "no_unit", *configured)


def test_workers_belong_to_the_first_process_of_their_own_line(root: Path) -> None:
    for pid, parent in ((50, 1), (51, 50), (52, 51), (60, 1), (61, 60), (70, 71), (71, 70)):
        run_process(root, pid, "kamailio", parent)
    host = Host(str(root))
    found = first_processes(host, BY_NAME["kamailio"], process_names(host))
    assert [(process.pid, process.workers) for process in found] == [(50, (51, 52)), (60, (61,))]


# --- who has started a process ---------------------------------------------------------------

KAMAILIO = BY_NAME["kamailio"]
SESSION = "/user.slice/user-1000.slice/session-3.scope"
OWN_MANAGER = "/user.slice/user-1000.slice/user@1000.service"
CONTAINER = "/machine.slice/libpod-1.scope"


class NamingHost(SystemdHost):
    """A tree whose accounts are kamailio, 112, and www-data, 33."""

    def user_name(self, uid: int) -> str | None:
        return {112: "kamailio", 33: "www-data"}.get(uid)


def counts(root: Path, shown: str | None = None, **process) -> bool:
    """Whether a process called kamailio counts; with `shown`, systemd runs and answers that."""
    if shown is not None:
        (root / "run/systemd/system").mkdir(parents=True, exist_ok=True)
    run_process(root, 50, "kamailio", **process)
    host = NamingHost(root, shown)
    return [one.pid for one in first_processes(host, KAMAILIO, process_names(host))] == [50]


@pytest.fixture(name="anybodys")
def program_that_anybody_may_write(tmp_path: Path) -> str:
    program = tmp_path / "tmp/kamailio"
    place(tmp_path, "/tmp/kamailio")
    program.chmod(0o777)
    return str(program)


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        pytest.param({"uid": 112, "cgroup": "/system.slice/kamailio.service"}, True, id="service"),
        pytest.param({"uid": 1001, "cgroup": "/system.slice/kamailio.service"}, True, id="service of a person's"),
        pytest.param({"uid": 9, "cgroup": "/a.slice/a-kamailio.slice/kamailio@a.service"}, True, id="instance"),
        pytest.param({"uid": 9, "cgroup": "/voip.slice/voip-edge.slice/kamailio.service"}, True, id="slice of its own"),
        pytest.param({"uid": 9, "cgroup": "/user.slice/kamailio.service"}, True, id="service below user.slice"),
        pytest.param({"uid": 9, "cgroup": "/system.slice/kamailio.service/workers"}, True, id="groups of its own"),
        pytest.param({"uid": 65534, "cgroup": SESSION}, False, id="session"),
        pytest.param({"uid": 0, "cgroup": SESSION}, True, id="sudo"),
        pytest.param({"uid": 112, "cgroup": SESSION}, True, id="sudo, then its account"),
        pytest.param({"uid": 1000, "cgroup": f"{OWN_MANAGER}/app.slice/kamailio.service"}, False, id="user's unit"),
        pytest.param({"uid": 1000, "cgroup": f"{OWN_MANAGER}/system.slice/kamailio.service"}, False, id="user's slice"),
        pytest.param({"uid": 112, "cgroup": "/user.slice/user-112.slice/user@112.service/a"}, False, id="its manager"),
        pytest.param({"uid": 1000, "cgroup": "/system.slice/cron.service"}, False, id="crontab"),
        pytest.param({"uid": 65534, "cgroup": "/system.slice/cron.service/kamailio.service"}, False, id="below"),
        pytest.param({"uid": 0, "cgroup": "/"}, True, id="root, no systemd"),
        pytest.param({"uid": 112, "cgroup": "/"}, True, id="its account, no systemd"),
        pytest.param({"uid": 33, "cgroup": "/"}, False, id="another account, no systemd"),
        pytest.param({"uid": 65534, "cgroup": "/"}, False, id="nobody, no systemd"),
        pytest.param({"uid": 65534, "cgroup": "/../../system.slice/kamailio.service"}, False, id="outside of our root"),
        pytest.param({"uid": 0, "state": "Z (zombie)"}, False, id="zombie"),
        pytest.param({"cgroup": "/system.slice/kamailio.service", "state": "Z (zombie)"}, False, id="service's zombie"),
    ],
)
def test_a_daemon_is_what_the_system_has_started(root: Path, process: dict, expected: bool) -> None:
    assert counts(root, **process) is expected


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        pytest.param({"uid": 0, "cgroup": f"{CONTAINER}/container"}, True, id="root's container"),
        pytest.param({"uid": 999, "cgroup": f"{CONTAINER}/system.slice/kamailio.service"}, True, id="systemd in there"),
        pytest.param({"uid": 999, "cgroup": "/lxc.payload.pbx/system.slice/kamailio.service"}, True, id="LXC"),
        pytest.param({"uid": 999, "cgroup": "/system.slice/pbx.service/libpod-payload-1"}, True, id="quadlet"),
        pytest.param({"uid": 65534, "cgroup": f"{SESSION}"}, False, id="unshare in a session"),
        pytest.param({"uid": 65534, "cgroup": "/system.slice/cron.service"}, False, id="unshare in a crontab"),
        pytest.param({"uid": 65534, "cgroup": "/"}, False, id="unshare without systemd"),
        pytest.param({"uid": 1000, "cgroup": f"{OWN_MANAGER}/user.slice/libpod-1.scope"}, False, id="user's container"),
    ],
)
def test_a_container_is_the_systems_unless_a_user_runs_it(root: Path, process: dict, expected: bool) -> None:
    assert counts(root, nspid="50\t7", **process) is expected


def test_in_a_container_that_sees_the_groups_of_the_host(root: Path) -> None:
    within = f"{OWN_MANAGER}/user.slice/libpod-1.scope"
    place(root, "/proc/1/cgroup", f"0::{within}/init.scope\n")
    assert counts(root, uid=9, cgroup=f"{within}/system.slice/kamailio.service")
    assert not counts(root, uid=65534, cgroup=f"{within}/system.slice/cron.service/kamailio.service")
    assert not counts(root, uid=65534, cgroup=f"{within}/user.slice/user-9.slice/user@9.service/kamailio.service")


def test_what_users_run_under_a_daemons_name_is_named_a_few_times(root: Path) -> None:
    run_process(root, 49, "kamailio")
    for pid in range(50, 60):
        run_process(root, pid, "kamailio", uid=33 if pid == 50 else 1000, cgroup=f"{OWN_MANAGER}/app.slice/k.service")
    host = NamingHost(root, None)
    found = {"kamailio": find_processes(host, KAMAILIO, process_names(host))}
    assert [tuple(one) for one in of_users(host, found)] == [
        ("kamailio", 50, "www-data"),
        ("kamailio", 51, "1000"),
        ("kamailio", 52, "1000"),
    ]


def test_the_account_of_process_1_has_started_a_container(root: Path) -> None:
    place(root, "/proc/1/status", "PPid:\t0\nUid:\t1001\t1001\t1001\t1001\nNSpid:\t1\n")
    assert counts(root, uid=1001)
    assert not counts(root, uid=1002)


@pytest.mark.parametrize("cgroup", ["/", SESSION, "/system.slice/kamailio.service", f"{CONTAINER}/container"])
@pytest.mark.parametrize("uid", [0, 112])
def test_a_program_that_others_may_write_is_nobodys_daemon(root: Path, anybodys: str, cgroup: str, uid: int) -> None:
    assert not counts(root, uid=uid, cgroup=cgroup, program=anybodys)


def test_a_set_user_id_program_is_not_what_its_name_says(root: Path, tmp_path: Path) -> None:
    place(tmp_path, "/tmp/sudo")
    (tmp_path / "tmp/sudo").chmod(0o4755)
    assert not counts(root, uid=0, cgroup=SESSION, program=str(tmp_path / "tmp/sudo"))


def test_a_deleted_program_still_runs(root: Path, tmp_path: Path) -> None:
    """As of a package that has been upgraded since: /proc/PID/exe leads to the file, whatever its text says."""
    gone = tmp_path / "kamailio (deleted)"
    gone.symlink_to(PROGRAM)
    assert counts(root, cgroup="/system.slice/kamailio.service", program=str(gone))


def test_programs_that_are_hidden_count_by_their_account(root: Path) -> None:
    class Hidden(NamingHost):
        def target_status(self, path: str):
            raise HostError(path, "Permission denied", errno.EACCES)

    for pid, uid in ((50, 0), (51, 112), (52, 65534)):
        run_process(root, pid, "kamailio", uid=uid)
    host = Hidden(root, None)
    assert [one.pid for one in first_processes(host, KAMAILIO, process_names(host))] == [50, 51]


# --- what systemd is asked ---


@pytest.mark.parametrize(
    ("main_pid", "uid", "expected"),
    [
        pytest.param("50", 998, True, id="the main process"),
        pytest.param("50", 1001, True, id="of a person's account"),
        pytest.param("49", 33, False, id="one that a web server's page has started"),
        pytest.param("49", 65534, False, id="from a crontab"),
        pytest.param("0", 998, True, id="left by a script that has ended"),
    ],
)
def test_under_a_unit_of_another_name_systemd_says_what_it_has_started(
    root: Path, main_pid: str, uid: int, expected: bool
) -> None:
    shown = f"MainPID={main_pid}\nId=pbx.service\n"
    assert counts(root, shown, uid=uid, cgroup="/system.slice/pbx.service") is expected


@pytest.mark.parametrize(("uid", "expected"), [(112, True), (998, True), (1001, False), (65534, False)])
def test_where_systemd_does_not_say_so_the_account_of_a_service_counts(root: Path, uid: int, expected: bool) -> None:
    assert counts(root, uid=uid, cgroup="/system.slice/pbx.service") is expected


@pytest.mark.parametrize(("main_pid", "expected"), [("50", True), ("49", False), ("0", False)])
def test_a_daemon_that_owns_its_own_program(root: Path, anybodys: str, main_pid: str, expected: bool) -> None:
    """FreeSWITCH is told to: only the main process of its own unit counts, and no copy beside it."""
    shown = f"MainPID={main_pid}\nId=kamailio.service\n"
    assert counts(root, shown, uid=112, cgroup="/system.slice/kamailio.service", program=anybodys) is expected


def test_many_processes_of_a_user_cost_one_question_and_linear_time(root: Path) -> None:
    """Nested as deep as can be: a walk up from each of them would take the square of their number."""
    parents = {pid: pid - 1 for pid in range(2, 100_000)}
    before = time.process_time()
    assert set(daemons._first_ancestors(parents).values()) == {2}
    assert time.process_time() - before < 10
    (root / "run/systemd/system").mkdir(parents=True)
    for pid in range(50, 80):
        run_process(root, pid, "kamailio", uid=65534, cgroup="/system.slice/cron.service")
    asked = []

    class Counting(NamingHost):
        def run(self, arguments):
            asked.append(arguments)
            return super().run(arguments)

    host = Counting(root, "MainPID=9\nId=cron.service\n")
    assert first_processes(host, KAMAILIO, process_names(host)) == []
    assert [words[-1] for words in asked] == ["cron.service"]


# --- units of other names --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "main_pid", "parents"),
    [
        pytest.param("freepbx.service", "0", (), id="a oneshot unit, whose script has ended"),
        pytest.param("sbc.service", "50", (), id="a unit of the operator's own"),
        pytest.param("pbx@blue.service", "50", (), id="an instance"),
        pytest.param("run-r8f.service", "50", (), id="systemd-run"),
        pytest.param("supervisor.service", "40", (45, 40), id="below a supervisor and a script"),
    ],
)
def test_a_running_daemons_unit_is_that_of_its_control_group(
    root: Path, unit: str, main_pid: str, parents: tuple[int, ...]
) -> None:
    place(root, "/run/systemd/system/README")
    for pid, parent in zip(parents, (*parents[1:], 1)):
        run_process(root, pid, "sh", parent)
    run_process(root, 50, "asterisk", parents[0] if parents else 1, f"/system.slice/{unit}")
    host = SystemdHost(root, f"MainPID={main_pid}\nId={unit}\n")
    assert sip_daemons(host, process_names(host), True) == [SipDaemon("asterisk", unit, True, True, 50, "root", "")]


@pytest.mark.parametrize(
    ("running", "program", "expected"),
    [
        pytest.param(False, False, [], id="its package is removed"),
        pytest.param(False, True, [("asterisk", "asterisk.service", False, None, None)], id="stopped"),
        pytest.param(True, False, [("asterisk", "asterisk.service", True, 50, "root")], id="from a place of its own"),
    ],
)
def test_a_script_alone_is_no_daemon(root: Path, running: bool, program: bool, expected: list[object]) -> None:
    place(root, "/run/systemd/generator.late/asterisk.service")
    if program:
        place(root, "/usr/sbin/asterisk")
    if running:
        run_process(root, 50, "asterisk", cgroup="/system.slice/asterisk.service")
    assert found(Host(str(root)), systemd_running=False) == expected


def test_the_recording_daemon_is_not_the_relay(root: Path) -> None:
    units = "/usr/lib/systemd/system"
    for name in ("rtpengine-daemon", "rtpengine-recording-daemon", "rtpengine-recording-nfs-mount"):
        place(root, f"{units}/{name}.service")
    (root / f"{units[1:]}/rtpengine-recording.service").symlink_to("rtpengine-recording-daemon.service")
    run_process(root, 50, "rtpengine-recor", cgroup="/system.slice/rtpengine-recording-daemon.service")
    assert found(Host(str(root)), systemd_running=False) == [
        ("rtpengine", "rtpengine-daemon.service", False, None, None),
        ("rtpengine-recording", "rtpengine-recording-daemon.service", True, 50, "root"),
    ]


PAYLOAD = {"nspid": "50\t7", "uid": 112, "parent": 40}


@pytest.mark.parametrize("unit", ["edge.service", "kamailio.service"])
def test_the_container_of_a_quadlet_has_the_limits_of_its_unit(root: Path, unit: str) -> None:
    """As podman starts it: conmon is the main process, and the daemon in the container its child."""
    place(root, f"/run/systemd/generator/{unit}", "[Service]\n")
    run_process(root, 40, "conmon", cgroup=f"/system.slice/{unit}/runtime")
    run_process(root, 50, "kamailio", cgroup=f"/system.slice/{unit}/libpod-payload-1f", **PAYLOAD)
    run_process(root, 51, "kamailio", cgroup=f"/system.slice/{unit}/libpod-payload-1f", **{**PAYLOAD, "parent": 50})
    place(root, "/run/systemd/system/README")
    shown = f"MainPID=40\nId={unit}\nNames={unit}\nLoadState=loaded\nActiveState=active\nSubState=running\n"
    host = SystemdHost(root, shown)
    (record,) = sip_daemons(host, process_names(host), True)
    assert record[:7] == ("kamailio", unit, True, True, 50, None, "")


def test_a_daemon_that_runs_several_times_in_one_unit_is_one_entry(root: Path) -> None:
    place(root, "/run/systemd/system/README")
    for pid, name in ((50, "kamailio"), (60, "kamailio"), (70, "rtpengine")):
        run_process(root, pid, name, cgroup="/system.slice/sbc.service")
    assert found(SystemdHost(root, "MainPID=0\nId=sbc.service\n"), systemd_running=True) == [
        ("kamailio", "sbc.service", True, 50, "root"),
        ("rtpengine", "sbc.service", True, 70, "root"),
    ]


@pytest.mark.parametrize(
    ("process", "shown", "reason"),
    [
        pytest.param({"cgroup": "/"}, "", "it belongs to no unit", id="no systemd"),
        pytest.param({"cgroup": SESSION}, "", "it was started in session-3.scope, which is no service", id="by hand"),
        pytest.param({"cgroup": "/system.slice/cron.service"}, "", "cron.service has started it", id="crontab"),
        pytest.param({"cgroup": "/system.slice/ssh.service"}, "", "ssh.service has started it", id="ssh without PAM"),
        pytest.param(
            {"cgroup": "/system.slice/monit.service"},
            "MainPID=40\nId=monit.service\n",
            "it is in monit.service, and was not started by the main process of that",
            id="left behind by monit's script",
        ),
        pytest.param(
            {"cgroup": "/system.slice/sbc.service"}, None, "systemd does not say what it has started", id="no answer"
        ),
        pytest.param(
            {"cgroup": "/system.slice/pbx.service/payload/1", "nspid": "50\t7"},
            "",
            "it runs in a container of pbx.service, which has limits of its own",
            id="another service's container",
        ),
        pytest.param(
            {"cgroup": "/machine.slice/libpod-1.scope/pbx.service/libpod-payload-1", "nspid": "50\t7"},
            "",
            "it runs in a container of libpod-1.scope, which has limits of its own",
            id="a quadlet within a container",
        ),
        pytest.param(
            {"cgroup": "/system.slice/pbx.service/libpod-payload-1/system.slice/asterisk.service", "nspid": "50\t7"},
            "",
            "it runs in a container of pbx.service, which has limits of its own",
            id="a quadlet with a systemd in its container",
        ),
        pytest.param(
            {"cgroup": "/docker/1f2e", "nspid": "50\t7"}, "", "it runs in a container, which has", id="Docker"
        ),
    ],
)
def test_a_running_daemon_without_a_unit_is_told_why(root: Path, process: dict, shown: str | None, reason: str) -> None:
    place(root, "/run/systemd/system/README")
    run_process(root, 50, "asterisk", **process)
    host = SystemdHost(root, shown)
    (record,) = sip_daemons(host, process_names(host), True)
    assert (record.unit, record.running, record.main_pid) == (None, True, 50)
    assert record.no_unit.startswith(reason)
