# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of our file. Whole plans with it are in test_plan.py."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._host.host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.base import explicit_options, find_base
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.file import (
    LinkFile,
    OwnText,
    own_paths,
    render,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.match import Device
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.model import Observed

MAC = "52:54:00:12:34:56"
CARD = Device("ens3", 2, MAC, MAC, "pci-0000:00:03.0", "igb", "ether", "", None, False, {}, None)
VENDORS = "/usr/lib/systemd/network/99-default.link"
DEFAULT = LinkFile(VENDORS, ((VENDORS, "[Match]\nOriginalName=*\n[Link]\nRxBufferSize=9\n"),))
USERS = "[Match]\nDriver=igb\n[Link]\n"
USUAL, EARLY = own_paths("ens3")


def users(text: str = USERS, name: str = "10-a.link") -> LinkFile:
    path = f"/etc/systemd/network/{name}"
    return LinkFile(path, ((path, text),))


def observed(*files: LinkFile, own: Mapping[str, str] | None = None, version: int | None = 252) -> Observed:
    records = {path: FileRecord(text.encode(), 0o644, 0, 0) for path, text in (own or {}).items()}
    return Observed(version, True, {"ens3": CARD}, files, {USUAL: None, EARLY: None, **records}, NOTHING, (0, 0))


@pytest.mark.parametrize(
    ("files", "own", "file", "path"),
    [
        pytest.param([DEFAULT], {}, DEFAULT, USUAL, id="the distribution's"),
        pytest.param([users(), DEFAULT], {}, users(), USUAL, id="the administrator's"),
        pytest.param([users("[Match]\nDriver=other\n"), DEFAULT], {}, DEFAULT, USUAL, id="one for another card"),
        pytest.param([users(name="00-a.link")], {}, users(name="00-a.link"), EARLY, id="an early one"),
        pytest.param([], {}, None, USUAL, id="none"),
        pytest.param([DEFAULT], {USUAL: USERS}, DEFAULT, EARLY, id="somebody else's file has our name"),
        pytest.param([DEFAULT], {USUAL: render(OwnText((), (), {}))}, DEFAULT, USUAL, id="our own is there"),
    ],
)
def test_bases(files: list[LinkFile], own: dict[str, str], file: LinkFile | None, path: str) -> None:
    base = find_base(observed(*files, own=own), "ens3", CARD, {})
    assert (base.file, base.path, base.obstacle) == (file, path, None)


@pytest.mark.parametrize(
    ("seen", "device", "state", "reason"),
    [
        pytest.param(observed(DEFAULT), None, "absent", "no such interface", id="no interface"),
        pytest.param(observed(DEFAULT, version=None), CARD, "pending", "no systemd here", id="no systemd"),
        pytest.param(observed(DEFAULT), CARD._replace(type="loopback"), "pending", "loopback", id="loopback"),
        pytest.param(observed(users(name="+a.link")), CARD, "shadowed", "comes before any name of ours", id="no room"),
        pytest.param(
            observed(users("[Match]\nHost=x\nDriver=igb\n")), CARD, "pending", "unknown whether", id="unknown"
        ),
        pytest.param(
            observed(users("[Match]\nOriginalName=eth0\n[Link]\nName=ens3\n")),
            CARD._replace(original_name="eth0"),
            "shadowed",
            "match by PermanentMACAddress= there",
            id="not pinned to the card",
        ),
    ],
)
def test_obstacles(seen: Observed, device: Device | None, state: str, reason: str) -> None:
    obstacle = find_base(seen, "ens3", device, {}).obstacle
    assert obstacle is not None
    assert (obstacle.state, obstacle.at_boot) == (state, None)
    assert reason in obstacle.reason


def test_defaults_of_the_distribution_are_not_explicit() -> None:
    assert explicit_options(DEFAULT) == {}
    assert explicit_options(None) == {}
    found = explicit_options(users(USERS + "RxBufferSize=9\nTxBufferSize=\nWakeOnLan=off\n"))
    assert {option: line.value for option, line in found.items()} == {"RxBufferSize": "9"}
