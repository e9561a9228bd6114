# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which interfaces are there, and which of them a rule is for.

Names come from rtnetlink and not from /sys/class/net, as a /sys that was mounted in another network namespace shows
that one's interfaces. Sources: linux/rtnetlink.h, linux/if_link.h, linux/pkt_sched.h; rtnetlink(7).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from .._engine.originals import LinkOriginal
from .._host.netlink import Link
from .model import Target, item_name, key_of
from .options import NicError
from .settings import Rule, Want, fits

# Both ends of a cable made of software have queues and processors of their own, as a container's only interface does.
CABLES = ("veth", "netkit")


def resolve(rules: Sequence[Rule], links: Mapping[str, Link]) -> tuple[list[Target], list[Rule]]:
    """What is wanted of each interface, and the patterns that no interface fits. Raises NicError.

    A name beats a glob or a driver, and these beat `*`, option by option; two of one rank that want different things
    are an error. Globs and drivers pass over what is made of software.
    """
    wanted: dict[tuple[str, str], tuple[Rule, Want | None]] = {}
    unmatched = []
    for rule in sorted(rules, key=lambda rule: rule.rank):
        names = _names(rule, links)
        if not names:
            unmatched.append(rule)
        for name in names:
            for option, want in rule.wants.items():
                first, taken = wanted.setdefault((name, option), (rule, want))
                if first.rank == rule.rank and (taken and taken.same_as) != (want and want.same_as):
                    raise NicError(
                        item_name(name, option),
                        f"is wanted differently by {first.pattern} and by {rule.pattern}; name {name} itself to decide",
                    )
    return [Target(links[name], want) for (name, _option), (_rule, want) in wanted.items() if want], unmatched


def _names(rule: Rule, links: Mapping[str, Link]) -> list[str]:
    if rule.is_name:
        link = links.get(rule.pattern)
        if link is None:
            hardware = sorted(name for name, other in links.items() if not other.virtual_kind)
            there = ", ".join(hardware) or "no hardware at all"
            raise NicError(rule.pattern, f"is no network interface of this host; there is {there}")
        if link.virtual_kind and link.virtual_kind not in CABLES:
            raise NicError(rule.pattern, f"is made of software ({link.virtual_kind}); name the interface below it")
        return [rule.pattern]
    hardware = [link for link in links.values() if not link.virtual_kind]
    return sorted(link.name for link in hardware if fits(rule.pattern, link.name, link.driver))


def assign_records(
    recorded: Mapping[str, Mapping[str, LinkOriginal]], links: Iterable[Link], known: Iterable[str]
) -> tuple[dict[str, dict[str, LinkOriginal]], dict[str, str], list[str]]:
    """The records of these options by interface, the key of each, and the keys whose interface is gone.

    A card that has another name by now is known by its permanent address, if no other interface has that.
    """
    names = set(known)
    by_key = {key_of(link): link for link in links}
    times = Counter(link.permanent_mac for link in by_key.values())
    alone = {link.permanent_mac: link for link in by_key.values() if link.permanent_mac and times[link.permanent_mac] == 1}
    found: dict[str, dict[str, LinkOriginal]] = {}
    keys: dict[str, str] = {}
    gone = []
    for key, options in recorded.items():
        mine = {option: original for option, original in options.items() if option in names}
        link = by_key.get(key) or alone.get(key.partition(" ")[2])
        if not mine:
            continue
        if link is None or (link.name in found and key_of(link) != key):
            gone.append(key)
        else:
            found[link.name], keys[link.name] = mine, key
    return found, keys, gone
