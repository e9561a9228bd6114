# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which interfaces are there, and which of them a rule is for.

Names come from rtnetlink and not from /sys/class/net, as a /sys that was mounted in another network namespace shows
that one's interfaces. Sources: linux/rtnetlink.h, linux/if_link.h, linux/pkt_sched.h; rtnetlink(7).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

from .._engine.originals import LinkOriginal
from .._host.netlink import (
    ARPHRD_LOOPBACK,
    IFF_UP,
    IFLA_ADDRESS,
    IFLA_IFNAME,
    IFLA_INFO_KIND,
    IFLA_LINKINFO,
    IFLA_PARENT_DEV_NAME,
    IFLA_PERM_ADDRESS,
    IFLA_TXQLEN,
    RTM_NEWLINK,
    attributes,
    payloads,
    text,
)
from .model import Link, Target, item_name
from .options import NicError
from .settings import Rule, Want, fits

_LINK = struct.Struct("=BxHiII")  # struct ifinfomsg: family, ARP type, index, flags, change mask
_U32 = struct.Struct("=I")

LOOPBACK = "loopback"
# Both ends of a cable made of software have queues and processors of their own, as a container's only interface does.
CABLES = ("veth", "netkit")


def parse_links(dump: bytes) -> list[Link] | None:
    """The interfaces of an RTM_GETLINK dump; None if the dump is broken or not whole."""
    found = payloads(dump, RTM_NEWLINK)
    return None if found is None else [_parse_link(payload) for payload in found if len(payload) >= _LINK.size]


def _parse_link(payload: bytes) -> Link:
    _family, arp_type, ifindex, flags, _change = _LINK.unpack_from(payload)
    found = attributes(payload, _LINK.size)
    kind = text(attributes(found.get(IFLA_LINKINFO, b""), 0).get(IFLA_INFO_KIND, b""))
    if IFLA_PARENT_DEV_NAME in found:
        kind = ""  # a port of a switch chip, for one, has a kind and is hardware all the same
    length = found.get(IFLA_TXQLEN, b"")
    address, permanent = found.get(IFLA_ADDRESS, b""), found.get(IFLA_PERM_ADDRESS, b"")
    return Link(
        ifindex=ifindex,
        name=text(found.get(IFLA_IFNAME, b"")),
        up=bool(flags & IFF_UP),
        kind=LOOPBACK if arp_type == ARPHRD_LOOPBACK else kind,
        mac=address.hex(":") if any(address) else None,
        permanent=permanent.hex(":") if any(permanent) and not kind else None,
        tx_queue_length=_U32.unpack(length)[0] if len(length) == _U32.size else None,
    )


# --- which of them a rule is for -------------------------------------------------------------


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
            there = ", ".join(sorted(name for name, other in links.items() if not other.kind)) or "no hardware at all"
            raise NicError(rule.pattern, f"is no network interface of this host; there is {there}")
        if link.kind and link.kind not in CABLES:
            raise NicError(rule.pattern, f"is made of software ({link.kind}); name the interface below it")
        return [rule.pattern]
    return sorted(name for name, link in links.items() if not link.kind and fits(rule.pattern, name, link.driver))


def assign_records(
    recorded: Mapping[str, Mapping[str, LinkOriginal]], links: Iterable[Link], known: Iterable[str]
) -> tuple[dict[str, dict[str, LinkOriginal]], dict[str, str], list[str]]:
    """The records of these options by interface, the key of each, and the keys whose interface is gone.

    A card that has another name by now is known by its permanent address, if no other interface has that.
    """
    names = set(known)
    by_key = {link.key: link for link in links}
    permanent = [link.permanent for link in by_key.values()]
    alone = {
        link.permanent: link for link in by_key.values() if link.permanent and permanent.count(link.permanent) == 1
    }
    found: dict[str, dict[str, LinkOriginal]] = {}
    keys: dict[str, str] = {}
    gone = []
    for key, options in recorded.items():
        mine = {option: original for option, original in options.items() if option in names}
        link = by_key.get(key) or alone.get(key.partition(" ")[2])
        if not mine:
            continue
        if link is None or (link.name in found and link.key != key):
            gone.append(key)
        else:
            found[link.name], keys[link.name] = mine, key
    return found, keys, gone
