# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from sysctl_hosts import applied, items, lines, observed, request


def test_forwarding_is_written_first_and_the_redirects_again_after_it() -> None:
    settings = {"net.ipv4.conf.all.accept_redirects": 0, "net.ipv4.ip_forward": 0}
    host = observed({"net.ipv4.conf.all.accept_redirects": "0", "net.ipv4.ip_forward": "1"})
    after, done = applied(host, request(settings))
    assert [(write.path, write.text) for write in done.writes] == [
        ("net/ipv4/ip_forward", "0"),
        ("net/ipv4/conf/all/accept_redirects", "0"),
    ]
    assert after.live["net/ipv4/conf/all/accept_redirects"].value == "0"
    assert items(done)["net.ipv4.conf.all.accept_redirects"].before == "0"
    assert list(lines(after)) == ["net/ipv4/ip_forward", "net/ipv4/conf/all/accept_redirects"]


def test_side_effects_are_reverted_too() -> None:
    start = observed()
    host, done = applied(start, request({"net.ipv4.ip_forward": 1}))
    assert host.live["net/ipv4/conf/eth0/forwarding"].value == "1"
    assert "net/ipv4/conf/eth0/forwarding" in done.side_effects
    assert not applied(host, request({"net.ipv4.ip_forward": 1}))[1].changed
    assert applied(host, request({}))[0] == start


def test_another_name_of_the_same_switch_takes_over_its_side_effects() -> None:
    start = observed()
    host, _ = applied(start, request({"net.ipv4.conf.all.forwarding": 1}))
    host, done = applied(host, request({"net.ipv4.ip_forward": 1}))
    assert not done.writes
    assert host.live["net/ipv4/conf/eth0/forwarding"].value == "1"
    assert applied(host, request({}))[0] == start


def test_ratio_and_bytes_are_reverted_together() -> None:
    start = observed()
    host, _ = applied(start, request({"vm.dirty_bytes": 268435456}))
    assert host.live["vm/dirty_ratio"].value == "0"
    assert applied(host, request({}))[0] == start
