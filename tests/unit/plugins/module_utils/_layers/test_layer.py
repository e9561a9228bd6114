# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of layers, parts and variables."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS, PARTS, Layer, call_name


def test_each_layer_has_parts_and_each_call_its_own_name() -> None:
    assert tuple(PARTS) == LAYERS
    names = [call_name(layer, part) for layer in LAYERS for part in PARTS[layer]]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("layer", "part", "expected"), [("memory", "", "memory"), ("network", "rings", "network rings")]
)
def test_a_call_has_the_name_of_its_part(layer: str, part: str, expected: str) -> None:
    assert call_name(layer, part) == expected


def test_the_options_of_a_layer_are_its_own_variables_without_the_prefix() -> None:
    variables = {"siptune_profile": "modern", "siptune_fs_sysctl": {}, "siptune_memory_sysctl": {"vm.swappiness": 1}}
    assert Layer("memory", {}).options(variables) == {"sysctl": {"vm.swappiness": 1}}
