# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes into a .link file, and what into our udev rules; whole runs are in test_spreading.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from nic_cards import CardHost, igb, links

RULES = "/etc/udev/rules.d/90-siptune-queues.rules"
LINK_FILE = "/etc/systemd/network/00-siptune-eth0.link"


def host_with(tmp_path: Path, version: int) -> CardHost:
    host = CardHost(tmp_path, igb(), igb("eth1", mac="52:54:00:00:00:11"))
    host.cpus("0-3")
    library = tmp_path / "usr/lib/systemd/libsystemd-shared-252.so"
    library.rename(library.with_name(f"libsystemd-shared-{version}.so"))
    return host


def test_an_update_of_systemd_moves_steering_from_the_rules_to_the_link_file(tmp_path: Path) -> None:
    host = host_with(tmp_path, 252)
    wanted = {"eth0": {"rps_cpus": "1", "xps_cpus": "auto"}}
    links(host, wanted)
    before = host.read_text(RULES) or ""
    assert (host.read_text(LINK_FILE), before.count("rps_cpus"), before.count("#-- ")) == (None, 5, 2)
    library = tmp_path / "usr/lib/systemd/libsystemd-shared-252.so"
    library.rename(library.with_name("libsystemd-shared-257.so"))
    item = links(host, wanted).items["eth0 rps_cpus"]
    assert (item.state, item.at_boot) == ("changed", "1")
    after = host.read_text(RULES) or ""
    assert ("rps_cpus" in after, after.count("#-- ")) == (False, 1)
    assert "ReceivePacketSteeringCPUMask=1\n" in (host.read_text(LINK_FILE) or "")
    assert not links(host, wanted).changed


@pytest.mark.parametrize("version", [252, 257])
def test_later_interfaces_have_rules_whatever_the_systemd(tmp_path: Path, version: int) -> None:
    host = host_with(tmp_path, version)
    links(host, {"*": {"rps_cpus": "auto"}, "eth1": {"rps_cpus": None}})
    text = host.read_text(RULES) or ""
    assert "# --- interfaces that appear later ---" in text
    assert text.count('GOTO="siptune_end"') == 2 + 2  # those at the head, and a card each
    assert ("#-- eth0 rps_cpus=" in text) == (version < 256)
    assert "#-- eth1" not in text


def test_nothing_but_names_needs_no_rules_for_others(tmp_path: Path) -> None:
    host = host_with(tmp_path, 257)
    links(host, {"eth0": {"rps_cpus": "1"}})
    assert host.read_text(RULES) is None


def test_a_host_without_systemd(tmp_path: Path) -> None:
    host = host_with(tmp_path, 252)
    for path in (*(tmp_path / "usr/lib/systemd").iterdir(), tmp_path / "run/udev/control"):
        path.unlink()
    item = links(host, {"eth0": {"xps_cpus": "auto"}}).items["eth0 xps_cpus"]
    assert (item.state, item.at_boot) == ("pending", None)
    assert "no udev here reads rules: run again after each boot; in force until the next boot" in item.reason


def test_two_cards_that_nothing_tells_apart(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb(mac="52:54:00:00:00:11"), igb("eth1", mac="52:54:00:00:00:11"))
    host.cpus("0-3")
    item = links(host, {"eth0": {"xps_cpus": "auto"}}).items["eth0 xps_cpus"]
    assert (item.state, item.at_boot) == ("pending", None)
    assert "no udev rule would match this interface alone" in item.reason


def test_another_module_leaves_the_rules_alone(tmp_path: Path) -> None:
    from nic_cards import rings

    host = host_with(tmp_path, 252)
    links(host, {"eth0": {"rps_cpus": "1"}})
    before = host.read_text(RULES)
    rings(host, {"eth0": {"rx": 512}})
    rings(host, {}, state="absent")
    assert host.read_text(RULES) == before
