# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.devices import parse_pairs, read_database

# /run/udev/data/n4 of a machine with systemd 252
DATABASE = """\
I:1234567
E:ID_NET_NAMING_SCHEME=v252
E:ID_PATH=pci-0000:00:02.0
E:ID_MODEL_FROM_DATABASE=82574L Gigabit = Network Connection
E:ID_NET_LINK_FILE=/usr/lib/systemd/network/99-default.link
E:EMPTY=
G:systemd
Q:systemd
V:1
"""


def test_the_udev_database(tmp_path: Path) -> None:
    (tmp_path / "run/udev/data").mkdir(parents=True)
    (tmp_path / "run/udev/data/n4").write_text(DATABASE, encoding="utf-8")
    assert read_database(Host(str(tmp_path)), 4) == {
        "ID_NET_NAMING_SCHEME": "v252",
        "ID_PATH": "pci-0000:00:02.0",
        "ID_MODEL_FROM_DATABASE": "82574L Gigabit = Network Connection",
        "ID_NET_LINK_FILE": "/usr/lib/systemd/network/99-default.link",
        "EMPTY": "",
    }
    assert read_database(Host(str(tmp_path)), 5) is None


def test_uevent() -> None:
    assert parse_pairs("DEVTYPE=vlan\nINTERFACE=sip0.7\nIFINDEX=9\n") == {
        "DEVTYPE": "vlan",
        "INTERFACE": "sip0.7",
        "IFINDEX": "9",
    }
    assert parse_pairs("") == {}
