# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule of the host's firewall does to our packets once they are not tracked. Pure.

A rule is taken apart into branches: one for its verdict, or one for each verdict of its map. All that is known of a
packet is its protocol and family, its local port, that it comes from or goes to another machine, and its state, which
is untracked. Anything else may or may not match. Sources: nft(8); net/netfilter/nft_ct.c, nft_ct_get_eval(): of a
packet without a connection only the state can be asked for, and any other question is no match.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .ports import ALL_PORTS, NO_PORTS, TCP, UDP, Ports, common, inverted, merged
from .ruleset import Rule, Ruleset

ACCEPT, DROP, JUMP, GOTO, RETURN = "accept", "drop", "jump", "goto", "return"
VERDICTS = {"accept": ACCEPT, "drop": DROP, "reject": DROP, "return": RETURN, "queue": ACCEPT, "tproxy": ACCEPT}
VERDICTS["synproxy"] = DROP  # of TCP: it answers for the daemon, and has the daemon's numbers from the connection
NAT = ("snat", "dnat", "masquerade", "redirect")
NAT_TARGETS = ("SNAT", "DNAT", "MASQUERADE", "REDIRECT", "NETMAP", "MASQ")
PROTOCOL_NUMBERS = {UDP: 17, TCP: 6}  # IPPROTO_UDP, IPPROTO_TCP
ANY_TRANSPORT = "th"
NETWORKS = {"ip": "ip", "icmp": "ip", "ip6": "ip6", "icmpv6": "ip6"}  # protocol of a header, and the family it implies
PROTOCOL_FIELDS = (("ip", "protocol"), ("ip6", "nexthdr"))
ADDRESSES = (("ip", "saddr"), ("ip", "daddr"), ("ip6", "saddr"), ("ip6", "daddr"))
# Addresses that no peer has: the loopback, IPv4 within IPv6 (RFC 4291, 2.5.5), and 6to4 (RFC 7526). firewalld rejects
# packets to the latter two after it has accepted established ones.
NOBODYS = re.compile(r"127\.|::1\Z|::(?:ffff:(?:0\.0\.0\.0|0:0))?/96\Z|2002:", re.IGNORECASE)
UNTRACKED, NEW = "untracked", "new"
TRANSPORTS = (UDP, TCP, "icmp", "icmpv6", "igmp", "sctp", "dccp", "esp", "ah", "comp", "udplite")
# Statements that neither match nor decide: nft(8), STATEMENTS. A set that counts is below.
WITHOUT_EFFECT = ("counter", "log", "notrack", "mangle", "dup", "last", "comment", "ct helper", "ct timeout", "secmark")
TAKES_VALUE = ("mangle", "set", "map")  # and puts it into what is under their key
# Matches and targets of iptables that neither match nor decide, and those that ask for the connection.
XT_WITHOUT_EFFECT = ("comment", "CT", "NOTRACK", "LOG", "NFLOG", "TRACE", "MARK", "CHECKSUM", "DSCP", "TOS", "CLASSIFY")
XT_TRACKING = ("conntrack", "state", "helper", "connlimit", "connmark", "connbytes", "connlabel", None)


class Packet(NamedTuple):
    """Our packets at a hook: their family, the header field that has the local port, their protocol, and their state.

    The state is NEW for those of a connection that is picked up in its middle, once it is tracked again.
    """

    family: str
    field: str
    protocol: str = UDP
    state: str = UNTRACKED

    @property
    def protocols(self) -> tuple[object, ...]:
        """The protocol as nft prints it."""
        number = PROTOCOL_NUMBERS[self.protocol]
        return self.protocol, number, str(number)


class Branch(NamedTuple):
    """One way through a rule, and what it ends with.

    `ports` are those that may take it if connections are left aside; `sure` is whether all of them do. `tracking` is
    whether the rule asks for the connection, `hits` whether a packet of our state can be the answer, and `named`
    whether the rule names our state.
    """

    ports: Ports
    sure: bool = True
    tracking: bool = False
    hits: bool = True
    named: bool = False
    verdict: str = ""
    target: str = ""

    def narrowed(self, ports: Ports) -> Branch:
        return self._replace(ports=common(self.ports, ports))

    @property
    def unsure(self) -> Branch:
        return self._replace(sure=False)


def branches(rule: Rule, packet: Packet, ruleset: Ruleset) -> Iterator[Branch]:
    """The branches of a rule that end with a verdict."""
    state = Branch(ALL_PORTS)
    for statement in rule.expr:
        ((kind, value),) = statement.items()
        if kind == "match":
            state = _matched(state, value["op"], value["left"], value["right"], rule, packet, ruleset)
        elif kind == "vmap":
            for key, verdict in _elements(value["data"], rule, ruleset):
                branch = _matched(state, "==", value["key"], key, rule, packet, ruleset)
                yield from _decided(branch, verdict, packet)
        elif kind == "xt":
            state, verdict = _of_iptables(state, value or {})
            yield from _decided(state, {verdict: None} if verdict else {}, packet)
        elif kind in VERDICTS or kind in (JUMP, GOTO):
            yield from _decided(state, statement, packet)
        elif kind == "ct count":
            state = state.unsure._replace(tracking=True)
        elif kind in TAKES_VALUE and asks_connection({**value, "key": None}):
            # A value that is not there ends the rule.
            state = state._replace(tracking=True, hits=state.hits and packet.state != UNTRACKED)
        elif kind not in WITHOUT_EFFECT and not (kind == "set" and "stmt" not in value):
            state = state.unsure


def _decided(state: Branch, verdict: Any, packet: Packet) -> Iterator[Branch]:
    if not state.ports or not isinstance(verdict, Mapping):
        return
    for kind, value in verdict.items():
        if kind in VERDICTS:
            implied = NETWORKS.get((value or {}).get("type", "")) if kind == "reject" else None
            if kind == "synproxy":
                implied, state = None if packet.protocol == TCP else "", state._replace(tracking=True)
            if implied in (None, packet.family):
                yield state._replace(verdict=VERDICTS[kind])
        elif kind in (JUMP, GOTO):
            yield state._replace(verdict=kind, target=value["target"])


def _of_iptables(state: Branch, value: Mapping[str, Any]) -> tuple[Branch, str]:
    """What is left of the packets after a match of iptables, of which nft prints the name alone; or its verdict."""
    name = value.get("name")
    if name == "SYNPROXY":
        return state._replace(tracking=True), DROP
    if value.get("type") == "target":
        return (state, "reject") if name == "REJECT" else (state if name in XT_WITHOUT_EFFECT else state.unsure, "")
    if name in XT_WITHOUT_EFFECT:
        return state, ""
    return state.unsure._replace(tracking=state.tracking or name in XT_TRACKING), ""


def _elements(data: Any, rule: Rule, ruleset: Ruleset) -> Sequence[Any]:
    """The keys with their verdicts of a map; those of a named one as it is now."""
    if isinstance(data, str):
        return ruleset.sets.get((rule.family, rule.table, data[1:]), [])
    return data["set"]


def _matched(
    state: Branch, operator: str, left: Any, right: Any, rule: Rule, packet: Packet, ruleset: Ruleset
) -> Branch:
    """What is left of the packets that have come so far after one more condition."""
    values = _values(right, rule, ruleset)
    negated = operator == "!="
    if operator not in ("==", "in", "!=") or values is None:
        return state.unsure._replace(tracking=state.tracking or asks_connection(left))
    if asks_connection(left):
        return _of_connection(state, left, values, negated, packet)
    if _is_port(left, packet):
        ports = _ports_of_values(values)
        if ports is None:
            return state.unsure
        return state.narrowed(inverted(ports) if negated else ports)
    fits = _fits(left, values, packet)
    if fits is None:
        implied = NETWORKS.get((left.get("payload") or {}).get("protocol", "")) if isinstance(left, Mapping) else None
        return state.unsure if implied in (None, packet.family) else state.narrowed(NO_PORTS)
    return state if fits != negated else state.narrowed(NO_PORTS)


def asks_connection(node: Any) -> bool:
    """Whether an expression depends on the connection of a packet."""
    if isinstance(node, Mapping):
        return "ct" in node or any(map(asks_connection, node.values()))
    return isinstance(node, (list, tuple)) and any(map(asks_connection, node))


def _of_connection(state: Branch, left: Any, values: Sequence[Any], negated: bool, packet: Packet) -> Branch:
    if left != {"ct": {"key": "state"}}:
        if isinstance(left, Mapping) and "ct" in left and packet.state == UNTRACKED:
            return state._replace(tracking=True, hits=False)
        return state.unsure._replace(tracking=True)
    is_named = packet.state in values
    return state._replace(
        tracking=True, hits=state.hits and is_named != negated, named=state.named or (is_named and not negated)
    )


def _is_port(left: Any, packet: Packet) -> bool:
    return left in [
        {"payload": {"protocol": protocol, "field": packet.field}} for protocol in (packet.protocol, ANY_TRANSPORT)
    ]


def ports_of(right: Any) -> Ports | None:
    """The ports of the right side of a condition, a set of its own included; None where it has anything else."""
    if isinstance(right, Mapping) and "set" in right:
        right = right["set"]
    return _ports_of_values(right if isinstance(right, (list, tuple)) else [right])


def _values(right: Any, rule: Rule, ruleset: Ruleset) -> Sequence[Any] | None:
    """The values on the right side of a condition, None for a set that is not there."""
    if isinstance(right, str) and right.startswith("@"):
        return _values(ruleset.sets.get((rule.family, rule.table, right[1:])), rule, ruleset)
    if isinstance(right, Mapping) and "set" in right:
        right = right["set"]
    return None if right is None else right if isinstance(right, (list, tuple)) else [right]


def _ports_of_values(values: Sequence[Any]) -> Ports | None:
    """The ports that these values name, None where one of them is no port."""
    ranges = []
    for value in values:
        if isinstance(value, Mapping) and "elem" in value:  # of a set, with a comment or a counter
            value = value["elem"].get("val")
        both = value["range"] if isinstance(value, Mapping) and "range" in value else [value, value]
        if not all(isinstance(port, int) for port in both):
            return None
        ranges.append((both[0], both[1]))
    return merged(ranges)


def _is_nobodys(value: Any) -> bool:
    """Whether an address, or a network of addresses, is none that a packet of another machine has."""
    prefix = value.get("prefix") if isinstance(value, Mapping) else None
    text = f"{prefix.get('addr')}/{prefix.get('len')}" if isinstance(prefix, Mapping) else value
    return isinstance(text, str) and NOBODYS.match(text) is not None


def _fits(left: Any, values: Sequence[Any], packet: Packet) -> bool | None:
    """Whether our packets have one of these values; None where that depends on the packet."""
    ((kind, asked),) = left.items() if isinstance(left, Mapping) and len(left) == 1 else (("", {}),)
    asked = asked if isinstance(asked, Mapping) else {}
    key = asked.get("key")
    if kind == "meta" and key == "l4proto":
        return any(value in values for value in packet.protocols)
    if kind == "meta" and key in ("nfproto", "protocol"):
        return any(value in values for value in ({"ip": ("ipv4", "ip"), "ip6": ("ipv6", "ip6")}[packet.family]))
    if kind == "meta" and key in ("iif", "iifname", "oif", "oifname") and list(values) == ["lo"]:
        return False
    if kind == "fib" and asked.get("result") == "type" and asked.get("flags") in ("daddr", ["daddr"]):
        return "local" in values if packet.field == "dport" else None
    if kind == "payload":
        protocol = asked.get("protocol")
        if (protocol, asked.get("field")) in PROTOCOL_FIELDS and protocol == packet.family:
            return any(value in values for value in packet.protocols)
        if (protocol, asked.get("field")) in ADDRESSES and values and all(map(_is_nobodys, values)):
            return False
        if protocol in TRANSPORTS and protocol != packet.protocol:
            return False
    return None
