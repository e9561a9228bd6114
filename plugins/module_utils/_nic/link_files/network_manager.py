# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetworkManager: which interfaces it owns, and properties of their profiles, by nmcli.

A profile is changed for its next activation only. It is never activated here: that takes the link down. Parsers take
text and never raise. Sources: nmcli(1), "--terse"; nm-settings-nmcli(5); nmcli 1.30, 1.42 and 1.52.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..._host.host import LONGEST_COMPLAINT, Host, HostError

# NetworkManager creates this when it starts. Without it no nmcli is started.
RUN_DIRECTORY = "/run/NetworkManager"
# Profiles in here are generated at each boot, by netplan for example, or describe interfaces set up by others.
VOLATILE = "/run/"
CONNECTED = "connected"  # not "connected (externally)": NetworkManager only watches such an interface

SETTINGS = "ethtool,802-3-ethernet"
LINK_SETTING = "link"
LINK_SETTING_SINCE = (1, 44)
# Values of properties that are not set. `no` of auto-negotiate means: leave it alone.
UNSET = {"802-3-ethernet.speed": "0", "802-3-ethernet.auto-negotiate": "no"}
UNSET_OF_LINK = "-1"
OPTIONAL_SETTINGS = ("ethtool", LINK_SETTING)  # nmcli leaves an empty section when their last property is unset


class Profile(NamedTuple):
    """A connection profile. `properties` are those of its ethtool, link and 802-3-ethernet settings that are set."""

    uuid: str
    name: str
    file: str
    properties: Mapping[str, str]

    @property
    def volatile(self) -> bool:
        """Whether the next boot generates it again, without our settings."""
        return self.file.startswith(VOLATILE)


class NetworkManager(NamedTuple):
    """The running NetworkManager: its version, some of its profiles, and the active profile of each interface."""

    version: tuple[int, int]
    profiles: Mapping[str, Profile]
    active: Mapping[str, str]

    def profile_of(self, interface: str) -> Profile | None:
        """The profile that an interface is connected with."""
        return self.profiles.get(self.active.get(interface, ""))


# --- parsers --------------------------------------------------------------------------------


def split_terse(line: str) -> list[str]:
    """The fields of a line of terse output, in which nmcli escapes colons and backslashes."""
    fields = [""]
    for token in re.findall(r"\\.|:|[^\\:]+", line):
        if token == ":":
            fields.append("")
        else:
            fields[-1] += token[1:] if token.startswith("\\") else token
    return fields


def parse_version(text: str) -> tuple[int, int] | None:
    """The version in `running:1.42.4`, None if NetworkManager does not run."""
    found = re.match(r"running:([0-9]{1,4})\.([0-9]{1,4})\b", text)
    return (int(found.group(1)), int(found.group(2))) if found else None


def parse_active(text: str) -> dict[str, str]:
    """The profile, by UUID, that each interface is connected with, of DEVICE,STATE,CON-UUID."""
    rows = [split_terse(line) for line in text.split("\n") if line]
    return {row[0]: row[2] for row in rows if len(row) == 3 and row[1] == CONNECTED and row[2]}


def parse_profiles(text: str) -> dict[str, Profile]:
    """The profiles by UUID, still without properties, of UUID,NAME,FILENAME."""
    rows = [split_terse(line) for line in text.split("\n") if line]
    return {row[0]: Profile(row[0], row[1], row[2], {}) for row in rows if len(row) == 3}


def parse_properties(text: str) -> dict[str, str]:
    """The properties that are set, of the terse lines of a profile."""
    pairs = [line.partition(":") for line in text.split("\n")]
    return {name: value for name, colon, value in pairs if colon and value and value != _unset(name)}


def _unset(name: str) -> str:
    return UNSET_OF_LINK if name.startswith(f"{LINK_SETTING}.") else UNSET.get(name, "")


# --- effects --------------------------------------------------------------------------------


def observe(host: Host, interfaces: Iterable[str], uuids: Iterable[str]) -> NetworkManager | None:
    """NetworkManager with the profiles of these interfaces and UUIDs, None if it does not run. Raises HostError."""
    if not host.exists(RUN_DIRECTORY):
        return None
    version = parse_version(_ask(host, "-f", "RUNNING,VERSION", "general") or "")
    if version is None:
        return None
    wanted = set(interfaces)
    devices = parse_active(_ask(host, "-f", "DEVICE,STATE,CON-UUID", "device") or "")
    active = {interface: uuid for interface, uuid in devices.items() if interface in wanted}
    needed = {*active.values(), *uuids}
    listed = parse_profiles(_ask(host, "-f", "UUID,NAME,FILENAME", "connection", "show") or "") if needed else {}
    profiles = {
        uuid: profile._replace(properties=read_properties(host, uuid, version))
        for uuid, profile in listed.items()
        if uuid in needed
    }
    return NetworkManager(version, profiles, active)


def read_properties(host: Host, uuid: str, version: tuple[int, int]) -> dict[str, str]:
    """The properties of a profile that are set. Raises HostError."""
    settings = SETTINGS + (f",{LINK_SETTING}" if version >= LINK_SETTING_SINCE else "")
    text = _ask(host, "-f", settings, "connection", "show", "uuid", uuid)
    if text is None:
        raise HostError(f"NetworkManager's profile {uuid}", "cannot be read")
    return parse_properties(text)


def set_properties(host: Host, uuid: str, values: Mapping[str, str]) -> None:
    """Set properties of a profile, for its next activation; an empty value unsets one. Raises HostError."""
    words = [word for name, value in values.items() for word in (name, value)]
    done = host.run(["nmcli", "connection", "modify", "uuid", uuid, *words])
    if done is None or done.status != 0:
        reason = "nmcli is not installed" if done is None else _shortened(done.stderr)
        raise HostError(f"NetworkManager's profile {uuid}", f"rejects {' '.join(words)}: {reason}")
    _drop_emptied(host, uuid, [name.partition(".")[0] for name, value in values.items() if not value])


def _drop_emptied(host: Host, uuid: str, settings: Iterable[str]) -> None:
    """Remove settings without any property left, so that the profile's file is as it was before us.

    An empty setting means the same as none, so a refusal does not matter.
    """
    optional = [setting for setting in dict.fromkeys(settings) if setting in OPTIONAL_SETTINGS]
    if not optional:
        return
    left = {name.partition(".")[0] for name in parse_properties(_ask(host, "connection", "show", "uuid", uuid) or "")}
    for setting in optional:
        if setting not in left:
            host.run(["nmcli", "connection", "modify", "uuid", uuid, "remove", setting])


def _shortened(message: str) -> str:
    """An error of nmcli without the list of everything it knows."""
    return " ".join(message[:LONGEST_COMPLAINT].split("not among [")[0].split())


def _ask(host: Host, *words: str) -> str | None:
    """The answer of nmcli; None if it is not installed, or fails."""
    done = host.run(["nmcli", "-t", *words])
    return done.stdout if done is not None and done.status == 0 else None
