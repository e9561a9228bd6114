# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formulas of the service layer: tables from their definitions, and what must hold for any host."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._layers.sizing_services import FORMULAS, PROCESSES_OF_PROXY
from hypothesis import given
from hypothesis import strategies as st

MIB = 1024**2
GIB = 1024**3


def size(name: str, host: dict[str, Any], capacity: dict[str, int]) -> Any:
    return FORMULAS[name].formula(host, capacity, {})


@pytest.mark.parametrize(
    ("formula", "host", "capacity", "wanted"),
    [
        pytest.param("open_files_of_proxy", {}, {}, 65536, id="proxy, nothing known"),
        pytest.param("open_files_of_proxy", {}, {"registrations": 50000}, 100304, id="proxy, 2 * 50000 + 64 + 4 * 60"),
        pytest.param(
            "open_files_of_proxy", {"nr_open": 1048576}, {"registrations": 9_999_999}, 1048576, id="proxy, nr_open"
        ),
        pytest.param("open_files_of_proxy", {"nr_open": 20000}, {}, 20000, id="proxy, a low nr_open"),
        pytest.param("open_files_of_media_relay", {}, {}, 150000, id="relay, its package"),
        pytest.param("open_files_of_media_relay", {}, {"concurrent_calls": 15000}, 150000, id="relay, as many"),
        pytest.param("open_files_of_media_relay", {}, {"concurrent_calls": 20000}, 200000, id="relay, more"),
        pytest.param("open_files_of_recorder", {}, {"concurrent_calls": 5000}, 100000, id="recorder, its package"),
        pytest.param("open_files_of_recorder", {}, {"concurrent_calls": 10000}, 140000, id="recorder, more"),
        pytest.param("open_files_of_media_server", {}, {}, 65536, id="server, nothing known"),
        pytest.param(
            "open_files_of_media_server", {}, {"concurrent_calls": 5000}, 104096, id="server, 20 * 5000 + 4096"
        ),
        pytest.param("tasks_of_media_server", {}, {}, None, id="tasks, nothing known"),
        pytest.param("tasks_of_media_server", {}, {"concurrent_calls": 0}, None, id="tasks, no calls"),
        pytest.param("tasks_of_media_server", {}, {"concurrent_calls": 2000}, 9000, id="tasks, 4 * 2000 + 1000"),
        pytest.param("shared_pool_mib", {"memory_bytes": 8 * GIB}, {}, 64, id="shared, nothing known"),
        # 1.5 * (64 MiB + 100000 * 2560)
        pytest.param(
            "shared_pool_mib", {"memory_bytes": 64 * GIB}, {"registrations": 100_000}, 462, id="shared, users"
        ),
        # 1.5 * (64 MiB + 100 * 2 * 40 * 8192)
        pytest.param(
            "shared_pool_mib", {"memory_bytes": 64 * GIB}, {"call_setups_per_second": 100}, 189, id="shared, rate"
        ),
        # 1.5 * (64 MiB + 20000 * 4096)
        pytest.param(
            "shared_pool_mib", {"memory_bytes": 64 * GIB}, {"concurrent_calls": 20000}, 213, id="shared, calls"
        ),
        pytest.param("shared_pool_mib", {"memory_bytes": GIB}, {"registrations": 100_000}, 256, id="shared, a quarter"),
        pytest.param("shared_pool_mib", {}, {"registrations": 100_000}, 64, id="shared, memory unknown"),
        pytest.param("private_pool_mib", {"memory_bytes": 64 * GIB}, {}, 8, id="private, nothing known"),
        pytest.param("private_pool_mib", {"memory_bytes": 64 * GIB}, {"registrations": 9999}, 8, id="private, few"),
        pytest.param("private_pool_mib", {"memory_bytes": 64 * GIB}, {"registrations": 10000}, 16, id="private, many"),
        pytest.param(
            "private_pool_mib", {"memory_bytes": 64 * GIB}, {"registrations": 100_000}, 32, id="private, most"
        ),
        pytest.param(
            "private_pool_mib", {"memory_bytes": 4 * GIB}, {"registrations": 100_000}, 16, id="private, halved"
        ),
        pytest.param("private_pool_mib", {"memory_bytes": GIB}, {"registrations": 100_000}, 8, id="private, the floor"),
    ],
)
def test_a_formula_gives(formula: str, host: dict, capacity: dict, wanted: int | None) -> None:
    assert size(formula, host, capacity) == wanted


figures = st.integers(min_value=0, max_value=9_999_999)
hosts = st.fixed_dictionaries(
    {},
    optional={
        "memory_bytes": st.none() | st.integers(min_value=0, max_value=2**44),
        "nr_open": st.none() | st.integers(min_value=8, max_value=2**30),
    },
)
capacities = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["concurrent_calls", "call_setups_per_second", "registrations"], figures)
)


@given(hosts, capacities)
def test_no_limit_on_files_is_above_what_the_kernel_gives(host: dict, capacity: dict) -> None:
    for name in FORMULAS:
        if name.startswith("open_files"):
            assert 0 < size(name, host, capacity) <= (host.get("nr_open") or 2**31)


@given(hosts, capacities)
def test_pools_leave_half_of_the_memory_to_others(host: dict, capacity: dict) -> None:
    shared, private = size("shared_pool_mib", host, capacity), size("private_pool_mib", host, capacity)
    assert shared >= 64
    assert private in (8, 16, 32)
    if shared > 64 or private > 8:
        assert shared * MIB <= max(64 * MIB, host["memory_bytes"] // 4)
    if private > 8:
        assert (shared + private * PROCESSES_OF_PROXY) * MIB <= host["memory_bytes"] // 2


@given(hosts, capacities, st.sampled_from(["concurrent_calls", "call_setups_per_second", "registrations"]), figures)
def test_more_load_never_means_less_room(host: dict, capacity: dict, name: str, more: int) -> None:
    grown = {**capacity, name: capacity.get(name, 0) + more}
    for formula in FORMULAS.keys() - {"private_pool_mib"}:  # it gives way to the shared pool
        assert (size(formula, host, capacity) or 0) <= (size(formula, host, grown) or 0)
