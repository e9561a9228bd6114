# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._rollout.settings import (
    NEVER,
    Rollout,
    RolloutError,
    announce_batch,
    ansible_budget,
    check_batches,
    check_given,
    check_not_rolling,
    check_pauses,
    check_profiles,
    check_strategy,
    describe_batch,
    over_budget,
    parse_batches,
    parse_budget,
    parse_rollout,
    share_out,
    split,
    stopped,
)
from hypothesis import given
from hypothesis import strategies as st

COUNTERS = ("UdpRcvbufErrors", "SoftnetDropped", "SoftnetTimeSqueeze")
LOSSES = COUNTERS[:2]
FLEET = ["edge1", "edge2", "edge3", "edge4"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("100%", ["100%"]),
        (5, [5]),
        ("5", [5]),
        ([1, "10%", "50%"], [1, "10%", "50%"]),
        ("1,10%, 50%", [1, "10%", "50%"]),
        (["1"], [1]),
    ],
)
def test_batches(value: Any, expected: list) -> None:
    assert parse_batches(value) == expected


@pytest.mark.parametrize(
    "value", [0, -1, "0%", "101%", "", "x", [], [1, 0], 1.5, "33.3%", True, None, {}, [[1]], "1;2", "10 %", "²"]
)
def test_what_is_no_batch(value: Any) -> None:
    with pytest.raises(RolloutError, match="siptune_serial: "):
        parse_batches(value)


@given(st.one_of(st.integers(), st.text(), st.lists(st.integers() | st.text(max_size=4), max_size=3)))
def test_batches_are_always_what_ansible_takes(value: Any) -> None:
    try:
        batches = parse_batches(value)
    except RolloutError:
        return
    for size in batches:
        assert int(str(size).replace("%", "")) > 0


@pytest.mark.parametrize(
    ("batches", "hosts", "good"),
    [
        ([5], 3, True),  # all at once, as ever
        ([1, "50%"], 1, True),
        ([3, 1], 3, True),
        ([4, 1], 3, False),
        (["100%", 1], 3, True),
    ],
)
def test_a_canary_is_no_larger_than_the_fleet(batches: list, hosts: int, good: bool) -> None:
    if good:
        check_batches(batches, hosts)
    else:
        with pytest.raises(RolloutError, match="a canary of 4 hosts is more than the fleet, which has 3"):
            check_batches(batches, hosts)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (100, 100), ("20", 20), ("20%", 20), (33.3, 33.3)])
def test_budgets(value: Any, expected: float) -> None:
    assert parse_budget(value) == expected


@pytest.mark.parametrize("value", [-1, 101, "x", "", None, True, [20], "nan", "1e1"])
def test_what_is_no_budget(value: Any) -> None:
    with pytest.raises(RolloutError, match="siptune_max_fail_percentage: "):
        parse_budget(value)


@pytest.mark.parametrize(("value", "expected"), [(100, NEVER), ("100%", NEVER), (20, 20), (0, 0)])
def test_ansible_counts_no_failures_where_all_may_fail(value: Any, expected: float) -> None:
    assert ansible_budget(value) == expected


def test_what_the_inventory_cannot_say() -> None:
    check_given("siptune_serial", [1], [1])
    with pytest.raises(RolloutError, match="siptune_serial: has no effect from the inventory; give it with -e"):
        check_given("siptune_serial", [1], ["100%"])


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, Rollout(check_counters=LOSSES)),
        ({"siptune_pause_seconds": "60"}, Rollout(pause_seconds=60, check_counters=LOSSES)),
        ({"siptune_confirm": "yes"}, Rollout(confirm=True, check_counters=LOSSES)),
        (
            {"siptune_check_seconds": 30, "siptune_check_counters": ["SoftnetTimeSqueeze"]},
            Rollout(check_seconds=30, check_counters=["SoftnetTimeSqueeze"]),
        ),
        ({"siptune_hook_timeout_seconds": 1800}, Rollout(hook_timeout_seconds=1800, check_counters=LOSSES)),
    ],
)
def test_rollouts(variables: dict[str, Any], expected: Rollout) -> None:
    rollout = parse_rollout(variables, COUNTERS, LOSSES)
    assert rollout._replace(check_counters=tuple(rollout.check_counters)) == expected._replace(
        check_counters=tuple(expected.check_counters)
    )


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"siptune_pause_seconds": -1}, "siptune_pause_seconds: must be a whole number from 0 to 604800, not -1"),
        ({"siptune_pause_seconds": True}, "siptune_pause_seconds: "),
        ({"siptune_confirm": "perhaps"}, "siptune_confirm: must be true or false, not 'perhaps'"),
        ({"siptune_pause_after": "each"}, "siptune_pause_after: must be canary or every_batch, not 'each'"),
        ({"siptune_check_seconds": 3601}, "siptune_check_seconds: "),
        ({"siptune_check_counters": "UdpRcvbufErrors"}, "siptune_check_counters: must be a list"),
        ({"siptune_check_counters": []}, "siptune_check_counters: must be a list"),
        ({"siptune_check_counters": ["Drops"]}, "there is no counter 'Drops'; there are UdpRcvbufErrors, Softnet"),
        ({"siptune_check_tolerance_percent": 1001}, "siptune_check_tolerance_percent: "),
        ({"siptune_hook_timeout_seconds": "1h"}, "siptune_hook_timeout_seconds: "),
    ],
)
def test_what_no_rollout_can_be(variables: dict[str, Any], message: str) -> None:
    with pytest.raises(RolloutError) as caught:
        parse_rollout(variables, COUNTERS, LOSSES)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("rollout", "later", "named"),
    [
        (Rollout(), 0, ""),
        (Rollout(pause_seconds=5), 1, ""),
        (Rollout(pause_seconds=5), 0, "siptune_pause_seconds"),
        (Rollout(confirm=True), 0, "siptune_confirm"),
    ],
)
def test_a_pause_that_would_never_come(rollout: Rollout, later: int, named: str) -> None:
    if named:
        with pytest.raises(RolloutError, match=f"{named}: all hosts are in one batch"):
            check_pauses(rollout, later)
    else:
        check_pauses(rollout, later)


@pytest.mark.parametrize("strategy", ["linear", "ansible.builtin.linear", "mitogen_linear", "debug"])
def test_strategies_that_know_batches(strategy: str) -> None:
    check_strategy(strategy)


@pytest.mark.parametrize("strategy", ["free", "ansible.builtin.free", "host_pinned", "mitogen_free"])
def test_strategies_that_do_not(strategy: str) -> None:
    with pytest.raises(RolloutError, match="has no batches"):
        check_strategy(strategy)


def test_profiles() -> None:
    check_profiles({"edge1": "modern", "edge2": "modern"}, allowed=False)
    mixed = {"edge1": "modern", "edge2": "classic", **{f"relay{number}": "classic" for number in range(8)}}
    check_profiles(mixed, allowed=True)
    with pytest.raises(RolloutError) as caught:
        check_profiles(mixed, allowed=False)
    assert str(caught.value) == (
        "siptune_profile: differs in this play, classic: edge2, relay0, relay1, relay2, relay3 and 4 more; "
        "modern: edge1. If that is meant, say -e siptune_mixed_profiles=true"
    )


def test_parts_of_a_rolling_run_in_another_playbook() -> None:
    check_not_rolling({"siptune_before_host_tasks": []})
    with pytest.raises(RolloutError, match=r"siptune_confirm: is set for edge1, .* in siptune\.linux\.rolling"):
        check_not_rolling({"siptune_before_host_tasks": [], "siptune_confirm": ["edge1"]})


@given(st.lists(st.text(), unique=True), st.lists(st.text(), unique=True, min_size=1))
def test_every_host_is_asked_for_once_and_fairly(done: list[str], batch: list[str]) -> None:
    shares = share_out(done, batch)
    assert list(shares) == batch
    assert sorted(host for share in shares.values() for host in share) == sorted(done)
    sizes = [len(share) for share in shares.values()]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("alive", "budget", "expected"),
    [
        (FLEET, 0, ""),
        (FLEET[:3], 25, ""),
        (
            FLEET[:3],
            24.5,
            "1 of 4 hosts of this batch has failed or cannot be reached, 25 %, where siptune_max_fail_percentage "
            "allows 24.5 %: edge4",
        ),
        ([], 100, ""),
    ],
)
def test_the_budget(alive: list[str], budget: float, expected: str) -> None:
    assert over_budget(FLEET, alive, budget) == expected


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], [5]),
        ([2], [2, 2, 1]),
        ([1, "100%"], [1, 4]),
        ([1, "25%"], [1, 1, 1, 1, 1]),
        (["1%"], [1, 1, 1, 1, 1]),
        (["40%", 9], [2, 3]),
    ],
)
def test_batches_as_ansible_makes_them(sizes: list, expected: list[int]) -> None:
    hosts = [*FLEET, "edge5"]
    batches = split(hosts, sizes)
    assert [len(batch) for batch in batches] == expected
    assert [host for batch in batches for host in batch] == hosts


def test_a_batch_is_announced_where_there_are_several() -> None:
    batches = split([*FLEET, "edge5"], [2])
    assert announce_batch(batches, ["edge3", "edge4"]) == "batch 2 of 3: edge3, edge4"
    assert announce_batch(batches, ["edge4"]) == "batch 2 of 3: edge4"  # the other one has failed before
    assert announce_batch([FLEET], FLEET) == ""
    many = [f"edge{number}" for number in range(30)]
    assert announce_batch([many, ["x"]], many).endswith("edge18, edge19 and 10 more")


def test_one_host_is_not_several() -> None:
    assert stopped(0) == "It was the last batch."
    assert stopped(1) == "The rollout stops here, and 1 host is left as it was."
    assert stopped(2) == "The rollout stops here, and 2 hosts are left as they were."
    assert describe_batch(["edge1"], ["edge1"], 1) == "1 of 1 host of this batch done. 1 host to come."


def test_what_became_of_a_batch() -> None:
    assert describe_batch(FLEET, FLEET, 0) == "4 of 4 hosts of this batch done. 0 hosts to come."
    assert describe_batch(FLEET[:2], FLEET[:1], 2) == (
        "1 of 2 hosts of this batch done; skipped, as they failed: edge2. 2 hosts to come."
    )
