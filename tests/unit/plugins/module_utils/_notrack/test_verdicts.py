# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._notrack import verdicts as module
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ports import render
from ansible_collections.siptune.linux.plugins.module_utils._notrack.verdicts import (
    TooMuchError,
    address_translation,
    cuts,
    of_containers,
)
from notrack_hosts import CAPTURED, PORTS, SHOWN, TCP_PORTS, TCP_SHOWN, ruleset

BOTH = ("ip", "ip6")
EST = "ct state established,related accept"
POLICY = "the policy of inet filter input drops them"

# The captured rulesets that would cut calls off: the ports, the rule that they pass by today, and what drops them.
CUTS = {
    "no accept": (SHOWN, EST, POLICY),
    "part accepted": ("15001-20000", EST, POLICY),
    "map of states alone": (SHOWN, "ct state vmap", POLICY),
    "from some peers": (SHOWN, EST, POLICY),
    "from some peers, untracked named": (SHOWN, EST, POLICY),
    "untracked dropped": (SHOWN, "ct state invalid,untracked drop", "ct state invalid,untracked drop"),
    "all but established dropped": (SHOWN, "ct state != established drop", "ct state != established drop"),
    "rejected at the end": ("10000-20000", EST, "(reject) drops them"),
    "IPv4 let in": (SHOWN, EST, POLICY),
    "IPv4 rejected": ("10000-20000", EST, "(reject) drops them"),
    "limited": ("5060", EST, "(udp dport 5060 limit drop) drops them"),
    "jump": ("10000-20000", EST, POLICY),
    "loopback": (SHOWN, EST, POLICY),
    "output": (SHOWN, "ct state established accept", POLICY),
    "concatenated": (SHOWN, EST, POLICY),
    "counted": (SHOWN, "ct count drop", "ct count drop"),
    "only IPv6": (SHOWN, EST, "the policy of ip6 filter input drops them"),
    "iptables, invalid dropped": (SHOWN, "xt match conntrack drop", "xt match conntrack drop"),
    "iptables, many ports": (SHOWN, "xt match conntrack accept", "(xt target REJECT) drops them"),
}
ONE_FAMILY = {
    "from some peers, untracked named": "IPv6 ",
    "IPv4 let in": "IPv6 ",
    "IPv4 rejected": "IPv4 ",
    "only IPv6": "IPv6 ",
    "iptables, invalid dropped": "IPv4 ",
    "iptables, many ports": "IPv4 ",
}
TRANSLATE = {
    "masquerade": "ip nat post handle 2 (oifname eth0 masquerade)",
    "redirect": "inet own pre handle 2 (tcp dport 80 redirect)",
    "iptables, masquerade": "ip nat POSTROUTING handle 2 (xt target MASQUERADE)",
}


@pytest.mark.parametrize("name", [name for name in CAPTURED if "our" not in name and "1.3" not in name])
def test_what_would_be_cut_off(name: str) -> None:
    found = cuts(ruleset(name), PORTS, BOTH)
    if name not in CUTS:
        assert found == []
        return
    (cut,) = found
    ports, relies_on, dropped_by = CUTS[name]
    assert render(cut.ports) == ports
    assert relies_on in cut.relies_on
    assert dropped_by in cut.dropped_by
    assert cut.packets == f"{'outgoing' if name == 'output' else 'incoming'} {ONE_FAMILY.get(name, '')}packets"


OWN_POLICY = "the policy of inet own in drops them"
# Of TCP: the state of the packets, the ports that are cut off, the rule they rely on, and what drops them.
TCP_CUTS = {
    ("untracked", "no accept"): (TCP_SHOWN, EST, POLICY),
    ("untracked", "exact accept"): (TCP_SHOWN, EST, POLICY),
    ("untracked", "firewalld"): (TCP_SHOWN, "ct state", "drops them"),
    ("untracked", "untracked dropped"): (TCP_SHOWN, "ct state invalid,untracked drop", "untracked drop"),
    ("untracked", "synproxy"): ("5060", "synproxy", "synproxy"),
    ("untracked", "iptables, synproxy"): ("5060", "SYNPROXY", "SYNPROXY"),
    ("untracked", "SYN let in"): (TCP_SHOWN, EST, OWN_POLICY),
    ("untracked", "TCP counted"): ("5060", "ct count", "(tcp dport 5060 ct count reject)"),
    ("new", "all but SYN dropped"): (TCP_SHOWN, "ct state new drop", "ct state new drop"),
    ("new", "new TCP limited"): (TCP_SHOWN, "ct state new limit drop", "ct state new limit drop"),
    ("new", "TCP untracked let in"): (TCP_SHOWN, EST, OWN_POLICY),
    ("new", "invalid dropped"): (TCP_SHOWN, EST, POLICY),
}
NO_TCP_CUTS = [
    *[("untracked", name) for name in ("untracked let in", "stateless", "all but SYN dropped", "any transport")],
    *[("untracked", name) for name in ("new TCP limited", "TCP untracked let in", "policy accept", "ours with TCP")],
    *[("new", name) for name in ("synproxy", "policy accept", "ours with TCP", "untracked dropped", "stateless")],
]


@pytest.mark.parametrize(("state", "name"), [*TCP_CUTS, *NO_TCP_CUTS])
def test_what_would_be_cut_off_of_tcp(state: str, name: str) -> None:
    found = cuts(ruleset(name), TCP_PORTS, BOTH, "tcp", state)
    expected = [TCP_CUTS[state, name]] if (state, name) in TCP_CUTS else []
    assert [render(cut.ports) for cut in found] == [ports for ports, _relied, _dropped in expected]
    for cut, (_ports, relies_on, dropped_by) in zip(found, expected):
        assert relies_on in cut.relies_on
        assert dropped_by in cut.dropped_by
        assert f"of TCP ports {render(cut.ports)}" in str(cut)
        assert state in str(cut).replace("not being tracked", "untracked")


@pytest.mark.parametrize("name", CAPTURED)
def test_what_translates_addresses(name: str) -> None:
    assert list(address_translation(ruleset(name))) == ([TRANSLATE[name]] if name in TRANSLATE else [])


def test_an_old_nft_does_not_name_what_iptables_translates() -> None:
    found = ruleset("iptables, masquerade")
    chain = found.chains["ip", "nat", "POSTROUTING"]
    chain.rules[0] = chain.rules[0]._replace(expr=[{"xt": None}])
    assert list(address_translation(found)) == ["ip nat POSTROUTING handle 2 (xt)"]


def test_chains_of_containers() -> None:
    assert list(of_containers(ruleset("docker"))) == ["ip filter DOCKER-USER"]
    assert list(of_containers(ruleset("firewalld"))) == []


def test_a_real_firewalld_with_the_ports_and_without() -> None:
    found = ruleset("firewalld 1.3, ports added")
    assert cuts(found, ((5060, 5061), (30000, 40000)), BOTH) == []
    assert {render(cut.ports) for cut in cuts(found, PORTS, BOTH)} == {"10000-20000"}


def test_a_host_without_ipv6_needs_nothing_for_it() -> None:
    assert cuts(ruleset("only IPv6"), PORTS, ("ip",)) == []
    assert cuts(ruleset("IPv4 let in"), PORTS, ("ip",)) == []
    assert cuts(ruleset("from some peers, untracked named"), PORTS, ("ip",)) == []


def test_ports_that_are_not_cut_off_alone() -> None:
    assert cuts(ruleset("part accepted"), ((5060, 5060), (10000, 15000)), BOTH) == []


def test_a_sentence_names_both_rules() -> None:
    assert str(cuts(ruleset("jump"), PORTS, BOTH)[0]) == (
        "incoming packets of UDP ports 10000-20000 pass by inet filter input handle 5 (ct state established,related "
        f"accept), which does not know untracked packets, and then {POLICY}"
    )
    assert str(cuts(ruleset("untracked dropped"), PORTS, BOTH)[0]) == (
        "inet filter input handle 2 (ct state invalid,untracked drop) drops incoming packets of UDP ports "
        "5060, 10000-20000 for not being tracked"
    )


def test_there_is_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STEPS", 3)
    with pytest.raises(TooMuchError, match="more often than can be followed"):
        cuts(ruleset("firewalld"), PORTS, BOTH)
    found = ruleset("jump")
    chain = found.chains["inet", "filter", "media"]
    chain.rules[:] = [chain.rules[0]._replace(expr=[{"jump": {"target": "media"}}])]
    monkeypatch.undo()
    with pytest.raises(TooMuchError):
        cuts(found, PORTS, BOTH)
