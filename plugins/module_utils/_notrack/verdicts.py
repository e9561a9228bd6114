# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rules of a host's firewall would cut calls off once their packets are not tracked, or are again. Pure.

A firewall that lets in what belongs to a connection (ct state established) does not know untracked packets: they have
to be let in by their ports, or as untracked, before a rule or a policy drops them. A TCP connection that is tracked
again is a new one to it, without a SYN. Source: net/netfilter/nf_conntrack_proto_tcp.c, tcp_new()
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .matching import ACCEPT, DROP, GOTO, JUMP, NAT, NAT_TARGETS, RETURN, UNTRACKED, Branch, Packet, branches
from .ports import NO_PORTS, UDP, Ports, common, merged, render, without
from .ruleset import Chain, Rule, Ruleset

FIELDS = {"prerouting": "dport", "input": "dport", "output": "sport", "postrouting": "sport"}
FAMILY_NAMES = {"ip": "IPv4", "ip6": "IPv6"}
DEEPEST = 16  # jumps: NFT_JUMP_STACK_SIZE, include/net/netfilter/nf_tables.h
MOST_STEPS = 200_000  # through rules; a firewall of 10,000 rules takes a tenth of that
# Chains of Docker, kube-proxy, CNI's plug-ins, Calico, Cilium, Flannel and Weave. Sources: the documentation of each.
OF_CONTAINERS = ("DOCKER", "KUBE-", "CNI-", "cali-", "CILIUM", "OLD_CILIUM", "FLANNEL", "WEAVE", "NETAVARK")


class Cut(NamedTuple):
    """Packets that a firewall would drop: which, where, and for the sake of which rule they pass today.

    `state` is what they are to the firewall: untracked, or new.
    """

    ports: Ports
    packets: str
    relies_on: str
    dropped_by: str
    protocol: str = UDP
    state: str = UNTRACKED

    def __str__(self) -> str:
        where = f"{self.packets} of {self.protocol.upper()} ports {render(self.ports)}"
        if self.relies_on == self.dropped_by:
            why = "not being tracked" if self.state == UNTRACKED else f"being {self.state}"
            return f"{self.dropped_by} drops {where} for {why}"
        unknown = f"which does not know {self.state} packets"
        return f"{where} pass by {self.relies_on}, {unknown}, and then {self.dropped_by}"


class TooMuchError(ValueError):
    """The ruleset is too large to be judged."""


def address_translation(ruleset: Ruleset) -> Iterator[str]:
    """The rules that translate addresses, which takes tracked connections."""
    for chain, rule in ruleset.rules():
        for statement in rule.expr:
            ((kind, value),) = statement.items()
            name = (value or {}).get("name") if kind == "xt" else None
            unknown = kind == "xt" and name is None and chain.type == "nat"
            if kind in NAT or name in NAT_TARGETS or unknown:
                yield str(rule)


def of_containers(ruleset: Ruleset) -> Iterator[str]:
    """The chains of container networks, which translate addresses, or soon will."""
    for chain in ruleset.chains.values():
        if chain.name.upper().startswith(tuple(name.upper() for name in OF_CONTAINERS)):
            yield chain.place


def cuts(
    ruleset: Ruleset, ports: Ports, families: tuple[str, ...], protocol: str = UDP, state: str = UNTRACKED
) -> list[Cut]:
    """What would be cut off of these local ports once their packets have this state. Raises TooMuchError."""
    found: dict[Cut, list[str]] = {}
    steps = [MOST_STEPS]
    for family in families:
        for chain in ruleset.chains.values():
            if chain.family in (family, "inet") and chain.hook in FIELDS and chain.type != "nat":
                walk = _Walk(ruleset, Packet(family, FIELDS[chain.hook], protocol, state), steps)
                walk.base(chain, ports)
                for cut in dict.fromkeys(walk.cuts):
                    found.setdefault(cut, []).append(FAMILY_NAMES[family])
    return [cut._replace(packets=_packets(cut, found[cut], families)) for cut in found]


def _packets(cut: Cut, of: Sequence[str], families: Sequence[str]) -> str:
    """Which packets are cut off: those of one family are called so where the others are not."""
    return f"{cut.packets} {'' if len(of) == len(families) else f'{of[0]} '}packets"


class _Walk:
    """A way through one base chain, with the rules on the way that let tracked packets alone pass."""

    def __init__(self, ruleset: Ruleset, packet: Packet, steps: list[int]) -> None:
        self._ruleset, self._packet, self._steps = ruleset, packet, steps
        self._relied_on: list[tuple[Ports, Rule]] = []  # the first rule for each port
        self._cut_off = NO_PORTS
        self.cuts: list[Cut] = []  # the first one for each port

    def base(self, chain: Chain, ports: Ports) -> None:
        """Take the packets through a base chain, and to its policy."""
        left = self._through(chain, ports, 0)
        if chain.policy == DROP:
            self._dropped(left, f"the policy of {chain.place} drops them")

    def _through(self, chain: Chain, ports: Ports, depth: int) -> Ports:
        """Take the packets through a chain; returns those that may come back from it."""
        back = NO_PORTS
        for rule in chain.rules:
            for branch in branches(rule, self._packet, self._ruleset):
                self._steps[0] -= 1
                if self._steps[0] < 0 or depth > DEEPEST:
                    raise TooMuchError("its chains jump to each other more often than can be followed")
                here = common(ports, branch.ports)
                if here:
                    gone, returned = self._decide(rule, branch, here, depth)
                    ports, back = without(ports, gone), merged((*back, *returned))
        return merged((*back, *ports))

    def _decide(self, rule: Rule, branch: Branch, here: Ports, depth: int) -> tuple[Ports, Ports]:
        """What a branch takes away from those that go on in its chain, and of that what comes back to the caller's."""
        passes = branch.verdict != DROP
        # Somebody who names untracked packets has thought of them, so that other conditions are meant.
        sure = branch.hits and (branch.sure or (branch.named and branch.verdict == ACCEPT))
        if branch.tracking and passes and not sure:
            self._rely(here, rule)
        if not branch.hits:
            return NO_PORTS, NO_PORTS
        gone = here if sure else NO_PORTS
        if branch.verdict == DROP:
            if branch.tracking:
                self._cut(here, str(rule), str(rule))
            else:
                self._dropped(here, f"{rule} drops them")
        elif branch.verdict in (JUMP, GOTO):
            target = self._ruleset.chains[(rule.family, rule.table, branch.target)]
            returned = self._through(target, here, depth + 1)
            if branch.verdict == GOTO:
                return gone, returned
            return without(gone, returned), NO_PORTS
        return gone, here if branch.verdict == RETURN else NO_PORTS

    def _dropped(self, ports: Ports, by: str) -> None:
        for passed, rule in self._relied_on:
            self._cut(common(ports, passed), str(rule), by)

    def _rely(self, ports: Ports, rule: Rule) -> None:
        new = without(ports, merged(one for passed, _rule in self._relied_on for one in passed))
        if new:
            self._relied_on.append((new, rule))

    def _cut(self, ports: Ports, relies_on: str, by: str) -> None:
        new = without(ports, self._cut_off)
        if new:
            self._cut_off = merged((*self._cut_off, *new))
            packet = self._packet
            direction = "incoming" if packet.field == "dport" else "outgoing"
            self.cuts.append(Cut(new, direction, relies_on, by, packet.protocol, packet.state))
