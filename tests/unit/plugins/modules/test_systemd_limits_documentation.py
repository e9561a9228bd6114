# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of systemd_limits held against what it takes. The file is read, as it needs ansible to run."""

from __future__ import annotations

import ast
from pathlib import Path

from ansible_collections.siptune.linux.plugins.module_utils._core.change import STATES
from ansible_collections.siptune.linux.plugins.module_utils._core.setting import RULES
from ansible_collections.siptune.linux.plugins.module_utils._systemd.directives import DEPRECATED, DIRECTIVES

MODULE = Path(__file__).parents[4] / "plugins/modules/systemd_limits.py"


def constant(name: str) -> str:
    for node in ast.parse(MODULE.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return str(ast.literal_eval(node.value))
    raise AssertionError(f"no {name}")


def test_every_directive_and_every_rule_is_documented() -> None:
    text = constant("DOCUMENTATION")
    assert [name for name in (*DIRECTIVES, *DEPRECATED, *RULES) if f"V({name})" not in text] == []


def test_every_state_is_documented() -> None:
    assert [state for state in STATES if f"V({state})" not in constant("RETURN")] == []
