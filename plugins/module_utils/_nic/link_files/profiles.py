# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a plan that goes into profiles of NetworkManager, where it owns the interface.

Nothing here reads or writes anything. NetworkManager sets what a profile names at each activation, and so undoes
what a .link file says of it; what a profile does not name, or cannot, it leaves alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..._core.change import CHANGED, KEPT, OK, SHADOWED
from ..._engine.originals import LinkOriginal
from .model import ProfileChange, Verdict, Wish
from .network_manager import NetworkManager, Profile
from .options import OPTIONS, profile_value

# Begins the names of these entries in Originals.links, which go on with the profile's UUID and the property.
ENTRY = "nmcli"


class Dealt(NamedTuple):
    """The options that a profile takes, with their verdicts, and the entries of Originals.links that change."""

    changes: list[ProfileChange]
    verdicts: dict[str, Verdict]
    originals: dict[str, LinkOriginal | None]


def entry_name(uuid: str, name: str) -> str:
    """What a property of a profile is recorded under, in Originals.links of its interface."""
    return f"{ENTRY} {uuid} {name}"


def recorded_uuids(links: Mapping[str, Mapping[str, LinkOriginal]]) -> set[str]:
    """The profiles in which we have set anything."""
    names = [name.split(" ") for options in links.values() for name in options]
    return {words[1] for words in names if words[0] == ENTRY and len(words) == 3}


def plan_profile(
    manager: NetworkManager | None,
    links: Mapping[str, Mapping[str, LinkOriginal]],
    interface: str,
    options: Mapping[str, Wish],
    owner: str,
) -> Dealt:
    """What of these options the profile of an interface takes, and what we take out of it, or of one it had before."""
    dealt = Dealt([], {}, {})
    recorded = links.get(interface, {})
    if manager is None:
        return dealt
    profile = manager.profile_of(interface)
    wanted = {}
    if profile is not None:
        wanted = {} if profile.volatile else _values(manager, options)
        for option, wished in options.items():
            _set(dealt, profile, option, wanted.get(option), wished, recorded)
    kept = {entry_name(profile.uuid, OPTIONS[option].property) for option in wanted} if profile else set()
    for name, original in recorded.items():
        words = name.split(" ")
        if words[0] == ENTRY and len(words) == 3 and name not in kept and _owner_of(words[2]) == owner:
            _put_back(dealt, manager.profiles.get(words[1]), words[2], name, original)
    return dealt


def _values(manager: NetworkManager, options: Mapping[str, Wish]) -> dict[str, str]:
    found = {option: profile_value(option, wished.value, manager.version) for option, wished in options.items()}
    return {option: value for option, value in found.items() if value is not None}


def _owner_of(name: str) -> str:
    return next((option.owner for option in OPTIONS.values() if option.property == name), "")


def _set(
    dealt: Dealt,
    profile: Profile,
    option: str,
    value: str | None,
    wished: Wish,
    recorded: Mapping[str, LinkOriginal],
) -> None:
    """Deal with one option, unless the profile has no word for it and says nothing of it: then a .link file holds."""
    name = OPTIONS[option].property
    entry = entry_name(profile.uuid, name)
    current = profile.properties.get(name, "")
    original = recorded.get(entry)
    if current and current == value:
        dealt.verdicts[option] = Verdict(OK, wished.value, f"in NetworkManager's profile {profile.name}")
    elif current and (original is None or current != original.written):
        reason = f"NetworkManager's profile {profile.name} has {name} {current}"
        dealt.verdicts[option] = Verdict(SHADOWED, current, reason)
    elif value is not None:
        dealt.changes.append(ProfileChange(profile.uuid, profile.name, name, current, value))
        dealt.originals[entry] = LinkOriginal(original.found if original else current, value, None)
        reason = f"in NetworkManager's profile {profile.name}, from its next activation on"
        dealt.verdicts[option] = Verdict(CHANGED, wished.value, reason)


def _put_back(dealt: Dealt, profile: Profile | None, name: str, entry: str, original: LinkOriginal) -> None:
    """Undo what we have set, unless somebody else has set it since; a profile that is gone needs nothing."""
    dealt.originals[entry] = None
    if profile is None:
        return
    option = next(option for option, meta in OPTIONS.items() if meta.property == name)
    current = profile.properties.get(name, "")
    where = f"in NetworkManager's profile {profile.name}"
    if current != original.written:
        reason = f"somebody else has set {name} since, {where}: left alone"
        dealt.verdicts[option] = Verdict(KEPT, current or None, reason)
        return
    dealt.changes.append(ProfileChange(profile.uuid, profile.name, name, current, original.found))
    dealt.verdicts[option] = Verdict(CHANGED, original.found or None, f"no longer set {where}")
