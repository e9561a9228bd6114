# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run changes: each change once, whichever hosts it is made on."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._site.changes import Made, changes_of, render_run


def item(name: str, before: str | None, after: str | None, why: str = "", **more: Any) -> dict[str, Any]:
    return {"item": name, "state": "changed", "before": before, "after": after, "why": why, **more}


def moved(**fields: Any) -> str:
    (made,) = changes_of({"network": [{"items": [item("a", **fields)]}]})
    return made.moved


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"before": "1", "after": "2"}, "1 -> 2", id="now"),
        pytest.param({"before": None, "after": "2"}, "not set -> 2", id="new"),
        pytest.param({"before": "5060", "after": ""}, "5060 -> not set", id="emptied"),
        pytest.param({"before": "4096\t1 2", "after": "4 5  6"}, "4096 1 2 -> 4 5 6", id="vector"),
        pytest.param(
            {"before": "1", "after": "1", "at_boot_before": None, "at_boot": "1"},
            "not set -> 1 at the next boot",
            id="boot alone",
        ),
        pytest.param(
            {"before": "64", "after": "512", "at_boot_before": "64", "at_boot": "512", "state": "pending"},
            "64 -> 512 once it is in force",
            id="pending",
        ),
    ],
)
def test_an_item_moves_from_a_value_to_another(fields: dict[str, Any], expected: str) -> None:
    assert moved(**fields) == expected


def test_what_has_been_pending_before_is_no_change() -> None:
    waits = item("kamailio.service shared_mib", "64", "512", at_boot_before="512", at_boot="512", state="pending")
    assert changes_of({"service_limits": [{"items": [waits]}]}) == []


def test_changes_are_those_of_calls_that_ran() -> None:
    file = {"path": "/etc/a.conf", "change": "removed"}
    socket = item("kamailio udp 10.0.0.1:5060 receive buffer", "1", "2")
    results = {
        "network": [{"items": [item("a", "1", "2", "no longer wanted"), socket], "files": [file]}, None, {}],
        "memory": [{"failed": True, "items": [item("b", "1", "2")]}],
        "fs": [{"skipped": True, "items": [item("c", "1", "2")]}, {"items": [{**item("d", "1", "1"), "state": "ok"}]}],
    }
    assert changes_of(results) == [Made("network", "a", "1 -> 2"), Made("network", "removed: /etc/a.conf")]


QUEUE = Made("network", "net.core.somaxconn", "128 -> 4096", "Bursts of calls.")
CARDS = [Made("network", f"net.ipv4.conf.eth{number}.rp_filter", "0 -> 1", "One way in.") for number in (0, 1)]
FILE = Made("network", "created: /etc/sysctl.d/90-siptune-network.conf")
SWAP = Made("memory", "vm.swappiness", "60 -> 10")


def result(*changes: Made, **more: Any) -> dict[str, Any]:
    # As JSON, which is how a result may come back.
    return {"report": {"changes": [list(one) for one in changes], "table": ["HOST"], **more}}


def test_hosts_that_change_alike_share_each_change() -> None:
    hosts = {"b": result(QUEUE, SWAP, FILE), "a": result(QUEUE, FILE), "c": result()}
    assert render_run(hosts, check_mode=True) == [
        "b, a would change",
        "  network",
        "    net.core.somaxconn: 128 -> 4096 (Bursts of calls.)",
        "    created: /etc/sysctl.d/90-siptune-network.conf",
        "",
        "b would change",
        "  memory",
        "    vm.swappiness: 60 -> 10",
        "",
        "HOST",
        "",
        "HOST",
        "",
        "HOST",
    ]


def test_items_that_move_alike_for_one_reason_share_a_line() -> None:
    assert render_run({"a": result(*CARDS, QUEUE)}, check_mode=False)[:4] == [
        "a changed",
        "  network",
        "    net.ipv4.conf.eth0.rp_filter, net.ipv4.conf.eth1.rp_filter: 0 -> 1 (One way in.)",
        "    net.core.somaxconn: 128 -> 4096 (Bursts of calls.)",
    ]


def test_what_most_hosts_share_comes_first_and_many_hosts_are_counted() -> None:
    hosts = {f"edge{number}": result(QUEUE) for number in range(10)}
    hosts["edge0"] = result(SWAP, QUEUE)
    lines = render_run(hosts, check_mode=False)
    assert lines[0] == "edge0, edge1, edge2, edge3, edge4, edge5, edge6, edge7 and 2 more changed"
    assert "edge0 changed" in lines


def test_a_warning_is_said_once_with_its_hosts() -> None:
    hosts = {"a": result(warnings=["careful"]), "b": result(warnings=["careful", "careful"])}
    assert render_run(hosts, check_mode=False)[:2] == ["warning for a, b: careful", ""]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"unreachable": True, "msg": "timed out"}, "a: could not be reached"),
        ({"failure": "a: no"}, "a: failed"),
        ({}, "a: was left out, as it could not be reached or had failed before"),
    ],
)
def test_a_host_without_a_table_is_told_of(found: dict[str, Any], expected: str) -> None:
    assert render_run({"a": found, "b": result()}, check_mode=False) == [expected, "", "HOST"]
