# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nmcli of NetworkManager 1.30, 1.42 and 1.52 printed in Debian 11, 12 and 13."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import CommandResult, Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.network_manager import (
    RUN_DIRECTORY,
    Profile,
    observe,
    parse_active,
    parse_profiles,
    parse_properties,
    parse_version,
    set_properties,
    split_terse,
)
from hypothesis import given
from hypothesis import strategies as st

UUID = "690a8c02-dc62-49ec-b466-70b425d7c6cc"
LO = "dc9aa776-59d9-4aac-a598-71252a2d6210"
DEVICES = f"lo:connected (externally):{LO}\nv0:connected:{UUID}\nv1:disconnected:\nv2:unmanaged:\n"
CONNECTIONS = (
    f"{LO}:lo:/run/NetworkManager/system-connections/lo.nmconnection\n"
    rf"{UUID}:a b\:c\\d:/etc/NetworkManager/system-connections/a b\:c\\d.nmconnection" + "\n"
)
PROPERTIES_130 = """\
802-3-ethernet.port:
802-3-ethernet.speed:0
802-3-ethernet.duplex:
802-3-ethernet.auto-negotiate:no
ethtool.coalesce-adaptive-rx:0
ethtool.coalesce-rx-usecs:50
ethtool.ring-rx:512
"""
PROPERTIES_152 = """\
802-3-ethernet.speed:1000
802-3-ethernet.duplex:full
802-3-ethernet.auto-negotiate:yes
link.tx-queue-length:2000
link.gso-max-segments:-1
ethtool.pause-autoneg:
ethtool.pause-rx:off
ethtool.ring-rx:512
ethtool.channels-combined:2
ethtool.fec-mode:
"""


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a:", ["a", ""]),
        ("v0:ethernet::", ["v0", "ethernet", "", ""]),
        (r"a b\:c\\d:x", [r"a b:c\d", "x"]),
        (r"a\\:b", ["a\\", "b"]),
        ("lo:connected (externally)", ["lo", "connected (externally)"]),
    ],
)
def test_terse_fields(line: str, fields: list[str]) -> None:
    assert split_terse(line) == fields


@given(st.lists(st.text(st.characters(exclude_characters="\n")), min_size=1))
def test_terse_fields_read_back(fields: list[str]) -> None:
    assert split_terse(":".join(field.replace("\\", "\\\\").replace(":", "\\:") for field in fields)) == fields


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("running:1.30.6\n", (1, 30)),
        ("running:1.52.1\n", (1, 52)),
        ("running:1.58-dev\n", (1, 58)),
        ("not running:unknown\n", None),
        ("", None),
    ],
)
def test_version(text: str, version: tuple[int, int] | None) -> None:
    assert parse_version(text) == version


def test_an_interface_that_somebody_else_has_set_up_has_no_profile() -> None:
    assert parse_active(DEVICES) == {"v0": UUID}


def test_profiles() -> None:
    profiles = parse_profiles(CONNECTIONS)
    file = r"/etc/NetworkManager/system-connections/a b:c\d.nmconnection"
    assert profiles[UUID] == Profile(UUID, r"a b:c\d", file, {})
    assert not profiles[UUID].volatile
    assert profiles[LO].volatile


def test_properties_that_say_nothing_are_left_out() -> None:
    assert parse_properties(PROPERTIES_130) == {
        "ethtool.coalesce-adaptive-rx": "0",
        "ethtool.coalesce-rx-usecs": "50",
        "ethtool.ring-rx": "512",
    }
    newer = parse_properties(PROPERTIES_152)
    assert newer["link.tx-queue-length"] == "2000"
    assert newer["802-3-ethernet.auto-negotiate"] == "yes"
    assert "ethtool.pause-autoneg" not in newer
    assert parse_properties("link.tx-queue-length:-1\n802-3-ethernet.speed:0\n") == {}


# --- calls ----------------------------------------------------------------------------------


class Scripted(Host):
    """A host whose nmcli answers as it did in a container, and remembers what it was asked."""

    def __init__(self, root: str, answers: Mapping[str, CommandResult]) -> None:
        super().__init__(root)
        self.answers = answers
        self.calls: list[Sequence[str]] = []

    def run(self, arguments: Sequence[str]) -> CommandResult | None:
        self.calls.append(arguments)
        return next((answer for words, answer in self.answers.items() if words in " ".join(arguments)), None)


def _answers(version: str, properties: str) -> dict[str, CommandResult]:
    texts = {
        "general": f"running:{version}\n",
        "DEVICE,STATE": DEVICES,
        "FILENAME": CONNECTIONS,
        "connection show uuid": properties,
    }
    return {words: CommandResult(0, text, "") for words, text in texts.items()}


def test_without_networkmanager_nothing_is_started(tmp_path) -> None:  # type: ignore[no-untyped-def]
    host = Scripted(str(tmp_path), {})
    assert observe(host, ["v0"], []) is None
    assert host.calls == []


@pytest.mark.parametrize(
    ("version", "properties", "settings"),
    [
        ("1.30.6", PROPERTIES_130, "ethtool,802-3-ethernet"),  # which answers "invalid field 'link'"
        ("1.42.4", PROPERTIES_130, "ethtool,802-3-ethernet"),
        ("1.52.1", PROPERTIES_152, "ethtool,802-3-ethernet,link"),
    ],
)
def test_observed(tmp_path, version: str, properties: str, settings: str) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / RUN_DIRECTORY[1:]).mkdir(parents=True)
    host = Scripted(str(tmp_path), _answers(version, properties))
    manager = observe(host, ["v0", "v1"], [])
    assert manager is not None
    assert manager.profile_of("v1") is None
    profile = manager.profile_of("v0")
    assert profile is not None
    assert profile.properties == parse_properties(properties)
    assert list(host.calls[-1]) == ["nmcli", "-t", "-f", settings, "connection", "show", "uuid", UUID]


def test_a_networkmanager_that_was_stopped(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / RUN_DIRECTORY[1:]).mkdir(parents=True)
    stopped = {"general": CommandResult(8, "", "Error: NetworkManager is not running.\n")}
    assert observe(Scripted(str(tmp_path), stopped), ["v0"], []) is None


@pytest.mark.parametrize(
    ("left", "removed"),
    [
        ("ethtool.ring-rx:\nethtool.ring-tx:\nlink.tx-queue-length:-1\nlink.gro-max-size:-1\n", ["ethtool", "link"]),
        ("ethtool.ring-rx:\nethtool.ring-tx:512\nlink.gro-max-size:65536\n", []),
        ("connection.id:v0\n", ["ethtool", "link"]),
    ],
)
def test_a_setting_goes_with_its_last_property(tmp_path, left: str, removed: list[str]) -> None:  # type: ignore[no-untyped-def]
    answers = {"modify": CommandResult(0, "", ""), "connection show": CommandResult(0, left, "")}
    host = Scripted(str(tmp_path), answers)
    unset = ("ethtool.ring-rx", "802-3-ethernet.speed", "link.tx-queue-length")
    set_properties(host, UUID, {**dict.fromkeys(unset, ""), "ethtool.ring-jumbo": "8"})
    assert [call[-1] for call in host.calls if "remove" in call] == removed


def test_properties_are_set_and_a_refusal_is_short(tmp_path) -> None:  # type: ignore[no-untyped-def]
    fine = Scripted(str(tmp_path), {"modify": CommandResult(0, "", "")})
    set_properties(fine, UUID, {"ethtool.ring-rx": "512", "ethtool.ring-tx": ""})
    assert list(fine.calls[0]) == [
        *("nmcli", "connection", "modify", "uuid", UUID, "ethtool.ring-rx", "512", "ethtool.ring-tx", "")
    ]
    message = "Error: invalid property 'pause-rx': 'pause-rx' not among [feature-esp-hw-offload, feature-gro].\n"
    refusing = Scripted(str(tmp_path), {"modify": CommandResult(2, "", message)})
    with pytest.raises(HostError, match=r"invalid property 'pause-rx': 'pause-rx'$"):
        set_properties(refusing, UUID, {"ethtool.pause-rx": "off"})
    with pytest.raises(HostError, match="nmcli is not installed"):
        set_properties(Scripted(str(tmp_path), {}), UUID, {"ethtool.pause-rx": "off"})
