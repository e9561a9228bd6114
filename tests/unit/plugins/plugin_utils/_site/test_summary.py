# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table at the end, as it is printed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._site.summary import LINE_WIDTH, render


def item(name: str, state: str, reason: str = "") -> dict[str, Any]:
    return {"item": name, "state": state, "reason": reason, "why": "", "before": "1", "after": "2"}


NETWORK = {
    "changed": True,
    "items": [
        item("net.core.rmem_max", "changed"),
        item("net.core.wmem_max", "changed"),
        item("net.core.somaxconn", "shadowed", "/etc/sysctl.d/99-local.conf line 1 sets 128"),
        item("net.ipv4.tcp_sack", "kept"),
        item("net.ipv4.udp_mem", "absent", "this network namespace has no such key"),
    ],
}
FS = {"changed": False, "items": [item("fs.nr_open", "ok"), item("fs.file-max", "readonly", "not ours")]}


def test_a_row_for_each_layer_and_a_line_for_each_key_that_needs_a_look() -> None:
    assert render("sbc1", {"network": [NETWORK], "fs": [FS]}, check_mode=False) == [
        "sbc1",
        "           changed  ok  kept  shadowed  pending  refused  absent  readonly",
        "  network        2   -     1         1        -        -       1         -",
        "  fs             -   1     -         -        -        -       -         1",
        "  shadowed  net.core.somaxconn: /etc/sysctl.d/99-local.conf line 1 sets 128",
    ]


def test_check_mode_says_that_it_predicts() -> None:
    assert render("sbc1", {"fs": [FS]}, check_mode=True)[0] == "sbc1  (check mode: predictions, nothing was changed)"


@pytest.mark.parametrize("result", [None, {}, {"skipped": True, "changed": False}])
def test_a_layer_that_did_not_run_has_no_row(result: dict | None) -> None:
    lines = render("sbc1", {"network": [result], "fs": [FS]}, check_mode=False)
    assert not [line for line in lines if "network" in line]
    assert render("sbc1", {"network": [result]}, check_mode=False) == ["sbc1: no layer was run"]


def test_a_host_that_was_never_tuned_is_told_of() -> None:
    nothing = {"changed": False, "items": []}
    lines = render("sbc1", {"network": [nothing], "fs": [nothing]}, check_mode=False)
    assert lines == ["sbc1: nothing to put back, as siptune has set nothing here"]


def test_a_failed_layer_counts_nothing_but_what_was_refused() -> None:
    refused = item("net.core.rmem_max", "refused", "the kernel refused '1': EINVAL")
    failed = {
        "failed": True,
        "msg": "net.core.rmem_max: the kernel refused '1': EINVAL. Nothing was changed.",
        "items": [item("net.ipv4.tcp_sack", "changed"), refused],
    }
    assert render("sbc1", {"network": [failed]}, check_mode=False)[2:] == [
        "  network        -   -     -         -        -        1       -         -  failed",
    ]


def test_what_is_refused_beside_the_failure_is_named() -> None:
    other = item("net.core.wmem_max", "refused", "the kernel refused '2': EINVAL")
    failed = {"failed": True, "msg": "net.core.rmem_max: is locked.", "items": [other]}
    assert render("sbc1", {"network": [failed]}, check_mode=False)[3:] == [
        "  refused   net.core.wmem_max: the kernel refused '2': EINVAL",
    ]


@pytest.mark.parametrize("result", [{"failed": True, "msg": "no space\nleft"}, {"failed": True}])
def test_a_failure_without_items_is_one_line(result: dict) -> None:
    assert render("sbc1", {"network": [result], "fs": [result]}, check_mode=False) == ["sbc1: failed"]


def test_keys_with_one_reason_share_a_line() -> None:
    pending = [item(f"net.a{number}", "pending", "udev sets it") for number in range(8)]
    assert render("sbc1", {"network": [{"items": pending}]}, check_mode=False)[-1] == (
        "  pending   net.a0, net.a1, net.a2, net.a3, net.a4, net.a5 and 2 more: udev sets it"
    )


def test_it_stays_a_few_lines() -> None:
    shadowed = [item(f"net.ipv4.a{number}", "shadowed", f"line {number} of a file " * 20) for number in range(100)]
    lines = render("sbc1", {"network": [{"items": shadowed}]}, check_mode=False)
    assert lines[-1] == "  shadowed  and 92 more; run with -v to see them all"
    assert max(map(len, lines)) <= LINE_WIDTH


def test_a_key_that_the_inventory_sets_and_no_kernel_has_is_named() -> None:
    mistyped = {**item("vm.swapiness", "absent", "this kernel has no such key"), "why": "set in the inventory"}
    lines = render("sbc1", {"memory": [{"items": [mistyped, item("net.x.y", "absent", "gone")]}]}, check_mode=False)
    assert lines[-1] == "  absent    vm.swapiness: this kernel has no such key"


def test_it_begins_with_what_sip_sockets_survive() -> None:
    names = [f"kamailio udp 10.0.0.{number}:5060 receive buffer" for number in range(9)]
    network = {"items": [{**item(name, "changed"), "after": "6291456"} for name in names]}
    lines = render("sbc1", {"network": [network]}, check_mode=False, datagrams_per_second=1000)
    first = "  socket    kamailio 10.0.0.0:5060: 6,291,456 bytes, holds 2,730 messages: 2.7 s at the contract's 1,000/s"
    assert lines[:2] == ["sbc1", first]
    assert lines[7] == "  socket    and 3 more, none with less"
    assert lines[8].split() == ["changed", "ok", "kept", "shadowed", "pending", "refused", "absent", "readonly"]


def test_a_file_that_is_written_without_a_changed_item_is_named() -> None:
    file = {"path": "/etc/sysctl.d/90-siptune-fs.conf", "change": "rewritten"}
    fs = {"changed": True, "items": [item("fs.nr_open", "ok")], "files": [file]}
    network = {**NETWORK, "files": [{**file, "path": "/etc/sysctl.d/90-siptune-network.conf"}]}
    assert render("sbc1", {"network": [network], "fs": [fs]}, check_mode=False)[4:] == [
        "  rewritten: /etc/sysctl.d/90-siptune-fs.conf",
        "  shadowed  net.core.somaxconn: /etc/sysctl.d/99-local.conf line 1 sets 128",
    ]


def test_all_that_a_way_back_keeps_is_named_with_its_reason() -> None:
    kept = [{**item(f"net.a{number}", "kept", f"left alone at {number}"), "wanted": None} for number in range(12)]
    floor = {**item("net.b", "kept", "above the floor"), "wanted": "at least 1"}
    lines = render("sbc1", {"network": [{"items": [*kept, floor]}]}, check_mode=False)
    assert lines[3:] == [f"  kept      net.a{number}: left alone at {number}" for number in range(12)]
