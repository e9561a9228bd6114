# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._notrack import verdicts
from ansible_collections.siptune.linux.plugins.module_utils._notrack.safety import check_safety
from ansible_collections.siptune.linux.plugins.module_utils._notrack.settings import NotrackError
from notrack_hosts import PORTS, observed

LEAVE = "or leave connections tracked; with the roles, siptune_network_notrack: false"


@pytest.mark.parametrize("name", ["nothing", "exact accept", "firewalld", "iptables", "ours", "no translation"])
def test_hosts_whose_calls_go_on(name: str) -> None:
    check_safety(PORTS, observed(name))


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
        check_safety(PORTS, observed(name))


@pytest.mark.parametrize("name", ["masquerade", "docker", "no accept"])
def test_each_reason_has_a_way_out(name: str) -> None:
    with pytest.raises(NotrackError, match=LEAVE):
        check_safety(PORTS, observed(name))


def test_what_cannot_be_judged_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotrackError, match=f"tables of iptables-legacy, {LEAVE}"):
        check_safety(PORTS, observed(opaque="there are tables of iptables-legacy"))
    with pytest.raises(NotrackError, match=r"\(/etc/cni/net.d/10.conflist\)"):
        check_safety(PORTS, observed(containers=("/etc/cni/net.d/10.conflist",)))
    with pytest.raises(NotrackError, match=r"/etc/nftables.conf has a table inet siptune of its own"):
        check_safety(PORTS, observed(same_name=("/etc/nftables.conf",)))
    monkeypatch.setattr(verdicts, "MOST_STEPS", 1)
    with pytest.raises(NotrackError, match="the firewall cannot be judged: its chains jump"):
        check_safety(PORTS, observed("firewalld"))


def test_many_rules_are_not_all_named() -> None:
    with pytest.raises(NotrackError, match=r"\(one; two; three; and 2 more\)"):
        check_safety(PORTS, observed(containers=("one", "two", "three", "four", "five")))


def test_an_image_has_no_ruleset() -> None:
    check_safety(PORTS, observed(ruleset=None))


@pytest.mark.parametrize(
    "expr", [[{"jump": {"target": "gone"}}], [{"match": {}}], [{"a": 1, "b": 2}], ["accept"], [{"vmap": {}}]]
)
def test_a_rule_of_another_shape_cannot_be_judged(expr: list) -> None:
    host = observed("exact accept")
    assert host.ruleset is not None
    rules = host.ruleset.chains["inet", "filter", "input"].rules
    rules[1:] = [rules[1]._replace(expr=expr)]
    with pytest.raises(NotrackError, match=f"the firewall cannot be judged: nft prints a rule of a shape .*, {LEAVE}"):
        check_safety(PORTS, host)
