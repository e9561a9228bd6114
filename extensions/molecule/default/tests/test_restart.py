# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restart of the daemons brings what waited for it. Nothing else restarts them, so this comes last."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Record, read_daemons
from limits import Pair, limit_items, parse_pair, unit_and_directive

POOL_OPTIONS = {"shared_mib": "-m", "private_mib": "-M"}


@pytest.fixture(scope="module")
def restarted(host: Any, again: Record) -> dict[str, Any]:
    """The daemons after a restart."""
    asked = again.daemons["asked"]
    assert host.run(f"systemctl restart {' '.join(asked['units'])}").succeeded
    return read_daemons(host, asked)


def test_every_daemon_is_back_and_answers(again: Record, restarted: dict[str, Any]) -> None:
    assert {name: unit["reply"] for name, unit in restarted["units"].items()} == {
        name: unit["reply"] for name, unit in again.daemons["units"].items()
    }
    for name, unit in restarted["units"].items():
        assert unit["processes"].keys() & again.daemons["units"][name]["processes"].keys() == set()


def test_processes_have_the_files_of_the_drop_in(again: Record, restarted: dict[str, Any]) -> None:
    # systemd cuts what it may not exceed, in silence.
    ceiling = int(restarted["init"]["limits"]["Max open files"][1])
    for item in limit_items(again):
        unit, _ = unit_and_directive(item)
        expected = parse_pair(item["at_boot"])
        if not restarted["root_may_raise_hard_limits"]:
            expected = Pair(min(expected.soft, ceiling), min(expected.hard, ceiling))
        processes = restarted["units"][unit]["processes"].values()
        assert {Pair(*map(int, process["limits"]["Max open files"])) for process in processes} == {expected}, unit


def test_kamailio_has_more_files_than_systemd_gives_by_itself(restarted: dict[str, Any]) -> None:
    for process in restarted["units"]["kamailio.service"]["processes"].values():
        soft, hard = map(int, process["limits"]["Max open files"])
        assert soft >= min(65536, hard)
        assert soft > 1024


def test_processes_have_the_oom_score_of_the_drop_in(again: Record, restarted: dict[str, Any]) -> None:
    items = [item for item in again.results["units"]["items"] if item["item"].endswith(" OOMScoreAdjust")]
    assert items
    for item in items:
        unit, _ = unit_and_directive(item)
        expected = item["at_boot"] if restarted["root_may_lower_oom_scores"] else item["after"]
        assert {process["oom_score_adj"] for process in restarted["units"][unit]["processes"].values()} == {expected}


def test_daemons_have_their_new_pools(again: Record, restarted: dict[str, Any]) -> None:
    pools = [item for item in again.results["pools"]["items"] if item["state"] == "pending"]
    assert pools
    for item in pools:
        unit, pool = unit_and_directive(item)
        for process in restarted["units"][unit]["processes"].values():
            command = process["command"]
            assert command[command.index(POOL_OPTIONS[pool]) + 1] == item["at_boot"], item
