# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.cpus import (
    ONLINE_CPUS,
    cpu_list,
    cpu_mask,
    listed_cpus,
    listing,
    online_cpus,
    parse_cpu_list,
    parse_cpu_mask,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from hypothesis import given
from hypothesis import strategies as st

CPUS = st.frozensets(st.integers(min_value=0, max_value=300), max_size=40)


@given(CPUS)
def test_lists_and_masks_survive_a_round_trip(cpus: frozenset[int]) -> None:
    assert parse_cpu_mask(cpu_mask(cpus)) == cpus
    if cpus:
        assert parse_cpu_list(cpu_list(cpus)) == cpus


@pytest.mark.parametrize(
    ("cpus", "text", "mask"),
    [
        (set(), "none", "00000000"),
        ({0}, "0", "00000001"),
        ({0, 1, 2, 8}, "0-2,8", "00000107"),
        ({31, 32}, "31-32", "00000001,80000000"),
    ],
)
def test_spellings(cpus: set[int], text: str, mask: str) -> None:
    assert (cpu_list(frozenset(cpus)), cpu_mask(frozenset(cpus))) == (text, mask)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0-1\n", {0, 1}),
        ("0\n", {0}),
        ("0-3,8-11\n", {*range(4), *range(8, 12)}),
        ("3,0-1,2", {0, 1, 2, 3}),
        ("8191", {8191}),
        *((text, None) for text in ("", "\n", "3-1", "0-x", "a", "1,,2", "-1", "0-", "8192", "0-99999", "none")),
    ],
)
def test_lists(text: str, expected: set[int] | None) -> None:
    assert parse_cpu_list(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0\n", set()), ("f\n", {0, 1, 2, 3}), ("00000001,00000000\n", {32}), ("", None), ("f-f\n", None)],
)
def test_masks(text: str, expected: set[int] | None) -> None:
    assert parse_cpu_mask(text) == expected


@given(st.text())
def test_any_text_is_parsed_or_none(text: str) -> None:
    for parse in (parse_cpu_list, parse_cpu_mask):
        parse(text)
        parse(f"0-{text}")


@pytest.mark.parametrize(
    ("text", "expected", "back"),
    [
        (None, None, None),
        ("\n", set(), ""),
        ("(null)\n", set(), ""),
        ("0,1,2,8\n", {0, 1, 2, 8}, "0-2,8"),
        ("x", None, None),
    ],
)
def test_what_the_kernel_lists(text: str | None, expected: set[int] | None, back: str | None) -> None:
    assert listed_cpus(text) == expected
    assert listing(listed_cpus(text)) == back


def test_online(tmp_path: Path) -> None:
    host = Host(str(tmp_path))
    assert online_cpus(host) == frozenset()
    path = tmp_path / ONLINE_CPUS[1:]
    path.parent.mkdir(parents=True)
    path.write_text("0-3\n")
    assert online_cpus(host) == {0, 1, 2, 3}
    path.write_text("offline\n")
    assert online_cpus(host) == frozenset()
