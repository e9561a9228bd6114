# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls through a full table of connections: lost on a stock host, and none once SIP is not tracked."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sipp
from host import CallsError, Host
from tuning import module, playbook

IN_TRACKING = Path(__file__).with_name("in_tracking.py")
LISTEN = "listen=udp:127.0.0.1:5060\n"
KAMAILIO = sipp.KAMAILIO.replace(LISTEN, f"{LISTEN}listen=udp:192.0.2.1:5060\n").replace(
    "127.0.0.1:5070", "192.0.2.2:5070"
)
PEER = """
ip netns add peer
ip link add sip0 type veth peer name sip1 netns peer
ip addr add 192.0.2.1/24 dev sip0
ip addr add 2001:db8::1/64 dev sip0 nodad
ip link set sip0 up
ip -n peer addr add 192.0.2.2/24 dev sip1
ip -n peer link set sip1 up
ip -n peer link set lo up
ip -n peer addr add 2001:db8::2/64 dev sip1 nodad
ip -n peer route add default via 192.0.2.1
"""
FIREWALL = """
flush ruleset
table inet filter {{
    chain input {{
        type filter hook input priority 0; policy drop;
        {rules}
    }}
}}
"""
STATEFUL = "ct state established,related accept\n ct state invalid drop\n iif lo accept\n"
OPEN = STATEFUL + "udp dport { 5060-5061, 30000-40000 } accept\n"
ITEM = "untracked UDP ports"
PORTS = ["5060", "30000-40000"]
CALLS, ROOM = 60, 10
TCP_CALLS, TCP_RATE, PATIENCE_SECONDS = 200, 5, 10  # for longer than two runs of Ansible take


@pytest.fixture(name="host")
def with_peer(host: Host) -> Host:
    """A host of its own with a peer on a cable."""
    host.run("sh", "-ec", PEER)
    return host


FAR = """
ip netns add far
ip link add far0 type veth peer name far1 netns far
ip addr add 198.51.100.1/24 dev far0
ip link set far0 up
ip -n far addr add 198.51.100.2/24 dev far1
ip -n far link set far1 up
echo 1 >/proc/sys/net/ipv4/ip_forward
"""


def firewall(host: Host, rules: str) -> None:
    host.run("nft", "-f", "-", text=FIREWALL.format(rules=rules))


def notrack(host: Host, **parameters: Any) -> dict[str, Any]:
    return module(host, "sip_notrack", parameters)


def calls(host: Host) -> sipp.Totals:
    statistics = host.ask("calls", IN_TRACKING, count=CALLS, rate=30, caller=sipp.call_scenario(), callee=sipp.CALLEE)
    return sipp.parse_statistics(statistics)


def tracked(host: Host) -> dict[str, int]:
    found: dict[str, int] = host.ask("tracked", IN_TRACKING)
    return found


def test_no_call_fails_at_a_full_table_once_sip_is_not_tracked(host: Host) -> None:
    firewall(host, OPEN)
    host.ask("restart", configuration=KAMAILIO)
    filled = host.ask("fill", IN_TRACKING, room=ROOM)
    assert filled["max"] - filled["count"] == ROOM

    stock, after = calls(host), tracked(host)
    assert stock.calls == CALLS
    assert stock.failed > 0
    assert after["drop"] > filled["drop"]

    done = notrack(host, ports=PORTS)
    assert done["items"][0]["state"] == "pending"  # there is no systemd to load it at boot
    before = tracked(host)
    exempt = calls(host)
    assert (exempt.calls, exempt.failed, exempt.retransmissions) == (CALLS, 0, 0)
    after = tracked(host)
    lost = ("insert_failed", "drop", "early_drop")
    assert [after[name] for name in lost] == [before[name] for name in lost]
    assert after["count"] <= before["count"]

    assert notrack(host, state="absent")["changed"]
    assert "siptune" not in host.run("nft", "list", "ruleset")
    assert calls(host).failed > 0


def test_both_families_are_exempt_and_what_is_passed_on_is_not(host: Host) -> None:
    firewall(
        host,
        "udp dport { 4000, 5060, 30000-40000 } ct state new,untracked accept\nmeta l4proto ipv6-icmp accept\n",
    )
    host.run("sh", "-ec", FAR)
    local = ("192.0.2.1", "2001:db8::1")
    more = {
        (address, port): host.ask("sent", IN_TRACKING, address=address, port=port, count=20)
        for address in (*local, "198.51.100.2")
        for port in (5060, 35000)
    }
    assert set(more.values()) == {20}
    notrack(host, ports=PORTS)
    for address, port in more:
        found = host.ask("sent", IN_TRACKING, address=address, port=port, count=20)
        assert found == (0 if address in local else 20), (address, port)
    assert host.ask("sent", IN_TRACKING, address="192.0.2.1", port=4000, count=20) == 20


def test_running_tcp_connections_leave_the_table_and_come_back_to_it_without_a_failed_call(host: Host) -> None:
    firewall(host, f"{OPEN}tcp dport 5060-5061 accept\n")
    tcp = "disable_tcp=no\nlisten=tcp:127.0.0.1:5060\nlisten=tcp:192.0.2.1:5060\n"
    host.ask("restart", configuration=KAMAILIO.replace("disable_tcp=yes\n", tcp))
    with ThreadPoolExecutor() as pool:
        load = {"count": TCP_CALLS, "rate": TCP_RATE, "transport": "t1"}
        running = pool.submit(host.ask, "calls", IN_TRACKING, caller=sipp.call_scenario(), callee=sipp.CALLEE, **load)
        wait_for_more_entries(host, 0)
        done = notrack(host, ports=[*PORTS, "5060-5061/tcp"])
        assert [(one["item"], one["after"]) for one in done["items"]][1] == ("untracked TCP ports", "5060-5061")
        assert host.ask("tcp_entries", IN_TRACKING, port=5060) == 0
        assert all(host.ask("answered", IN_TRACKING, address=address) for address in ("127.0.0.1", "192.0.2.1"))
        within = host.ask("tcp_entries", IN_TRACKING, port=5060)
        assert within == 2
        assert not running.done()
        assert notrack(host, state="absent")["changed"]
        wait_for_more_entries(host, within)
        assert not running.done()
        totals = sipp.parse_statistics(running.result())
    assert (totals.calls, totals.failed, totals.retransmissions) == (TCP_CALLS, 0, 0)


def wait_for_more_entries(host: Host, than: int) -> None:
    """Wait until the connection of the calls is tracked, beside so many."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while host.ask("tcp_entries", IN_TRACKING, port=5060) <= than:
        assert time.monotonic() < deadline
        time.sleep(0.2)


NAT = "table ip nat {\n chain post {\n type nat hook postrouting priority 100; oifname sip0 masquerade\n }\n}\n"
NAMED = "table inet siptune {\n set mine {\n type inet_service\n }\n}\n"
INVALID = (
    "table inet own {\n chain out {\n type filter hook output priority 0; ct state invalid,untracked drop\n }\n}\n"
)


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (NAT, "ip nat post handle 2 (oifname sip0 masquerade) translates addresses"),
        (NAMED, "there is a table inet siptune that has more than our two chains"),
        (INVALID, "(ct state invalid,untracked drop) drops outgoing packets of UDP ports 5060, 30000-40000"),
        (
            FIREWALL.format(rules=STATEFUL),
            "(ct state established,related accept), which does not know untracked packets",
        ),
    ],
)
def test_what_would_cut_calls_off_is_named_and_nothing_changes(host: Host, rules: str, reason: str) -> None:
    host.run("nft", "-f", "-", text=rules)
    before = host.run("nft", "list", "ruleset")
    with pytest.raises(CallsError) as refused:
        notrack(host, ports=PORTS)
    assert reason in str(refused.value)
    assert host.run("nft", "list", "ruleset") == before
    assert host.run("sh", "-c", "ls -d /etc/siptune 2>/dev/null; true") == ""


def test_site_exempts_the_ports_of_the_daemons_and_rollback_gives_back(host: Host) -> None:
    firewall(host, OPEN)
    before = host.run("nft", "list", "ruleset")
    host.ask("restart", configuration=KAMAILIO)
    playbook(host, "siptune.linux.site", {"siptune_network_notrack": True})
    found = host.run("nft", "list", "table", "inet", "siptune")
    assert "udp dport { 5060-5061, 30000-40000 } fib daddr type local notrack" in found
    playbook(host, "siptune.linux.rollback", {})
    assert host.run("nft", "list", "ruleset") == before
