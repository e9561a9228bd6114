# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._notrack import firewall
from ansible_collections.siptune.linux.plugins.module_utils._notrack.model import PATHS, Observed
from ansible_collections.siptune.linux.plugins.module_utils._notrack.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ports import ALL_PORTS, NONE_EXEMPT
from ansible_collections.siptune.linux.plugins.module_utils._notrack.settings import NotrackError, Request
from ansible_collections.siptune.linux.plugins.module_utils._notrack.table import text_for
from notrack_hosts import EXEMPT, PROGRAM, FirewallHost

WANTED = Request(EXEMPT)


def look(root: Path, **files: str) -> Observed:
    """A host with these files; a name's double underscores stand for slashes."""
    host = FirewallHost(root)
    for name, text in files.items():
        host.write("/" + name.replace("__", "/"), text)
    return observe(host, WANTED)


def test_tables_of_iptables_legacy(tmp_path: Path) -> None:
    assert look(tmp_path, proc__net__ip_tables_names="").opaque == ""
    found = look(tmp_path, proc__net__ip_tables_names="nat\nfilter\n", proc__net__ip6_tables_names="filter\n")
    assert "/proc/net/ip_tables_names names tables of iptables-legacy (filter, nat)" in found.opaque


@pytest.mark.parametrize(
    ("addresses", "families"),
    [
        ("", ("ip",)),
        ("00000000000000000000000000000001 01 80 10 80       lo\n", ("ip",)),
        ("fe80000000000000020000fffe000001 02 40 20 80     eth0\n", ("ip",)),
        ("20010db8000000000000000000000001 02 40 00 80     eth0\n", ("ip", "ip6")),
        ("fd000000000000000000000000000001 02 40 00 80     eth0\n", ("ip", "ip6")),
    ],
)
def test_ipv6_counts_where_others_can_reach_the_host_by_it(tmp_path: Path, addresses: str, families: tuple) -> None:
    assert look(tmp_path, proc__net__if_inet6=addresses).families == families


def test_a_container_network_is_seen(tmp_path: Path) -> None:
    host = FirewallHost(tmp_path)
    host.write("/etc/cni/net.d/10-flannel.conflist", "{}")
    assert observe(host, WANTED).containers == ("/etc/cni/net.d/10-flannel.conflist",)


@pytest.mark.parametrize("path", ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf", "/etc/nftables.d/own.nft"])
def test_files_with_a_table_of_our_name(tmp_path: Path, path: str) -> None:
    host = FirewallHost(tmp_path)
    host.write(path, "# table inet siptune\ntable inet siptunes {\n}\n")
    assert (observe(host, WANTED).same_name, observe(host, WANTED).copies) == ((), ())
    host.write(path, "flush ruleset\n\ttable inet siptune {\n}\n")
    assert observe(host, WANTED).same_name == (path,)
    host.write(path, text_for(EXEMPT))
    assert (observe(host, WANTED).same_name, observe(host, WANTED).copies) == ((), (path,))


def test_drop_ins_of_others(tmp_path: Path) -> None:
    host = FirewallHost(tmp_path)
    drop_in = "/run/systemd/system/siptune-notrack.service.d/x.conf"
    host.write(drop_in, "")
    assert observe(host, WANTED).drop_ins == (drop_in,)


def test_the_network_of_a_machine_is_not_its_containers(tmp_path: Path) -> None:
    host = FirewallHost(tmp_path)
    host.write("/run/.containerenv", "")
    assert observe(host, WANTED).not_own == ""
    host.write("/proc/sys/net/core/netdev_max_backlog", "1000")
    found = observe(host, WANTED)
    assert (found.not_own[:14], found.ruleset) == ("this container", None)


def test_without_nft(tmp_path: Path) -> None:
    host = FirewallHost(tmp_path)
    (tmp_path / PROGRAM[1:]).unlink()
    found = observe(host, WANTED)
    assert (found.program, found.ruleset, host.calls) == ("", None, [])


def test_an_nft_that_fails_and_one_that_prints_anything_else(tmp_path: Path) -> None:
    host = FirewallHost(tmp_path, fails=["-j list ruleset"])
    with pytest.raises(NotrackError, match="the ruleset cannot be read: Error: Could not process rule: Operation not"):
        observe(host, WANTED)
    host = FirewallHost(tmp_path)
    host.printed = "table ip filter {"
    with pytest.raises(NotrackError, match="the ruleset cannot be judged: nft prints what is no ruleset"):
        observe(host, WANTED)
    host.run = lambda *arguments: None  # type: ignore[assignment]
    with pytest.raises(NotrackError, match="/usr/sbin/nft is not there any more"):
        firewall.read_ruleset(host, PROGRAM, "x")


def test_on_the_way_back_an_nft_that_fails_keeps_no_file(tmp_path: Path) -> None:
    host = FirewallHost(tmp_path, fails=["-j list ruleset"])
    host.write(PATHS[0], "")
    assert observe(host, Request(NONE_EXEMPT)).ruleset is None


@pytest.mark.parametrize(
    ("path", "text", "known"),
    [
        ("/etc/nftables.conf", "table inet filter {\n # ct state\n}\n", True),
        ("/etc/nftables.conf", "table inet filter {\n ct state established accept\n}\n", False),
        ("/etc/nftables.d/nat.nft", "oifname eth0 masquerade\n", False),
        ("/usr/sbin/firewalld", "", False),
        ("/usr/sbin/ufw", "", False),
        ("/etc/iptables/rules.v4", "", False),
        ("/usr/bin/dockerd", "", False),
    ],
)
def test_what_an_image_shows_of_its_firewall(tmp_path: Path, path: str, text: str, known: bool) -> None:
    host = FirewallHost(tmp_path)
    host.boot_only = True
    host.write("/usr/lib/systemd/systemd", "")
    host.write(path, text)
    found = observe(host, WANTED)
    assert (found.ruleset, found.systemd, host.calls) == (None, True, [])
    assert found.opaque == "" if known else path in found.opaque


SERVICES = """IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0000201:13C4 rr
  -> 0A000001:13C5      Masq    1      0          0
UDP  [2001:0db8:0000:0000:0000:0000:0000:0001]:13C4 wlc persistent 300
FWM  0000000A rr
TCP  C0000202:0000 rr persistent 360
"""


def test_what_ipvs_passes_on(tmp_path: Path) -> None:
    host = FirewallHost(tmp_path)
    assert observe(host, WANTED).balanced == ()
    host.write("/proc/net/ip_vs", SERVICES)
    found = observe(host, WANTED).balanced
    assert [(one.protocol, one.ports) for one in found] == [
        *(("tcp", ((5060, 5060),)), ("udp", ((5060, 5060),))),
        *(("udp", ALL_PORTS), ("tcp", ALL_PORTS), ("tcp", ALL_PORTS)),
    ]
    assert [str(one).partition(", ")[0] for one in found][2:] == [*2 * ["mark 0000000A"], "any TCP port"]


@pytest.mark.parametrize(("value", "loose"), [("", True), ("1\n", True), ("0\n", False)])
def test_whether_connections_are_tracked_from_their_middle_on(tmp_path: Path, value: str, loose: bool) -> None:
    host = FirewallHost(tmp_path)
    host.write("/proc/sys/net/netfilter/nf_conntrack_tcp_loose", value)
    assert observe(host, WANTED).tcp_loose is loose
