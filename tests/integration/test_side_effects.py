# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that change other keys, interfaces of all kinds, and the next boot with the same file."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Callable, Mapping

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.machine import virtualization
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import SysctlError
from calls import FILE, Settings, apply, boot, module_process, put_back, reset_live_values
from sandbox import INTERFACES, LINKS, difference, dump, ip, read, write

REDIRECTS_OFF = {
    "net.ipv4.conf.all.accept_redirects": 0,
    "net.ipv4.conf.default.accept_redirects": 0,
    "net.ipv4.conf.*.accept_redirects": 0,
}
IPV6_OFF = {
    "net.ipv6.conf.all.disable_ipv6": 1,
    "net.ipv6.conf.default.disable_ipv6": 1,
    "net.ipv6.conf.lo.disable_ipv6": 0,
}
FORWARD_OF_DEFAULT = {"net.ipv4.conf.default.forwarding": 1}
EVERYWHERE = ("all", "default", *INTERFACES)

ROUND_TRIPS: list[tuple[str, Settings]] = [
    ("forward-on", {"net.ipv4.ip_forward": 1}),
    ("forward-by-its-other-name", {"net.ipv4.conf.all.forwarding": 1}),
    ("forward-by-both-names", {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.forwarding": 1}),
    ("redirects-before-forward", {**REDIRECTS_OFF, "net.ipv4.ip_forward": 1}),
    ("forward-before-redirects", {"net.ipv4.ip_forward": 1, **REDIRECTS_OFF}),
    ("forward-but-one-interface", {"net.ipv4.conf.sip0.forwarding": 0, "net.ipv4.ip_forward": 1}),
    ("forward-of-default-only", FORWARD_OF_DEFAULT),
    ("default-reaches-interfaces-without-address", {"net.ipv4.conf.default.rp_filter": 2}),
    ("default-that-is-a-floor", {"net.ipv4.conf.default.arp_announce": {"value": 1, "rule": "at_least"}}),
    ("default-of-source-routes", {"net.ipv4.conf.default.accept_source_route": 0}),
    ("default-and-one-interface", {"net.ipv4.conf.sip0/100.log_martians": 0, "net.ipv4.conf.default.log_martians": 1}),
    ("glob", {"net.ipv4.conf.*.rp_filter": 2}),
    ("glob-of-some", {"net.ipv4.conf.sip*.rp_filter": 2, "net.ipv4.conf.rtp?.rp_filter": 1}),
    ("glob-with-set", {"net.ipv4.conf.[rs][ti]p0.log_martians": 1}),
    ("glob-and-exception", {"net.ipv4.conf.*.rp_filter": 2, "net.ipv4.conf.rtp0/200.rp_filter": 1}),
    ("slashes", {"net/ipv4/conf/sip0.100/rp_filter": 2, "net/ipv4/ip_forward": 1}),
    ("ipv6-forward", {"net.ipv6.conf.all.forwarding": 1}),
    ("ipv6-forward-but-one", {"net.ipv6.conf.rtp0.forwarding": 0, "net.ipv6.conf.all.forwarding": 1}),
    ("ipv6-redirects", {"net.ipv6.conf.all.accept_redirects": 0, "net.ipv6.conf.*.accept_redirects": 0}),
    ("neighbours", {"net.ipv4.neigh.sip*.app_solicit": 3, "net.ipv4.neigh.sip0/100.app_solicit": 4}),
    ("all-at-once", {**IPV6_OFF, **REDIRECTS_OFF, "net.ipv4.ip_forward": 1, "net.ipv4.conf.*.rp_filter": 2}),
]


def named(cases: list[tuple[str, Settings]]) -> list[object]:
    return [pytest.param(settings, id=name) for name, settings in cases]


def at_defaults() -> None:
    """A host on which nobody has set anything."""


def by_hand() -> None:
    """A host on which interfaces differ from each other already."""
    write("net/ipv4/conf/sip0/forwarding", 1)
    write("net/ipv4/conf/rtp0/accept_redirects", 0)
    write("net/ipv4/conf/default/rp_filter", 1)
    write("net/ipv6/conf/rtp0.200/forwarding", 1)
    write("net/ipv6/conf/sip0/disable_ipv6", 1)
    write("net/ipv6/conf/default/accept_redirects", 0)


def routing() -> None:
    """A router."""
    write("net/ipv4/ip_forward", 1)
    write("net/ipv6/conf/all/forwarding", 1)


@pytest.mark.parametrize("prepare", [at_defaults, by_hand, routing])
@pytest.mark.parametrize("settings", named(ROUND_TRIPS))
def test_side_effects_round_trip(settings: Settings, prepare: Callable[[], None]) -> None:
    prepare()
    start = dump()
    apply(settings)
    tuned = dump()
    again = apply(settings)
    assert not again.changed
    assert set(again.states().values()) == {"ok"}
    assert difference(tuned, dump()) == {}
    put_back()
    assert difference(start, dump()) == {}


@pytest.mark.parametrize("settings", named(ROUND_TRIPS))
def test_boot_sets_the_same_values_as_the_run(settings: Settings) -> None:
    start = dump()
    wanted = {change.item: change.after for change in apply(settings).items.values()}
    tuned = of_interfaces(dump())
    boot_afresh(start)
    if settings != FORWARD_OF_DEFAULT:  # of which only the interfaces that come late take notice
        assert of_interfaces(dump()) == tuned
    assert {item: read(item.translate(str.maketrans("./", "/."))) for item in wanted} == wanted


def of_interfaces(values: Mapping[str, object], version: int = 4) -> dict[str, object]:
    return {path: value for path, value in values.items() if path.startswith(f"/proc/sys/net/ipv{version}/conf/")}


def boot_afresh(start: Mapping[str, object]) -> None:
    """A boot as interfaces see it: they come when systemd-sysctl has set `default`, and then udev has it set theirs."""
    ip("link", "delete", "sip0")
    ip("link", "delete", "rtp0")
    reset_live_values({path: value for path, value in start.items() if os.path.exists(path)})
    boot()
    for line in LINKS.splitlines()[1:]:
        ip(*line.split())
    boot()


@pytest.mark.parametrize("by_hand", ["0", "1", "2"])
@pytest.mark.parametrize("rule", ["exact", "at_least"])
def test_an_interface_with_an_address_gets_the_default_as_with_a_boot(rule: str, by_hand: str) -> None:
    write("net/ipv4/conf/sip0/rp_filter", by_hand)
    start = dump()
    settings = {"net.ipv4.conf.default.rp_filter": {"value": 1, "rule": rule}}
    result = apply(settings)
    kept = by_hand == "2" and rule == "at_least"  # a floor never lowers
    assert read("net/ipv4/conf/sip0/rp_filter") == ("2" if kept else "1")
    assert read("net/ipv4/conf/lo/rp_filter") == "0"  # which has its address before systemd-sysctl runs
    meets = "kept" if rule == "at_least" else "ok"
    states = {"0": "changed", "1": meets, "2": meets if kept else "changed"}
    assert result.items["net.ipv4.conf.sip0.rp_filter"].state == states[by_hand]
    with open(FILE, encoding="utf-8") as stream:
        assert "sip0" not in stream.read()
    assert not apply(settings).changed
    put_back()
    assert difference(start, dump()) == {}


def test_what_a_boot_gave_an_interface_goes_back_too() -> None:
    start = dump()
    apply({"net.ipv4.conf.default.accept_source_route": 0})
    boot_afresh(start)
    assert read("net/ipv4/conf/sip0/accept_source_route") == "0"
    put_back()
    assert difference(start, dump()) == {}


def test_an_interface_that_a_file_of_others_sets_is_left_to_it() -> None:
    start = dump()
    with open("/etc/sysctl.d/80-other.conf", "w", encoding="utf-8") as stream:
        stream.write("net.ipv4.conf.s*.log_martians = 0\n")
    result = apply({"net.ipv4.conf.default.log_martians": 1})
    tuned = of_interfaces(dump())
    assert (read("net/ipv4/conf/sip0/log_martians"), read("net/ipv4/conf/rtp0.200/log_martians")) == ("0", "1")
    assert "net.ipv4.conf.sip0.log_martians" not in result.items
    boot_afresh(start)
    assert of_interfaces(dump()) == tuned


def test_of_ipv6_the_default_is_for_interfaces_to_come_and_a_glob_for_those_that_are_there() -> None:
    start = dump()
    key = "net.ipv6.conf.{}.accept_redirects"
    apply({key.format("default"): 0})
    ip("link", "add", "late0", "type", "veth", "peer", "name", "late1")
    assert {name: read(f"net/ipv6/conf/{name}/accept_redirects") for name in ("sip0", "late0")} == {
        "sip0": "1",
        "late0": "0",
    }
    ip("link", "delete", "late0")
    apply({key.format("default"): 0, key.format("*"): 0})
    tuned = dump()
    boot_afresh(start)
    assert {name: read(f"net/ipv6/conf/{name}/accept_redirects") for name in EVERYWHERE} == dict.fromkeys(
        EVERYWHERE, "0"
    )
    assert difference(of_interfaces(tuned, 6), of_interfaces(dump(), 6)) == {}
    put_back()


def test_a_run_for_the_next_boots_alone_leaves_interfaces_alone() -> None:
    start = of_interfaces(dump())
    result = apply({"net.ipv4.conf.default.log_martians": 1}, when="boot")
    assert result.items["net.ipv4.conf.sip0.log_martians"].state == "pending"
    assert of_interfaces(dump()) == start
    put_back()
    apply({"net.ipv4.conf.default.log_martians": 1}, when="now")
    assert read("net/ipv4/conf/sip0/log_martians") == "0"  # no boot will change it


@pytest.mark.parametrize("forward", [0, 1])
@pytest.mark.parametrize("before", [0, 1])
def test_redirects_stay_off_whatever_forwarding_does(before: int, forward: int) -> None:
    write("net/ipv4/ip_forward", before)
    start = dump()
    apply({**REDIRECTS_OFF, "net.ipv4.ip_forward": forward})
    assert {name: read(f"net/ipv4/conf/{name}/accept_redirects") for name in EVERYWHERE} == dict.fromkeys(
        EVERYWHERE, "0"
    )
    assert {name: read(f"net/ipv4/conf/{name}/forwarding") for name in EVERYWHERE} == dict.fromkeys(
        EVERYWHERE, str(forward) if forward != before else read("net/ipv4/conf/lo/forwarding")
    )
    put_back()
    assert difference(start, dump()) == {}


def test_redirects_that_are_off_stay_off_when_forwarding_is_added() -> None:
    apply(REDIRECTS_OFF)
    write("net/ipv4/ip_forward", 1)
    write("net/ipv4/conf/all/accept_redirects", 0)
    apply({**REDIRECTS_OFF, "net.ipv4.ip_forward": 0})
    assert read("net/ipv4/conf/all/accept_redirects") == "0"


@pytest.mark.parametrize("order", list(itertools.permutations(IPV6_OFF)), ids=lambda order: order[0][-17:])
def test_ipv6_off_but_for_the_loopback_in_any_order(order: tuple[str, ...]) -> None:
    start = dump()
    apply({key: IPV6_OFF[key] for key in order})
    switched_off = [name for name in EVERYWHERE if read(f"net/ipv6/conf/{name}/disable_ipv6") == "1"]
    assert switched_off == [name for name in EVERYWHERE if name != "lo"]
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))  # the loopback has its address
    put_back()
    assert difference(start, dump()) == {}


def test_glob_is_written_as_glob_and_reaches_every_interface() -> None:
    apply({"net.ipv4.conf.*.rp_filter": 2})
    assert {name: read(f"net/ipv4/conf/{name}/rp_filter") for name in EVERYWHERE} == dict.fromkeys(EVERYWHERE, "2")
    with open(FILE, encoding="utf-8") as stream:
        lines = [line.strip() for line in stream if line.strip() and not line.startswith("#")]
    assert lines == ["net.ipv4.conf.*.rp_filter = 2"]


def test_glob_without_match_is_absent() -> None:
    start = dump()
    result = apply({"net.ipv4.conf.ppp*.rp_filter": 2})
    assert (result.changed, result.states()) == (False, {"net.ipv4.conf.ppp*.rp_filter": "absent"})
    assert difference(start, dump()) == {}


def test_interface_that_is_not_there_yet_is_pending() -> None:
    start = dump()
    settings = {"net.ipv4.conf.eth9.rp_filter": 2}
    expected = "absent" if virtualization(Host()).kind == "container" else "pending"  # nothing ever adds one there
    result = apply(settings)
    assert (result.changed, result.states()) == (expected == "pending", {"net.ipv4.conf.eth9.rp_filter": expected})
    assert not apply(settings).changed
    put_back()
    assert difference(start, dump()) == {}


def test_interface_that_has_gone_does_not_prevent_a_revert() -> None:
    apply({"net.ipv4.conf.*.rp_filter": 2, "net.core.somaxconn": 9000})
    ip("link", "delete", "sip0")
    put_back()
    assert read("net/core/somaxconn") == "4096"
    assert {read(f"net/ipv4/conf/{name}/rp_filter") for name in ("all", "default", "lo", "rtp0")} == {"0"}
    assert not os.path.exists("/var/lib/siptune")


def test_interface_that_came_later_is_tuned_and_put_back() -> None:
    start = dump()
    apply({"net.ipv4.conf.*.rp_filter": 2})
    ip("link", "add", "late0", "type", "veth", "peer", "name", "late1")
    write("net/ipv4/conf/late0/rp_filter", 0)
    result = apply({"net.ipv4.conf.*.rp_filter": 2})
    assert [name for name, state in result.states().items() if state == "changed"] == ["net.ipv4.conf.late0.rp_filter"]
    put_back()
    ip("link", "delete", "late0")
    assert difference(start, dump()) == {}


def listen_on_ipv6() -> object:
    ip("address", "add", "2001:db8::5060/64", "dev", "sip0", "nodad")
    return socket.create_server(("2001:db8::5060", 5060), family=socket.AF_INET6)


def route_by_ipv6() -> None:
    ip("-6", "route", "add", "default", "dev", "sip0")


@pytest.mark.parametrize("need", [listen_on_ipv6, route_by_ipv6])
def test_ipv6_stays_on_while_it_is_needed(need: Callable[[], object]) -> None:
    held = need()
    start = dump()
    with pytest.raises(SysctlError, match="disable_ipv6"):
        apply(IPV6_OFF)
    assert difference(start, dump()) == {}
    del held


def test_ipv6_stays_on_while_ssh_comes_in_by_it() -> None:
    start = dump()
    connection = {"SSH_CONNECTION": "2001:db8::1 50000 2001:db8::2 22"}
    result = module_process({"path": FILE, "settings": IPV6_OFF}, environment=connection)
    assert "2001:db8::2" in result["msg"]
    assert difference(start, dump()) == {}
