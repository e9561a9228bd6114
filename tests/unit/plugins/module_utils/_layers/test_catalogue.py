# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a catalogue to settings: profiles, the capacity contract, the inventory's own settings."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._layers.catalogue import override, settings

CATALOGUE: dict[str, Any] = {
    "net.core.rmem_max": {
        "sources": "67108864",
        "classic": {"value": 67108864, "rule": "exact"},
        "modern": {"sized": "receive_buffer_max_bytes", "rule": "at_least"},
        "why": "Room for a burst.",
        "hazard": "stale SIP",
    },
    "vm.dirty_ratio": {"classic": {"value": 60, "rule": "exact"}, "modern": None, "why": "By bytes."},
    "vm.dirty_bytes": {
        "extra": True,
        "instead_of": "vm.dirty_ratio",
        "classic": None,
        "modern": {"value": 268435456, "rule": "exact"},
        "why": "Bytes.",
    },
    "vm.swappiness": {"classic": None, "modern": {"sized": "swappiness", "rule": "at_most"}, "why": "Calls first."},
}
RMEM_MAX = {"value": 4194304, "rule": "at_least", "why": "Room for a burst."}
DIRTY_BYTES = {"value": 268435456, "rule": "exact", "why": "Bytes."}


def choose(profile: str = "modern", capacity: Any = None, overrides: Any = None) -> dict[str, Any]:
    return settings(CATALOGUE, profile, {}, capacity or {}, overrides if overrides is not None else {}, {})


def test_modern_sizes_and_leaves_alone_what_a_formula_leaves_alone() -> None:
    assert choose() == {"net.core.rmem_max": RMEM_MAX, "vm.dirty_bytes": DIRTY_BYTES}


def test_the_order_is_the_same_with_the_entries_of_one_profile_alone() -> None:
    of_profile = {key: entry for key, entry in CATALOGUE.items() if entry["modern"] is not None}
    own = {"vm.swappiness": 5, "net.core.somaxconn": 1, "vm.dirty_ratio": 7}
    whole, part = (settings(one, "modern", {}, {}, own, {}) for one in (CATALOGUE, of_profile))
    assert list(whole) == list(part) == ["net.core.rmem_max", "vm.swappiness", "net.core.somaxconn", "vm.dirty_ratio"]


def test_modern_takes_the_capacity_into_account() -> None:
    host = {"memory_bytes": 2**36}
    sized = settings(CATALOGUE, "modern", host, {"sip_datagrams_per_second": "20000"}, {}, {})
    assert sized["net.core.rmem_max"]["value"] == 2**24


def test_classic_is_literal_and_warns() -> None:
    assert choose("classic") == {
        "net.core.rmem_max": {
            "value": 67108864,
            "rule": "exact",
            "why": "Room for a burst.",
            "hazard": "stale SIP",
        },
        "vm.dirty_ratio": {"value": 60, "rule": "exact", "why": "By bytes."},
    }


@pytest.mark.parametrize(
    ("override", "wanted"),
    [
        pytest.param(
            {"net.core.rmem_max": 8388608},
            {"value": 8388608, "rule": "exact", "why": "set in the inventory"},
            id="a plain value is exact",
        ),
        pytest.param(
            {"net.core.rmem_max": {"value": 8388608}},
            {"value": 8388608, "rule": "exact", "why": "set in the inventory"},
            id="so is one without a rule",
        ),
        pytest.param(
            {"net.core.rmem_max": {"value": 8388608, "rule": "at_least", "why": "Measured."}},
            {"value": 8388608, "rule": "at_least", "why": "Measured."},
            id="everything given",
        ),
        pytest.param(
            {"net/core/rmem_max": 8388608},
            {"value": 8388608, "rule": "exact", "why": "set in the inventory"},
            id="the other spelling is the same key",
        ),
        pytest.param({"net.core.rmem_max": None}, None, id="null leaves it alone"),
        pytest.param({"net/core/rmem_max": None}, None, id="null in the other spelling"),
    ],
)
@pytest.mark.parametrize("profile", ["modern", "classic"])
def test_the_inventory_has_the_last_word(override: dict, wanted: dict | None, profile: str) -> None:
    assert choose(profile, overrides=override).get("net.core.rmem_max") == wanted


def test_keys_beyond_the_catalogue_are_welcome() -> None:
    chosen = choose(overrides={"net.ipv4.conf.eth0/100.rp_filter": 2})
    assert chosen["net.ipv4.conf.eth0/100.rp_filter"]["value"] == 2
    assert list(chosen)[-1] == "net.ipv4.conf.eth0/100.rp_filter"


def test_a_ratio_of_ones_own_replaces_the_bytes() -> None:
    assert choose(overrides={"vm.dirty_ratio": 10}).keys() == {"net.core.rmem_max", "vm.dirty_ratio"}


def test_a_ratio_left_alone_does_not() -> None:
    assert choose(overrides={"vm.dirty_ratio": None})["vm.dirty_bytes"] == DIRTY_BYTES


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"capacity": {"calls": 5}}, "no figure 'calls', only call_setups_per_second, ", id="figure"),
        pytest.param({"profile": "fancy"}, "no profile 'fancy', only modern and classic", id="profile"),
        pytest.param({"overrides": ["net.core.rmem_max"]}, "must be a dictionary of keys", id="overrides are a list"),
        pytest.param({"overrides": {"../../etc/passwd": 1}}, "etc/passwd", id="a key that leads elsewhere"),
        pytest.param({"overrides": {"net.core.somaxconn": {"rule": "exact"}}}, "somaxconn: has no", id="no value"),
        pytest.param({"overrides": {"net.core.somaxconn": {"value": 1, "vaule": 2}}}, "no field vaule", id="typo"),
        pytest.param({"overrides": {"net.core.somaxconn": 1, "net/core/somaxconn": 2}}, "set twice", id="spellings"),
    ],
)
def test_a_mistake_is_named_in_one_line(arguments: dict, message: str) -> None:
    with pytest.raises(TuningError) as caught:
        choose(**arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("allowed", [True, False])
def test_an_override_may_say_that_it_is_irreversible(allowed: bool) -> None:
    own = override("kernel.yama.ptrace_scope", {"value": 3, "irreversible": allowed})
    assert own["irreversible"] is allowed
    assert "irreversible" not in override("kernel.yama.ptrace_scope", {"value": 3})
