# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who wins where two tuners are after one kernel parameter."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._site.overlaps import (
    BACKS_OFF,
    OVERRIDES,
    REAPPLIES,
    Wanted,
    overlaps,
    undoes,
    wanted_of,
    warning,
)

LOCAL = "/etc/sysctl.d/99-local.conf"


def their(key: str, value: str | None, rule: str = "exact", line: int = 3) -> dict[str, Any]:
    return {"key": key, "value": value, "rule": rule, "file": "/usr/lib/tuned/x/tuned.conf", "line": line}


def tuned(*settings: dict[str, Any], reapply: bool = True, active: bool = True, **more: Any) -> dict[str, Any]:
    state = {"active": active, "enabled": active, "profile": "network-latency", "reapply_sysctl": reapply}
    return {"tuned": {**state, "sysctl": list(settings), "unknown": [], **more}}


def item(name: str, state: str, wanted: str | None, boot: str | None, reason: str = "") -> dict[str, Any]:
    return {"item": name, "state": state, "wanted": wanted, "boot_planned": boot, "reason": reason, "live": "1"}


@pytest.mark.parametrize(
    ("setting", "wanted", "expected"),
    [
        (their("vm.swappiness", "5"), Wanted("vm/swappiness", "at_most", "10"), False),
        (their("vm.swappiness", "60"), Wanted("vm/swappiness", "at_most", "10"), True),
        (their("vm/swappiness", "60"), Wanted("vm/swappiness", "exact", "10"), True),
        (their("vm.swappiness", "10"), Wanted("vm/swappiness", "exact", "10"), False),
        (their("net.core.somaxconn", "2048", "at_least"), Wanted("net/core/somaxconn", "at_least", "4096"), False),
        (their("net.core.somaxconn", "2048", "at_least"), Wanted("net/core/somaxconn", "exact", "1024"), True),
        (their("net.core.somaxconn", "2048", "at_most"), Wanted("net/core/somaxconn", "at_least", "4096"), True),
        (their("vm.dirty_ratio", "10"), Wanted("vm/dirty_bytes", "exact", "268435456"), True),
        (their("vm.dirty_ratio", "0"), Wanted("vm/dirty_bytes", "exact", "268435456"), False),
        (their("net.ipv4.tcp_rmem", "4096 87380 16777216"), Wanted("net/ipv4/tcp_rmem", "at_least", "4096"), False),
        (their("net.ipv4.tcp_rmem", "1 2"), Wanted("net/ipv4/tcp_rmem", "at_least", "4096 87380 6291456"), True),
        (their("net.ipv4.conf.*.rp_filter", "0"), Wanted("net/ipv4/conf/eth0/rp_filter", "exact", "1"), True),
        (their("net.ipv4.conf.eth0.rp_filter", "0"), Wanted("net/ipv4/conf/*/rp_filter", "exact", "1"), True),
        (their("net.ipv4.conf.eth0.rp_filter", None), Wanted("net/ipv4/conf/*/rp_filter", "exact", "1"), False),
        (their("net.ipv4.tcp_sack", "0"), Wanted("net/ipv4/tcp_dsack", "exact", "1"), False),
        (their("vm.swappiness", "many"), Wanted("vm/swappiness", "at_most", "10"), True),
        (their("", "1"), Wanted("vm/swappiness", "exact", "10"), False),
    ],
)
def test_what_undoes_what(setting: dict[str, Any], wanted: Wanted, expected: bool) -> None:
    assert undoes(setting, wanted) is expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (item("vm.swappiness", "ok", "at most 10", "10"), Wanted("vm/swappiness", "at_most", "10")),
        (item("net.core.rmem_max", "kept", "at least 5", None), Wanted("net/core/rmem_max", "at_least", "5")),
        (item("vm.swappiness", "changed", "10", "10"), Wanted("vm/swappiness", "exact", "10")),
        (item("vm.swappiness", "changed", None, None), None),
        (item("vm.swappiness", "absent", "10", None), None),
        (item("fs.file-max", "readonly", "10", None), None),
        (item("kamailio.service LimitNOFILE", "ok", "10", "10"), None),
        (item("eth0 rx", "ok", "10", "10"), None),
    ],
)
def test_what_an_item_wants(entry: dict[str, Any], expected: Wanted | None) -> None:
    assert wanted_of(entry) == expected


# --- TuneD -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "boot", "reapply", "wins"),
    [
        ("ok", "10", True, "siptune"),
        ("changed", "10", True, "siptune"),
        ("kept", None, True, "TuneD"),
        ("shadowed", "60", True, LOCAL),
        ("ok", "10", False, "TuneD"),
        ("shadowed", "60", False, "TuneD"),
    ],
)
def test_who_wins_beside_tuned(state: str, boot: str | None, reapply: bool, wins: str) -> None:
    reason = f"{LOCAL} line 1 sets 60" if state == "shadowed" else ""
    items = [item("vm.swappiness", state, "at most 10", boot, reason)]
    (record,) = overlaps(tuned(their("vm.swappiness", "30"), reapply=reapply), items)
    assert (record["name"], record["detail"]) == ("TuneD", "profile network-latency, runs and is started at boot")
    assert record["keys"] == [{"item": "vm.swappiness", "theirs": "30", "wanted": "at most 10", "wins": wins}]
    assert record["effect"] == (REAPPLIES if reapply else OVERRIDES)
    assert bool(record["advice"]) is (wins == "TuneD")
    if not reapply:
        assert "reapply_sysctl = 1" in record["advice"]
        assert "includes network-latency" in record["advice"]


def test_tuned_is_told_where_both_agree_and_not_where_there_is_none() -> None:
    items = [item("vm.swappiness", "ok", "at most 10", "10")]
    (record,) = overlaps(tuned(their("vm.swappiness", "5")), items)
    assert (record["keys"], record["advice"]) == ([], "")
    assert overlaps(tuned(their("vm.swappiness", "60"), active=False), items) == []
    assert overlaps({}, items) == []


def test_a_mutually_exclusive_key_is_shown_by_its_own_name() -> None:
    items = [item("vm.dirty_bytes", "ok", "268435456", "268435456")]
    (record,) = overlaps(tuned(their("vm.dirty_ratio", "10")), items)
    assert record["keys"][0]["theirs"] == "vm.dirty_ratio = 10"


def test_what_only_tuned_knows_is_said() -> None:
    (record,) = overlaps(tuned(unknown=["x includes ${f:y}"]), [])
    assert record["effect"].endswith("its files do not show all that it sets: x includes ${f:y}")


def test_a_key_that_tuned_passes_over_stays_as_its_profile_has_it() -> None:
    items = [item("vm.swappiness", "ok", "at most 10", "10"), item("vm.dirty_bytes", "ok", "5", "5")]
    told = tuned(their("vm.swappiness", "30"), their("vm.dirty_ratio", "10"), not_reapplied=["vm.dirty_bytes"])
    (record,) = overlaps(told, items)
    assert [key["wins"] for key in record["keys"]] == ["siptune", "TuneD"]
    assert record["advice"].startswith("it passes over vm.dirty_bytes then, as reapply_sysctl_exclude in /etc/tuned/")
    said = warning(told, items)
    assert REAPPLIES in said
    assert "it passes over vm.dirty_bytes then" in said
    assert "passes over" not in warning({"tuned": {**told["tuned"], "not_reapplied": ["fs.file-max"]}}, items)


# --- bpftune and files -----------------------------------------------------------------------


def test_bpftune_is_told_with_the_keys_that_it_changes() -> None:
    items = [item("net.core.rmem_max", "kept", "at least 5", None), item("vm.swappiness", "ok", "10", "10")]
    (record,) = overlaps({"bpftune": {"active": True, "enabled": False}}, items)
    assert (record["detail"], record["effect"]) == ("runs and is not started at boot", BACKS_OFF)
    assert [(key["item"], key["wins"]) for key in record["keys"]] == [("net.core.rmem_max", "bpftune")]


def file(*settings: dict[str, Any], tool: str | None = None, at_boot: bool = True) -> dict[str, Any]:
    path = LOCAL if at_boot else "/etc/sysctl.conf"
    return {"sysctl_files": [{"file": path, "managed_by": tool, "at_boot": at_boot, "sysctl": list(settings)}]}


def test_a_file_that_wins_is_told_with_the_tool_that_writes_it() -> None:
    items = [item("vm.swappiness", "shadowed", "at most 10", "60", f"{LOCAL} line 3 sets 60")]
    (record,) = overlaps(file(their("vm.swappiness", "60"), tool="Puppet"), items)
    assert (record["name"], record["detail"], record["at_boot"]) == (LOCAL, "written by Puppet", True)
    assert record["keys"][0] == {
        "item": "vm.swappiness",
        "theirs": "60 (line 3)",
        "wanted": "at most 10",
        "wins": LOCAL,
    }
    assert "Puppet seems to write it, and will again" in record["effect"]
    assert "out of it, in Puppet, or leave" in record["advice"]


def test_a_file_that_loses_needs_no_advice_and_one_that_agrees_is_left_out() -> None:
    items = [item("vm.swappiness", "ok", "at most 10", "10")]
    (record,) = overlaps(file(their("vm.swappiness", "60")), items)
    assert (record["keys"][0]["wins"], record["advice"]) == ("siptune", "")
    assert overlaps(file(their("vm.swappiness", "5")), items) == []
    # Of two lines for one key the last counts.
    assert overlaps(file(their("vm.swappiness", "60"), their("vm.swappiness", "5", line=4)), items) == []


def test_what_only_tuned_reads_wins_after_it() -> None:
    items = [item("vm.swappiness", "ok", "at most 10", "10")]
    (record,) = overlaps(file(their("vm.swappiness", "60"), at_boot=False), items)
    assert (record["keys"][0]["wins"], record["at_boot"]) == ("/etc/sysctl.conf", False)
    assert "TuneD reads it last" in record["effect"]


# --- the warning of a run --------------------------------------------------------------------

ITEMS = [
    item("vm.swappiness", "ok", "at most 10", "10"),
    item("net.core.somaxconn", "changed", "at least 4096", "4096"),
]


def test_a_run_warns_of_tuned_and_says_how_to_agree() -> None:
    said = warning(tuned(their("vm.swappiness", "30"), reapply=False), ITEMS)
    assert said.startswith("TuneD, profile network-latency, runs and is started at boot; it sets vm.swappiness = 30, ")
    assert "reapply_sysctl = 1 in /etc/tuned/tuned-main.conf" in said
    said = warning(tuned(their("vm.swappiness", "30")), ITEMS)
    assert said.endswith(REAPPLIES)
    assert warning(tuned(unknown=["x"]), ITEMS).endswith("its files do not show all that it sets: x")


def test_a_run_does_not_warn_where_there_is_nothing_to_do() -> None:
    assert warning({}, ITEMS) == ""
    assert warning(tuned(their("vm.swappiness", "30"), active=False), ITEMS) == ""
    assert warning(tuned(their("vm.swappiness", "5"), their("net.core.busy_read", "50")), ITEMS) == ""


def test_many_keys_are_not_all_named() -> None:
    items = [item(f"net.x.k{number}", "ok", "1", "1") for number in range(9)]
    said = warning(tuned(*(their(f"net.x.k{number}", "2") for number in range(9))), items)
    assert "net.x.k5 = 2 and 3 more, where" in said
