# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import SysctlError, parse_key
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.model import LiveKey
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.nr_open import AskedNofile
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from sysctl_hosts import applied, items, observed, request


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


def test_a_revert_does_not_lock_anyone_out() -> None:
    off = {"net.ipv6.conf.all.disable_ipv6": "1", "net.ipv6.conf.default.disable_ipv6": "1"}
    host, _ = applied(observed(off), request({"net.ipv6.conf.all.disable_ipv6": 0, "fs.nr_open": 2097152}))
    host = host._replace(ipv6_reasons=("it is needed",), highest_nofile=2000000)
    back, done = applied(host, request({}))
    assert back.live["net/ipv6/conf/all/disable_ipv6"].value == "0"
    assert back.live["fs/nr_open"].value == "2097152"
    assert {items(done)[name].state for name in ("net.ipv6.conf.all.disable_ipv6", "fs.nr_open")} == {"kept"}
    free = back._replace(ipv6_reasons=(), highest_nofile=1024)
    assert applied(free, request({}))[0].live["fs/nr_open"].value == "1048576"


def test_a_lower_floor_does_not_go_below_a_limit_in_use() -> None:
    host, _ = applied(observed(), request({"fs.nr_open": {"value": 2097152, "rule": "at_least"}}))
    lower = request({"fs.nr_open": {"value": 1048576, "rule": "at_least"}})
    assert not plan(lower, host._replace(highest_nofile=2000000)).writes
    assert plan(lower, host._replace(highest_nofile=1024)).writes


ASKED = AskedNofile(200000, "/etc/security/limits.d/20-sip.conf line 4")


@pytest.mark.parametrize(
    ("value", "refused"),
    [(199999, True), (200000, False), (1048576, False), (2000000, False)],
    ids=["below", "equal", "as it is", "raised"],
)
def test_nr_open_is_not_lowered_below_what_a_file_asks_for(value: int, refused: bool) -> None:
    host = observed(asked_nofile=ASKED, highest_nofile=1024)
    if refused:
        with pytest.raises(SysctlError, match=r"that /etc/security/limits\.d/20-sip\.conf line 4 asks for \(200000\)"):
            plan(request({"fs.nr_open": value}), host)
    else:
        plan(request({"fs.nr_open": value}), host)


def test_a_file_that_asks_for_more_than_there_is_does_not_keep_nr_open_from_rising() -> None:
    host = observed(asked_nofile=AskedNofile(5000000, "x line 1"), highest_nofile=1024)
    assert plan(request({"fs.nr_open": 2000000}), host).writes
    with pytest.raises(SysctlError, match="x line 1"):
        plan(request({"fs.nr_open": 1000000}), host)


ONE_WAY = [
    ("kernel.modules_disabled", "0", "1"),
    ("kernel.kexec_load_disabled", "0", "1"),
    ("kernel.kexec_load_limit_reboot", "-1", "3"),
    ("kernel.yama.ptrace_scope", "1", "3"),
    ("kernel.unprivileged_bpf_disabled", "2", "1"),
    ("kernel.tainted", "0", "64"),
    ("kernel.usermodehelper.bset", "4294967295 511", "0 0"),
    ("fs.binfmt_misc.status", "enabled", "0"),
    ("vm.drop_caches", "0", "3"),
]


@pytest.mark.parametrize(("key", "now", "value"), ONE_WAY)
@pytest.mark.parametrize("when", ["both", "now", "boot"])
def test_what_the_kernel_does_not_take_back_must_be_named(key: str, now: str, value: str, when: str) -> None:
    host = observed({key: now})
    with pytest.raises(SysctlError, match=rf"{key}: the kernel does not take {now} back.*irreversible: true"):
        plan(request({key: value}, when=when), host)
    named = {key: {"value": value, "irreversible": True}, "net.core.somaxconn": 9000}
    done = plan(request(named, when=when), host)
    assert any(warning.startswith(f"{key} = {value} cannot go back") for warning in done.warnings)
    if when != "boot":
        assert done.writes[-1].text == value
        assert "only a boot brings it back" in items(done)[key].reason


@pytest.mark.parametrize(("key", "now", "value"), ONE_WAY)
def test_the_way_back_says_what_waits_for_a_boot(key: str, now: str, value: str) -> None:
    host, _ = applied(observed({key: now}), request({key: {"value": value, "irreversible": True}}))
    back, done = applied(host, request({}))
    assert (items(done)[key].state, done.writes) == ("pending", [])
    assert "goes back with the next boot" in items(done)[key].reason
    assert back.originals.keys
    booted = back._replace(live={**back.live, parse_key(key): LiveKey(now, True)})
    settled, done = applied(booted, request({}))
    assert not settled.originals.keys


@pytest.mark.parametrize(
    ("key", "now", "value"),
    [
        ("kernel.yama.ptrace_scope", "0", "2"),
        ("kernel.unprivileged_bpf_disabled", "0", "2"),
        ("kernel.modules_disabled", "1", "1"),
        ("kernel.modules_disabled", "0", "0"),
    ],
)
def test_what_can_go_back_or_is_there_already_needs_no_name(key: str, now: str, value: str) -> None:
    done = plan(request({key: value}), observed({key: now}))
    assert (done.warnings, items(done)[key].reason) == ([], "")


def test_a_floor_does_not_slip_past_the_check() -> None:
    floor = {"kernel.yama.ptrace_scope": {"value": 3, "rule": "at_least"}}
    with pytest.raises(SysctlError, match="does not take 1 back"):
        plan(request(floor), observed({"kernel.yama.ptrace_scope": "1"}))


V6 = {
    "net.ipv6.conf.all.forwarding": "0",
    "net.ipv6.conf.default.forwarding": "0",
    "net.ipv6.conf.eth0.forwarding": "0",
    "net.ipv6.conf.eth1.forwarding": "0",
    "net.ipv6.conf.eth0.accept_ra": "1",
}


@pytest.mark.parametrize("place", ["all", "default", "eth0"])
def test_a_default_route_from_a_router_is_not_lost_by_forwarding(place: str) -> None:
    host = observed(V6, accept_ra={"eth0": "1"})
    key = f"net.ipv6.conf.{place}.forwarding"
    with pytest.raises(SysctlError, match=rf"{key}: .*eth0 comes from router.*net\.ipv6\.conf\.eth0\.accept_ra to 2"):
        plan(request({key: 1}), host)
    done = plan(request({key: 1, "net.ipv6.conf.eth0.accept_ra": 2}), host)
    assert [write.path for write in done.writes][:2] == ["net/ipv6/conf/eth0/accept_ra", parse_key(key)]
    assert plan(request({key: 1}), host._replace(accept_ra={"eth0": "2"})).writes
    assert plan(request({key: 1}), host._replace(accept_ra={})).writes


def test_forwarding_elsewhere_or_already_on_loses_nothing() -> None:
    host = observed({**V6, "net.ipv6.conf.all.forwarding": "1"}, accept_ra={"eth0": "1"})
    assert plan(request({"net.ipv6.conf.eth1.forwarding": 1}), host).writes
    assert not plan(request({"net.ipv6.conf.all.forwarding": 1}), host).writes
