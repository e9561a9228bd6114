# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.boot import files_read_at_boot

NAMES = {
    "usr/lib/sysctl.d": ["50-default.conf", "99-protect-links.conf"],
    "lib/sysctl.d": ["50-default.conf", "99-protect-links.conf"],
    "etc/sysctl.d": ["99-sysctl.conf", "50-default.conf", "README.sysctl", ".hidden.conf"],
    "run/sysctl.d": ["10-x.conf"],
}
READ = [
    "/run/sysctl.d/10-x.conf",
    "/etc/sysctl.d/50-default.conf",
    "/usr/lib/sysctl.d/99-protect-links.conf",
    "/etc/sysctl.d/99-sysctl.conf",
]


def host(root: Path) -> Host:
    for directory, names in NAMES.items():
        (root / directory).mkdir(parents=True)
        for name in names:
            (root / directory / name).write_text(f"# {directory}")
    (root / "lib/systemd").mkdir()
    (root / "lib/systemd/systemd-sysctl").touch()
    return Host(str(root))


def test_the_first_directory_decides_among_files_of_one_name(tmp_path: Path) -> None:
    read = files_read_at_boot(host(tmp_path))
    assert read == [(path, f"# {path[1:].rpartition('/')[0]}") for path in READ]


def test_all_files_but_one(tmp_path: Path) -> None:
    read = files_read_at_boot(host(tmp_path), "/etc/sysctl.d/50-default.conf")
    assert [path for path, _text in read] == [READ[0], "/usr/lib/sysctl.d/50-default.conf", *READ[2:]]


def test_without_systemd_the_file_of_procps_is_read_last(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/sysctl.conf").write_text("a = 1")
    assert files_read_at_boot(Host(str(tmp_path))) == [("/etc/sysctl.conf", "a = 1")]


def test_an_unreadable_file_hides_others_of_its_name(tmp_path: Path) -> None:
    machine = host(tmp_path)
    (tmp_path / "etc/sysctl.d/50-default.conf").unlink()
    (tmp_path / "etc/sysctl.d/50-default.conf").symlink_to("missing")
    assert files_read_at_boot(machine)[1] == ("/etc/sysctl.d/50-default.conf", "")
