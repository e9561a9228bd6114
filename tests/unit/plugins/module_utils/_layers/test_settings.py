# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of each part of the collection's own layers."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("yaml", reason="the catalogues are YAML, which only the controller reads")

from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS, PARTS
from ansible_collections.siptune.linux.plugins.module_utils._layers.settings import layer_settings
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layer

HOST: dict[str, Any] = {"memory_bytes": 2**34, "systemd": 252, "swap": [{"kind": "disk"}]}


@pytest.mark.parametrize("name", LAYERS)
def test_each_part_of_a_layer_has_settings_and_none_when_it_is_put_back(name: str) -> None:
    layer = load_layer(name)
    assert tuple(layer_settings(layer, layer.defaults, HOST)) == PARTS[name]
    absent = layer_settings(layer, {**layer.defaults, "siptune_state": "absent"}, HOST)
    assert tuple(absent) == PARTS[name]
    assert not any(absent.values())


def test_a_formula_takes_the_options_of_its_role() -> None:
    layer = load_layer("network")
    variables = {**layer.defaults, "siptune_network_reserved_ports": ["8080"]}
    assert "8080" in layer_settings(layer, variables, HOST)[""]["net.ipv4.ip_local_reserved_ports"]["value"]
