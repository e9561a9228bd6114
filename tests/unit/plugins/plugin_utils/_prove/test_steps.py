# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rate comes next, and what a run comes to."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._prove import model
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.steps import (
    Ladder,
    bracket,
    finish,
    fits,
    next_rate,
)
from hypothesis import given
from hypothesis import strategies as st

from .made_up import reason, step


def climb(limit: float, ladder: Ladder, where: str = model.TARGET) -> list[model.Step]:
    """The steps of a run against a host that holds up to this rate."""
    steps: list[model.Step] = []
    while (rate := next_rate(steps, ladder)) is not None:
        steps.append(step(rate, rate <= limit, where))
        assert len(steps) <= model.MOST_STEPS
    return steps


def rates(steps: list[model.Step]) -> list[float]:
    return [one["rate"] for one in steps]


def test_it_goes_up_through_the_contract_to_the_ceiling() -> None:
    assert rates(climb(9e9, Ladder(200.0, 400))) == [20, 40, 80, 160, 200, 400]
    assert rates(climb(9e9, Ladder(None, 1000))) == [100, 200, 400, 800, 1000]


def test_it_is_bracketed_to_a_tenth() -> None:
    steps = climb(533, Ladder(None, 1000))
    found = bracket(steps)
    assert found.holds is not None
    assert found.gives is not None
    assert found.holds <= 533 < found.gives
    assert found.gives / found.holds <= 1.10


def test_a_contract_that_is_not_held_is_tried_itself() -> None:
    steps = climb(180, Ladder(200.0, 400))
    assert 200 in rates(steps)
    assert finish("as_is", steps, Ladder(200.0, 400))["contract_holds"] is False


def test_it_goes_down_where_nothing_holds() -> None:
    assert rates(climb(0, Ladder(None, 1000))) == [100, 25, 6, 1]
    assert finish("as_is", climb(0, Ladder(None, 1000)), Ladder(None, 1000))["highest_rate"] is None


@given(st.integers(0, 30_000), st.integers(1, 20_000), st.one_of(st.none(), st.floats(0.1, 20_000)))
def test_any_limit_is_found_within_few_steps(limit: int, ceiling: int, contract: float | None) -> None:
    ladder = Ladder(contract, ceiling)
    steps = climb(limit, ladder)
    assert len(steps) <= 22
    assert len(set(rates(steps))) == len(steps)
    assert all(1 <= rate <= ceiling for rate in rates(steps))
    run = finish("as_is", steps, ladder)
    assert (run["highest_rate"] or 0) <= limit
    if limit >= ceiling:
        assert (run["ended_by"], run["highest_rate"]) == (model.CEILING, float(ceiling))
    elif limit >= 10:
        assert (run["highest_rate"] or 0) >= limit / 1.11 - 1


@pytest.mark.parametrize(
    ("steps", "cut", "ended_by", "highest", "holds", "headroom"),
    [
        ([step(100, True), step(200, True)], None, model.CEILING, 200.0, True, 33.3),
        ([step(100, True), step(200, False), step(190, True)], None, model.TARGET, 190.0, True, 26.7),
        ([step(100, True), step(105, False)], None, model.TARGET, 100.0, False, -33.3),
        ([step(100, True), step(105, False, model.GENERATOR)], None, model.GENERATOR, 100.0, None, -33.3),
        ([step(100, True)], model.TIME, model.TIME, 100.0, None, -33.3),
        ([step(100, True), step(200, False)], model.TIME, model.TIME, 100.0, None, -33.3),
        ([step(100, True)], model.INTERRUPTED, model.INTERRUPTED, 100.0, None, -33.3),
        ([], model.INTERRUPTED, model.INTERRUPTED, None, None, None),
        ([step(1, False)], None, model.TARGET, None, False, None),
    ],
)
def test_the_end_of_a_run(
    steps: list[model.Step],
    cut: str | None,
    ended_by: str,
    highest: float | None,
    holds: bool | None,
    headroom: float | None,
) -> None:
    run = finish("as_is", steps, Ladder(150.0, 200), cut)
    found = (run["ended_by"], run["highest_rate"], run["contract_holds"], run["headroom_percent"])
    assert found == (ended_by, highest, holds, headroom)
    failed = [one for one in steps if not one["holds"]]
    assert run["gave_first"] == (failed[0]["reasons"][0] if failed else None)


def test_a_step_that_was_only_slow_is_taken_again_and_the_last_word_counts() -> None:
    ladder = Ladder(None, 1000)
    slow = {**step(200, False), "reasons": [{**reason(model.DAEMON, model.RESPONSE_TIME)}]}
    steps = [step(100, True), slow]
    assert next_rate(steps, ladder) == 200
    assert next_rate([*steps, step(200, True)], ladder) == 400
    assert next_rate([*steps, slow], ladder) == 141
    assert next_rate([step(100, True), step(200, False)], ladder) == 141
    assert finish("as_is", [*steps, step(200, True)], ladder)["highest_rate"] == 200


def test_a_step_has_to_fit_into_the_time() -> None:
    assert fits(160, 8, 180)
    assert not fits(170, 8, 180)
