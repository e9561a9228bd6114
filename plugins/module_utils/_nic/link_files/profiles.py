# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a plan for NetworkManager's profiles, where it owns the interface.

NetworkManager sets a profile's properties at each activation, which overrides a .link file. It leaves alone what a
profile does not name, or has no property for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from ..._core.change import CHANGED, KEPT, OK, SHADOWED
from ..._core.diff import NOT_SET
from ..._core.text import printable
from ..._engine.originals import ProfileOriginal
from .file import Setting
from .model import ProfileChange, Verdict
from .network_manager import NetworkManager, Profile
from .options import OPTIONS, profile_value


class ProfilePlan(NamedTuple):
    """The options that a profile takes, with their verdicts, and the originals that change; None for one to drop."""

    changes: list[ProfileChange]
    verdicts: dict[str, Verdict]
    originals: dict[tuple[str, str], ProfileOriginal | None]


def plan_profile(
    manager: NetworkManager | None,
    recorded: Mapping[str, Mapping[str, ProfileOriginal]],
    interface: str,
    settings: Mapping[str, Setting],
    owner: str,
    in_file: Mapping[str, str] = MappingProxyType({}),
) -> ProfilePlan:
    """The plan for the profile of an interface, and for profiles in which an earlier call has set anything for it.

    `recorded` is Originals.profiles: by the profile's UUID, and by property. `in_file` are the values of options that
    an image's .link file has set: those hold already, as NetworkManager leaves alone what a profile does not name.
    """
    planned = ProfilePlan([], {}, {})
    if manager is None:
        return planned
    profile = manager.profile_of(interface)
    wanted = {}
    if profile is not None:
        wanted = {} if profile.volatile else _values(manager, settings)
        for option, setting in settings.items():
            original = recorded.get(profile.uuid, {}).get(OPTIONS[option].property)
            value = None if in_file.get(option) == setting.value else wanted.get(option)
            _set(planned, profile, interface, option, value, setting, original)
    kept = {(profile.uuid, OPTIONS[option].property) for option in wanted} if profile else set()
    for key, original in _of_interface(recorded, interface).items():
        if key not in kept and _owner_of(key[1]) == owner:
            _put_back(planned, manager.profiles.get(key[0]), key, original)
    return planned


def is_recorded(recorded: Mapping[str, Mapping[str, ProfileOriginal]], interface: str) -> bool:
    """Whether anything of ours is set in a profile for this interface."""
    return bool(_of_interface(recorded, interface))


def merge_profiles(
    recorded: Mapping[str, Mapping[str, ProfileOriginal]],
    changes: Mapping[tuple[str, str], ProfileOriginal | None],
) -> dict[str, dict[str, ProfileOriginal]]:
    """Originals.profiles with these changes."""
    merged = {uuid: dict(properties) for uuid, properties in recorded.items()}
    for (uuid, name), original in changes.items():
        if original is None:
            merged.get(uuid, {}).pop(name, None)
        else:
            merged.setdefault(uuid, {})[name] = original
    return {uuid: properties for uuid, properties in merged.items() if properties}


def diff_profiles(changes: Iterable[ProfileChange]) -> list[dict[str, str]]:
    """The diff of profiles' properties, for Ansible's --diff."""
    return [
        {
            "before_header": f"NetworkManager profile {change.profile}",
            "after_header": f"NetworkManager profile {change.profile}",
            "before": printable(f"{change.property} {change.before or NOT_SET}") + "\n",
            "after": printable(f"{change.property} {change.after or NOT_SET}") + "\n",
        }
        for change in changes
    ]


def _of_interface(
    recorded: Mapping[str, Mapping[str, ProfileOriginal]], interface: str
) -> dict[tuple[str, str], ProfileOriginal]:
    return {
        (uuid, name): original
        for uuid, properties in recorded.items()
        for name, original in properties.items()
        if original.interface == interface
    }


def _values(manager: NetworkManager, settings: Mapping[str, Setting]) -> dict[str, str]:
    found = {option: profile_value(option, setting.value, manager.version) for option, setting in settings.items()}
    return {option: value for option, value in found.items() if value is not None}


def _owner_of(name: str) -> str:
    return next((option.owner for option in OPTIONS.values() if option.property == name), "")


def _set(
    planned: ProfilePlan,
    profile: Profile,
    interface: str,
    option: str,
    value: str | None,
    setting: Setting,
    original: ProfileOriginal | None,
) -> None:
    """Plan one option. An option that the profile has no property for, and does not name, is left to a .link file."""
    name = OPTIONS[option].property
    current = profile.properties.get(name, "")
    if current and current == value:
        where = f"in NetworkManager's profile {profile.name}"
        planned.verdicts[option] = Verdict(OK, setting.value, where, setting.value)
    elif current and (original is None or current != original.written):
        reason = f"NetworkManager's profile {profile.name} has {name} {current}"
        planned.verdicts[option] = Verdict(SHADOWED, current, reason, current)
    elif value is not None:
        planned.changes.append(ProfileChange(profile.uuid, profile.name, name, current, value))
        found = original.found if original else current
        planned.originals[profile.uuid, name] = ProfileOriginal(interface, found, value)
        reason = f"in NetworkManager's profile {profile.name}, from its next activation on"
        planned.verdicts[option] = Verdict(CHANGED, setting.value, reason, current or None)


def _put_back(planned: ProfilePlan, profile: Profile | None, key: tuple[str, str], original: ProfileOriginal) -> None:
    """Put a property back, unless somebody else has set it since; a deleted profile needs nothing."""
    planned.originals[key] = None
    if profile is None:
        return
    name = key[1]
    option = next(option for option, meta in OPTIONS.items() if meta.property == name)
    current = profile.properties.get(name, "")
    where = f"in NetworkManager's profile {profile.name}"
    if current != original.written:
        by_hand = f"to put it back: nmcli connection modify {profile.uuid} {name} '{original.found}'"
        reason = f"somebody else has set {name} since, {where}: left alone; {by_hand}"
        planned.verdicts[option] = Verdict(KEPT, current or None, reason, current or None)
        return
    planned.changes.append(ProfileChange(profile.uuid, profile.name, name, current, original.found))
    planned.verdicts[option] = Verdict(CHANGED, original.found or None, f"no longer set {where}", current or None)
