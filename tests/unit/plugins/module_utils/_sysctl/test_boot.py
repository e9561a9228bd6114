# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.boot import files_read_at_boot


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "etc/sysctl.d/90-a.conf",
        "usr/lib/sysctl.d/50-b.conf",
        "usr/lib/sysctl.d/90-a.conf",
        "etc/sysctl.conf",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}", encoding="utf-8")
    return tmp_path


B, A = (
    ("/usr/lib/sysctl.d/50-b.conf", "# usr/lib/sysctl.d/50-b.conf"),
    ("/etc/sysctl.d/90-a.conf", "# etc/sysctl.d/90-a.conf"),
)


@pytest.mark.parametrize("program", ["usr/lib/systemd/systemd-sysctl", "lib/systemd/systemd-sysctl"])
def test_systemd_sysctl_does_not_read_the_file_of_procps(tree: Path, program: str) -> None:
    assert files_read_at_boot(Host(str(tree))) == [B, A, ("/etc/sysctl.conf", "# etc/sysctl.conf")]
    (tree / program).parent.mkdir(parents=True)
    (tree / program).touch()
    assert files_read_at_boot(Host(str(tree))) == [B, A]


def test_without_our_file_the_one_that_it_hides_is_read(tree: Path) -> None:
    (tree / "etc/sysctl.conf").unlink()
    hidden = "/usr/lib/sysctl.d/90-a.conf"
    assert files_read_at_boot(Host(str(tree)), "/etc/sysctl.d/90-a.conf")[:2] == [B, (hidden, f"# {hidden[1:]}")]


def test_a_file_that_cannot_be_read_still_hides_one_of_its_name(tree: Path) -> None:
    (tree / "etc/sysctl.d/90-a.conf").unlink()
    (tree / "etc/sysctl.d/90-a.conf").symlink_to("nowhere")
    (tree / "etc/sysctl.d/50-b.conf").mkdir()
    assert files_read_at_boot(Host(str(tree)))[:2] == [("/etc/sysctl.d/50-b.conf", ""), ("/etc/sysctl.d/90-a.conf", "")]


def test_a_host_without_any_file_has_none(tmp_path: Path) -> None:
    assert files_read_at_boot(Host(str(tmp_path))) == [("/etc/sysctl.conf", "")]
