# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All formulas that a catalogue may name, by their names."""

from __future__ import annotations

from .sizing import FORMULAS as KERNEL_FORMULAS
from .sizing import Sizing
from .sizing_services import FORMULAS as SERVICE_FORMULAS

FORMULAS: dict[str, Sizing] = {**KERNEL_FORMULAS, **SERVICE_FORMULAS}
