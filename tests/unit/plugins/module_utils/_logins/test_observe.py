# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._logins.conf import INFINITE, read_domain
from ansible_collections.siptune.linux.plugins.module_utils._logins.observe import (
    connected_account,
    directory_of,
    hard_limits,
    limits_files,
    pam_limits,
    session_start,
)
from ansible_collections.siptune.linux.plugins.module_utils._logins.pam import NOT_INSTALLED, PamLimits, Service
from sip_trees import PROGRAM

# Linux 6.1, process 1 of a Debian 12 under systemd.
LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max file size             unlimited            unlimited            bytes     
Max data size             unlimited            unlimited            bytes     
Max stack size            8388608              unlimited            bytes     
Max core file size        0                    unlimited            bytes     
Max resident set          unlimited            unlimited            bytes     
Max processes             15689                15690                processes 
Max open files            1048576              1048577              files     
Max locked memory         8388608              8388609              bytes     
Max address space         unlimited            unlimited            bytes     
Max file locks            unlimited            unlimited            locks     
Max pending signals       15689                15689                signals   
Max msgqueue size         819200               819200               bytes     
Max nice priority         0                    0                    
Max realtime priority     0                    0                    
Max realtime timeout      unlimited            unlimited            us        
"""  # noqa: W291 - as the kernel pads it
SSHD = LIMITS.replace("1048577", "524288 ")
CAPABLE = "Name:\tpython3\nPPid:\t1\nUid:\t0\t0\t0\t0\nCapBnd:\t000001ffffffffff\n"
CONTAINED = CAPABLE.replace("1ffffffffff", "000a80425fb")  # what podman leaves
DEBIAN = PamLimits(spares_root=True)
UPSTREAM = PamLimits()


def rooted(tmp_path: Path, **files: str) -> Host:
    """A host below a directory. Names are paths with `__` for slashes and `_dot_` for dots."""
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("_dot_", ".").replace("_dash_", "-")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="latin-1")
    return Host(str(tmp_path))


def test_hard_limits(tmp_path: Path) -> None:
    host = rooted(tmp_path, proc__7__limits=LIMITS)
    found = hard_limits(host, 7)
    assert len(found) == 16
    assert (found["nproc"], found["nofile"], found["memlock"]) == (15690, 1048577, 8388609)
    assert (found["stack"], found["nice"], found["rttime"]) == (INFINITE, 0, INFINITE)
    assert hard_limits(host, 8) == {}


@pytest.mark.parametrize(
    ("pam", "status", "uid_map", "expected"),
    [
        (DEBIAN, CAPABLE, "0 0 4294967295", ("process 1", 1048577, True, True)),
        (UPSTREAM, CAPABLE, "0 0 4294967295", ("sshd", 524288, True, True)),
        (DEBIAN, CONTAINED, "0 0 4294967295", ("sshd", 524288, False, False)),
        (DEBIAN, CAPABLE, "0 1000 1", ("sshd", 524288, False, False)),
        (UPSTREAM, "", "", ("sshd", 524288, True, True)),
    ],
)
def test_the_limits_that_a_session_starts_with(
    tmp_path: Path, pam: PamLimits, status: str, uid_map: str, expected: tuple[object, ...]
) -> None:
    host = rooted(
        tmp_path,
        proc__1__comm="systemd\n",
        proc__1__limits=LIMITS,
        proc__70__comm="sshd\n",
        proc__70__limits=SSHD,
        proc__70__status=CAPABLE,
        proc__71__comm="sshd\n",
        proc__71__limits=LIMITS,
        proc__71__status=CAPABLE.replace("PPid:\t1", "PPid:\t70"),
        proc__self__status=status,
        proc__self__uid_map=uid_map,
    )
    for pid in (70, 71):
        (tmp_path / f"proc/{pid}/exe").symlink_to(PROGRAM)
    start = session_start(host, pam, [])
    assert (start.whose, start.hard["nofile"], start.may_raise, start.may_renice) == expected
    if pam == UPSTREAM:
        assert session_start(host, pam, [Service("login", True, resets=True)]).whose == "process 1"


@pytest.mark.parametrize("uid", [0, 65534])
def test_a_login_daemon_is_roots(tmp_path: Path, uid: int) -> None:
    host = rooted(
        tmp_path,
        proc__70__comm="sshd\n",
        proc__70__limits=SSHD,
        proc__70__status=CAPABLE.replace("Uid:\t0", f"Uid:\t{uid}"),
        proc__self__limits=LIMITS,
    )
    (tmp_path / "proc/70/exe").symlink_to(PROGRAM)
    assert session_start(host, UPSTREAM, []).whose == ("this session" if uid else "sshd")


def test_a_session_on_a_host_without_daemons(tmp_path: Path) -> None:
    host = rooted(tmp_path, proc__self__limits=SSHD)
    assert session_start(host, UPSTREAM, []).whose == "this session"
    assert session_start(Host(str(tmp_path / "nowhere")), UPSTREAM, []).hard == {}


def test_the_module_is_found_in_the_directory_of_its_architecture(tmp_path: Path) -> None:
    assert pam_limits(Host(str(tmp_path))) == NOT_INSTALLED
    host = rooted(
        tmp_path, usr__lib__aarch64_dash_linux_dash_gnu__security__pam_limits_dot_so="\0/proc/sys/fs/nr_open\0"
    )
    assert pam_limits(host).maps_nofile
    rooted(tmp_path, usr__lib64__security__pam_limits_dot_so="\0chroot\0")
    assert not pam_limits(host).maps_nofile
    assert pam_limits(host).spares_root


def test_files_of_all_directories_but_our_own(tmp_path: Path) -> None:
    host = rooted(
        tmp_path,
        etc__security__limits_dot_d__90_dot_conf="ours",
        etc__security__limits_dot_d__91_dot_conf="theirs\xff",
        etc__security__limits_dot_d__readme="no",
        usr__etc__security__limits_dot_conf="vendor",
    )
    (tmp_path / "etc/security/limits.d/92.conf").symlink_to("nowhere")
    (tmp_path / "etc/security/limits.d/93.conf").mkdir()
    pam = PamLimits(directories=("/etc/security", "/usr/etc/security"))
    assert limits_files(host, pam, "/etc/security/limits.d/90.conf") == {
        "/etc/security/limits.d/91.conf": "theirs\udcff",
        "/etc/security/limits.d/92.conf": "",
        "/etc/security/limits.d/93.conf": "",
        "/usr/etc/security/limits.conf": "vendor",
    }


def test_accounts_by_the_machines_name_service() -> None:
    words = ["root", "no-such-user", ":0", ":4294967294", "@root", "@no-such-group", "@:0", "%:4294967293", "*", "5:9"]
    found = directory_of([domain for domain in map(read_domain, words) if domain is not None])
    assert (set(found.users), set(found.groups), found.groups["root"], found.gids[0]) == ({"root"}, {"root"}, 0, "root")
    assert (found.users["root"].uid, "root" in found.users["root"].groups) == (0, True)
    assert found.uids[0] == found.users["root"]


@pytest.mark.parametrize(
    ("loginuid", "environment", "name"),
    [
        pytest.param("0", "SUDO_UID=1\0", "root", id="the login itself"),
        pytest.param("4294967295", "X=1\0SUDO_UID=0\0", "root", id="sudo, without audit"),
        pytest.param(None, "PKEXEC_UID=0\0", "root", id="pkexec"),
        pytest.param("4294967295", "SUDO_UID=-1\0", None, id="nobody"),
        pytest.param("4294967294", "", None, id="no such account"),
        pytest.param(None, None, None, id="no /proc"),
    ],
)
def test_who_has_logged_in(tmp_path: Path, loginuid: str | None, environment: str | None, name: str | None) -> None:
    process = tmp_path / "proc/self"
    process.mkdir(parents=True)
    for file, text in (("loginuid", loginuid), ("environ", environment)):
        if text is not None:
            (process / file).write_text(text)
    account = connected_account(Host(str(tmp_path)))
    assert (account.name if account is not None else None) == name
