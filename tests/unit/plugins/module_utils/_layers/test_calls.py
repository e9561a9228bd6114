# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of small layers; those of the collection's own are in plugin_utils/test_layers.py."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._layers.calls import all_calls
from ansible_collections.siptune.linux.plugins.module_utils._layers.catalogue import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import Layer

WHY = "A proxy that swaps is late for its timers."
SHARED = {"siptune_profile": "modern", "siptune_state": "present", "siptune_capacity": {}}


def layer(name: str, key: str) -> Layer:
    defaults = {
        **SHARED,
        f"siptune_{name}_sysctl": {},
        f"siptune_{name}_sysctl_path": f"/etc/sysctl.d/90-siptune-{name}.conf",
        f"siptune_{name}_missing": "report",
        f"siptune_{name}_shadowed": "report",
    }
    entry = {"extra": True, "classic": None, "modern": {"value": 10, "rule": "at_most"}, "why": WHY}
    return Layer(name, {key: entry}, defaults, {})


MEMORY = layer("memory", "vm.swappiness")


@pytest.mark.parametrize(
    ("variables", "settings"),
    [
        pytest.param({}, {"vm.swappiness": {"value": 10, "rule": "at_most", "why": WHY}}, id="modern"),
        pytest.param({"siptune_profile": "classic"}, {}, id="classic"),
        pytest.param({"siptune_memory_sysctl": {"vm.swappiness": None}}, {}, id="left alone"),
        pytest.param({"siptune_state": "absent"}, {}, id="put back"),
    ],
)
def test_a_layer_of_the_kernel_is_one_call(variables: dict[str, Any], settings: dict[str, Any]) -> None:
    (call,) = all_calls([MEMORY], variables, {})
    assert call.as_given() == {
        "name": "memory",
        "module": "sysctl_bulk",
        "arguments": {
            "path": "/etc/sysctl.d/90-siptune-memory.conf",
            "state": variables.get("siptune_state", "present"),
            "missing": "report",
            "shadowed": "report",
            "settings": settings,
        },
    }


def test_two_layers_after_one_key_are_refused() -> None:
    with pytest.raises(CatalogueError, match=r"vm\.swappiness: both the memory and the fs layer set it"):
        all_calls([MEMORY, layer("fs", "vm.swappiness")], {}, {})
