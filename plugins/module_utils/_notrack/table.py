# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own table of nftables: its text, and what is in the kernel under its name. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from .matching import ports_of
from .ports import NO_PORTS, NONE_EXEMPT, PROTOCOLS, TCP, UDP, Exempt, Ports, render
from .ruleset import Chain, Rule, Ruleset
from .settings import NotrackError, parse_ports

FAMILY, NAME = "inet", "siptune"
TABLE = f"table {FAMILY} {NAME}"
COMMENT = "siptune.linux.sip_notrack"  # of each rule, by which we know the table again
PRIORITY = -300  # raw, before connections are tracked at -200: include/uapi/linux/netfilter_ipv4.h
# Adding it first makes the deletion work also where it is not there; all of a file is one transaction.
DELETION = f"{TABLE}\ndelete {TABLE}\n"
HOOKS = {"prerouting": "dport", "output": "sport"}
EQUAL, UNEQUAL = "==", "!="
# Further conditions of a rule: an address, and whether it has to be this host's. What a router passes on to others
# stays tracked. Of TCP, one within the host does so too, and that of a proxy which answers for other addresses: they
# would be tracked in one direction alone, and their packets invalid.
CONDITIONS = {
    ("prerouting", UDP): (("daddr", EQUAL),),
    ("prerouting", TCP): (("daddr", EQUAL),),
    ("output", UDP): (),
    ("output", TCP): (("saddr", EQUAL), ("daddr", UNEQUAL)),
}
_PORTS = re.compile(r"^\t\t(udp|tcp) sport \{ ([0-9, -]+) \} ", re.MULTILINE)


class OwnTable(NamedTuple):
    """What is in the kernel under our table's name. `foreign` says why it is not ours, empty where it is or none is."""

    there: bool
    ports: Exempt = NONE_EXEMPT
    foreign: str = ""


def text_for(ports: Exempt) -> str:
    """What nft takes to have these local ports exempt, or no table without ports."""
    if not ports:
        return DELETION
    chains = [
        f"\tchain {hook} {{\n\t\ttype filter hook {hook} priority {PRIORITY}; policy accept;\n"
        + "".join(_rule(hook, protocol, ports.of(protocol)) for protocol in PROTOCOLS if ports.of(protocol))
        + "\t}\n"
        for hook in HOOKS
    ]
    return f"{DELETION}{TABLE} {{\n{''.join(chains)}}}\n"


def _rule(hook: str, protocol: str, ports: Ports) -> str:
    conditions = "".join(
        f"fib {address} type {'' if operator == EQUAL else f'{operator} '}local "
        for address, operator in CONDITIONS[(hook, protocol)]
    )
    return f'\t\t{protocol} {HOOKS[hook]} {{ {render(ports)} }} {conditions}notrack comment "{COMMENT}"\n'


def ports_of_text(text: str) -> Exempt:
    """The ports of a text of `text_for`, none for any other text."""
    found = _PORTS.findall(text)
    try:
        ports = parse_ports([f"{one.strip()}/{protocol}" for protocol, listed in found for one in listed.split(",")])
    except NotrackError:
        return NONE_EXEMPT
    return ports if ports and text.endswith(text_for(ports)) else NONE_EXEMPT


def own_table(ruleset: Ruleset) -> OwnTable:
    """What the ruleset has under the name of our table."""
    if (FAMILY, NAME) not in ruleset.tables:
        return OwnTable(False)
    chains = {name: chain for (family, table, name), chain in ruleset.chains.items() if (family, table) == _KEY}
    if _KEY in ruleset.others or chains.keys() - set(HOOKS):
        return OwnTable(True, foreign="has more than our two chains")
    ports = {_ports_of(chains[hook]) if hook in chains else NONE_EXEMPT for hook in HOOKS}
    if NONE_EXEMPT in ports or len(ports) > 1:
        return OwnTable(True, foreign="has other rules than ours")
    return OwnTable(True, ports.pop())


_KEY = (FAMILY, NAME)


def _ports_of(chain: Chain) -> Exempt:
    """The ports of a chain of ours; none for any other chain."""
    base = (chain.type, chain.hook, chain.priority, chain.policy)
    if base != ("filter", chain.name, PRIORITY, "accept"):
        return NONE_EXEMPT
    found = [_ports_of_rule(rule, chain.name) for rule in chain.rules]
    protocols = [protocol for protocol, ports in found if ports]
    if len(protocols) < len(found) or protocols != [one for one in PROTOCOLS if one in protocols]:
        return NONE_EXEMPT
    return Exempt(**dict(found))


def _ports_of_rule(rule: Rule, hook: str) -> tuple[str, Ports]:
    """The protocol and the ports of a rule of ours; no ports for any other rule."""
    kinds = [next(iter(statement), "") for statement in rule.expr]
    if rule.comment != COMMENT or kinds[-1:] != ["notrack"] or set(kinds[:-1]) != {"match"}:
        return "", NO_PORTS
    first, *others = (statement["match"] for statement in rule.expr[:-1])
    for protocol in PROTOCOLS:
        conditions = CONDITIONS[(hook, protocol)]
        left = {"payload": {"protocol": protocol, "field": HOOKS[hook]}}
        if first["op"] == EQUAL and first["left"] == left and tuple(map(_condition, others)) == conditions:
            return protocol, ports_of(first["right"]) or NO_PORTS
    return "", NO_PORTS


def _condition(match: Mapping[str, Any]) -> tuple[str, str] | None:
    """The address and the operator of a match that asks whether it is this host's; None for any other."""
    fib = match["left"].get("fib") if isinstance(match["left"], Mapping) else None
    if not isinstance(fib, Mapping) or fib.get("result") != "type" or match["right"] != "local":
        return None
    flags = fib.get("flags")  # nft prints a single one in a list up to 1.0
    address = flags[0] if isinstance(flags, list) and len(flags) == 1 else flags
    return (address, match["op"]) if isinstance(address, str) else None


def without_own(ruleset: Ruleset) -> Ruleset:
    """The ruleset without our table."""
    return ruleset._replace(chains={key: chain for key, chain in ruleset.chains.items() if key[:2] != _KEY})
