# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.rlimits import NUMBERS, POLICIES
from ansible_collections.siptune.linux.plugins.module_utils._systemd.directives import (
    AT_LEAST,
    AT_MOST,
    AT_RELOAD,
    AT_START,
    DEPRECATED,
    DIRECTIVES,
    EXACT,
    SHOWN_PROPERTIES,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd.names import SERVICE, SLICE
from ansible_collections.siptune.linux.plugins.module_utils._systemd.parsers import IgnoredError

LIMITS = {name for name, directive in DIRECTIVES.items() if directive.is_limit}


def test_every_limit_of_a_process_is_a_directive() -> None:
    assert set(NUMBERS) == LIMITS


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_a_limit_has_two_properties_a_floor_and_no_reset(name: str) -> None:
    directive = DIRECTIVES[name]
    assert directive.properties == (f"{name}Soft", name)
    assert (directive.in_force, directive.types, directive.resets) == (AT_START, (SERVICE,), False)
    assert directive.rules == (EXACT, AT_LEAST)


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("TasksMax", (EXACT, AT_LEAST)),
        ("Nice", (EXACT, AT_MOST)),
        ("OOMScoreAdjust", (EXACT, AT_MOST)),
        ("MemoryMax", (EXACT,)),
        ("Restart", (EXACT,)),
    ],
)
def test_rules(name: str, rules: tuple[str, ...]) -> None:
    assert DIRECTIVES[name].rules == rules


def test_slices_have_the_directives_of_control_groups() -> None:
    slices = {name for name, directive in DIRECTIVES.items() if SLICE in directive.types}
    assert slices == {"TasksMax", "MemoryMax", "MemoryHigh", "CPUWeight"}
    assert {DIRECTIVES[name].in_force for name in slices} == {AT_RELOAD}


def test_no_property_shows_two_directives() -> None:
    assert len(SHOWN_PROPERTIES) == len(set(SHOWN_PROPERTIES))


def test_a_priority_is_written_after_its_policy() -> None:
    order = list(DIRECTIVES)
    assert order.index("CPUSchedulingPolicy") < order.index("CPUSchedulingPriority")


def test_policies_are_read_by_name_and_by_number() -> None:
    parse = DIRECTIVES["CPUSchedulingPolicy"].parse
    assert all(parse(str(number)) == parse(name) == (name,) for number, name in POLICIES.items())


@pytest.mark.parametrize(("shares", "weight"), [("1024", "100"), ("2", "1"), ("262144", "10000"), ("512", "50")])
def test_shares_become_a_weight(shares: str, weight: str) -> None:
    name, translate = DEPRECATED["CPUShares"]
    assert (name, translate(shares)) == ("CPUWeight", weight)
    with pytest.raises(IgnoredError):
        translate("1")
