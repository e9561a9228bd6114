# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of all formulas."""

from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._layers import sizing, sizing_services
from ansible_collections.siptune.linux.plugins.module_utils._layers.formulas import FORMULAS


def test_no_name_stands_for_two_formulas() -> None:
    assert len(FORMULAS) == len(sizing.FORMULAS) + len(sizing_services.FORMULAS)


def test_each_formula_has_a_summary_and_a_docstring() -> None:
    assert all(one.summary and one.formula.__doc__ for one in FORMULAS.values())
