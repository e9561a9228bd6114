# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several files of ours on a real kernel, with boots and interfaces that leave: the way back is exact."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping

import pytest
from calls import ORIGINALS, Settings, apply, boot, originals, put_back, reset_live_values
from sandbox import difference, dump, ip, read, write

FILES = ("/etc/sysctl.d/80-first.conf", "/etc/sysctl.d/90-second.conf")

# What each of two files wants: the same key, two names of one, a switch and one interface, the default and a glob.
PAIRS: dict[str, tuple[Settings, Settings]] = {
    "one-key": ({"net.core.somaxconn": 5000}, {"net.core.somaxconn": 9000}),
    "two-names": ({"net.ipv4.ip_forward": 1}, {"net.ipv4.conf.all.forwarding": 1}),
    "two-names-apart": ({"net.ipv4.ip_forward": 1}, {"net.ipv4.conf.all.forwarding": 0}),
    "interface": ({"net.ipv4.ip_forward": 1}, {"net.ipv4.conf.sip0.forwarding": 0}),
    "ipv6": ({"net.ipv6.conf.all.forwarding": 1}, {"net.ipv6.conf.rtp0.forwarding": 0}),
    "default": ({"net.ipv4.conf.default.rp_filter": 2}, {"net.ipv4.conf.*.rp_filter": 1}),
    "short-vector": ({"net.ipv4.tcp_rmem": "8192"}, {"net.ipv4.tcp_rmem": "4096 200000 9000000"}),
}


def restart(start: Mapping[str, object]) -> None:
    """What a boot does: the kernel's own values, and then those of the files."""
    reset_live_values(start)
    boot()


@pytest.mark.parametrize("back", list(itertools.permutations((0, 1))))
@pytest.mark.parametrize("boots", ["none", "between", "before"])
@pytest.mark.parametrize("when", ["both", "boot"])
@pytest.mark.parametrize("pair", PAIRS)
def test_two_files_go_back_in_any_order(pair: str, when: str, boots: str, back: tuple[int, int]) -> None:
    start = dump()
    for file, wanted in zip(FILES, PAIRS[pair], strict=True):
        apply(wanted, file, when)
    if boots == "before":
        restart(start)
    put_back(FILES[back[0]])
    if boots == "between":
        restart(start)
    put_back(FILES[back[1]])
    assert difference(start, dump()) == {}


LOW, HIGH = "net.ipv4.ipfrag_low_thresh", "net.ipv4.ipfrag_high_thresh"
START, RANGE = "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_port_range"
LOW6, HIGH6 = "net.ipv6.ip6frag_low_thresh", "net.ipv6.ip6frag_high_thresh"


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    ("up", "down"),
    [
        ({LOW: 5000000, HIGH: 6000000}, {LOW: 1000000, HIGH: 2000000}),
        ({LOW6: 5000000, HIGH6: 6000000}, {LOW6: 1000000, HIGH6: 2000000}),
        ({START: 50000, RANGE: "55000 60999"}, {START: 80, RANGE: "500 4900"}),
    ],
)
def test_keys_that_bound_each_other_go_up_and_down_and_back(up: Settings, down: Settings, backwards: bool) -> None:
    start = dump()
    for wanted in (up, down, up, dict(list(up.items())[1:])):
        apply(dict(reversed(list(wanted.items()))) if backwards else wanted)
        assert {key: read(key.replace(".", "/")) for key in wanted} == {key: str(wanted[key]) for key in wanted}
    put_back()
    assert difference(start, dump()) == {}


def test_an_interface_with_another_name_gets_its_value_back_under_its_own() -> None:
    start = dump()
    apply({"net.ipv4.conf.*.rp_filter": 2, "net.core.somaxconn": 9000})
    ip("link", "set", "sip0", "down")
    ip("link", "set", "sip0", "name", "lan0")
    away = put_back().items["net.ipv4.conf.sip0.rp_filter"]
    assert (away.state, read("net/core/somaxconn")) == ("absent", "4096")
    assert list(originals()["sysctl"]) == ["net/ipv4/conf/sip0/rp_filter"]
    ip("link", "set", "lan0", "name", "sip0")
    ip("link", "set", "sip0", "up")
    put_back()
    assert not os.path.exists(ORIGINALS)
    assert {path for path in difference(start, dump()) if "rp_filter" in path} == set()


def test_a_value_that_somebody_else_has_set_is_left_to_them() -> None:
    for file, value in zip(FILES, (5000, 9000), strict=True):
        apply({"net.core.somaxconn": value}, file)
    write("net/core/somaxconn", 7777)
    for file in FILES:
        assert put_back(file).items["net.core.somaxconn"].state == "kept"
    assert read("net/core/somaxconn") == "7777"
