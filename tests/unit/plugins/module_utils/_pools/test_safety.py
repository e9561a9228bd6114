# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._pools.safety import check_names
from ansible_collections.siptune.linux.plugins.module_utils._pools.settings import PoolsError
from pool_hosts import FLOOR, MIB, NAME, planned, unit


@pytest.mark.parametrize(
    ("pools", "memory_mib", "unit_mib", "reason"),
    [
        ({"shared_mib": 1021}, 1024, None, "would have 1025 MiB, and the memory of this host is 1024 MiB"),
        ({"shared_mib": 500, "private_mib": 13}, 1024, 512, "would have 513 MiB, and MemoryMax of the unit is 512 MiB"),
        ({"private_mib": 500}, 1024, 512, "private_mib: both pools"),
    ],
)
def test_pools_that_do_not_fit(pools: dict[str, Any], memory_mib: int, unit_mib: int | None, reason: str) -> None:
    most = None if unit_mib is None else unit_mib * MIB
    with pytest.raises(PoolsError) as caught:
        planned(pools, unit(memory_max=most), memory_bytes=memory_mib * MIB)
    assert reason in str(caught.value)


def test_pools_that_just_fit() -> None:
    assert planned({"shared_mib": 1020}, unit(memory_max=1024 * MIB)).changed
    assert planned({"shared_mib": 5000}, unit(), memory_bytes=None).changed


def test_a_pool_of_somebody_else_is_not_refused() -> None:
    assert not planned(FLOOR, unit(memory_max=MIB)._replace(running=None), "S_MEMORY=500\n").changed


def test_an_image_is_not_checked_against_the_machine_that_builds_it() -> None:
    assert planned({"shared_mib": 5000}, unit(), systemd_running=False).changed


def test_a_unit_under_two_names_is_refused() -> None:
    units = [unit(), unit(asked="proxy.service")]
    check_names(units[:1] * 2)
    with pytest.raises(PoolsError) as caught:
        check_names(units)
    assert caught.value.item == "proxy.service"
    assert str(caught.value) == f"proxy.service: is named twice, also as {NAME}: both are {NAME}"
