# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of options, and how drivers round."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import (
    LINK_OPTIONS,
    OPTIONS,
    RING_OPTIONS,
    as_number,
    as_text,
    may_be_rounded,
    powers_around,
)
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.integers(min_value=1, max_value=2**31)


def test_the_two_modules_share_no_option() -> None:
    assert set(OPTIONS) == set(RING_OPTIONS) | set(LINK_OPTIONS)
    assert not set(RING_OPTIONS) & set(LINK_OPTIONS)


def test_options_of_structures_name_their_fields() -> None:
    for option in OPTIONS.values():
        structure = option.group.structure
        assert (structure is None) == (not option.field)
        if structure is not None:
            assert option.field in structure.fields
            assert (f"{option.field}_max" in structure.fields) == option.limited


@pytest.mark.parametrize(
    ("name", "number", "text"), [("rx", 512, "512"), ("pause_rx", 1, "on"), ("pause_rx", 0, "off")]
)
def test_texts(name: str, number: int, text: str) -> None:
    assert as_text(OPTIONS[name], number) == text
    assert as_number(OPTIONS[name], text) == number


@pytest.mark.parametrize(
    ("wanted", "live", "expected"),
    [
        (511, 512, True),
        (1001, 1008, True),
        (16, 48, True),
        (16, 64, True),
        (1000, 1024, True),
        (1000, 512, True),  # ENA
        (3000, 2048, True),
        (512, 256, False),
        (512, 1024, False),
        (1000, 2048, False),
        (1000, 999, False),
        (1001, 1000, False),
        (100, 64, True),  # a power of two below
        (200, 64, False),
        (0, 512, False),
    ],
)
def test_rounding(wanted: int, live: int, expected: bool) -> None:
    assert may_be_rounded(wanted, live) == expected


@given(NUMBERS)
def test_powers_are_around(number: int) -> None:
    below, above = powers_around(number)
    assert below <= number <= above <= 2 * below
    assert may_be_rounded(number, below)
    assert may_be_rounded(number, above)
