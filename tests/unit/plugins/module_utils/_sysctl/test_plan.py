# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sysctl_hosts import LIVE, SETTINGS, applied, items, lines, observed, request, text


def test_a_first_run_reports_the_state_of_each_key() -> None:
    host, done = applied(observed(), request(SETTINGS))
    states = {item: change.state for item, change in items(done).items()}
    assert states == {
        "net.core.somaxconn": "kept",
        "net.core.rmem_max": "changed",
        "net.ipv4.tcp_rmem": "changed",
        "net.ipv4.tcp_sack": "changed",
        "net.ipv4.conf.all.accept_redirects": "changed",
        "net.ipv4.conf.default.accept_redirects": "changed",
        "net.ipv4.conf.eth0.accept_redirects": "changed",
        "net.ipv4.conf.eth0/100.accept_redirects": "changed",
        "net.ipv4.ip_local_reserved_ports": "changed",
        "net.ipv4.tcp_tw_recycle": "absent",
        "vm.dirty_bytes": "changed",
    }
    assert lines(host) == {
        "net/core/rmem_max": "4194304",
        "net/ipv4/tcp_rmem": "10240 131072 10485760",
        "net/ipv4/tcp_sack": "1",
        "net/ipv4/conf/*/accept_redirects": "0",
        "net/ipv4/ip_local_reserved_ports": "5060-5061",
        "vm/dirty_bytes": "268435456",
    }
    assert "# bursts\nnet.core.rmem_max = 4194304\n" in text(host)


def test_a_second_run_changes_nothing() -> None:
    host, _ = applied(observed(), request(SETTINGS))
    again, done = applied(host, request(SETTINGS))
    assert not done.changed
    assert again == host
    assert {change.state for change in done.changes} == {"ok", "kept", "absent"}


def test_a_name_in_another_file_gets_a_line_of_its_own_beside_the_glob() -> None:
    defaults = ("/usr/lib/sysctl.d/50-default.conf", "net.ipv4.conf.default.accept_redirects = 1")
    host, done = applied(observed(others=[defaults]), request({"net.ipv4.conf.*.accept_redirects": 0}))
    assert list(lines(host)) == ["net/ipv4/conf/default/accept_redirects", "net/ipv4/conf/*/accept_redirects"]
    assert {change.state for change in done.changes} == {"changed"}


def test_an_old_systemd_gets_names_in_place_of_a_glob() -> None:
    host, _ = applied(observed(glob_lines=False), request({"net.ipv4.conf.*.accept_redirects": 0}))
    assert sorted(lines(host)) == [
        "net/ipv4/conf/all/accept_redirects",
        "net/ipv4/conf/default/accept_redirects",
        "net/ipv4/conf/eth0.100/accept_redirects",
        "net/ipv4/conf/eth0/accept_redirects",
    ]


CONNTRACK = {"net.netfilter.nf_conntrack_udp_timeout": 60}


def test_a_key_of_a_module_that_is_not_loaded_waits_for_it() -> None:
    host, done = applied(observed(), request(CONNTRACK))
    assert items(done)["net.netfilter.nf_conntrack_udp_timeout"].state == "pending"
    assert host.own_rules is not None
    assert b'KERNEL=="nf_conntrack"' in host.own_rules.content
    assert not applied(host, request(CONNTRACK))[1].changed
    assert applied(host, request({}))[0] == observed()


@pytest.mark.parametrize(("modules", "ruled"), [({"nf_conntrack"}, True), (set(), False)], ids=["loaded", "built in"])
def test_a_udev_rule_is_for_loadable_modules_only(modules: set[str], ruled: bool) -> None:
    host = observed({"net.netfilter.nf_conntrack_udp_timeout": "30"}, loaded_modules=frozenset(modules))
    assert (applied(host, request(CONNTRACK))[0].own_rules is not None) is ruled


def test_only_at_boot_leaves_the_kernel_alone() -> None:
    host, done = applied(observed(), request({"net.core.rmem_max": 4194304}, when="boot"))
    assert not done.writes
    assert items(done)["net.core.rmem_max"].state == "pending"
    assert lines(host) == {"net/core/rmem_max": "4194304"}


def test_only_live_leaves_the_file_alone() -> None:
    host, _ = applied(observed(), request({"net.core.rmem_max": 4194304}, when="now"))
    assert host.own is None
    assert host.live["net/core/rmem_max"].value == "4194304"
    assert not applied(host, request({"net.core.rmem_max": 4194304}, when="now"))[1].changed


KEYS = [key for key in LIVE if key not in ("vm.dirty_bytes", "vm.dirty_ratio", "net.ipv4.ip_local_reserved_ports")]
BOUNDED = ["net.core.somaxconn", "net.core.rmem_max", "net.ipv4.tcp_rmem"]

setting = st.one_of(
    st.tuples(st.sampled_from(BOUNDED), st.integers(4096, 2**30), st.sampled_from(["exact", "at_least", "at_most"])),
    st.tuples(
        st.sampled_from([key for key in KEYS if key not in BOUNDED and key != "fs.nr_open"]),
        st.integers(0, 1),
        st.just("exact"),
    ),
)

runs = st.lists(
    st.lists(setting).map(lambda rows: {key: {"value": value, "rule": rule} for key, value, rule in rows}), max_size=4
)


def _fits(settings: dict[str, Any]) -> bool:
    """Two names of the forwarding switch with different values are refused, so a run has one of them."""
    return sum("forward" in key for key in settings) <= 1


def test_reverting_the_default_does_not_touch_the_side_effects_of_forwarding() -> None:
    start = observed()
    host, _ = applied(start, request({"net.ipv4.ip_forward": 1, "net.ipv4.conf.default.accept_redirects": 0}))
    assert host.live["net/ipv4/conf/all/accept_redirects"].value == "0"
    host, done = applied(host, request({"net.ipv4.ip_forward": 0}))
    assert "net/ipv4/conf/all/accept_redirects" not in {write.path for write in done.writes}
    assert host.live == start.live
    assert applied(host, request({}))[0] == start


@given(runs.map(lambda rows: [settings for settings in rows if _fits(settings)]))
def test_any_history_of_runs_is_idempotent_and_can_be_undone(history: list[dict[str, Any]]) -> None:
    start = host = observed()
    for settings in history:
        host, _ = applied(host, request(settings))
        again, done = applied(host, request(settings))
        assert not done.changed
        assert again.live == host.live
    back, _ = applied(host, request({}))
    assert back == start
