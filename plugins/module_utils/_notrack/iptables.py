# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Matches of iptables in nftables, which nft's JSON has by name alone, and its text in words: `ct state invalid`. Pure.

Only what has one meaning in the text of a rule is taken from there. All else stays a match that nobody can judge. The
text is that of nft with libxtables, as distributions build it: xtables-translate(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .ruleset import Rule, Ruleset

_LINE = re.compile(r"^(?:table (\S+) (\S+) \{.*|\tchain (\S+) \{.*|\t\t(\S.*) # handle ([0-9]+))$", re.MULTILINE)
_QUOTED = re.compile(r'"[^"]*"')
_STATE = re.compile(r"\bct (state) (!= )?([a-z,]+)(?= |$)")
_TYPE = re.compile(r"\bfib daddr (type) (!= )?([a-z,]+)(?= |$)")
_PORTS = re.compile(
    r"\b(?:udp|tcp|th) (dport|sport) (!= )?(?:\{ )?([0-9]+(?:-[0-9]+)?(?:, [0-9]+(?:-[0-9]+)?)*)(?= |$)"
)
# By the name of a match: the words that it becomes, and what begins anything that it may become.
_WORDS = {
    "conntrack": (_STATE, re.compile(r"\bct ")),
    "state": (_STATE, re.compile(r"\bct ")),
    "addrtype": (_TYPE, re.compile(r"\bfib ")),
    "multiport": (_PORTS, re.compile(r"\b[ds]port ")),
}


def has_iptables(ruleset: Ruleset) -> bool:
    """Whether there is a match of iptables whose words say more than its name."""
    return any(name in _WORDS for _chain, rule in ruleset.rules() for name in _names(rule))


def _names(rule: Rule) -> list[Any]:
    found = [statement["xt"] for statement in rule.expr if isinstance(statement.get("xt"), Mapping)]
    return [one.get("name") for one in found if one.get("type") == "match"]


def with_words(ruleset: Ruleset, text: str) -> None:
    """Put what the text of the same ruleset, with handles, says of such matches in their place."""
    texts = dict(_texts(text))
    for chain in ruleset.chains.values():
        for position, rule in enumerate(chain.rules):
            said = texts.get((rule.family, rule.table, rule.chain, rule.handle))
            if said is not None:
                chain.rules[position] = rule._replace(expr=[_in_words(one, rule, said) for one in rule.expr])


def _texts(text: str) -> Iterator[tuple[tuple[str, str, str, int], str]]:
    """The rules of a text by family, table, chain and handle, without what is in quotes: comments, prefixes, names."""
    family = table = chain = ""
    for found in _LINE.finditer(text):
        if found.group(1):
            family, table = found.group(1), found.group(2)
        elif found.group(3):
            chain = found.group(3)
        else:
            yield (family, table, chain, int(found.group(5))), _QUOTED.sub("", found.group(4))


def _in_words(statement: Mapping[str, Any], rule: Rule, text: str) -> Mapping[str, Any]:
    name = (statement.get("xt") or {}).get("name")
    if name not in _WORDS or _names(rule).count(name) > 1:
        return statement
    words, beginning = _WORDS[name]
    found = words.findall(text)
    if len(found) != 1 or len(beginning.findall(text)) != 1:
        return statement
    ((field, negated, values),) = found
    left: dict[str, Any] = {"payload": {"protocol": "th", "field": field}}
    right: list[Any] = [_port(one) for one in values.split(", ")] if words is _PORTS else values.split(",")
    if words is not _PORTS:
        left = {"ct": {"key": field}} if words is _STATE else {"fib": {"result": field, "flags": ["daddr"]}}
    return {"match": {"op": "!=" if negated else "in", "left": left, "right": right}}


def _port(text: str) -> Any:
    first, to, last = text.partition("-")
    return {"range": [int(first), int(last)]} if to else int(first)
