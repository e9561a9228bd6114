# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `nft -j list ruleset` says: the chains, their rules, and the sets with their elements.

Source: libnftables-json(5). What nft does not say there, it leaves out: `ip saddr` in a table of the family inet stands
for `meta nfproto ipv4` before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

MOST_CHARACTERS = 16 << 20  # a set of 200,000 addresses has 4 MiB
LONGEST_RULE = 160  # characters of a rule in a message
FAMILIES = ("ip", "ip6")


class RulesetError(ValueError):
    """The text is not the ruleset of a host."""


class Rule(NamedTuple):
    """A rule of a chain; `expr` are its statements."""

    family: str
    table: str
    chain: str
    handle: int
    expr: Sequence[Mapping[str, Any]]
    comment: str = ""

    @property
    def place(self) -> str:
        return f"{self.family} {self.table} {self.chain} handle {self.handle}"

    def __str__(self) -> str:
        text = " ".join(filter(None, map(words_of, self.expr)))
        return f"{self.place} ({text[:LONGEST_RULE]})"


class Chain(NamedTuple):
    """A chain with its rules in order. `hook` is empty for one that only others jump to."""

    family: str
    table: str
    name: str
    type: str
    hook: str
    priority: object
    policy: str
    rules: list[Rule]

    @property
    def place(self) -> str:
        return f"{self.family} {self.table} {self.name}"


class Ruleset(NamedTuple):
    """The chains and the elements of sets and maps, each by family, table and name. `tables` are by family and name.

    `others` are the tables that hold more than chains and rules: sets, maps, objects.
    """

    tables: set[tuple[str, str]]
    chains: dict[tuple[str, str, str], Chain]
    sets: dict[tuple[str, str, str], Sequence[Any]]
    others: set[tuple[str, str]]

    def rules(self) -> Iterator[tuple[Chain, Rule]]:
        for chain in self.chains.values():
            for rule in chain.rules:
                yield chain, rule


def parse_ruleset(text: str) -> Ruleset:
    """The ruleset in the output of nft. Raises RulesetError."""
    if len(text) > MOST_CHARACTERS:
        raise RulesetError(f"it has more than {MOST_CHARACTERS >> 20} MiB")
    try:
        return _parse(json.loads(text)["nftables"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RulesetError(f"nft prints what is no ruleset ({type(error).__name__}: {error})") from error


def _parse(objects: Iterable[Mapping[str, Any]]) -> Ruleset:
    found = Ruleset(set(), {}, {}, set())
    for one in objects:
        ((kind, fields),) = one.items()
        if kind == "metainfo":
            continue
        family = fields["family"]
        if kind == "table":
            found.tables.add((family, fields["name"]))
            continue
        table = (family, fields["table"])
        if kind == "chain":
            kind_of, hook, policy = (fields.get(name, "") for name in ("type", "hook", "policy"))
            chain = Chain(*table, fields["name"], kind_of, hook, fields.get("prio"), policy, [])
            found.chains[(*table, fields["name"])] = chain
        elif kind == "rule":
            rule = Rule(*table, fields["chain"], fields["handle"], fields["expr"], fields.get("comment", ""))
            found.chains[(*table, fields["chain"])].rules.append(rule)
        else:
            found.others.add(table)
            if kind in ("set", "map"):
                found.sets[(*table, fields["name"])] = fields.get("elem", [])
    return found


def words_of(node: Any) -> str:
    """A statement or an expression in nearly the words of nft, for people to find the rule by."""
    if isinstance(node, (list, tuple)):
        return ",".join(map(words_of, node))
    if not isinstance(node, Mapping) or len(node) != 1:
        return "" if node is None else str(node)
    ((kind, value),) = node.items()
    if isinstance(value, Mapping):
        return _WORDS[kind](value) if kind in _WORDS else kind
    if kind in ("set", "concat"):
        return words_of(value)
    return "-".join(map(words_of, value)) if kind == "range" else kind


def _match(value: Mapping[str, Any]) -> str:
    operator = "" if value.get("op") in ("==", "in") else str(value.get("op"))
    return " ".join(filter(None, (words_of(value.get("left")), operator, words_of(value.get("right")))))


def _all_of(*before: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda value: " ".join(filter(None, (*before, *map(words_of, value.values()))))


_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "match": _match,
    "counter": lambda value: "",
    "payload": _all_of(),
    "meta": _all_of(),
    "ct": _all_of("ct"),
    "fib": _all_of("fib"),
    "xt": _all_of("xt"),
    "prefix": lambda value: f"{value.get('addr')}/{value.get('len')}",
    "jump": _all_of("jump"),
    "goto": _all_of("goto"),
    "vmap": lambda value: f"{words_of(value.get('key'))} vmap {words_of(value.get('data'))}",
}
