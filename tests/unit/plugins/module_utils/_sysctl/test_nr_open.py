# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.image import Image
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.nr_open import (
    KERNEL_NR_OPEN,
    SYSTEMD_NR_OPEN,
    NrOpen,
    asked_nofile,
    nr_open,
    nr_open_at_boot,
)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"proc/sys/fs/nr_open": "1048576\n"}, (1048576, KERNEL_NR_OPEN, ""), id="nobody sets it"),
        pytest.param({}, (KERNEL_NR_OPEN, KERNEL_NR_OPEN, ""), id="no such file"),
        pytest.param(
            {
                "proc/sys/fs/nr_open": "1048576\n",
                "etc/sysctl.d/50.conf": "\nfs.nr_open = 70000\n",
                "usr/lib/sysctl.d/10.conf": "fs/nr_open=90000\n",
            },
            (1048576, 70000, "/etc/sysctl.d/50.conf line 2"),
            id="the last file wins",
        ),
    ],
)
def test_nr_open_now_and_at_boot(tmp_path: Path, files: dict[str, str], expected: tuple[object, ...]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert tuple(nr_open(Host(str(tmp_path)))) == expected


def test_an_image_has_room_for_what_its_own_boot_brings(tmp_path: Path) -> None:
    for name, text in {"proc/sys/fs/nr_open": "70000\n", "etc/sysctl.d/50.conf": "fs.nr_open = 2097152\n"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = nr_open(Image(str(tmp_path)))
    assert found == (2097152, 2097152, "/etc/sysctl.d/50.conf line 1")
    assert found.objection(1500000) == ""
    assert "is above fs.nr_open (2097152)" in found.objection(3000000)


@pytest.mark.parametrize(
    ("assigned", "live", "container", "expected"),
    [
        (None, 1048576, False, 1048576),
        (None, 4000000, False, KERNEL_NR_OPEN),  # set by hand, and gone after a boot
        (None, SYSTEMD_NR_OPEN, False, SYSTEMD_NR_OPEN),
        ("2000000", 1048576, False, 2000000),
        ("65536", SYSTEMD_NR_OPEN, False, 65536),
        ("many", 4000000, False, KERNEL_NR_OPEN),
        ("65536", 4000000, True, 4000000),
    ],
)
def test_nr_open_at_boot(assigned: str | None, live: int, container: bool, expected: int) -> None:
    assert nr_open_at_boot(assigned, live, container) == expected


@pytest.mark.parametrize(
    ("found", "files", "objection"),
    [
        pytest.param(NrOpen(1000, 2000), 1001, "1001 is above fs.nr_open (1000)", id="now"),
        pytest.param(
            NrOpen(2000, 1000, "/etc/sysctl.d/x.conf line 3"),
            1001,
            "1001 is above what fs.nr_open will be after a boot (1000, /etc/sysctl.d/x.conf line 3)",
            id="after a boot",
        ),
        pytest.param(
            NrOpen(2000, 1000),
            1001,
            "1001 is above what fs.nr_open will be after a boot (1000, the kernel's default)",
            id="after a boot, and nobody sets it",
        ),
        pytest.param(NrOpen(1000, 2000), 1000, "", id="as many as there may be"),
    ],
)
def test_the_objection_to_a_limit(found: NrOpen, files: int, objection: str) -> None:
    assert found.objection(files) == objection
    assert (files <= found.lowest) is (not objection)


ASKING = {
    "etc/security/limits.conf": "# * hard nofile 9000000\n*\tsoft nofile 4096\n@sip - NOFILE 300000 # calls\n",
    "etc/security/limits.d/9.conf": "* hard nofile unlimited\nroot hard nproc 800000\n",
    "etc/security/limits.d/9.txt": "* hard nofile 700000\n",
    "etc/systemd/system.conf": "[Manager]\n#DefaultLimitNOFILE=1024:524288\nDefaultLimitNOFILE=1024:310000\n",
    "etc/systemd/user.conf.d/a.conf": "[Manager]\nDefaultLimitNOFILE=320000\n",
    "usr/lib/systemd/system/kamailio.service": "[Service]\nLimitNOFILE=infinity\n",
    "usr/lib/systemd/system/a.socket": "[Socket]\nLimitNOFILE = 330000:340000\n",
    "etc/systemd/system/asterisk.service.d/90-siptune.conf": "[Service]\nLimitNOFILE=\\\n350000\n",
    "etc/systemd/system/asterisk.service.d/90.bak": "[Service]\nLimitNOFILE=999999\n",
}


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        ((), (350000, "/etc/systemd/system/asterisk.service.d/90-siptune.conf line 2")),
        (("asterisk",), (340000, "/usr/lib/systemd/system/a.socket line 2")),
        (("asterisk", "a.socket"), (320000, "/etc/systemd/user.conf.d/a.conf line 2")),
        (("asterisk", "a.socket", "user.conf"), (310000, "/etc/systemd/system.conf line 3")),
        (("asterisk", "a.socket", "systemd"), (300000, "/etc/security/limits.conf line 3")),
        (("etc", "a.socket"), None),
    ],
)
def test_the_highest_limit_that_a_file_asks_for(
    tmp_path: Path, without: tuple[str, ...], expected: tuple[int, str] | None
) -> None:
    for name, text in ASKING.items():
        if not any(word in name for word in without):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
    assert asked_nofile(Host(str(tmp_path))) == expected
