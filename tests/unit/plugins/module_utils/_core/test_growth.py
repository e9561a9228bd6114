# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.growth import grown, growth
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("before", "after", "bits", "expected"),
    [
        ({"a": 1}, {"a": 5}, None, {"a": 4}),
        ({}, {"new": 5}, None, {"new": 5}),
        ({"gone": 5}, {}, None, {}),
        ({"a": 100}, {"a": 7}, None, {"a": 7}),
        ({"a": 0xFFFFFFFE}, {"a": 3}, 32, {"a": 5}),
        ({"a": 1000}, {"a": 3}, 32, {"a": 3}),
        ({0: 5, 1: 9}, {0: 7, 1: 2, 2: 4}, None, {0: 2, 1: 2, 2: 4}),
    ],
    ids=["grown", "new", "gone", "made anew", "around", "made anew, 32 bits", "by processor"],
)
def test_growth(before: dict, after: dict, bits: int | None, expected: dict) -> None:
    assert growth(before, after, bits=bits) == expected


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**31 - 1))
def test_growth_survives_the_end_of_32_bits(before: int, added: int) -> None:
    assert grown(before, (before + added) % 2**32, 32) == added
