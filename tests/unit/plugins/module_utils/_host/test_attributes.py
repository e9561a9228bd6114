# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACLs, extended attributes, capabilities and flags of real files, as far as the file system of the tests has them."""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.attributes import ACL, MOST_BYTES
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord, Host, HostError

PATH = "/etc/sysctl.d/a.conf"
USER_OBJ, USER, GROUP_OBJ, MASK, OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
NO_ID = 0xFFFFFFFF
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)  # vfs_cap_data: cap_net_bind_service, effective
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this")


def acl(user: int = 6, mask: int = 6, owner: int = 6, group: int = 4, other: int = 0) -> bytes:
    """An ACL for user 7 as setfacl(1) would write it."""
    entries = (
        (USER_OBJ, owner, NO_ID),
        (USER, user, 7),
        (GROUP_OBJ, group, NO_ID),
        (MASK, mask, NO_ID),
        (OTHER, other, NO_ID),
    )
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / PATH[1:]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"old")
    path.chmod(0o640)
    return path


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(str(tmp_path))


def snapshot(host: Host) -> FileRecord:
    record = host.snapshot(PATH)
    assert record is not None
    return record


def give(path: Path, name: str, value: bytes) -> None:
    try:
        os.setxattr(path, name, value)
    except OSError as error:
        pytest.skip(f"no {name} here: {error}")


@contextlib.contextmanager
def flag(path: Path, letter: str) -> Iterator[None]:
    if not shutil.which("chattr") or subprocess.run(["chattr", f"+{letter}", path], check=False).returncode:
        pytest.skip("chattr sets no flags here")
    try:
        yield
    finally:
        subprocess.run(["chattr", f"-{letter}", path], check=True)


@AS_ROOT
@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("user.origin", b"any\0bytes\xff", id="user"),
        pytest.param("user.empty", b"", id="empty"),
        pytest.param("user.\xfcml\xe4ut", b"1", id="odd name"),
        pytest.param("trusted.backup", b"1", id="trusted"),
        pytest.param("security.label", b"etc_t", id="label"),
        pytest.param("security.capability", CAPABILITY, id="capability"),
    ],
)
def test_attributes_go_along_and_come_back(host: Host, file: Path, name: str, value: bytes) -> None:
    give(file, name, value)
    first = snapshot(host)
    assert dict(first.attributes)[name] == value
    host.stage(PATH, first._replace(content=b"new", mode=0o644, uid=1)).commit()
    assert os.getxattr(file, name) == value
    host.stage(PATH, first).commit()
    assert (snapshot(host), os.getxattr(file, name)) == (first, value)
    host.stage(PATH, first._replace(attributes=())).commit()
    assert name not in os.listxattr(file)
    host.remove(PATH)
    host.stage(PATH, first).commit()
    assert (snapshot(host), os.getxattr(file, name)) == (first, value)


@pytest.mark.parametrize("rights", [acl(), acl(mask=4), acl(owner=4, group=0, other=4), acl(user=0, mask=7)])
def test_an_acl_goes_along_with_any_mode_and_comes_back(host: Host, file: Path, rights: bytes) -> None:
    give(file, ACL, rights)
    before, first = os.stat(file).st_mode, snapshot(host)
    host.stage(PATH, first._replace(mode=0o644)).commit()
    assert snapshot(host) == first._replace(mode=0o644)
    assert snapshot(host).attributes  # user 7 is named in it as before, and the mode bounds what he may do
    host.stage(PATH, first).commit()
    assert (os.getxattr(file, ACL), os.stat(file).st_mode) == (rights, before)


def test_an_acl_that_the_directory_hands_on_does_not_reach_our_files(host: Host, file: Path) -> None:
    give(file.parent, "system.posix_acl_default", acl())
    first = snapshot(host)
    host.stage(PATH, first._replace(content=b"new", mode=0o644)).commit()
    assert snapshot(host) == first._replace(content=b"new", mode=0o644)
    assert ACL not in os.listxattr(file)


def test_more_attributes_than_a_record_may_hold_are_an_obstacle() -> None:
    if not os.path.isdir("/dev/shm"):
        pytest.skip("no tmpfs here, which has room for them")
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        for number in range(17):
            give(Path(file.name), f"trusted.{number}", bytes(MOST_BYTES // 16))
        record = Host("/").snapshot(file.name)
        assert record is not None
        assert "64 KiB of extended attributes" in record.obstacle
        os.removexattr(file.name, "trusted.0")
        record = Host("/").snapshot(file.name)
        assert record is not None
        assert (len(record.attributes), record.obstacle) == (16, "")


def test_an_ordinary_file_can_be_replaced(host: Host, file: Path) -> None:
    assert snapshot(host).obstacle == ""


def test_a_file_with_several_names_is_not_replaced(host: Host, file: Path) -> None:
    os.link(file, file.parent / "b.conf")
    assert snapshot(host).obstacle.startswith("has 2 names (hard links)")
    (file.parent / "b.conf").unlink()
    assert snapshot(host).obstacle == ""


@AS_ROOT
@pytest.mark.parametrize(("letter", "words"), [("i", "immutable"), ("a", "append-only")])
def test_a_flag_is_an_obstacle_and_named_by_a_refusal(host: Host, file: Path, letter: str, words: str) -> None:
    with flag(file, letter):
        assert words in snapshot(host).obstacle
    record = snapshot(host)
    with flag(file.parent, letter):
        assert f"its directory is {words}" in snapshot(host).obstacle
        for effect in (lambda: host.stage(PATH, record), lambda: host.remove(PATH)):
            with pytest.raises(HostError, match=f"^{PATH}: its directory is {words}"):
                effect()
    assert [path.name for path in file.parent.iterdir()] == ["a.conf"]
    assert snapshot(host) == record


@AS_ROOT
def test_a_mount_point_is_an_obstacle(host: Host, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("mounted")
    if not shutil.which("mount") or subprocess.run(["mount", "--bind", other, file], check=False).returncode:
        pytest.skip("no mounts here")
    try:
        assert "mount point" in snapshot(host).obstacle
        with pytest.raises(HostError, match="EBUSY"):
            host.stage(PATH, snapshot(host)).commit()
        assert [path.name for path in file.parent.iterdir()] == ["a.conf"]
    finally:
        subprocess.run(["umount", file], check=True)
