# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts on which something is broken: full disks, read-only directories, links, damaged records, a held lock."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine import run
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import SCHEMA
from ansible_collections.siptune.linux.plugins.module_utils._host.host import LOCK_PATH, Host
from calls import FILE, ORIGINALS, Settings, apply, module, originals, put_back, write_file
from sandbox import become_nobody, difference, dump, make_read_only, mount_small, read

SETTINGS: Settings = {"net.core.somaxconn": 9000, "net.ipv4.ip_forward": 1, "net.ipv4.conf.*.rp_filter": 2}
RECORDS = os.path.dirname(ORIGINALS)
PAGE_KIBIBYTES = 4


def fill(directory: str) -> None:
    """Leave not a byte in the file system of a directory."""
    with open(f"{directory}/filler", "wb", buffering=0) as stream:
        try:
            while stream.write(b"\0" * 1024):
                pass
        except OSError:
            pass


def full_sysctl_d() -> None:
    mount_small("/etc/sysctl.d", 2 * PAGE_KIBIBYTES)
    fill("/etc/sysctl.d")


def full_var_lib() -> None:
    mount_small("/var/lib", 2 * PAGE_KIBIBYTES)
    fill("/var/lib")


def room_for_one_record_only() -> None:
    """The record before the first change fits, the one after the last does not."""
    mount_small("/var/lib", 2 * PAGE_KIBIBYTES)
    Path("/var/lib/filler").write_bytes(b"\0" * PAGE_KIBIBYTES * 1024)


def read_only_etc() -> None:
    make_read_only("/etc")


def read_only_var_lib() -> None:
    make_read_only("/var/lib")


def link_as_file() -> None:
    os.symlink("/etc/passwd", FILE)


def dangling_link_as_file() -> None:
    os.symlink("/etc/nowhere", FILE)


def directory_as_file() -> None:
    os.mkdir(FILE)


def pipe_as_file() -> None:
    os.mkfifo(FILE)


def linked_sysctl_d() -> None:
    os.rename("/etc/sysctl.d", "/etc/sysctl-elsewhere.d")
    os.symlink("sysctl-elsewhere.d", "/etc/sysctl.d")


def file_as_sysctl_d() -> None:
    shutil.rmtree("/etc/sysctl.d")
    write_file("/etc/sysctl.d", "")


def linked_records() -> None:
    os.mkdir("/etc/sysctl.d/elsewhere")
    os.symlink("/etc/sysctl.d/elsewhere", RECORDS)


def file_as_records() -> None:
    write_file(RECORDS, "")


def link_as_originals() -> None:
    os.mkdir(RECORDS)
    os.symlink("/etc/passwd", ORIGINALS)


def directory_as_originals() -> None:
    os.makedirs(ORIGINALS)


def link_as_lock() -> None:
    os.symlink("/etc/passwd", LOCK_PATH)


def directory_in_the_way() -> None:
    os.mkdir("/etc/sysctl.d/.90-test.conf.siptune-new")


BROKEN: list[tuple[Callable[[], None], str, str]] = [
    (full_sysctl_d, FILE, "ENOSPC"),
    (full_var_lib, ORIGINALS, "ENOSPC"),
    (room_for_one_record_only, ORIGINALS, "ENOSPC"),
    (read_only_etc, FILE, "EROFS"),
    (read_only_var_lib, RECORDS, "EROFS"),
    (link_as_file, FILE, "symbolic link"),
    (dangling_link_as_file, FILE, "symbolic link"),
    (directory_as_file, FILE, "directory"),
    (pipe_as_file, FILE, "not a regular file"),
    (linked_sysctl_d, FILE, "no plain directory"),
    (file_as_sysctl_d, FILE, "no plain directory"),
    (linked_records, ORIGINALS, "no plain directory"),
    (file_as_records, ORIGINALS, "no plain directory"),
    (link_as_originals, ORIGINALS, "symbolic link"),
    (directory_as_originals, ORIGINALS, "directory"),
    (link_as_lock, LOCK_PATH, "ELOOP"),
    (directory_in_the_way, FILE, "EISDIR"),
]


def check_refused(settings: Settings, *fragments: str) -> None:
    start = dump()
    result = module(path=FILE, settings=settings)
    assert difference(start, dump()) == {}
    assert result.get("failed"), result
    assert all(fragment in result["msg"] for fragment in fragments), result["msg"]
    assert "Traceback" not in result["msg"]
    assert "Could not be put back" not in result["msg"]


@pytest.mark.parametrize(("breaks", "subject", "reason"), BROKEN, ids=[case[0].__name__ for case in BROKEN])
def test_broken_host_gives_one_error_and_is_not_changed(breaks: Callable[[], None], subject: str, reason: str) -> None:
    breaks()
    check_refused(SETTINGS, subject, reason)


@pytest.mark.parametrize("breaks", [full_sysctl_d, full_var_lib, read_only_etc, read_only_var_lib])
def test_tuned_host_that_breaks_keeps_what_it_has(breaks: Callable[[], None]) -> None:
    if breaks in (full_sysctl_d, full_var_lib):  # its file systems are to be there before
        mount_small("/etc/sysctl.d", 4 * PAGE_KIBIBYTES)
        mount_small("/var/lib", 4 * PAGE_KIBIBYTES)
    apply({"net.core.somaxconn": 5000})
    if breaks is full_sysctl_d:
        fill("/etc/sysctl.d")
    elif breaks is full_var_lib:
        fill("/var/lib")
    else:
        breaks()
    check_refused(SETTINGS, "/")
    assert read("net/core/somaxconn") == "5000"


def record(**changes: Any) -> str:
    """A good record of originals, with some parts changed."""
    key = {"value": "1", "written": "0", "left": "0", "owners": [FILE], "cause": None}
    document: dict[str, Any] = {"schema": 1, "sysctl": {"net/ipv4/tcp_sack": key}, "files": {}}
    return json.dumps({**document, **changes})


DAMAGED = {
    "empty": ("", "damaged"),
    "half": (record()[:40], "damaged"),
    "zeros": ("\0" * 4096, "damaged"),
    "not-utf8": ("\udcff\udcfe", "damaged"),
    "list": ("[]", "damaged"),
    "number": ("7", "damaged"),
    "null": ("null", "damaged"),
    "deep": ("[" * 100000, "damaged"),
    "no-schema": ("{}", "damaged"),
    "schema-text": (record(schema="1"), "damaged"),
    "schema-true": (record(schema=True), "damaged"),
    "newer": (record(schema=SCHEMA + 1), "newer version"),
    "much-newer": ('{"schema": 99, "everything": "different"}', "newer version"),
    "keys-list": (record(sysctl=[]), "damaged"),
    "key-outside": (record(sysctl={"../../etc/passwd": {}}), "damaged"),
    "key-without-value": (record(sysctl={"net/ipv4/tcp_sack": {}}), "damaged"),
    "value-number": (
        record(sysctl={"net/ipv4/tcp_sack": {"value": 1, "written": None, "left": None, "owners": [], "cause": None}}),
        "damaged",
    ),
    "file-mode": (
        record(files={FILE: {"found": {"content": "", "mode": "rw", "uid": 0, "gid": 0}, "written": []}}),
        "damaged",
    ),
    "not-a-file-of-ours": (record(files={"/etc/shadow": {"found": None, "written": []}}), "no file that siptune"),
    "set-user-id": (
        record(files={FILE: {"found": {"content": "", "mode": "4777", "uid": 0, "gid": 0}, "written": []}}),
        "mode 4777",
    ),
}


@pytest.mark.parametrize(("text", "reason"), DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_originals_stop_everything(text: str, reason: str) -> None:
    write_file(ORIGINALS, text)
    check_refused(SETTINGS, ORIGINALS, reason)
    check_refused({}, ORIGINALS, reason)


def test_good_record_of_the_same_kind_is_accepted() -> None:
    """Else the table above would prove nothing."""
    write_file(ORIGINALS, record())
    assert "failed" not in module(path=FILE, settings=SETTINGS)


def test_without_sysctl_d_it_is_made_and_removed_again() -> None:
    os.rmdir("/etc/sysctl.d")
    start = dump()
    apply(SETTINGS)
    assert os.stat("/etc/sysctl.d").st_mode & 0o7777 == 0o755
    put_back()
    assert difference(start, dump()) == {}


def test_without_var_lib_there_is_one_error() -> None:
    mount_small("/var", 64)
    check_refused(SETTINGS, "/var/lib", "ENOENT")


def test_left_over_of_a_killed_run_is_no_hindrance() -> None:
    start = dump()
    write_file("/etc/sysctl.d/.90-test.conf.siptune-new", "half a fi")
    apply(SETTINGS)
    put_back()
    assert difference(start, dump()) == {}


def test_read_only_proc_makes_every_key_readonly() -> None:
    make_read_only("/proc/sys")
    start = dump()
    result = module(path=FILE, settings=SETTINGS)
    assert {item["state"] for item in result["items"]} == {"readonly"}
    assert difference(start, dump()) == {}


def test_held_lock_gives_a_clear_error_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LOCK_TIMEOUT_SECONDS", 0.3)
    with open(LOCK_PATH, "w", encoding="ascii") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        check_refused(SETTINGS, LOCK_PATH, f"another siptune run holds this host's lock, process {os.getpid()} (")
        assert "failed" not in module(check=True, path=FILE, settings=SETTINGS)  # a prediction does not wait
    assert "failed" not in module(path=FILE, settings=SETTINGS)


def test_two_runs_at_once_take_turns() -> None:
    start = dump()
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            result = module(path=f"/etc/sysctl.d/9{number}-test.conf", settings={"net.core.somaxconn": 9000 + number})
            os._exit(1 if result.get("failed") else 0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0, 0]
    record_of_key = originals()["sysctl"]["net/core/somaxconn"]
    assert (record_of_key["value"], len(record_of_key["owners"])) == ("4096", 4)
    for number in range(4):
        put_back(f"/etc/sysctl.d/9{number}-test.conf")
    assert difference(start, dump()) == {}


def test_ordinary_user_is_told_at_once() -> None:
    start = dump()
    child = os.fork()
    if child == 0:
        become_nobody()
        result = module(path=FILE, settings=SETTINGS)
        os._exit(0 if "root" in result["msg"] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert difference(start, dump()) == {}


def test_lock_is_let_go_after_an_error() -> None:
    assert module(path=FILE, settings={"net.ipv4.tcp_early_retrans": 99}).get("failed")
    with Host().lock(0):
        pass
