# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All layers together, before any of them acts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._layers.calls import all_calls
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS, Layer
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import for_profile, load_layer

LOADED = [load_layer(name) for name in LAYERS]
DEFAULTS = {name: value for layer in LOADED for name, value in layer.defaults.items()}
HOST: dict[str, Any] = {"memory_bytes": 2**34, "systemd": 252, "swap": [{"kind": "disk"}]}


@pytest.mark.parametrize("host", [HOST, {}], ids=["known", "nothing known"])
@pytest.mark.parametrize("profile", ["modern", "classic"])
def test_the_layers_get_along(profile: str, host: dict) -> None:
    all_calls(LOADED, {**DEFAULTS, "siptune_profile": profile}, host)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        pytest.param({"siptune_profile": "fancy"}, "network layer: siptune_profile", id="profile"),
        pytest.param({"siptune_fs_sysctl": {"vm.swappiness": 5}}, "both the memory and the fs layer", id="key"),
        pytest.param({"siptune_fs_sysctl": {"vm/swappiness": 5}}, "vm.swappiness: both the memory and", id="spelling"),
        pytest.param(
            {"siptune_fs_sysctl": {"vm.dirty_ratio": 5}, "siptune_memory_disk_write_bytes_per_second": 500_000_000},
            "exclude each other",
            id="pair across layers",
        ),
        pytest.param(
            {"siptune_fs_sysctl_path": "/etc/sysctl.d/90-siptune-memory.conf"}, "both the memory and the fs", id="file"
        ),
        pytest.param({"siptune_network_sysctl_path": "/etc/passwd"}, "network layer: /etc/passwd", id="path"),
        pytest.param({"siptune_network_reserved_ports": ["70000"]}, "70000", id="ports"),
        pytest.param({"siptune_network_nic_rings": {"eth0": {"rx": 0}}}, "nic_rings: eth0 rx: cannot be 0", id="ring"),
        pytest.param({"siptune_security_sysctl": {"a": 1}}, "security layer: 'a'", id="bad key in the last layer"),
    ],
)
def test_a_mistake_in_any_layer_is_found(variables: dict, message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        all_calls(LOADED, {**DEFAULTS, **variables}, HOST)
    assert message in str(caught.value)


def test_a_key_can_move_to_another_layer() -> None:
    moved = {"siptune_fs_sysctl": {"vm.swappiness": 5}, "siptune_memory_sysctl": {"vm.swappiness": None}}
    all_calls(LOADED, {**DEFAULTS, **moved}, HOST)


@pytest.mark.parametrize("profile", ["modern", "classic"])
def test_a_host_makes_the_same_calls_from_the_layers_that_it_is_sent(profile: str) -> None:
    catalogues = [
        (layer.name, for_profile(layer.catalogue, profile), for_profile(layer.interfaces, profile)) for layer in LOADED
    ]
    sent = json.loads(json.dumps(catalogues))
    variables = {**DEFAULTS, "siptune_profile": profile, "siptune_network_sysctl": {"net.core.somaxconn": 8192}}
    calls = all_calls(LOADED, variables, HOST)
    assert all_calls([Layer(*layer) for layer in sent], variables, HOST) == calls
    names = [call.name for call in calls]
    assert names[:3] == ["network", "network rings", "network links"]
    assert len(set(names)) == len(names)
