# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a proof."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.settings import (
    PREFIX,
    ProveError,
    Settings,
    parse,
    warnings,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._site.names import PROVE
from hypothesis import given
from hypothesis import strategies as st

CONTRACT = {"siptune_capacity": {"call_setups_per_second": 50, "sip_datagrams_per_second": 900, "registrations": 3600}}
OF_REPORT = {f"{PREFIX}{word}" for word in ("directory", "query", "prometheus", "strict")}


def given_as(**variables: Any) -> dict[str, Any]:
    return {PREFIX + name: value for name, value in variables.items()}


def test_without_any_variable() -> None:
    found = parse({})
    assert (found.scenario, found.transport, found.max_rate, found.max_seconds) == ("options", "udp", 1000, 180)
    assert (found.patience_ms, found.load_seconds, found.stalled_ms) == (2000, 8, 0)
    assert found.contract is None
    assert "siptune_capacity.sip_datagrams_per_second is not given" in warnings(found, {})[0]


def test_every_variable_is_known_by_name() -> None:
    derived = {"contract"}
    fields = {PREFIX + name for name in Settings._fields if name not in derived}
    assert fields | OF_REPORT == set(PROVE)


@pytest.mark.parametrize(
    ("scenario", "rate", "unit", "ceiling"),
    [
        ("options", 900.0, "messages per second", 1800),
        ("register", 2.0, "registrations per second", 10),
        ("invite", 50.0, "calls per second", 100),
        ("invite_media", 50.0, "calls per second", 100),
    ],
)
def test_the_contract_of_each_scenario(scenario: str, rate: float, unit: str, ceiling: int) -> None:
    found = parse({**CONTRACT, **given_as(scenario=scenario)})
    assert found.contract is not None
    assert (found.contract["rate"], found.contract["unit"], found.max_rate) == (rate, unit, ceiling)
    assert found.contract["from"].startswith("siptune_capacity.")
    assert warnings(found, CONTRACT) == []


def test_a_contract_without_this_figure_is_said() -> None:
    variables = {"siptune_capacity": {"concurrent_calls": 5}}
    found = parse(variables)
    assert found.contract is None
    assert "sip_datagrams_per_second has no figure" in warnings(found, variables)[0]


def test_a_ceiling_below_the_contract_is_said() -> None:
    found = parse({**CONTRACT, **given_as(max_rate=10)})
    assert "below the contract" in warnings(found, CONTRACT)[0]


def test_a_stall_has_room_and_patience() -> None:
    found = parse(given_as(stall=True, stall_ms=4000))
    assert (found.stalled_ms, found.load_seconds, found.patience_ms) == (4000, 12, 6000)


@pytest.mark.parametrize(
    "variables",
    [
        given_as(scenario="calls"),
        given_as(transport="sctp"),
        given_as(port=0),
        given_as(port="sip"),
        given_as(max_rate=0),
        given_as(max_rate=-5),
        given_as(max_rate="0.5"),
        given_as(max_rate=True),
        given_as(max_rate=20_001),
        given_as(max_seconds=0),
        given_as(step_seconds=-1),
        given_as(max_retransmissions_percent=101),
        given_as(max_retransmissions_percent="-1"),
        given_as(max_p99_ms=0),
        given_as(max_p99_ms="fast"),
        given_as(stall="perhaps"),
        given_as(stall_ms=500),
        given_as(stall=True, stall_ms=0),
        given_as(stall=True, stall_ms=99_999),
        given_as(generator=""),
        given_as(generator=["gen1"]),
        given_as(accepted=[100]),
        given_as(accepted="all"),
        given_as(accepted=[404], scenario="invite"),
        given_as(user="alice"),
        given_as(user="alice", password="x"),
        {"siptune_capacity": {"calls": 5}},
        {"siptune_capacity": {"sip_datagrams_per_second": -1}},
        {"siptune_capacity": "none"},
    ],
)
def test_what_cannot_be_used_is_refused_with_its_name(variables: dict[str, Any]) -> None:
    with pytest.raises(ProveError, match="siptune_"):
        parse(variables)


@given(
    st.dictionaries(
        st.sampled_from([name for name in PROVE if name not in OF_REPORT]),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=20),
            st.lists(st.integers(), max_size=3),
        ),
    )
)
def test_any_value_is_taken_or_refused_in_words(variables: dict[str, Any]) -> None:
    try:
        found = parse(variables)
    except ProveError:
        assert variables
    else:
        assert 1 <= found.max_rate <= 20_000
        assert found.load_seconds <= 60
