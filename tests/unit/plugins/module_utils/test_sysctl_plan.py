# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._change import Change
from ansible_collections.siptune.linux.plugins.module_utils._host import FileRecord
from ansible_collections.siptune.linux.plugins.module_utils._originals import (
    NOTHING,
    FileOriginal,
    KeyOriginal,
    Originals,
    digest,
)
from ansible_collections.siptune.linux.plugins.module_utils._originals import parse as parse_originals
from ansible_collections.siptune.linux.plugins.module_utils._originals import render as render_originals
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_d import Line, parse, render
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_kernel import Surroundings
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_key import SysctlError, glob_matches, parse_key
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_plan import (
    LiveKey,
    Observed,
    Plan,
    Request,
    diff,
    plan,
    settle,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_settings import parse_settings
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_value import stored
from hypothesis import given
from hypothesis import strategies as st

PATH = "/etc/sysctl.d/90-test.conf"
METAL = Surroundings(container=False, child_network_namespace=False, child_ipc_namespace=False)
CONTAINER = Surroundings(container=True, child_network_namespace=True, child_ipc_namespace=True)

LIVE = {
    "net.core.somaxconn": "4096",
    "net.core.rmem_max": "212992",
    "net.ipv4.tcp_rmem": "4096 131072 6291456",
    "net.ipv4.tcp_sack": "1",
    "net.ipv4.ip_forward": "0",
    "net.ipv4.ip_local_reserved_ports": "",
    "net.ipv4.conf.all.accept_redirects": "1",
    "net.ipv4.conf.default.accept_redirects": "1",
    "net.ipv4.conf.eth0.accept_redirects": "1",
    "net.ipv4.conf.eth0/100.accept_redirects": "0",
    "net.ipv4.conf.all.forwarding": "0",
    "net.ipv4.conf.default.forwarding": "0",
    "net.ipv4.conf.eth0.forwarding": "0",
    "net.ipv6.conf.all.disable_ipv6": "0",
    "net.ipv6.conf.default.disable_ipv6": "0",
    "vm.dirty_ratio": "20",
    "vm.dirty_bytes": "0",
    "fs.nr_open": "1048576",
}


def observed(live: dict[str, str] | None = None, **changes: Any) -> Observed:
    """A host with the live values of LIVE and no files, but for what is given."""
    values = {parse_key(key): LiveKey(value, True) for key, value in {**LIVE, **(live or {})}.items()}
    patterns = {"net/ipv4/conf/*/accept_redirects", "net/ipv4/conf/*/forwarding", "net/ipv6/conf/*/disable_ipv6"}
    host = Observed(
        live=values,
        matches={pattern: [path for path in values if glob_matches(pattern, path)] for pattern in patterns},
        own=None,
        own_rules=None,
        others=[],
        originals=NOTHING,
        surroundings=METAL,
        loaded_modules=frozenset(),
        systemd_sysctl="/usr/lib/systemd/systemd-sysctl",
        glob_lines=True,
        udev=True,
        owner=(0, 0),
    )
    return host._replace(**changes)


def request(settings: dict[str, Any], **options: Any) -> Request:
    return Request(PATH, parse_settings(settings), **options)


SWITCHES = ("net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding")


def carried_out(host: Observed, wanted: Request) -> tuple[Observed, Plan]:
    """The host after the plan, as a kernel that does what it is told would have it."""
    done = plan(wanted, host)
    live = dict(host.live)
    for write in done.writes:
        if write.path in SWITCHES and live[write.path].value != write.text:
            for path in live:
                if path in SWITCHES or path.endswith("/forwarding"):
                    live[path] = LiveKey(write.text, True)
            live["net/ipv4/conf/all/accept_redirects"] = LiveKey("0" if write.text == "1" else "1", True)
        if write.path == "vm/dirty_bytes":
            live["vm/dirty_ratio"] = LiveKey("0", True)
        if write.path == "vm/dirty_ratio":
            live["vm/dirty_bytes"] = LiveKey("0", True)
        live[write.path] = LiveKey(stored(write.path, write.text, live[write.path].value), True)
    files = {file.path: file.after for file in done.files}
    read_back = {path: live[path].value for path in [*done.side_effects, *(write.path for write in done.writes)]}
    after = host._replace(
        live=live,
        own=files.get(PATH, host.own),
        own_rules=files.get("/etc/udev/rules.d/90-test.rules", host.own_rules),
        originals=settle(wanted, done, read_back),
    )
    return after, done


def items(done: Plan) -> dict[str, Change]:
    return {change.item: change for change in done.changes}


def text(host: Observed) -> str:
    return host.own.content.decode() if host.own else ""


def lines(host: Observed) -> dict[str, str | None]:
    return {assignment.path: assignment.value for assignment in parse(text(host), PATH)}


SETTINGS: dict[str, Any] = {
    "net.core.somaxconn": {"value": 4096, "rule": "at_least"},
    "net.core.rmem_max": {"value": 4194304, "rule": "at_least", "why": "bursts"},
    "net.ipv4.tcp_rmem": {"value": "10240 87380 10485760", "rule": "at_least"},
    "net.ipv4.tcp_sack": 1,
    "net.ipv4.conf.*.accept_redirects": 0,
    "net.ipv4.ip_local_reserved_ports": {"value": "5060-5061", "rule": "at_least"},
    "net.ipv4.tcp_tw_recycle": 1,
    "vm.dirty_bytes": 268435456,
}


def test_a_first_run_says_of_each_key_what_became_of_it() -> None:
    host, done = carried_out(observed(), request(SETTINGS))
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
    host, _ = carried_out(observed(), request(SETTINGS))
    again, done = carried_out(host, request(SETTINGS))
    assert not done.changed
    assert again == host
    assert {change.state for change in done.changes} == {"ok", "kept", "absent"}
    assert diff(done) == []


def test_no_settings_put_everything_back() -> None:
    start = observed()
    host, _ = carried_out(start, request(SETTINGS))
    back, done = carried_out(host, request({}))
    assert back == start
    assert done.changed
    assert items(done)["net.core.rmem_max"].after == "212992"
    assert not carried_out(back, request({}))[1].changed


def test_a_dropped_key_goes_back_alone() -> None:
    host, _ = carried_out(observed(), request(SETTINGS))
    fewer = {key: value for key, value in SETTINGS.items() if key != "net.core.rmem_max"}
    host, done = carried_out(host, request(fewer))
    assert [write.path for write in done.writes] == ["net/core/rmem_max"]
    assert host.live["net/core/rmem_max"].value == "212992"
    assert "net/core/rmem_max" not in lines(host)
    assert "net/ipv4/tcp_rmem" in host.originals.keys


def test_a_floor_that_falls_takes_our_raise_back_but_not_the_hosts_own_value() -> None:
    high = request({"net.core.rmem_max": {"value": 16777216, "rule": "at_least"}})
    low = request({"net.core.rmem_max": {"value": 4194304, "rule": "at_least"}})
    lower = request({"net.core.rmem_max": {"value": 65536, "rule": "at_least"}})
    host, _ = carried_out(observed(), high)
    host, done = carried_out(host, low)
    assert host.live["net/core/rmem_max"].value == "4194304"
    assert lines(host) == {"net/core/rmem_max": "4194304"}
    host, done = carried_out(host, lower)
    assert host == observed()
    assert items(done)["net.core.rmem_max"].after == "212992"


def test_what_somebody_else_raised_since_is_not_lowered() -> None:
    wanted = request({"net.core.rmem_max": {"value": 4194304, "rule": "at_least"}})
    host, _ = carried_out(observed(), wanted)
    host = host._replace(live={**host.live, "net/core/rmem_max": LiveKey("33554432", True)})
    again, done = carried_out(host, wanted)
    assert not done.changed
    assert items(done)["net.core.rmem_max"].state == "ok"
    assert lines(again) == {"net/core/rmem_max": "4194304"}


def test_what_somebody_else_changed_since_is_left_when_we_go() -> None:
    host, _ = carried_out(observed(), request({"net.core.rmem_max": 4194304}))
    host = host._replace(live={**host.live, "net/core/rmem_max": LiveKey("5000000", True)})
    back, done = carried_out(host, request({}))
    assert back.live["net/core/rmem_max"].value == "5000000"
    assert items(done)["net.core.rmem_max"].state == "kept"
    assert "we left 4194304" in items(done)["net.core.rmem_max"].reason
    assert back.originals.empty


def test_a_file_somebody_else_edited_is_left_when_we_go() -> None:
    host, _ = carried_out(observed(), request({"net.core.rmem_max": 4194304}))
    edited = FileRecord(b"# mine now\n", 0o644, 0, 0)
    back, done = carried_out(host._replace(own=edited), request({}))
    assert back.own == edited
    assert items(done)[PATH].state == "kept"


def test_a_file_that_was_there_before_us_comes_back_as_it_was() -> None:
    theirs = FileRecord(b"vm.swappiness=1\n", 0o600, 0, 7)
    host, _ = carried_out(observed(own=theirs), request({"net.core.rmem_max": 4194304}))
    assert host.own != theirs
    assert carried_out(host, request({}))[0].own == theirs


def test_a_foreign_file_is_not_removed() -> None:
    theirs = FileRecord(b"vm.swappiness=1\n", 0o600, 0, 7)
    done = plan(request({}), observed(own=theirs))
    assert not done.files
    assert items(done)[PATH].state == "kept"


def test_our_file_goes_even_if_its_originals_are_lost() -> None:
    ours = FileRecord(render([Line("net/core/rmem_max", "4194304", "")]).encode(), 0o644, 0, 0)
    assert [file.after for file in plan(request({}), observed(own=ours)).files] == [None]


def test_a_floors_line_survives_the_loss_of_the_originals() -> None:
    wanted = request({"net.core.rmem_max": {"value": 4194304, "rule": "at_least"}})
    host, _ = carried_out(observed(), wanted)
    assert not plan(wanted, host._replace(originals=NOTHING)).changed


def test_forwarding_is_written_first_and_the_redirects_again_after_it() -> None:
    settings = {"net.ipv4.conf.all.accept_redirects": 0, "net.ipv4.ip_forward": 0}
    host = observed({"net.ipv4.conf.all.accept_redirects": "0", "net.ipv4.ip_forward": "1"})
    after, done = carried_out(host, request(settings))
    assert [(write.path, write.text) for write in done.writes] == [
        ("net/ipv4/ip_forward", "0"),
        ("net/ipv4/conf/all/accept_redirects", "0"),
    ]
    assert after.live["net/ipv4/conf/all/accept_redirects"].value == "0"
    assert items(done)["net.ipv4.conf.all.accept_redirects"].before == "0"
    assert list(lines(after)) == ["net/ipv4/ip_forward", "net/ipv4/conf/all/accept_redirects"]


def test_what_changes_along_comes_back_too() -> None:
    start = observed()
    host, done = carried_out(start, request({"net.ipv4.ip_forward": 1}))
    assert host.live["net/ipv4/conf/eth0/forwarding"].value == "1"
    assert "net/ipv4/conf/eth0/forwarding" in done.side_effects
    assert not carried_out(host, request({"net.ipv4.ip_forward": 1}))[1].changed
    assert carried_out(host, request({}))[0] == start


def test_another_name_of_the_same_switch_takes_over_what_follows_from_it() -> None:
    start = observed()
    host, _ = carried_out(start, request({"net.ipv4.conf.all.forwarding": 1}))
    host, done = carried_out(host, request({"net.ipv4.ip_forward": 1}))
    assert not done.writes
    assert host.live["net/ipv4/conf/eth0/forwarding"].value == "1"
    assert carried_out(host, request({}))[0] == start


def test_the_pair_of_ratio_and_bytes_comes_back() -> None:
    start = observed()
    host, _ = carried_out(start, request({"vm.dirty_bytes": 268435456}))
    assert host.live["vm/dirty_ratio"].value == "0"
    assert carried_out(host, request({}))[0] == start


ADMIN = ("/etc/sysctl.d/99-admin.conf", "# our own\n\nnet.core.rmem_max = 212992\nnet.core.somaxconn = 128\n")


def test_a_later_file_is_named_with_its_line_and_value() -> None:
    host, done = carried_out(observed(others=[ADMIN]), request({"net.core.rmem_max": 4194304}))
    change = items(done)["net.core.rmem_max"]
    assert (change.state, change.after, change.at_boot) == ("shadowed", "4194304", "212992")
    assert change.reason == "/etc/sysctl.d/99-admin.conf line 3 sets 212992"
    assert not carried_out(host, request({"net.core.rmem_max": 4194304}))[1].changed


def test_a_floor_that_another_file_undercuts_at_boot_is_not_kept() -> None:
    wanted = {"net.core.somaxconn": {"value": 4096, "rule": "at_least"}}
    done = plan(request(wanted), observed(others=[ADMIN]))
    assert items(done)["net.core.somaxconn"].state == "shadowed"
    early = ("/etc/sysctl.d/10-early.conf", "net.core.somaxconn = 128")
    host, done = carried_out(observed(others=[early]), request(wanted))
    assert items(done)["net.core.somaxconn"].state == "changed"
    assert not done.writes
    assert lines(host) == {"net/core/somaxconn": "4096"}


def test_a_later_file_that_meets_the_floor_does_not_shadow() -> None:
    admin = ("/etc/sysctl.d/99-admin.conf", "net.core.rmem_max = 33554432")
    done = plan(request({"net.core.rmem_max": {"value": 4194304, "rule": "at_least"}}), observed(others=[admin]))
    change = items(done)["net.core.rmem_max"]
    assert (change.state, change.at_boot) == ("changed", "33554432")


def test_a_partner_in_a_later_file_shadows() -> None:
    admin = ("/etc/sysctl.d/99-admin.conf", "vm.dirty_ratio = 40")
    done = plan(request({"vm.dirty_bytes": 268435456}), observed(others=[admin]))
    assert items(done)["vm.dirty_bytes"].state == "shadowed"
    assert items(done)["vm.dirty_bytes"].at_boot == "0"


def test_a_name_in_another_file_gets_a_line_of_its_own_beside_the_glob() -> None:
    defaults = ("/usr/lib/sysctl.d/50-default.conf", "net.ipv4.conf.default.accept_redirects = 1")
    host, done = carried_out(observed(others=[defaults]), request({"net.ipv4.conf.*.accept_redirects": 0}))
    assert list(lines(host)) == ["net/ipv4/conf/default/accept_redirects", "net/ipv4/conf/*/accept_redirects"]
    assert {change.state for change in done.changes} == {"changed"}


def test_an_old_systemd_gets_names_in_place_of_a_glob() -> None:
    host, _ = carried_out(observed(glob_lines=False), request({"net.ipv4.conf.*.accept_redirects": 0}))
    assert sorted(lines(host)) == [
        "net/ipv4/conf/all/accept_redirects",
        "net/ipv4/conf/default/accept_redirects",
        "net/ipv4/conf/eth0.100/accept_redirects",
        "net/ipv4/conf/eth0/accept_redirects",
    ]


def test_a_key_named_outright_is_not_taken_from_the_glob() -> None:
    settings = {"net.ipv4.conf.*.accept_redirects": 0, "net.ipv4.conf.eth0.accept_redirects": 1}
    host, _ = carried_out(observed(), request(settings))
    assert host.live["net/ipv4/conf/eth0/accept_redirects"].value == "1"
    assert host.live["net/ipv4/conf/all/accept_redirects"].value == "0"
    assert lines(host) == {"net/ipv4/conf/*/accept_redirects": "0", "net/ipv4/conf/eth0/accept_redirects": "1"}


def test_a_container_touches_only_what_is_its_own() -> None:
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


CONNTRACK = {"net.netfilter.nf_conntrack_udp_timeout": 60}


def test_a_key_of_a_module_that_is_not_loaded_waits_for_it() -> None:
    host, done = carried_out(observed(), request(CONNTRACK))
    assert items(done)["net.netfilter.nf_conntrack_udp_timeout"].state == "pending"
    assert host.own_rules is not None
    assert b'KERNEL=="nf_conntrack"' in host.own_rules.content
    assert not carried_out(host, request(CONNTRACK))[1].changed
    assert carried_out(host, request({}))[0] == observed()


def test_a_floor_under_a_key_that_is_not_there_sets_nothing() -> None:
    floor = {"net.netfilter.nf_conntrack_max": {"value": 131072, "rule": "at_least"}}
    done = plan(request(floor), observed())
    assert items(done)["net.netfilter.nf_conntrack_max"].state == "absent"
    assert not done.changed


@pytest.mark.parametrize(("modules", "ruled"), [({"nf_conntrack"}, True), (set(), False)], ids=["loaded", "built in"])
def test_a_udev_rule_is_for_loadable_modules_only(modules: set[str], ruled: bool) -> None:
    host = observed({"net.netfilter.nf_conntrack_udp_timeout": "30"}, loaded_modules=frozenset(modules))
    assert (carried_out(host, request(CONNTRACK))[0].own_rules is not None) is ruled


def test_an_interface_that_will_come_is_provided_for() -> None:
    host, done = carried_out(observed(), request({"net.ipv4.conf.ppp0.accept_redirects": 0}))
    assert items(done)["net.ipv4.conf.ppp0.accept_redirects"].state == "pending"
    assert lines(host) == {"net/ipv4/conf/ppp0/accept_redirects": "0"}


def test_only_at_boot_leaves_the_kernel_alone() -> None:
    host, done = carried_out(observed(), request({"net.core.rmem_max": 4194304}, live=False))
    assert not done.writes
    assert items(done)["net.core.rmem_max"].state == "pending"
    assert lines(host) == {"net/core/rmem_max": "4194304"}


def test_only_live_leaves_the_file_alone() -> None:
    host, _ = carried_out(observed(), request({"net.core.rmem_max": 4194304}, boot=False))
    assert host.own is None
    assert host.live["net/core/rmem_max"].value == "4194304"
    assert not carried_out(host, request({"net.core.rmem_max": 4194304}, boot=False))[1].changed


def test_ipv6_in_use_is_not_switched_off() -> None:
    reasons = ("the control connection comes in over IPv6 (2001:db8::5)",)
    off = {"net.ipv6.conf.all.disable_ipv6": 1, "net.ipv6.conf.default.disable_ipv6": 1}
    with pytest.raises(SysctlError, match=r"IPv6 is in use here.*control connection"):
        plan(request(off), observed(ipv6_reasons=reasons))
    assert plan(request(off), observed()).changed
    already = {"net.ipv6.conf.all.disable_ipv6": "1", "net.ipv6.conf.default.disable_ipv6": "1"}
    assert plan(request(off), observed(already, ipv6_reasons=reasons)).writes == []


def test_nr_open_is_not_lowered_below_a_limit_in_use() -> None:
    with pytest.raises(SysctlError, match="limit in use"):
        plan(request({"fs.nr_open": 65536}), observed(highest_nofile=524288))
    assert plan(request({"fs.nr_open": 1000000}), observed(highest_nofile=524288)).writes


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"net.ipv4.tcp_sack": 1, "net/ipv4/tcp_sack": 1}, "named twice"),
        ({"vm.dirty_ratio": 10, "vm.dirty_bytes": 5}, "exclude each other"),
        ({"vm.dirty_bytes": 0}, "instead"),
        ({"net.ipv4.tcp_sack": {"rule": "exact"}}, "has no value"),
        ({"net.ipv4.tcp_sack": {"value": 1, "wy": "x"}}, "unknown option wy"),
        ({"net.ipv4.tcp_sack": {"value": 1, "rule": "atleast"}}, "unknown rule"),
        ({"net.ipv4.tcp_sack": {"value": 1, "why": 5}}, "why is a text"),
        ({"net.ipv4.tcp_sack": {"value": 1, "why": "a\0net.ipv4.tcp_syncookies = 0"}}, "control character"),
        ({"net.ipv4.tcp_sack": {"value": 1, "hazard": "\x1b[31m"}}, "control character"),
        ({"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.forwarding": 0}, "one switch"),
        ({"kernel.core_pattern": {"value": "core", "rule": "at_least"}}, "needs numbers"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SysctlError, match=complaint):
        parse_settings(settings)


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
def test_a_glob_is_no_way_around_the_checks(pattern: str, path: str, value: int, complaint: str) -> None:
    host = observed(
        {path: "1048576" if path == "fs.nr_open" else "0"}, ipv6_reasons=("it is needed",), highest_nofile=524288
    )
    matches = [path for path in host.live if glob_matches(parse_key(pattern), path)]
    host = host._replace(matches={**host.matches, parse_key(pattern): matches})
    with pytest.raises(SysctlError, match=complaint):
        plan(request({pattern: value}), host)


def test_putting_back_does_not_lock_anyone_out_either() -> None:
    off = {"net.ipv6.conf.all.disable_ipv6": "1", "net.ipv6.conf.default.disable_ipv6": "1"}
    host, _ = carried_out(observed(off), request({"net.ipv6.conf.all.disable_ipv6": 0, "fs.nr_open": 2097152}))
    host = host._replace(ipv6_reasons=("it is needed",), highest_nofile=2000000)
    back, done = carried_out(host, request({}))
    assert back.live["net/ipv6/conf/all/disable_ipv6"].value == "0"
    assert back.live["fs/nr_open"].value == "2097152"
    assert {items(done)[name].state for name in ("net.ipv6.conf.all.disable_ipv6", "fs.nr_open")} == {"kept"}
    free = back._replace(ipv6_reasons=(), highest_nofile=1024)
    assert carried_out(free, request({}))[0].live["fs/nr_open"].value == "1048576"


def test_a_floor_that_falls_leaves_a_limit_in_use_alone() -> None:
    host, _ = carried_out(observed(), request({"fs.nr_open": {"value": 2097152, "rule": "at_least"}}))
    lower = request({"fs.nr_open": {"value": 1048576, "rule": "at_least"}})
    assert not plan(lower, host._replace(highest_nofile=2000000)).writes
    assert plan(lower, host._replace(highest_nofile=1024)).writes


OTHER = "/etc/sysctl.d/80-other.conf"


def run_as(host: Observed, path: str, settings: dict[str, Any]) -> tuple[Observed, Plan]:
    """A run that owns another file than PATH; both files take part in a boot."""
    files = dict(host.others)
    mine = FileRecord(files.pop(path).encode(), 0o644, 0, 0) if path in files else None
    others = [*files.items(), *([(PATH, text)] if (text := host.own and host.own.content.decode()) else [])]
    wanted = Request(path, parse_settings(settings))
    done = plan(wanted, host._replace(own=mine, others=sorted(others)))
    live = {**host.live, **{write.path: LiveKey(write.text, True) for write in done.writes}}
    after = {file.path: file.after for file in done.files}.get(path, mine)
    originals = settle(wanted, done, {write.path: write.text for write in done.writes})
    texts = dict(host.others)
    texts.pop(path, None)
    if after is not None:
        texts[path] = after.content.decode()
    return host._replace(live=live, others=sorted(texts.items()), originals=originals), done


def test_a_lower_floor_of_another_file_does_not_lower_the_host() -> None:
    host, _ = carried_out(observed(), request({"net.core.somaxconn": {"value": 8192, "rule": "at_least"}}))
    host, done = run_as(host, OTHER, {"net.core.somaxconn": {"value": 6000, "rule": "at_least"}})
    assert not done.writes
    assert host.live["net/core/somaxconn"].value == "8192"
    assert not carried_out(host, request({"net.core.somaxconn": {"value": 8192, "rule": "at_least"}}))[1].changed


def test_a_key_stays_as_long_as_another_file_needs_it() -> None:
    host, _ = carried_out(observed(), request({"net.core.somaxconn": 8192}))
    host, done = run_as(host, OTHER, {"net.core.somaxconn": 8192})
    assert not done.writes
    host, done = carried_out(host, request({}))
    assert host.live["net/core/somaxconn"].value == "8192"
    host, done = run_as(host, OTHER, {})
    assert host.live["net/core/somaxconn"].value == "4096"
    assert host.originals.empty


@pytest.mark.parametrize("name", ["a=b", "q\x01r", "sip-büro", "#1", "-x"])
def test_an_interface_may_be_called_anything(name: str) -> None:
    path = f"net/ipv4/conf/{name}/accept_redirects"
    start = observed()
    matches = [*start.matches["net/ipv4/conf/*/accept_redirects"], path]
    start = start._replace(
        live={**start.live, path: LiveKey("1", True)},
        matches={**start.matches, "net/ipv4/conf/*/accept_redirects": matches},
    )
    host, _ = carried_out(start, request({"net.ipv4.conf.*.accept_redirects": 0}))
    assert host.live[path].value == "0"
    host = host._replace(originals=parse_originals(render_originals(host.originals)))
    assert carried_out(host, request({}))[0] == start


def test_a_hazard_is_told_as_long_as_the_setting_is_in_force() -> None:
    settings = {"net.core.somaxconn": {"value": 9, "hazard": "drops connections"}}
    host, done = carried_out(observed(), request(settings))
    assert done.hazards == ["net.core.somaxconn = 9: drops connections"]
    assert plan(request(settings), host).hazards == done.hazards
    settings = {"net.ipv4.tcp_tw_recycle": {"value": 1, "hazard": "drops connections"}}
    assert plan(request(settings), observed()).hazards == []


def test_a_kernel_that_rounds_in_its_own_way_is_believed() -> None:
    """What it made of our value is remembered, and not taken for a change by somebody else."""
    wanted = request({"dev.odd": 1000})
    host = observed({"dev.odd": "5"})
    done = plan(wanted, host)
    settled = settle(wanted, done, {"dev/odd": "1024"})
    after = host._replace(
        live={**host.live, "dev/odd": LiveKey("1024", True)}, originals=settled, own=done.files[0].after
    )
    assert not plan(wanted, after).changed


def test_two_files_that_need_one_key_release_it_together() -> None:
    host, _ = carried_out(observed(), request({"net.core.rmem_max": 4194304}))
    record = host.originals.keys["net/core/rmem_max"]
    shared = record._replace(owners=("/etc/sysctl.d/80-other.conf", PATH))
    host = host._replace(originals=host.originals._replace(keys={"net/core/rmem_max": shared}))
    host, done = carried_out(host, request({}))
    assert not done.writes
    assert host.originals.keys["net/core/rmem_max"].owners == ("/etc/sysctl.d/80-other.conf",)


def test_a_run_killed_before_its_writes_is_known_as_ours() -> None:
    """Originals are recorded before the first effect; what a killed run left is put back all the same."""
    start = observed()
    done = plan(request(SETTINGS), start)
    killed = start._replace(originals=done.originals)
    assert carried_out(killed, request({}))[0] == start
    assert carried_out(killed, request(SETTINGS))[0] == carried_out(start, request(SETTINGS))[0]
    half = dict(start.live)
    for write in done.writes[:3]:
        half[write.path] = LiveKey(write.text, True)
    assert carried_out(killed._replace(live=half), request({}))[0] == start
    with_file = killed._replace(live=half, own=done.files[0].after)
    assert carried_out(with_file, request({}))[0] == start


def test_originals_are_recorded_once() -> None:
    host, _ = carried_out(observed(), request({"net.core.rmem_max": 4194304}))
    host, _ = carried_out(host, request({"net.core.rmem_max": 8388608}))
    assert host.originals.keys["net/core/rmem_max"] == KeyOriginal("212992", "8388608", "8388608", (PATH,))
    assert host.originals.files[PATH] == FileOriginal(None, (digest(text(host).encode()),))


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
    """The switches of forwarding exclude each other when they disagree; nobody wants both."""
    return sum("forward" in key for key in settings) <= 1


@given(runs.map(lambda rows: [settings for settings in rows if _fits(settings)]))
def test_any_history_of_runs_is_idempotent_and_can_be_undone(history: list[dict[str, Any]]) -> None:
    start = host = observed()
    for settings in history:
        host, _ = carried_out(host, request(settings))
        again, done = carried_out(host, request(settings))
        assert not done.changed
        assert again.live == host.live
    back, _ = carried_out(host, request({}))
    assert back == start


@given(st.integers(4096, 2**31 - 1), st.integers(4096, 2**31 - 1))
def test_a_floor_never_lowers_a_host(floor: int, live: int) -> None:
    host = observed({"net.core.rmem_max": str(live)})
    done = plan(request({"net.core.rmem_max": {"value": floor, "rule": "at_least"}}), host)
    assert int(items(done)["net.core.rmem_max"].after) == max(floor, live)


def test_originals_of_another_file_are_not_touched() -> None:
    others = Originals({"net/core/rmem_max": KeyOriginal("1", "2", "2", ("/etc/sysctl.d/80-other.conf",))}, {})
    done = plan(request({}), observed(originals=others))
    assert not done.changed
    assert settle(request({}), done, {}) == others
