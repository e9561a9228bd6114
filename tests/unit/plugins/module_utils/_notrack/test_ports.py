# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._notrack.ports import (
    ALL_PORTS,
    HIGHEST,
    NO_PORTS,
    common,
    inverted,
    merged,
    render,
    without,
)
from hypothesis import given
from hypothesis import strategies as st

PORT = st.integers(0, HIGHEST)
RANGES = st.lists(st.tuples(PORT, PORT).map(sorted).map(tuple), max_size=8)


def numbers(ranges: object) -> set[int]:
    return {port for first, last in ranges for port in range(first, last + 1)}  # type: ignore[attr-defined]


@given(RANGES, RANGES)
def test_they_are_sets(one: list, other: list) -> None:
    left, right = merged(one), merged(other)
    assert numbers(left) == numbers(one)
    assert all(first[1] + 1 < second[0] for first, second in zip(left, left[1:]))
    assert numbers(common(left, right)) == numbers(one) & numbers(other)
    assert without(left, right) == merged(without(left, right))
    assert numbers(without(left, right)) == numbers(one) - numbers(other)
    assert inverted(inverted(left)) == left


def test_the_ends() -> None:
    assert inverted(NO_PORTS) == ALL_PORTS
    assert inverted(ALL_PORTS) == NO_PORTS
    assert render(((5060, 5060), (10000, 20000))) == "5060, 10000-20000"
