# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._notrack import verdicts
from ansible_collections.siptune.linux.plugins.module_utils._notrack.model import Balanced
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ports import Exempt
from ansible_collections.siptune.linux.plugins.module_utils._notrack.safety import check_safety, danger_of_tracking
from ansible_collections.siptune.linux.plugins.module_utils._notrack.settings import NotrackError
from notrack_hosts import BOTH_EXEMPT, EXEMPT, TCP_PORTS, observed

LEAVE = "or leave connections tracked; with the roles, siptune_network_notrack: false"


@pytest.mark.parametrize("name", ["nothing", "exact accept", "firewalld", "iptables", "ours", "no translation"])
def test_hosts_whose_calls_go_on(name: str) -> None:
    check_safety(EXEMPT, observed(name))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("masquerade", r"ip nat post handle 2 \(oifname eth0 masquerade\) translates addresses, which takes tracked"),
        ("docker", r"a network of containers is here \(ip filter DOCKER-USER\)"),
        (
            "no accept",
            r"handle 2 \(ct state established,related accept\), which does not know untracked packets, and then",
        ),
        (
            "of our name",
            "there is a table inet siptune that has other rules than ours: somebody else has made or edited it",
        ),
        ("ours edited", "somebody else has made or edited it, and it is left alone"),
    ],
)
def test_hosts_whose_calls_would_be_cut_off(name: str, reason: str) -> None:
    with pytest.raises(NotrackError, match=reason):
        check_safety(EXEMPT, observed(name))


@pytest.mark.parametrize("name", ["masquerade", "docker", "no accept"])
def test_each_reason_has_a_way_out(name: str) -> None:
    with pytest.raises(NotrackError, match=LEAVE):
        check_safety(EXEMPT, observed(name))


def test_what_cannot_be_judged_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotrackError, match=f"tables of iptables-legacy, {LEAVE}"):
        check_safety(EXEMPT, observed(opaque="there are tables of iptables-legacy"))
    with pytest.raises(NotrackError, match=r"\(/etc/cni/net.d/10.conflist\)"):
        check_safety(EXEMPT, observed(containers=("/etc/cni/net.d/10.conflist",)))
    with pytest.raises(NotrackError, match=r"/etc/nftables.conf has a table inet siptune of its own"):
        check_safety(EXEMPT, observed(same_name=("/etc/nftables.conf",)))
    monkeypatch.setattr(verdicts, "MOST_STEPS", 1)
    with pytest.raises(NotrackError, match="the firewall cannot be judged: its chains jump"):
        check_safety(EXEMPT, observed("firewalld"))


def test_many_rules_are_not_all_named() -> None:
    with pytest.raises(NotrackError, match=r"\(one; two; three; and 2 more\)"):
        check_safety(EXEMPT, observed(containers=("one", "two", "three", "four", "five")))


def test_an_image_has_no_ruleset() -> None:
    check_safety(EXEMPT, observed(ruleset=None))


@pytest.mark.parametrize(
    "expr", [[{"jump": {"target": "gone"}}], [{"match": {}}], [{"a": 1, "b": 2}], ["accept"], [{"vmap": {}}]]
)
def test_a_rule_of_another_shape_cannot_be_judged(expr: list) -> None:
    host = observed("exact accept")
    assert host.ruleset is not None
    rules = host.ruleset.chains["inet", "filter", "input"].rules
    rules[1:] = [rules[1]._replace(expr=expr)]
    with pytest.raises(NotrackError, match=f"the firewall cannot be judged: nft prints a rule of a shape .*, {LEAVE}"):
        check_safety(EXEMPT, host)


@pytest.mark.parametrize("name", ["nothing", "any transport", "policy accept", "ours with TCP"])
def test_hosts_whose_tcp_connections_go_on(name: str) -> None:
    check_safety(BOTH_EXEMPT, observed(name))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("exact accept", r"^untracked TCP ports: .*Accept these ports before that.*`tcp dport 5060 accept`"),
        ("synproxy", r"^untracked TCP ports: .*synproxy.* drops incoming packets of TCP ports 5060 for not "),
        (
            "all but SYN dropped",
            r"^untracked TCP ports: on the way back running connections would be new ones, and .* ct state new drop\) "
            "drops incoming packets of TCP ports 5060-5061 for being new. Change that first, ",
        ),
    ],
)
def test_hosts_whose_tcp_connections_would_be_cut_off(name: str, reason: str) -> None:
    tcp = BOTH_EXEMPT._replace(udp=())
    with pytest.raises(NotrackError, match=reason):
        check_safety(tcp, observed(name))
    with pytest.raises(NotrackError, match=r"with the roles, siptune_network_notrack_tcp: false$"):
        check_safety(tcp, observed(name))


def test_tcp_needs_a_way_back() -> None:
    with pytest.raises(NotrackError, match=r"as net.netfilter.nf_conntrack_tcp_loose is 0 \(and 1 by default\)"):
        check_safety(BOTH_EXEMPT, observed(tcp_loose=False))
    check_safety(EXEMPT, observed(tcp_loose=False))
    assert danger_of_tracking((), observed(tcp_loose=False)) == ""
    assert danger_of_tracking(TCP_PORTS, observed(ruleset=None, tcp_loose=False)) == ""


def test_what_cannot_be_judged_is_a_danger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "MOST_STEPS", 1)
    assert "the firewall cannot be judged: its chains jump" in danger_of_tracking(TCP_PORTS, observed("firewalld"))


@pytest.mark.parametrize(("service", "refused"), [(5061, "tcp"), (5060, ""), (5062, "")])
def test_ports_that_ipvs_passes_on(service: int, refused: str) -> None:
    host = observed(balanced=(Balanced("tcp", ((service, service),), f"TCP port {service}"),))
    check_safety(EXEMPT, host)
    tcp = Exempt(tcp=((5061, 5061),))
    if not refused:
        check_safety(tcp, host)
        return
    with pytest.raises(NotrackError, match="IPVS passes on what comes to TCP port 5061, for which it may take tracked"):
        check_safety(tcp, host)
