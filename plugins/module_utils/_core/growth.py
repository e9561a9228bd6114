# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much counters have grown between two readings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Part = TypeVar("Part")


def growth(before: Mapping[Part, int], after: Mapping[Part, int], *, bits: int | None = None) -> dict[Part, int]:
    """How much each part has grown between two readings.

    A part that is new has grown from nothing. One that reads less than before has begun again at zero: because it
    is full, if it has `bits` and that explains it, or else because what it belongs to has been made anew.
    """
    return {part: grown(before.get(part, 0), value, bits) for part, value in after.items()}


def grown(before: int, after: int, bits: int | None = None) -> int:
    """How much one count has grown, as `growth` of its part."""
    if after >= before:
        return after - before
    around = (after - before) % (1 << bits) if bits else after
    return around if bits and around < 1 << (bits - 1) else after
