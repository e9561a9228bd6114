# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole run of all layers would do on EL 8 to 10, Ubuntu 22.04 to 26.04 and arm64."""

from __future__ import annotations

import sys
from typing import Any

import pytest

if sys.version_info < (3, 11):
    pytest.skip("the roles' data is read on the controller, from Python 3.11 on", allow_module_level=True)

from ansible_collections.siptune.linux.plugins.module_utils._core.undo import all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS
from ansible_collections.siptune.linux.plugins.modules.tune import tune
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layer_check import checked_variables
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import for_profile, load_layer

from .builder import RecordedHost
from .hosts import Recorded
from .kernels import GIBIBYTE

CONTRACT = {"sip_datagrams_per_second": 20000, "concurrent_calls": 2000, "registrations": 50000}
# What no host has before its firewall is used.
CONNTRACK = "net.netfilter.nf_conntrack"


def run(host: RecordedHost, profile: str = "modern", **variables: Any) -> list[dict[str, Any]]:
    """The items of a run in check mode, as siptune.linux.tune makes them. Raises TuningError if it would fail."""
    checked = checked_variables(LAYERS, {"siptune_profile": profile, **variables})
    layers = [
        {
            "name": name,
            "catalogue": for_profile(load_layer(name).catalogue, profile),
            "interfaces": for_profile(load_layer(name).interfaces, profile),
        }
        for name in LAYERS
    ]
    params = {"layers": layers, "variables": checked, "each_for_itself": False}
    results = all_or_nothing(lambda log: tune(host, log, params, True))[1]
    return [item for result in results for item in result.items()]


@pytest.mark.parametrize("contract", [{}, CONTRACT], ids=["no contract", "a contract"])
@pytest.mark.parametrize("profile", ["modern", "classic"])
def test_a_run_goes_through(host: RecordedHost, profile: str, contract: dict[str, int]) -> None:
    items = run(host, profile, siptune_capacity=contract)
    assert {item["state"] for item in items} <= {"ok", "changed", "kept", "absent", "pending", "shadowed"}


def test_nothing_of_the_distribution_has_the_last_word_over_a_stock_run(host: RecordedHost) -> None:
    """TuneD aside, which is looked at by itself, and the buffers that the daemons' own configuration keeps small."""
    shadowed = [item for item in run(host) if item["state"] == "shadowed"]
    assert [item for item in shadowed if not item["item"].endswith(" maxbuffer")] == []


def test_what_a_distribution_lacks_is_absent(host: RecordedHost, recorded: Recorded) -> None:
    absent = {item["item"] for item in run(host) if item["state"] == "absent" and "maxbuffer" not in item["item"]}
    expected = set()
    if recorded.systemd < 243:
        expected |= {"kamailio.service OOMPolicy", "opensips.service OOMPolicy"}
    if "fs/protected_fifos" not in recorded.keys:
        expected |= {"fs.protected_fifos", "fs.protected_regular"}
    assert {name for name in absent if not name.startswith(CONNTRACK)} == expected
    assert any(name.startswith(CONNTRACK) for name in absent) is ("net/nf_conntrack_max" not in recorded.keys)


@pytest.mark.parametrize("contract", [{}, CONTRACT], ids=["no contract", "a contract"])
def test_no_floor_of_the_catalogue_lowers_a_default(host: RecordedHost, contract: dict[str, int]) -> None:
    floors = [item for item in run(host, siptune_capacity=contract) if (item["wanted"] or "").startswith("at least")]
    assert len(floors) > 20
    for item in floors:
        before, after, at_boot = (_numbers(item[field]) for field in ("before", "after", "at_boot"))
        for value in filter(None, (after, at_boot)):
            assert all(one >= other for one, other in zip(value, before)), item


def _numbers(text: str | None) -> list[int]:
    words = (text or "").replace(":", " ").split()
    return [int(word) for word in words] if all(word.isdecimal() for word in words) else []


def test_the_buffers_of_sip_sockets_do_not_depend_on_the_size_of_a_page(host: RecordedHost) -> None:
    """An eighth of udp_mem, which counts pages, is 48 MiB on each of them, and memory / 200 is 40 MiB."""
    items = {item["item"]: item for item in run(host, siptune_capacity=CONTRACT)}
    assert int(items["net.core.rmem_max"]["after"]) >= 8 * GIBIBYTE // 200 // 1024 * 1024
