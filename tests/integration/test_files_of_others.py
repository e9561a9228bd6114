# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module and the files of others: attributes, hard links, flags, mounts, modes, directories, open records."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import Operation
from ansible_collections.siptune.linux.plugins.module_utils._journald.module import JOURNALD_LIMITS
from ansible_collections.siptune.linux.plugins.module_utils._logins.module import LIMITS_FILE as LIMITS_FILE_OPERATION
from ansible_collections.siptune.linux.plugins.module_utils._nic.module import NIC_LINK
from ansible_collections.siptune.linux.plugins.module_utils._pools.module import DAEMON_POOLS
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.module import SYSCTL_BULK
from ansible_collections.siptune.linux.plugins.module_utils._units.module import SYSTEMD_LIMITS
from calls import ORIGINALS, call, write_file
from sandbox import difference, mount
from subjects import ALONE, SUBJECTS, SYSCTL_FILE, Subject, whole_host

RECORDS = os.path.dirname(ORIGINALS)
EVERY = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
EACH = pytest.mark.parametrize("subject", ALONE, ids=lambda subject: subject.name)
OF_OURS_ALONE = pytest.mark.parametrize(
    "subject", [one for one in ALONE if one.name != "daemon_pools"], ids=lambda subject: subject.name
)

ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in ((1, 6, 2**32 - 1), (2, 6, 7), (4, 4, 2**32 - 1), (16, 6, 2**32 - 1), (32, 0, 2**32 - 1))
)
ATTRIBUTES = {
    "system.posix_acl_access": ACL,
    "user.origin": b"by hand\xff",
    "trusted.backup": b"1",
    "security.capability": struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0),
}


def attributes(path: str) -> dict[str, bytes]:
    return {name: os.getxattr(path, name) for name in os.listxattr(path)}


def made_by_hand(subject: Subject) -> str:
    """A file of the administrator's in the place of ours, or an empty one."""
    subject.by_hand()
    if not os.path.exists(subject.file):
        write_file(subject.file, "")
    return subject.file


@EACH
def test_attributes_of_a_replaced_file_are_kept_and_come_back(subject: Subject) -> None:
    subject.make()
    file = made_by_hand(subject)
    os.chmod(file, 0o640)
    for name, value in ATTRIBUTES.items():
        os.setxattr(file, name, value)
    start, had = whole_host(), attributes(file)
    subject.run(subject.first)
    now = attributes(file)
    assert (now.keys(), now["user.origin"]) == (had.keys(), had["user.origin"])
    subject.run(subject.second)
    assert attributes(file).keys() == had.keys()
    subject.run(subject.absent)
    assert (difference(start, whole_host()), attributes(file)) == ({}, had)


@EACH
def test_attributes_that_ours_has_lost_come_back_too(subject: Subject) -> None:
    subject.make()
    file = made_by_hand(subject)
    os.setxattr(file, "user.origin", b"1")
    subject.run(subject.first)
    if subject.name not in ("daemon_pools", "nic_link"):  # those leave the file, or take another one
        os.removexattr(file, "user.origin")
    subject.run(subject.absent)
    assert attributes(file) == {"user.origin": b"1"}


@EACH
def test_an_empty_file_that_was_there_stays_with_its_mode(subject: Subject) -> None:
    if subject.name == "daemon_pools":
        return
    subject.make()
    write_file(subject.file, "")
    os.chmod(subject.file, 0o604)
    os.chown(subject.file, 0, 7)
    start = whole_host()
    subject.run(subject.first)
    subject.run(subject.absent)
    assert difference(start, whole_host()) == {}


@EACH
@pytest.mark.parametrize("was_there", [True, False])
def test_directories_are_as_they_were(subject: Subject, was_there: bool) -> None:
    subject.make()
    directory = os.path.dirname(subject.file)
    os.makedirs(directory, exist_ok=True)
    if subject.name == "daemon_pools":
        was_there = True  # the unit's package makes it, and without it there is no place for the file
    if not was_there:
        for name in os.listdir(directory):
            os.remove(f"{directory}/{name}")
        os.rmdir(directory)
    start = whole_host()
    subject.run(subject.first)
    subject.run(subject.absent)
    assert difference(start, whole_host()) == {}
    assert os.path.isdir(directory) is was_there


def linked(subject: Subject) -> str:
    os.link(subject.file, f"{os.path.dirname(subject.file)}/.another-name")
    return "hard links"


def immutable(subject: Subject) -> str:
    subprocess.run(["chattr", "+i", subject.file], check=True)
    return "immutable"


def mounted(subject: Subject) -> str:
    write_file("/etc/kept", Path(subject.file).read_text(encoding="utf-8"))
    mount("/etc/kept", subject.file, "", 0x1000)
    return "mount point"


@EACH
@pytest.mark.parametrize("protect", [linked, immutable, mounted])
def test_a_file_that_cannot_be_replaced_is_refused_before_anything_changes(
    subject: Subject, protect: Callable[[Subject], str]
) -> None:
    subject.make()
    subject.run(subject.first)
    words = protect(subject)
    start = whole_host()
    for check in (True, False):
        assert not call(subject.module, check, **subject.first)["changed"]  # there is nothing to replace
        result = call(subject.module, check, **subject.second)
        assert result.get("failed"), result
        assert result["msg"].startswith(f"{subject.file}: ")
        assert words in result["msg"]
        assert result["msg"].endswith(". Nothing was changed.")
        assert difference(start, whole_host()) == {}


@OF_OURS_ALONE
@pytest.mark.parametrize("protect", [linked, immutable, mounted])
def test_on_the_way_back_such_a_file_alone_is_left(subject: Subject, protect: Callable[[Subject], str]) -> None:
    subject.make()
    subject.run(subject.first)
    words = protect(subject)
    predicted, result = subject.run(subject.absent, check=True), subject.run(subject.absent)
    assert predicted["items"] == result["items"]
    if subject.name == "nic_link":  # its items are options, and a file that is left alone is a warning
        assert f"{subject.file}: " in str(result["warnings"])
        assert words in str(result["warnings"])
    else:
        (note,) = [item for item in result["items"] if item["item"] == subject.file]
        assert (note["state"], words in note["reason"]) == ("kept", True)
    assert os.path.exists(subject.file)


@OF_OURS_ALONE
@pytest.mark.parametrize(("mode", "uid", "gid"), [(0o666, 0, 0), (0o644, 1, 0), (0o600, 0, 7)])
def test_a_mode_or_an_owner_that_somebody_has_changed_is_an_item(
    subject: Subject, mode: int, uid: int, gid: int
) -> None:
    subject.make()
    subject.run(subject.first)
    start = whole_host()
    os.chmod(subject.file, mode)
    os.chown(subject.file, uid, gid)
    predicted, result = subject.run(subject.first, check=True), None
    result = subject.run(subject.first)
    assert predicted["changed"]
    assert result["changed"]
    for items in (predicted["items"], result["items"]):
        (item,) = [one for one in items if one["item"] == subject.file]
        assert (item["state"], item["wanted"], item["after"]) == ("changed", *["mode 0644, owner 0:0"] * 2)
        assert item["before"] == f"mode {mode:04o}, owner {uid}:{gid}"
    assert difference(start, whole_host()) == {}
    assert not subject.run(subject.first)["changed"]


OPERATIONS: dict[str, Operation] = {
    one.name: one
    for one in (SYSCTL_BULK, LIMITS_FILE_OPERATION, SYSTEMD_LIMITS, DAEMON_POOLS, JOURNALD_LIMITS, NIC_LINK)
}


def edited(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"# theirs\n")


def replaced(file: Path) -> None:
    other = file.with_name(".theirs")
    other.write_bytes(b"# theirs\n")
    other.rename(file)


def protected(file: Path) -> None:
    file.chmod(0o600)


def removed(file: Path) -> None:
    file.unlink()


@EACH
@pytest.mark.parametrize("edit", [edited, replaced, protected, removed])
@pytest.mark.parametrize("parameters", ["second", "absent"])
def test_an_edit_between_the_plan_and_the_change_is_not_lost(
    subject: Subject, edit: Callable[[Path], None], parameters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject.make()
    subject.by_hand()
    subject.run(subject.first)
    operation, file = OPERATIONS[subject.name], Path(subject.file)
    plan, start = operation.plan, {}

    def plan_and_edit(request: Any, observed: Any) -> Any:
        planned = plan(request, observed)
        edit(file)
        start.update(whole_host())
        return planned

    monkeypatch.setattr(operation, "plan", plan_and_edit)
    message = subject.failure(getattr(subject, parameters))
    assert message.startswith(f"{file}: somebody else has changed it since")
    assert "Could not be put back" not in message
    assert difference(start, whole_host()) == {}


def open_to_all(_subject: Subject) -> str:
    os.chmod(RECORDS, 0o1777)
    return "may be written by others than root (mode 1777)"


def open_to_a_group(_subject: Subject) -> str:
    os.chmod(RECORDS, 0o2770)
    os.chown(RECORDS, 0, 7)
    return "may be written by others than root (mode 2770)"


def given_away(_subject: Subject) -> str:
    os.chown(RECORDS, 4321, 0)
    return "belongs to user 4321"


def parent_open_to_all(_subject: Subject) -> str:
    os.chmod("/var/lib", 0o1777)
    return "/var/lib may be written by others than root (mode 1777)"


def symbolic_link(_subject: Subject) -> str:
    os.rmdir(RECORDS)
    os.mkdir("/etc/elsewhere", 0o700)
    os.symlink("/etc/elsewhere", RECORDS)
    return "no plain directory"


@EVERY
@pytest.mark.parametrize("opens", [open_to_all, open_to_a_group, given_away, parent_open_to_all, symbolic_link])
def test_where_others_could_put_a_record_nothing_is_changed(subject: Subject, opens: Callable[[Subject], str]) -> None:
    subject.make()
    os.mkdir(RECORDS, 0o700)
    words = opens(subject)
    start = whole_host()
    for check in (True, False):
        result = call(subject.module, check, **subject.first)
        assert result.get("failed"), result
        assert words in result["msg"]
        assert result["msg"].endswith(". Nothing was changed.")
        assert difference(start, whole_host()) == {}


def test_a_key_that_no_later_run_would_accept_is_not_written() -> None:
    """A format that binfmt_misc runs reads in several lines, and a record has a line for a value."""
    mount("binfmt_misc", "/proc/sys/fs/binfmt_misc", "binfmt_misc")
    Path("/proc/sys/fs/binfmt_misc/register").write_text(":siptune-test:E::siptune-test::/bin/true:", encoding="ascii")
    path = "/proc/sys/fs/binfmt_misc/siptune-test"
    try:
        start = whole_host()
        for check in (True, False):
            settings: dict[str, Any] = {"fs.binfmt_misc.siptune-test": 0, "net.core.somaxconn": 9000}
            result = call(ALONE[0].module, check, path=SYSCTL_FILE, settings=settings)
            assert result.get("failed"), result
            assert result["msg"].startswith("fs.binfmt_misc.siptune-test: ")
            assert result["msg"].endswith(". Nothing was changed.")
            assert difference(start, whole_host()).keys() <= {
                SYSCTL_FILE,
                ORIGINALS,
                RECORDS,
                "/proc/sys/net/core/somaxconn",
            }
            assert "enabled" in Path(path).read_text(encoding="ascii")
        assert "damaged" not in str(call(ALONE[0].module, **ALONE[0].absent))
    finally:
        Path(path).write_text("-1", encoding="ascii")
