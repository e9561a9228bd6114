# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import parse as parse_originals
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import render as render_originals
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import SysctlError, glob_matches, parse_key
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.model import LiveKey, Observed
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.originals import finalize
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from hypothesis import given
from hypothesis import strategies as st
from sysctl_hosts import CONTAINER, OTHER, SETTINGS, applied, items, lines, observed, request, run_as


def test_a_setting_for_a_key_overrides_a_glob() -> None:
    settings = {"net.ipv4.conf.*.accept_redirects": 0, "net.ipv4.conf.eth0.accept_redirects": 1}
    host, _ = applied(observed(), request(settings))
    assert host.live["net/ipv4/conf/eth0/accept_redirects"].value == "1"
    assert host.live["net/ipv4/conf/all/accept_redirects"].value == "0"
    assert lines(host) == {"net/ipv4/conf/*/accept_redirects": "0", "net/ipv4/conf/eth0/accept_redirects": "1"}


def test_a_container_changes_only_its_own_keys() -> None:
    done = plan(request(SETTINGS), observed(surroundings=CONTAINER))
    assert items(done)["vm.dirty_bytes"].state == "readonly"
    assert "whole machine" in items(done)["vm.dirty_bytes"].reason
    assert items(done)["net.core.rmem_max"].state == "changed"
    shared_network = plan(request(SETTINGS), observed(surroundings=CONTAINER._replace(child_network_namespace=False)))
    assert not shared_network.changed


def test_a_protected_key_is_reported() -> None:
    host = observed()
    host = host._replace(live={**host.live, "net/core/rmem_max": LiveKey("212992", False)})
    change = items(plan(request({"net.core.rmem_max": 4194304}), host))["net.core.rmem_max"]
    assert (change.state, change.after) == ("readonly", "212992")


def test_a_floor_of_a_missing_key_sets_nothing() -> None:
    floor = {"net.netfilter.nf_conntrack_max": {"value": 131072, "rule": "at_least"}}
    done = plan(request(floor), observed())
    assert items(done)["net.netfilter.nf_conntrack_max"].state == "absent"
    assert not done.changed


def test_a_key_of_a_future_interface_gets_a_line() -> None:
    host, done = applied(observed(), request({"net.ipv4.conf.ppp0.accept_redirects": 0}))
    assert items(done)["net.ipv4.conf.ppp0.accept_redirects"].state == "pending"
    assert lines(host) == {"net/ipv4/conf/ppp0/accept_redirects": "0"}


def test_two_globs_that_disagree_are_refused() -> None:
    settings = {"net.ipv4.conf.*.accept_redirects": 0, "net.ipv4.conf.eth*.accept_redirects": 1}
    host = observed()
    matches = {**host.matches, "net/ipv4/conf/eth*/accept_redirects": ["net/ipv4/conf/eth0/accept_redirects"]}
    with pytest.raises(SysctlError, match="different values"):
        plan(request(settings), host._replace(matches=matches))


@pytest.mark.parametrize(
    ("pattern", "path", "value", "complaint"),
    [
        ("net.ipv4.tcp_fin_timeou?", "net.ipv4.tcp_fin_timeout", -5, "outside"),
        ("net.ipv4.conf.eth0.rp_filte?", "net.ipv4.conf.eth0.rp_filter", 7, "outside"),
        ("net.ipv6.conf.*.disable_ip??", "net.ipv6.conf.eth0.disable_ipv6", 1, "IPv6 is in use"),
        ("fs.nr_ope?", "fs.nr_open", 64, "limit in use"),
        ("vm.dirty_*", "vm.dirty_ratio", 5, "exclude each other"),
    ],
)
def test_a_glob_does_not_bypass_the_checks(pattern: str, path: str, value: int, complaint: str) -> None:
    host = observed(
        {path: "1048576" if path == "fs.nr_open" else "0"}, ipv6_reasons=("it is needed",), highest_nofile=524288
    )
    matches = [path for path in host.live if glob_matches(parse_key(pattern), path)]
    host = host._replace(matches={**host.matches, parse_key(pattern): matches})
    with pytest.raises(SysctlError, match=complaint):
        plan(request({pattern: value}), host)


def test_a_lower_floor_of_another_file_does_not_lower_the_host() -> None:
    host, _ = applied(observed(), request({"net.core.somaxconn": {"value": 8192, "rule": "at_least"}}))
    host, done = run_as(host, OTHER, {"net.core.somaxconn": {"value": 6000, "rule": "at_least"}})
    assert not done.writes
    assert host.live["net/core/somaxconn"].value == "8192"
    assert not applied(host, request({"net.core.somaxconn": {"value": 8192, "rule": "at_least"}}))[1].changed


@pytest.mark.parametrize("name", ["a=b", "q\x01r", "sip-büro", "#1", "-x"])
def test_an_interface_may_have_any_name(name: str) -> None:
    path = f"net/ipv4/conf/{name}/accept_redirects"
    start = observed()
    matches = [*start.matches["net/ipv4/conf/*/accept_redirects"], path]
    start = start._replace(
        live={**start.live, path: LiveKey("1", True)},
        matches={**start.matches, "net/ipv4/conf/*/accept_redirects": matches},
    )
    host, _ = applied(start, request({"net.ipv4.conf.*.accept_redirects": 0}))
    assert host.live[path].value == "0"
    host = host._replace(originals=parse_originals(render_originals(host.originals)))
    assert applied(host, request({}))[0] == start


def test_a_value_that_the_kernel_rounds_by_itself_converges() -> None:
    """The stored value is recorded, and does not count as a change by somebody else."""
    wanted = request({"dev.odd": 1000})
    host = observed({"dev.odd": "5"})
    done = plan(wanted, host)
    finalized = finalize(wanted, done, {"dev/odd": "1024"})
    after = host._replace(
        live={**host.live, "dev/odd": LiveKey("1024", True)}, originals=finalized, own=done.files[0].after
    )
    assert not plan(wanted, after).changed


@given(st.integers(4096, 2**31 - 1), st.integers(4096, 2**31 - 1))
def test_a_floor_never_lowers_a_host(floor: int, live: int) -> None:
    host = observed({"net.core.rmem_max": str(live)})
    done = plan(request({"net.core.rmem_max": {"value": floor, "rule": "at_least"}}), host)
    assert int(items(done)["net.core.rmem_max"].after) == max(floor, live)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        pytest.param("net.ipv4.conf.eth0.100.rp_filter", "eth0/100: net.ipv4.conf.eth0/100.rp_filter", id="vlan"),
        pytest.param("net.ipv6.conf.br0.4.7.forwarding", "br0/4/7: net.ipv6.conf.br0/4/7.forwarding", id="two dots"),
        pytest.param("net.ipv4.neigh.b0.9.gc_stale_time", "b0/9: net.ipv4.neigh.b0/9.gc_stale_time", id="arp"),
        pytest.param("net.ipv4.conf.*.100.rp_filter", "*/100: net.ipv4.conf.*/100.rp_filter", id="glob"),
    ],
)
def test_the_dot_of_an_interface_name_is_explained(key: str, words: str) -> None:
    change = items(plan(request({key: 1}), observed()))[key]
    assert (change.state, change.reason.partition("is written ")[2]) == ("absent", words)


def test_another_key_with_many_parts_is_not_taken_for_an_interface() -> None:
    change = items(plan(request({"net.unheard.of.in.any.kernel": 1}), observed()))["net.unheard.of.in.any.kernel"]
    assert change.reason == "this kernel has no such key"


# --- interfaces that take over what `default` has ------------------------------------------------


ROUTES = {f"net.ipv4.conf.{name}.log_martians": "0" for name in ("all", "default", "lo", "eth0", "eth1/7")}
PATTERN = "net/ipv4/conf/*/log_martians"
DEFAULT = {"net.ipv4.conf.default.log_martians": 1}


def routed(**changes: Any) -> Observed:
    host = observed(ROUTES, **changes)
    matches = [path for path in host.live if path.endswith("/log_martians")]
    return host._replace(matches={**host.matches, PATTERN: matches})


def test_interfaces_take_over_the_default_but_for_the_loopback_and_all() -> None:
    done = plan(request(DEFAULT), routed())
    assert sorted(items(done)) == [f"net.ipv4.conf.{name}.log_martians" for name in ("default", "eth0", "eth1/7")]
    assert {change.state for change in done.changes} == {"changed"}
    after, _ = applied(routed(), request(DEFAULT))
    assert lines(after) == {"net/ipv4/conf/default/log_martians": "1"}
    assert not plan(request(DEFAULT), after).changed
    back, _ = applied(after, request({}))
    assert (back.live, back.originals.keys) == (routed().live, {})


@pytest.mark.parametrize(
    ("host", "settings", "when"),
    [
        (routed(surroundings=CONTAINER), DEFAULT, "both"),
        (routed(), DEFAULT, "now"),
        (routed(others=[(OTHER, "net.ipv4.conf.e*.log_martians = 0")]), DEFAULT, "both"),
        (routed(), {"net.ipv4.conf.default.log_martians": {"value": 0, "rule": "at_least"}}, "both"),
        (routed(), {"net.ipv4.conf.all.log_martians": 1}, "both"),
    ],
    ids=["container", "not at boot", "set by another file", "kept", "all"],
)
def test_interfaces_that_no_boot_would_change_stay(host: Observed, settings: dict[str, Any], when: str) -> None:
    assert not any("eth" in item for item in items(plan(request(settings, when=when), host)))


def test_what_the_settings_name_themselves_is_not_taken_over() -> None:
    named = {**DEFAULT, "net.ipv4.conf.eth0.log_martians": 0}
    assert items(plan(request(named), routed()))["net.ipv4.conf.eth0.log_martians"].wanted == "0"
    globbed = {**DEFAULT, "net.ipv4.conf.*.log_martians": 0}
    assert items(plan(request(globbed), routed()))["net.ipv4.conf.eth0.log_martians"].wanted == "0"


def test_an_interface_beyond_a_floor_is_never_lowered() -> None:
    key, floor = "net.ipv4.conf.{}.arp_announce", {"value": 1, "rule": "at_least"}
    host = observed({key.format("default"): "0", key.format("eth0"): "2", key.format("eth1"): "0"})
    found = [path for path in host.live if path.endswith("/arp_announce")]
    host = host._replace(matches={**host.matches, "net/ipv4/conf/*/arp_announce": found})
    states = {name: change.state for name, change in items(plan(request({key.format("default"): floor}), host)).items()}
    assert states == {key.format("default"): "changed", key.format("eth0"): "kept", key.format("eth1"): "changed"}
