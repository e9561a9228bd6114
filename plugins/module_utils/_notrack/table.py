# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own table of nftables: its text, and what is in the kernel under its name. Pure."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from .matching import TRANSPORTS, ports_of
from .ports import NO_PORTS, Ports, render
from .ruleset import Chain, Ruleset
from .settings import NotrackError, parse_ports

FAMILY, NAME = "inet", "siptune"
TABLE = f"table {FAMILY} {NAME}"
COMMENT = "siptune.linux.sip_notrack"  # of each rule, by which we know the table again
PRIORITY = -300  # raw, before connections are tracked at -200: include/uapi/linux/netfilter_ipv4.h
# Adding it first makes the deletion work also where it is not there; all of a file is one transaction.
DELETION = f"{TABLE}\ndelete {TABLE}\n"
HOOKS = {"prerouting": "dport", "output": "sport"}
_PORTS = re.compile(r"^\t\tudp sport \{ ([0-9, -]+) \} ", re.MULTILINE)


class OwnTable(NamedTuple):
    """What is in the kernel under our table's name. `foreign` says why it is not ours, empty where it is or none is."""

    there: bool
    ports: Ports = NO_PORTS
    foreign: str = ""


def text_for(ports: Ports) -> str:
    """What nft takes to have these local ports exempt, or no table without ports."""
    if not ports:
        return DELETION
    chains = [
        f"\tchain {hook} {{\n\t\ttype filter hook {hook} priority {PRIORITY}; policy accept;\n"
        f'\t\tudp {field} {{ {render(ports)} }} {_ONLY[hook]}notrack comment "{COMMENT}"\n\t}}\n'
        for hook, field in HOOKS.items()
    ]
    return f"{DELETION}{TABLE} {{\n{''.join(chains)}}}\n"


# What a router passes on to others stays tracked.
_ONLY = {"prerouting": "fib daddr type local ", "output": ""}


def ports_of_text(text: str) -> Ports:
    """The ports of a text of `text_for`, none for any other text."""
    found = _PORTS.search(text)
    try:
        ports = parse_ports(found.group(1).split(",")) if found else NO_PORTS
    except NotrackError:
        return NO_PORTS
    return ports if ports and text.endswith(text_for(ports)) else NO_PORTS


def own_table(ruleset: Ruleset) -> OwnTable:
    """What the ruleset has under the name of our table."""
    if (FAMILY, NAME) not in ruleset.tables:
        return OwnTable(False)
    chains = {name: chain for (family, table, name), chain in ruleset.chains.items() if (family, table) == _KEY}
    if _KEY in ruleset.others or chains.keys() - set(HOOKS):
        return OwnTable(True, foreign="has more than our two chains")
    ports = {hook: _ports_of(chains[hook]) for hook in HOOKS if hook in chains}
    if not all(ports.values()) or len(ports) < len(HOOKS) or len(set(ports.values())) > 1:
        return OwnTable(True, foreign="has other rules than ours")
    return OwnTable(True, ports["output"])


_KEY = (FAMILY, NAME)


def _ports_of(chain: Chain) -> Ports:
    """The ports of a chain of ours; none for any other chain."""
    base = (chain.type, chain.hook, chain.priority, chain.policy)
    if base != ("filter", chain.name, PRIORITY, "accept") or len(chain.rules) != 1:
        return NO_PORTS
    (rule,) = chain.rules
    kinds = [next(iter(statement), "") for statement in rule.expr]
    if rule.comment != COMMENT or kinds != ["match"] * (2 if _ONLY[chain.name] else 1) + ["notrack"]:
        return NO_PORTS
    match: dict[str, Any] = rule.expr[0]["match"]
    left = {"payload": {"protocol": TRANSPORTS[0], "field": HOOKS[chain.name]}}
    if match["op"] != "==" or match["left"] != left or (_ONLY[chain.name] and not _is_local(rule.expr[1]["match"])):
        return NO_PORTS
    return ports_of(match["right"]) or NO_PORTS


def _is_local(match: Any) -> bool:
    return bool(match["op"] == "==" and "fib" in match["left"] and match["right"] == "local")


def without_own(ruleset: Ruleset) -> Ruleset:
    """The ruleset without our table."""
    return ruleset._replace(chains={key: chain for key, chain in ruleset.chains.items() if key[:2] != _KEY})
