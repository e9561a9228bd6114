# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of daemon_pools compared with its arguments. The file is parsed, as importing it needs ansible."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import READONLY, STATES
from ansible_collections.siptune.linux.plugins.module_utils._core.setting import FIELDS, RULES
from ansible_collections.siptune.linux.plugins.module_utils._pools.settings import KINDS, parse_pools

MODULE = Path(__file__).parents[4] / "plugins/modules/daemon_pools.py"


def constant(name: str) -> str:
    for node in ast.parse(MODULE.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return str(ast.literal_eval(node.value))
    raise AssertionError(f"no {name}")


def test_every_pool_field_and_rule_is_documented() -> None:
    text = constant("DOCUMENTATION")
    assert [name for name in (*KINDS, *RULES) if f"V({name})" not in text] == []
    assert [name for name in FIELDS if f"C({name})" not in text] == []


def test_every_state_is_documented() -> None:
    assert [state for state in STATES if state != READONLY and f"V({state})" not in constant("RETURN")] == []


def test_the_examples_are_valid() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not there with the oldest Python")
    tasks = yaml.safe_load(constant("EXAMPLES"))
    assert [len(parse_pools(task["siptune.linux.daemon_pools"].get("pools", {}))) for task in tasks] == [2, 1, 0]
