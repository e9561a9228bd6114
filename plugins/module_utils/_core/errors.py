# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of all modules. Leaf code raises them; a module's main() turns any of them into one fail_json."""

from __future__ import annotations

from typing import Any

from .change import REFUSED, Change


class TuningError(Exception):
    """Why a call fails, in one line: bad input, or a host that refused. `item` is empty where no item is to blame."""

    item = ""

    def details(self) -> dict[str, Any]:
        """The arguments of fail_json beside the message."""
        return {}


class ItemError(TuningError):
    """An error that blames one item: a key, a unit's directive, a limit, an option of an interface, or a path."""

    def __init__(self, item: str, reason: str) -> None:
        super().__init__(f"{item}: {reason}")
        self.item = item
        self.reason = reason

    def details(self) -> dict[str, Any]:
        """The item as refused, with the reason."""
        return {"items": [Change(self.item, None, None, None, None, REFUSED, "", self.reason).as_item()]}
