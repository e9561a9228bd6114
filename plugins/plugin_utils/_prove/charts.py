# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts against the rate as SVG, which a style sheet colours: no script, nothing to load, and words for all of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .._reports.markup import Markup, element, together
from .document import rate_text

WIDTH, HEIGHT = 440, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 22, 26, 40  # the margins of the plot: room for the axes' figures
RADIUS = 3.5  # of a point
DIGIT, GAP = 4, 18  # from an axis to its figures
NICE = (1, 2, 2.5, 5, 10)
FEW_TICKS = 4


class Point(NamedTuple):
    """A step in a chart: the rate, the value, and whether the step holds."""

    rate: float
    value: float
    holds: bool


class Series(NamedTuple):
    """Points of one kind, in any order."""

    name: str
    points: Sequence[Point]


class Axis(NamedTuple):
    """What an axis shows: where a value lies, from 0 to 1, and its ticks."""

    place: Callable[[float], float]
    ticks: Sequence[float]


def linear(most: float, least_most: float = 1) -> Axis:
    """An axis from 0 to a round number that is not below these."""
    most = max(most, least_most)
    step = 10 ** math.floor(math.log10(most / FEW_TICKS))
    step *= next(factor for factor in NICE if factor * step * FEW_TICKS >= most * (1 - 1e-9))
    end = math.ceil(most / step - 1e-9) * step
    return Axis(lambda value: value / end, [step * number for number in range(round(end / step) + 1)])


def logarithmic(most: float, first: float) -> Axis:
    """An axis from 0, by powers of ten from `first` on. What lies between 0 and `first` lies near the beginning."""
    powers = [0.0, first]
    while powers[-1] < most:
        powers.append(powers[-1] * 10)
    whole = math.log10(1 + powers[-1] / first)
    return Axis(lambda value: math.log10(1 + value / first) / whole, powers)


def chart(label: str, series: Sequence[Series], rates: Axis, values: Axis, unit: str, contract: float | None) -> Markup:
    """A chart of these series; `label` says what it is of, to those who hear it."""
    drawn = [
        _grid(rates, values),
        _contract(rates, contract),
        *(_series(number, one, rates, values, unit) for number, one in enumerate(series, 1)),
    ]
    words = "; ".join(filter(None, (label, *(in_words(one, unit) for one in series))))
    return element("svg", *drawn, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=words, class_="chart")


def in_words(series: Series, unit: str) -> str:
    """A series for those who do not see it: where it begins, where it is highest, and where it ends."""
    points = sorted(series.points)
    if not points:
        return f"{series.name}: no values"
    chosen = dict.fromkeys((points[0], max(points, key=lambda one: one.value), points[-1]))
    return f"{series.name}: " + ", ".join(f"{amount(one.value)} {unit} at {rate_text(one.rate)}/s" for one in chosen)


def amount(value: float) -> str:
    """A value for people, with three digits or more."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _short(value: float) -> str:
    """A tick's figure: 2,500 as 2.5k."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _x(axis: Axis, rate: float) -> float:
    return LEFT + axis.place(rate) * (WIDTH - LEFT - RIGHT)


def _y(axis: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - axis.place(value) * (HEIGHT - TOP - BOTTOM)


def _grid(rates: Axis, values: Axis) -> Markup:
    floor = HEIGHT - BOTTOM
    lines = [
        together(
            _line(LEFT, _y(values, tick), WIDTH - RIGHT, _y(values, tick)),
            _words(LEFT - 2 * DIGIT, _y(values, tick) + DIGIT, _short(tick), "end"),
        )
        for tick in values.ticks
    ]
    figures = [_words(_x(rates, tick), floor + GAP, _short(tick), "middle") for tick in rates.ticks]
    name = _words(WIDTH - RIGHT, HEIGHT - DIGIT, "rate, a second", "end")
    return element("g", *lines, *figures, name, class_="grid")


def _contract(rates: Axis, contract: float | None) -> Markup | None:
    if contract is None:
        return None
    place = _x(rates, contract)
    return element(
        "g",
        _line(place, TOP - DIGIT, place, HEIGHT - BOTTOM),
        _words(place, TOP - 2 * DIGIT, "contract", "end" if place > WIDTH / 2 else "start"),
        class_="contract",
    )


def _series(number: int, series: Series, rates: Axis, values: Axis, unit: str) -> Markup:
    points = sorted(series.points)
    places = [(_x(rates, one.rate), _y(values, one.value)) for one in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    marks = [
        _mark(x, y, one.holds, f"{series.name}: {amount(one.value)} {unit} at {rate_text(one.rate)}/s")
        for (x, y), one in zip(places, points, strict=True)
    ]
    return element("g", element("polyline", points=path), *marks, class_=f"series s{number}")


def _mark(x: float, y: float, holds: bool, title: str) -> Markup:
    """A disc for a step that holds, a cross for one that does not."""
    if holds:
        return element("circle", element("title", title), cx=f"{x:.1f}", cy=f"{y:.1f}", r=RADIUS)
    arms = f"M{x - RADIUS:.1f} {y - RADIUS:.1f}l{2 * RADIUS} {2 * RADIUS}m0 {-2 * RADIUS}l{-2 * RADIUS} {2 * RADIUS}"
    return element("path", element("title", title), d=arms)


def _line(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return element("line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}")


def _words(x: float, y: float, words: str, anchor: str) -> Markup:
    return element("text", words, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)
