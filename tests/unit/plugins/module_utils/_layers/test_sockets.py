# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of sockets: profile, sizing, capacity contract and the inventory's own buffer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.catalogue import PROFILES
from ansible_collections.siptune.linux.plugins.module_utils._layers.sockets import receive_buffer
from ansible_collections.siptune.linux.plugins.module_utils._sockets.settings import parse_floor

yaml = pytest.importorskip("yaml", reason="the catalogues are YAML, which only the controller reads")

CATALOGUE = yaml.safe_load(
    (Path(__file__).resolve().parents[5] / "roles/network/vars/nics.yml").read_text(encoding="utf-8")
)
MIB = 1024**2
HOST: dict[str, Any] = {"memory_bytes": 8192 * MIB, "sip_daemons": [{"name": "kamailio", "installed": True}]}


def buffer(profile: str = "modern", host: Any = HOST, capacity: Any = None, override: object = None) -> Any:
    return receive_buffer(CATALOGUE, profile, host, capacity or {}, override)


def test_modern_is_sized_where_a_sip_daemon_is() -> None:
    assert (buffer()["value"], buffer()["rule"]) == (6 * MIB, "at_least")
    assert "retransmit" not in buffer()["why"]
    assert buffer(host={}) == {}
    assert buffer(host={**HOST, "sip_daemons": None}) == {}


def test_classic_leaves_sockets_alone() -> None:
    assert buffer("classic") == {}
    assert receive_buffer({"sockets": {}}, "classic", HOST, {}, None) == {}  # as a host is sent it


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("rate", [None, 0, 2000, 9_999_999])
def test_the_module_takes_what_the_catalogue_gives(profile: str, rate: int | None) -> None:
    parse_floor(buffer(profile, capacity={"sip_datagrams_per_second": rate}))


def test_a_contract_beyond_the_memory_says_so() -> None:
    assert "bounds it" not in buffer(capacity={"sip_datagrams_per_second": 2000})["why"]
    sized = buffer(capacity={"sip_datagrams_per_second": 100_000})
    assert sized["value"] < 100_000 * 2304
    assert sized["why"].endswith("The contract asks for 230400000 bytes, and the memory of this host bounds it.")


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (8192, {"value": 8192, "rule": "at_least", "why": "set in siptune_network_sip_receive_buffer"}),
        ({"value": 8192, "why": "Measured."}, {"value": 8192, "rule": "at_least", "why": "Measured."}),
        (0, {}),
        (False, {}),
        ("0", {}),
        ("no", {}),
    ],
)
def test_the_inventory_has_the_last_word(profile: str, override: object, expected: Any) -> None:
    assert buffer(profile, override=override) == expected


def test_bad_profiles_and_contracts_are_refused() -> None:
    with pytest.raises(CatalogueError, match="siptune_profile"):
        buffer("nosuch")
    with pytest.raises(CatalogueError, match="siptune_capacity"):
        buffer(capacity={"nosuch": 1})
