# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces that a rule matches, and the interfaces that records belong to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from .._engine.originals import LinkOriginal
from .._host.netlink import Link
from .link_files.file import is_interface_name
from .model import WantedSetting, item_name, key_of
from .options import NicError
from .settings import Rule, Setting, fits

# Either end of a virtual Ethernet pair has queues of its own, as has a container's only interface.
VIRTUAL_PAIRS = ("veth", "netkit")


def resolve(
    rules: Sequence[Rule], links: Mapping[str, Link], lower: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> tuple[list[WantedSetting], list[Rule]]:
    """The settings of each interface, and the rules that match no interface. Raises NicError.

    A name beats a glob or a driver, and these beat `*`, option by option; two rules of one rank must agree. Globs and
    drivers skip software interfaces, and those whose name no file of ours can hold. `lower` are the interfaces below
    software ones.
    """
    wanted: dict[tuple[str, str], tuple[Rule, Setting | None]] = {}
    unmatched = []
    for rule in sorted(rules, key=lambda rule: rule.rank):
        names = _names(rule, links, lower)
        if not names:
            unmatched.append(rule)
        for name in names:
            for option, setting in rule.settings.items():
                first, taken = wanted.setdefault((name, option), (rule, setting))
                if first.rank == rule.rank and (taken and taken.without_why) != (setting and setting.without_why):
                    raise NicError(
                        item_name(name, option),
                        f"{first.pattern} and {rule.pattern} set it differently; set it for {name} itself to decide",
                    )
    found = ((name, setting) for (name, _option), (_rule, setting) in wanted.items())
    return [WantedSetting(links[name], setting) for name, setting in found if setting], unmatched


def _names(rule: Rule, links: Mapping[str, Link], lower: Mapping[str, Sequence[str]]) -> list[str]:
    hardware = [link for link in links.values() if not link.virtual_kind]
    if not rule.is_name:
        fitting = (link.name for link in hardware if fits(rule.pattern, link.name, link.driver))
        return sorted(filter(is_interface_name, fitting))
    named = links.get(rule.pattern)
    if named is None:
        available = ", ".join(sorted(link.name for link in hardware)) or "no hardware at all"
        raise NicError(rule.pattern, f"no such interface; available: {available}")
    if named.virtual_kind and named.virtual_kind not in VIRTUAL_PAIRS:
        below = ", ".join(lower.get(rule.pattern, ()))
        hint = f"name the hardware below it{': ' if below else ''}{below}"
        raise NicError(rule.pattern, f"is a software interface ({named.virtual_kind}); {hint}")
    return [rule.pattern]


def assign_records(
    recorded: Mapping[str, Mapping[str, LinkOriginal]], links: Iterable[Link], known: Iterable[str]
) -> tuple[dict[str, dict[str, LinkOriginal]], dict[str, str], list[str]]:
    """The originals of these options by interface, the key of each interface, and the keys of interfaces now gone.

    A renamed card is found by its permanent address, unless another interface has the same one.
    """
    names = set(known)
    by_key = {key_of(link): link for link in links}
    times = Counter(link.permanent_mac for link in by_key.values())
    alone = {link.permanent_mac: link for link in by_key.values() if times[link.permanent_mac] == 1}
    found: dict[str, dict[str, LinkOriginal]] = {}
    keys: dict[str, str] = {}
    gone = []
    for key, options in recorded.items():
        mine = {option: original for option, original in options.items() if option in names}
        if not mine:
            continue
        link = by_key.get(key) or alone.get(key.partition(" ")[2])
        if link is None or (link.name in found and key_of(link) != key):
            gone.append(key)
        else:
            found[link.name], keys[link.name] = mine, key
    return found, keys, gone
