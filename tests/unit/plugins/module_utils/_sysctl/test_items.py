# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.items import confirmed
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.model import LiveKey, Plan, Write
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from sysctl_hosts import applied, items, lines, observed, request

ADMIN = ("/etc/sysctl.d/99-admin.conf", "# our own\n\nnet.core.rmem_max = 212992\nnet.core.somaxconn = 128\n")


def test_a_later_file_is_named_with_its_line_and_value() -> None:
    host, done = applied(observed(others=[ADMIN]), request({"net.core.rmem_max": 4194304}))
    change = items(done)["net.core.rmem_max"]
    assert (change.state, change.after, change.at_boot) == ("shadowed", "4194304", "212992")
    assert change.reason == "/etc/sysctl.d/99-admin.conf line 3 sets 212992"
    assert not applied(host, request({"net.core.rmem_max": 4194304}))[1].changed


def test_a_floor_that_another_file_undercuts_at_boot_is_not_kept() -> None:
    wanted = {"net.core.somaxconn": {"value": 4096, "rule": "at_least"}}
    done = plan(request(wanted), observed(others=[ADMIN]))
    assert items(done)["net.core.somaxconn"].state == "shadowed"
    early = ("/etc/sysctl.d/10-early.conf", "net.core.somaxconn = 128")
    host, done = applied(observed(others=[early]), request(wanted))
    assert items(done)["net.core.somaxconn"].state == "changed"
    assert not done.writes
    assert lines(host) == {"net/core/somaxconn": "4096"}


def test_a_later_file_that_meets_the_floor_does_not_shadow() -> None:
    admin = ("/etc/sysctl.d/99-admin.conf", "net.core.rmem_max = 33554432")
    done = plan(request({"net.core.rmem_max": {"value": 4194304, "rule": "at_least"}}), observed(others=[admin]))
    change = items(done)["net.core.rmem_max"]
    assert (change.state, change.at_boot) == ("changed", "33554432")


def test_a_mutually_exclusive_key_in_a_later_file_shadows() -> None:
    admin = ("/etc/sysctl.d/99-admin.conf", "vm.dirty_ratio = 40")
    done = plan(request({"vm.dirty_bytes": 268435456}), observed(others=[admin]))
    assert items(done)["vm.dirty_bytes"].state == "shadowed"
    assert items(done)["vm.dirty_bytes"].at_boot == "0"


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ([("/etc/sysctl.d/99.conf", "-net.ipv4.tcp_sack")], "/etc/sysctl.d/99.conf line 1 excludes it"),
        ([("/etc/sysctl.d/99.conf", "net.ipv4.tcp_sack = 1")], "/etc/sysctl.d/99.conf line 1 sets 1"),
    ],
)
def test_the_file_that_overrides_ours_is_named(others: list[tuple[str, str]], reason: str) -> None:
    change = items(plan(request({"net.ipv4.tcp_sack": 0}), observed(others=others)))["net.ipv4.tcp_sack"]
    assert (change.state, change.reason) == ("shadowed", reason)


def test_a_hazard_is_a_warning_as_long_as_the_setting_is_in_force() -> None:
    settings = {"net.core.somaxconn": {"value": 9, "hazard": "drops connections"}}
    host, done = applied(observed(), request(settings))
    assert done.warnings == ["net.core.somaxconn = 9: drops connections"]
    assert plan(request(settings), host).warnings == done.warnings
    settings = {"net.ipv4.tcp_tw_recycle": {"value": 1, "hazard": "drops connections"}}
    assert plan(request(settings), observed()).warnings == []


@pytest.mark.parametrize(
    ("read_back", "reason"),
    [
        pytest.param("32768", "", id="rounded as the kernel is known to"),
        pytest.param("30000", "the kernel stored 30000 for 30000", id="not rounded"),
        pytest.param("65536", "the kernel stored 65536 for 30000", id="rounded in another way"),
    ],
)
def test_an_item_ends_with_the_value_that_was_read_back(read_back: str, reason: str) -> None:
    name, path = "net.core.rps_sock_flow_entries", "net/core/rps_sock_flow_entries"
    changes = [
        Change(name, "30000", "0", "32768", None, "changed"),
        Change("net.ipv4.tcp_sack", "1", "1", "1", None, "ok"),
    ]
    planned = Plan(changes, [Write(path, "30000", "0")], [], NOTHING, [], [], [])
    assert confirmed(planned, {path: read_back}) == [changes[0]._replace(after=read_back, reason=reason), changes[1]]


@pytest.mark.parametrize("name", ["a=b", "x{y}", "b\u00fcro=1"])
def test_a_key_that_no_line_can_name_says_so(name: str) -> None:
    """A floor is written key by key, and no file can hide a line that cannot be written."""
    path = f"net/ipv4/neigh/{name}/gc_thresh1"
    host = observed()
    host = host._replace(
        live={**host.live, path: LiveKey("1", True)}, matches={**host.matches, "net/ipv4/neigh/*/gc_thresh1": [path]}
    )
    floor = {"net.ipv4.neigh.*.gc_thresh1": {"value": 8, "rule": "at_least"}}
    change = items(plan(request(floor), host))[f"net.ipv4.neigh.{name}.gc_thresh1"]
    assert (change.state, change.after, change.at_boot) == ("pending", "8", None)
    assert change.reason == f"set now, but not at boot: no line of a file can name {change.item}"


BOOTS = {
    "nothing sets it": ([], None),
    "another file": ([("/etc/sysctl.d/10-early.conf", "net.core.somaxconn = 128")], "128"),
    "a later one": ([ADMIN], "128"),
}


@pytest.mark.parametrize(("others", "boot"), BOOTS.values(), ids=BOOTS.keys())
def test_what_a_boot_brings_before_the_call_and_after_it(others: list[tuple[str, str]], boot: str | None) -> None:
    wanted = {"net.core.somaxconn": {"value": 4096, "rule": "at_least"}}
    host, done = applied(observed({"net.core.somaxconn": "64"}, others=others), request(wanted))
    first = items(done)["net.core.somaxconn"]
    assert first.at_boot_before == boot
    again = items(plan(request(wanted), host))["net.core.somaxconn"]
    assert again.at_boot_before == again.at_boot == first.at_boot
    gone = items(plan(request({}), host))["net.core.somaxconn"]
    assert gone.at_boot_before == first.at_boot
