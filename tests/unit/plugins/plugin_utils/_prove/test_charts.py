# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Axes, points and the words for them."""

from __future__ import annotations

import re

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.charts import (
    HEIGHT,
    WIDTH,
    Point,
    Series,
    amount,
    chart,
    in_words,
    linear,
    logarithmic,
)
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.floats(0, 1e9)
P99 = Series("p99", [Point(400, 520, False), Point(100, 4.25, True), Point(200, 9, True)])


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (0, [0, 0.25, 0.5, 0.75, 1]),
        (100, [0, 25, 50, 75, 100]),
        (400, [0, 100, 200, 300, 400]),
        (57.5, [0, 20, 40, 60]),
        (20_000, [0, 5000, 10_000, 15_000, 20_000]),
    ],
)
def test_a_linear_axis_has_round_ticks(most: float, ticks: list[float]) -> None:
    assert linear(most).ticks == pytest.approx(ticks)


def test_a_logarithmic_axis_begins_at_zero() -> None:
    axis = logarithmic(750, 0.1)
    assert axis.ticks == pytest.approx([0, 0.1, 1, 10, 100, 1000])
    assert (axis.place(0), axis.place(1000)) == pytest.approx((0, 1))


@given(NUMBERS, st.floats(0, 1))
def test_no_value_lies_outside(most: float, share: float) -> None:
    for axis in (linear(most), logarithmic(most, 0.1)):
        assert -1e-9 <= axis.place(most * share) <= 1 + 1e-9
        assert axis.ticks[0] == 0
        assert len(axis.ticks) <= 13
        assert axis.place(axis.ticks[-1]) == pytest.approx(1)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.booleans()), min_size=1, max_size=20))
def test_everything_is_drawn_inside_of_the_picture(points: list[tuple[float, float, bool]]) -> None:
    series = Series("s", [Point(*one) for one in points])
    rates, values = linear(max(one[0] for one in points)), logarithmic(max(one[1] for one in points), 1)
    drawn = chart("a", [series], rates, values, "ms", None)
    for x, y in re.findall(r"([-\d.]+),([-\d.]+)", re.findall(r'points="([^"]*)"', drawn)[0]):
        assert 0 <= float(x) <= WIDTH
        assert 0 <= float(y) <= HEIGHT


def test_a_step_that_does_not_hold_has_another_mark() -> None:
    drawn = chart("a", [P99], linear(400), logarithmic(520, 0.1), "ms", 300)
    assert (drawn.count("<circle"), drawn.count("<path")) == (2, 1)
    assert "<title>p99: 520 ms at 400/s</title>" in drawn
    assert ">contract<" in drawn


def test_a_series_in_words() -> None:
    assert in_words(P99, "ms") == "p99: 4.25 ms at 100/s, 520 ms at 400/s"
    assert in_words(Series("p50", []), "ms") == "p50: no values"


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (4.256, "4.26"), (512.4, "512"), (12_000.0, "12,000")])
def test_amounts(value: float, text: str) -> None:
    assert amount(value) == text
