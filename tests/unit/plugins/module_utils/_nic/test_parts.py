# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of queues and interrupts as one text, and CPUs shared out among them."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.cpus import parse_cpu_list
from ansible_collections.siptune.linux.plugins.module_utils._nic.parts import (
    QUEUE_FILES,
    cpus_of,
    in_order,
    joined,
    shared_out,
    value_of,
)
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.dictionaries(
    st.from_regex(r"rx-[0-9]{1,3}", fullmatch=True), st.sampled_from(["none", "0-3", "7"]), min_size=1
)


def test_texts() -> None:
    assert joined({"rx-0": "0-1", "rx-1": "0-1"}) == "0-1"
    assert joined({"rx-0": "0-1", "rx-1": "none"}) == "rx-0=0-1 rx-1=none"
    assert value_of("rx-0=0-1 rx-1=none", "rx-2") is None


@given(VALUES)
def test_each_part_has_its_value_again(values: dict[str, str]) -> None:
    assert {part: value_of(joined(values), part) for part in values} == values


def test_parts_are_in_the_order_of_their_numbers() -> None:
    assert in_order(["rx-10", "rx-9", "rx"]) == ["rx", "rx-9", "rx-10"]


@pytest.mark.parametrize(
    ("cpus", "parts", "expected"),
    [
        ({0, 1, 2, 3}, ("tx-0", "tx-1"), {"tx-0": "0,2", "tx-1": "1,3"}),
        ({0, 1}, ("tx-0", "tx-1", "tx-2"), {"tx-0": "0", "tx-1": "1", "tx-2": "0"}),
        ({5}, ("24", "25"), {"24": "5", "25": "5"}),
    ],
)
def test_shared_out(cpus: set[int], parts: tuple[str, ...], expected: dict[str, str]) -> None:
    assert shared_out(frozenset(cpus), parts) == expected


@given(st.frozensets(st.integers(0, 300), min_size=1), st.integers(1, 40))
def test_every_part_has_a_cpu_and_no_cpu_is_left_out(cpus: frozenset[int], number: int) -> None:
    found = [parse_cpu_list(text) for text in shared_out(cpus, [f"tx-{place}" for place in range(number)]).values()]
    assert all(found)
    assert number > len(cpus) or frozenset().union(*filter(None, found)) == cpus


def test_contents_of_files() -> None:
    assert QUEUE_FILES["rps_cpus"].content("none") == "00000000"
    assert QUEUE_FILES["xps_cpus"].content("33") == "00000002,00000000"
    assert QUEUE_FILES["rps_flow_cnt"].content("4096") == "4096"
    with pytest.raises(ValueError, match="'x' is not a list of CPUs"):
        cpus_of("x")
