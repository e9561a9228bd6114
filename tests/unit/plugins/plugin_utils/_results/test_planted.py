# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._results.planted import (
    operators_variables,
    planted,
    refusal,
    without_planted,
)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"siptune_host": {}, "kernel": "6.1"}, []),
        ({"siptune_profile": "x", "__siptune_rollout": {}}, ["__siptune_rollout", "siptune_profile"]),
        ({"siptune_host2": 1}, ["siptune_host2"]),
        ([], []),
        (None, []),
    ],
)
def test_names_among_facts(facts: Any, expected: list[str]) -> None:
    assert planted({"ansible_facts": facts, "siptune_serial": 1}) == expected


def test_a_refusal_names_host_and_variables() -> None:
    said = refusal("sbc1", ["siptune_a\x1b", *(f"siptune_{number}" for number in range(7))])
    assert said.startswith("sbc1: its facts hold siptune_a\\x1b, siptune_0, ")
    assert " and 2 more. " in said


def test_what_concerns_the_whole_play_is_taken_from_a_sound_host() -> None:
    sly = {
        "ansible_facts": {"siptune_serial": 9},
        "siptune_serial": 9,
        "siptune_hosts": "all",
        "inventory_hostname": "a",
    }
    sound = {"siptune_serial": 2, "siptune_confirm": True, "inventory_hostname": "b"}
    assert "siptune_serial" not in without_planted(sly)
    assert operators_variables(sly, sound) == {
        "ansible_facts": {"siptune_serial": 9},
        "siptune_serial": 2,
        "siptune_confirm": True,
        "siptune_hosts": "all",
        "inventory_hostname": "a",
    }
