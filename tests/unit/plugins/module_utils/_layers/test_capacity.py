# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of siptune_capacity."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError, parse_capacity


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"registrations": None, "concurrent_calls": 0}, {"concurrent_calls": 0}),
        ({"sip_datagrams_per_second": "20000"}, {"sip_datagrams_per_second": 20000}),
    ],
    ids=["nothing", "null is not given", "a figure in quotes"],
)
def test_figures(given: dict[str, Any], expected: dict[str, int]) -> None:
    assert parse_capacity(given) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"calls": 5}, "no figure 'calls', only call_setups_per_second, ", id="figure"),
        pytest.param({"registrations": -1}, "siptune_capacity.registrations: must be", id="negative"),
        pytest.param({"registrations": 1.5}, "not 1.5", id="fraction"),
        pytest.param({"registrations": True}, "not True", id="boolean"),
        pytest.param({"registrations": "many"}, "not 'many'", id="word"),
        pytest.param([5], "must be a dictionary", id="list"),
    ],
)
def test_a_mistake_is_named_in_one_line(given: Any, message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_capacity(given)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
