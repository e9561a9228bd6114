# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All formulas that a catalogue may name, by their names."""

from __future__ import annotations

from .._layers import sizing, sizing_services

FORMULAS: dict[str, sizing.Sizing] = {**sizing.FORMULAS, **sizing_services.FORMULAS}
