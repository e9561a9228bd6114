# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a host against the argument specifications of the roles."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("ansible.module_utils.common.arg_spec", reason="Ansible itself checks the variables")

from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import LAYERS
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layer_check import checked_variables, own_variables
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layer


def test_only_the_variables_of_the_layers_are_taken() -> None:
    known = {"siptune_profile": "classic", "siptune_fs_sysctl": {}, "siptune_serial": 1, "other": 2}
    assert own_variables(["memory"], known) == {"siptune_profile": "classic"}
    assert set(own_variables(["memory", "fs"], known)) == {"siptune_profile", "siptune_fs_sysctl"}


def test_what_is_not_given_has_its_default() -> None:
    defaults = {name: value for layer in LAYERS for name, value in load_layer(layer).defaults.items()}
    checked = checked_variables(LAYERS, {})
    filled_in = ("siptune_capacity", "siptune_machine")  # with null for each figure and fact
    assert {name: value for name, value in checked.items() if name not in filled_in} == {
        name: value for name, value in defaults.items() if name not in filled_in
    }


def test_values_get_their_types_as_the_command_line_gives_text() -> None:
    checked = checked_variables(["network"], {"siptune_disruptive": "true", "siptune_capacity": {"registrations": "7"}})
    assert checked["siptune_disruptive"] is True
    assert checked["siptune_capacity"]["registrations"] == 7
    machine = {"siptune_machine": {"memory": "16G"}, "siptune_machine__1": {"processors": "8"}}
    given = {"siptune_boot_only": "yes", **machine}
    checked = checked_variables(["fs"], given)
    assert checked["siptune_boot_only"] is True
    assert {name: value for name, value in checked["siptune_machine"].items() if value is not None} == {
        "memory": "16G",
        "processors": 8,
    }


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"siptune_profile": "fast"}, "network layer: value of siptune_profile must be one of"),
        ({"siptune_capacity": {"calls": 1}}, "siptune_capacity: there is no figure 'calls'"),
        ({"siptune_network_sysctl": 5}, "siptune_network_sysctl"),
        ({"siptune_machine": {"memory": "16 apples"}}, "siptune_machine.memory: must be a size"),
        ({"siptune_machine__rack": {"processors": 0}}, "siptune_machine.processors: must be from 1"),
        ({"siptune_machine": {"memory": "16G"}, "siptune_machine__rack": {"memory": "8G"}}, "memory"),
    ],
)
def test_a_mistake_is_named(variables: dict[str, Any], message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        checked_variables(["network"], variables)
    assert message in str(caught.value)
