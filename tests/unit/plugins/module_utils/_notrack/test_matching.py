# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._notrack.matching import (
    ACCEPT,
    DROP,
    Branch,
    Packet,
    asks_connection,
    branches,
    ports_of,
)
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ports import ALL_PORTS
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ruleset import Rule, Ruleset

IN, OUT, IN6 = Packet("ip", "dport"), Packet("ip", "sport"), Packet("ip6", "dport")
EMPTY = Ruleset(set(), {}, {}, set())
STATE = {"ct": {"key": "state"}}
LAST: dict[str, Any] = {"accept": None}


def match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def field(protocol: str, name: str) -> dict[str, Any]:
    return {"payload": {"protocol": protocol, "field": name}}


def meta(key: str) -> dict[str, Any]:
    return {"meta": {"key": key}}


def through(*expr: dict[str, Any], packet: Packet = IN, ruleset: Ruleset = EMPTY) -> list[Branch]:
    return list(branches(Rule("inet", "filter", "input", 1, expr), packet, ruleset))


@pytest.mark.parametrize(
    ("condition", "packet"),
    [
        (match(meta("l4proto"), "udp"), IN),
        (match(meta("l4proto"), {"set": ["tcp", "udp"]}), IN),
        (match(meta("l4proto"), "tcp", "!="), IN),
        (match(field("ip", "protocol"), 17), IN),
        (match(field("ip6", "nexthdr"), "udp"), IN6),
        (match(meta("nfproto"), "ipv4"), IN),
        (match(meta("iifname"), "lo", "!="), IN),
        (match({"fib": {"result": "type", "flags": "daddr"}}, "local"), IN),
        (match(STATE, ["new", "untracked"], "in"), IN),
        (match(STATE, {"set": ["untracked"]}), IN),
        ({"counter": None}, IN),
        ({"log": {"prefix": "x"}}, IN),
        ({"xt": {"type": "match", "name": "comment"}}, IN),
        ({"set": {"op": "add", "elem": 1, "set": "@seen"}}, IN),
        ({"mangle": {"key": {"ct": {"key": "mark"}}, "value": 1}}, IN),
    ],
)
def test_what_every_packet_of_ours_fulfils(condition: dict[str, Any], packet: Packet) -> None:
    (branch,) = through(condition, LAST, packet=packet)
    assert (branch.ports, branch.sure, branch.hits, branch.verdict) == (ALL_PORTS, True, True, ACCEPT)


@pytest.mark.parametrize(
    ("condition", "packet"),
    [
        (match(meta("l4proto"), "tcp"), IN),
        (match(field("tcp", "dport"), 22), IN),
        (match(field("icmp", "type"), "echo-request"), IN),
        (match(field("ip6", "saddr"), "::1"), IN),
        (match(field("ip", "saddr"), "192.0.2.1"), IN6),
        (match(meta("nfproto"), "ipv6"), IN),
        (match(meta("iif"), "lo"), IN),
        (match({"fib": {"result": "type", "flags": ["daddr"]}}, {"set": ["local"]}, "!="), IN),
        (match(field("udp", "dport"), {"set": []}), IN),
        (match(field("ip", "daddr"), {"prefix": {"addr": "127.0.0.0", "len": 8}}), IN),
        (match(field("ip6", "saddr"), "::1"), IN6),
        (match(field("ip6", "daddr"), {"set": [{"prefix": {"addr": "::", "len": 96}}, "2002:a00::1"]}), IN6),
        (match(field("ip6", "daddr"), {"prefix": {"addr": "::ffff:0.0.0.0", "len": 96}}), IN6),
    ],
)
def test_what_no_packet_of_ours_fulfils(condition: dict[str, Any], packet: Packet) -> None:
    assert through(condition, LAST, packet=packet) == []


@pytest.mark.parametrize(
    "condition",
    [
        match(field("ip", "saddr"), {"prefix": {"addr": "10.0.0.0", "len": 8}}),
        match(field("ip", "saddr"), {"set": ["127.0.0.1", "192.0.2.1"]}),
        match(field("ip", "saddr"), {"prefix": {"addr": "1.0.0.0", "len": 4}}),
        match(field("ip", "saddr"), {"set": []}),
        match(meta("iifname"), "eth0"),
        match(meta("mark"), 1),
        match({"&": [field("udp", "dport"), 1]}, 0),
        match(field("udp", "dport"), "@gone"),
        match(field("udp", "dport"), 5060, "<"),
        match(field("udp", "sport"), 5060),
        {"limit": {"rate": 5, "per": "second"}},
        {"quota": {"val": 5}},
        {"meter": {}},
        {"set": {"op": "add", "elem": 1, "set": "@seen", "stmt": [{"limit": {}}]}},
        {"xt": {"type": "match", "name": "recent"}},
        {"something new": {}},
    ],
)
def test_what_depends_on_the_packet(condition: dict[str, Any]) -> None:
    (branch,) = through(condition, {"drop": None})
    assert (branch.ports, branch.sure, branch.tracking, branch.verdict) == (ALL_PORTS, False, False, DROP)


@pytest.mark.parametrize(
    ("condition", "hits"),
    [
        (match(STATE, ["established"], "in"), False),
        (match(STATE, "invalid"), False),
        (match(STATE, "untracked", "!="), False),
        (match(STATE, "established", "!="), True),
        (match({"ct": {"key": "status"}}, "dnat", "!="), False),
        (match({"ct": {"key": "mark"}}, 1), False),
        ({"mangle": {"key": meta("mark"), "value": {"ct": {"key": "mark"}}}}, False),
        ({"set": {"op": "add", "elem": {"ct": {"key": "mark"}}, "set": "@seen"}}, False),
    ],
)
def test_what_asks_for_the_connection(condition: dict[str, Any], hits: bool) -> None:
    (branch,) = through(condition, LAST)
    assert (branch.tracking, branch.hits) == (True, hits)


@pytest.mark.parametrize(
    "condition",
    [
        match({"&": [{"ct": {"key": "mark"}}, 1]}, 1),
        match(STATE, "@gone"),
        {"ct count": {"val": 5}},
        {"xt": {"type": "match", "name": "conntrack"}},
        {"xt": None},
    ],
)
def test_what_may_ask_for_the_connection(condition: dict[str, Any]) -> None:
    (branch,) = through(condition, LAST)
    assert (branch.tracking, branch.hits, branch.sure) == (True, True, False)


def test_the_local_port_is_the_one_that_counts() -> None:
    both = {"set": [5060, {"range": [7000, 8000]}, {"elem": {"val": 9000, "comment": "x"}}]}
    for packet, name in ((IN, "dport"), (OUT, "sport")):
        (branch,) = through(match(field("udp", name), both), LAST, packet=packet)
        assert (branch.ports, branch.sure) == (((5060, 5060), (7000, 8000), (9000, 9000)), True)
    (branch,) = through(match(field("th", "dport"), 5060, "!="), LAST)
    assert branch.ports == ((0, 5059), (5061, 65535))


def test_elements_of_a_named_set_count() -> None:
    named = EMPTY._replace(sets={("inet", "filter", "sip"): [5060]})
    (branch,) = through(match(field("udp", "dport"), "@sip"), LAST, ruleset=named)
    assert branch.ports == ((5060, 5060),)


def test_each_verdict_of_a_map_is_a_branch() -> None:
    data = {"set": [[5060, {"accept": None}], [{"range": [7000, 7009]}, {"goto": {"target": "media"}}], [1, None]]}
    found = through({"vmap": {"key": field("udp", "dport"), "data": data}})
    assert [(one.ports, one.verdict, one.target) for one in found] == [
        (((5060, 5060),), "accept", ""),
        (((7000, 7009),), "goto", "media"),
    ]
    named = EMPTY._replace(sets={("inet", "filter", "states"): [["established", {"accept": None}]]})
    (branch,) = through({"vmap": {"key": STATE, "data": "@states"}}, ruleset=named)
    assert (branch.tracking, branch.hits) == (True, False)


@pytest.mark.parametrize(
    ("verdict", "found"),
    [
        ({"reject": {"type": "icmp", "expr": "port-unreachable"}}, [DROP]),
        ({"reject": {"type": "icmpv6", "expr": "port-unreachable"}}, []),
        ({"reject": None}, [DROP]),
        ({"xt": {"type": "target", "name": "REJECT"}}, [DROP]),
        ({"xt": {"type": "target", "name": "LOG"}}, []),
        ({"queue": {"num": 1}}, [ACCEPT]),
        ({"notrack": None}, []),
    ],
)
def test_verdicts(verdict: dict[str, Any], found: list[str]) -> None:
    assert [one.verdict for one in through(verdict)] == found


def test_expressions_with_a_connection_in_them() -> None:
    assert asks_connection({"concat": [field("ip", "saddr"), {"ct": {"key": "mark"}}]})
    assert not asks_connection({"concat": [field("ip", "saddr"), "ct"]})
    assert ports_of({"set": [5060, "sip"]}) is None


SYN, TCP_IN = match(field("tcp", "flags"), "syn"), Packet("ip", "dport", "tcp")


def test_packets_of_tcp() -> None:
    (branch,) = through(match(meta("l4proto"), {"set": ["tcp", "udp"]}), LAST, packet=TCP_IN)
    assert branch.sure
    (branch,) = through(match(field("ip", "protocol"), 6), LAST, packet=TCP_IN)
    assert branch.sure
    for name in ("tcp", "th"):
        (branch,) = through(match(field(name, "dport"), 5060), LAST, packet=TCP_IN)
        assert (branch.ports, branch.sure) == (((5060, 5060),), True)
    (branch,) = through(SYN, LAST, packet=TCP_IN)
    assert not branch.sure
    assert through(match(field("udp", "dport"), 5060), LAST, packet=TCP_IN) == []
    assert through(match(meta("l4proto"), 17), LAST, packet=TCP_IN) == []


@pytest.mark.parametrize("value", [{"mss": 1460, "wscale": 7}, "proxy", None, {"map": {"key": {}, "data": "@proxies"}}])
def test_a_syn_proxy_is_of_tcp(value: object) -> None:
    (branch,) = through(match(field("tcp", "dport"), 5060), {"synproxy": value}, packet=TCP_IN)
    assert (branch.verdict, branch.tracking, branch.ports) == (DROP, True, ((5060, 5060),))
    assert through({"synproxy": value}) == []
    xt = {"xt": {"type": "target", "name": "SYNPROXY"}}
    (branch,) = through(match(field("tcp", "dport"), 5060), xt, packet=TCP_IN)
    assert (branch.verdict, branch.tracking) == (DROP, True)


def test_packets_that_are_tracked_again_are_new() -> None:
    new = TCP_IN._replace(state="new")
    (branch,) = through(match(STATE, ["new", "established"], "in"), LAST, packet=new)
    assert (branch.tracking, branch.hits, branch.sure, branch.named) == (True, True, True, True)
    for states in ("untracked", ["established", "related"], "invalid"):
        (branch,) = through(match(STATE, states, "in"), LAST, packet=new)
        assert (branch.tracking, branch.hits) == (True, False)
    (branch,) = through(match({"ct": {"key": "mark"}}, 1), LAST, packet=new)
    assert (branch.tracking, branch.hits, branch.sure) == (True, True, False)
    taken = {"mangle": {"key": meta("mark"), "value": {"ct": {"key": "mark"}}}}
    (branch,) = through(taken, LAST, packet=new)
    assert (branch.tracking, branch.hits, branch.sure) == (True, True, True)
