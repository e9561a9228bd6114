# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._storage.mounts import (
    MountTable,
    find_place,
    mount_faults,
    parse_mounts,
)

# As a Debian 12 with LVM and an NFS server shows it.
MOUNTS = r"""22 27 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
24 27 0:5 / /dev rw,nosuid,relatime shared:2 - devtmpfs udev rw,size=4007180k,nr_inodes=1001795,mode=755,inode64
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/mapper/pbx-root rw,errors=remount-ro
97 27 8:17 / /var/spool rw,relatime shared:50 - ext4 /dev/sdb1 rw,sync,data=journal
98 97 8:33 / /var/spool/asterisk/monitor rw - xfs /dev/sdc1 rw,attr2,inode64,noquota
99 27 0:44 / /srv/with\040blank rw,relatime - nfs4 192.0.2.7:/rec rw,vers=4.2,sync,hard
100 27 0:45 / /mnt/auto rw,relatime shared:9 - autofs systemd-1 rw,fd=60,pgrp=1,direct
"""


def table(text: str = MOUNTS) -> MountTable:
    return MountTable(parse_mounts(text))


def holding(path: str, text: str = MOUNTS) -> str:
    mount = table(text).holding(path)
    return mount.source if mount else ""


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("/", "/dev/mapper/pbx-root"),
        ("/var/log/asterisk", "/dev/mapper/pbx-root"),
        ("/var/spool", "/dev/sdb1"),
        ("/var/spool/asterisk", "/dev/sdb1"),
        ("/var/spool/asterisk/monitor", "/dev/sdc1"),
        ("/var/spool/asterisk/monitor/2026/11", "/dev/sdc1"),
        ("/var/spool/asterisk/monitors", "/dev/sdb1"),
        ("/var/spools", "/dev/mapper/pbx-root"),
        ("/srv/with blank/x", "192.0.2.7:/rec"),
    ],
)
def test_a_path_is_on_the_deepest_mount(path: str, source: str) -> None:
    assert holding(path) == source


def test_the_last_of_several_mounts_at_one_point_counts() -> None:
    stacked = MOUNTS + "120 97 8:49 / /var/spool rw,relatime - ext4 /dev/sdd1 rw\n"
    assert holding("/var/spool/x", stacked) == "/dev/sdd1"


def test_a_mount_hidden_by_a_later_one_does_not_count() -> None:
    hidden = MOUNTS + "120 27 8:49 / /var rw,relatime - ext4 /dev/sdd1 rw\n"
    assert holding("/var/spool/asterisk/monitor", hidden) == "/dev/sdd1"


def test_a_container_whose_root_has_a_parent_that_it_does_not_see() -> None:
    text = "712 455 0:51 / / rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w\n"
    assert holding("/var/spool/asterisk", text) == "overlay"


@pytest.mark.parametrize(
    "text",
    ["", "garbage\n", "27 1 254:0 / /\n", "27 1 254:0 / / rw - ext4\n", "1 1 0:1 / / rw - rootfs rootfs rw\n- - -\n"],
)
def test_lines_of_another_form_are_left_out(text: str) -> None:
    assert [mount.point for mount in parse_mounts(text)] in ([], ["/"])
    table(text).holding("/var/spool")


# --- where a path leads ----------------------------------------------------------------------


@pytest.fixture
def host(tmp_path) -> Host:
    for path in ("var/spool/asterisk/voicemail", "data/rec", "etc"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "var/spool/asterisk/recording").symlink_to("/data/rec")
    (tmp_path / "data/up").symlink_to("../var/./spool")
    (tmp_path / "etc/loop").symlink_to("loop")
    (tmp_path / "var/remote").symlink_to("/srv/with blank/calls")
    return Host(str(tmp_path))


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/var/spool/asterisk/voicemail", ("/var/spool/asterisk/voicemail", "/dev/sdb1")),
        ("/var/spool/asterisk//voicemail/", ("/var/spool/asterisk/voicemail", "/dev/sdb1")),
        ("/var/spool/asterisk/recording", ("/data/rec", "/dev/mapper/pbx-root")),
        ("/data/up/asterisk", ("/var/spool/asterisk", "/dev/sdb1")),
        ("/data/../var/spool", ("/var/spool", "/dev/sdb1")),
        ("/var/spool/../../data", ("/data", "/dev/mapper/pbx-root")),
        # A server that is away would hold us up: its mounts are not looked at.
        ("/srv/with blank", ("/srv/with blank", "192.0.2.7:/rec")),
        ("/srv/with blank/calls", ("/srv/with blank/calls", "192.0.2.7:/rec")),
        ("/var/remote", ("/srv/with blank/calls", "192.0.2.7:/rec")),
    ],
)
def test_where_a_path_leads(host: Host, path: str, leads_to: tuple[str, str]) -> None:
    place = find_place(host, table(), path)
    assert place is not None
    assert (place.path, place.mount.source) == leads_to


@pytest.mark.parametrize(
    "path",
    [
        "/var/spool/asterisk/monitor",
        "/nowhere",
        "var/spool",
        "",
        "/etc/loop",
        "/srv/with blank/far/below",
        "/mnt/auto/x/y",
        "/" + "a/" * 4000,
        "/var/\0/x",
    ],
)
def test_a_path_that_leads_nowhere(host: Host, path: str) -> None:
    assert find_place(host, table(), path) is None


# --- faults ----------------------------------------------------------------------------------


def faults(line: str, lost_at_boot: bool = True) -> list[tuple[str, str]]:
    mount = parse_mounts(f"40 1 8:1 / /x {line}")[0]
    return [(fault.kind, fault.finding) for fault in mount_faults(mount, lost_at_boot)]


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("rw,relatime - ext4 /dev/sda1 rw", []),
        ("rw,noatime,nodiratime - ext4 /dev/sda1 rw", []),
        ("rw,relatime - ext4 /dev/sda1 rw,sync", ["sync"]),
        ("rw,relatime - ext4 /dev/sda1 rw,dirsync", ["sync"]),
        ("rw,noatime - xfs /dev/sda1 rw,wsync", ["sync"]),
        ("rw - ext4 /dev/sda1 rw", ["strictatime"]),
        ("rw,nodiratime - xfs /dev/sda1 rw", ["strictatime"]),
        # With lazytime the times are kept in memory.
        ("rw - ext4 /dev/sda1 rw,lazytime", []),
        ("rw,relatime - ext4 /dev/sda1 rw,data=journal", ["data_journal"]),
        ("rw,relatime - ext4 /dev/sda1 rw,data=ordered", []),
        ("rw - ext3 /dev/sda1 rw,sync,data=journal", ["sync", "strictatime", "data_journal"]),
        ("ro,relatime - ext4 /dev/sda1 rw", ["read_only"]),
        ("rw,relatime - ext4 /dev/sda1 ro,errors=remount-ro", ["read_only"]),
        ("rw,nosuid - tmpfs tmpfs rw,size=1024k", ["tmpfs"]),
        ("rw,relatime - overlay overlay rw,lowerdir=/a", []),
        ("rw - overlay overlay rw,lowerdir=/a", []),
        ("rw,relatime - nfs4 192.0.2.7:/rec rw,sync", ["sync"]),
        ("rw,relatime,idmapped shared:1 master:2 - btrfs /dev/sda1 rw,ssd,subvol=/sync", []),
    ],
)
def test_the_faults_of_a_mount(line: str, kinds: list[str]) -> None:
    assert [kind for kind, _finding in faults(line)] == kinds


def test_what_a_daemon_makes_anew_may_be_in_memory() -> None:
    assert faults("rw,relatime - tmpfs tmpfs rw", lost_at_boot=False) == []


def test_who_is_waited_for() -> None:
    assert faults("rw,relatime - ext4 /dev/sdb1 rw,sync")[0][1] == (
        "on /dev/sdb1 mounted sync: each write waits for the disk"
    )
    assert faults("rw,relatime - nfs 192.0.2.7:/rec rw,sync")[0][1].endswith("waits for the server")
