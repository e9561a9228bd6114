# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The diff of live values, for Ansible's --diff."""

from __future__ import annotations

from collections.abc import Iterable

from .change import Change
from .text import printable

NOT_SET = "not set"


def diff_live(changes: Iterable[Change], header: str = "live values") -> list[dict[str, str]]:
    """The live values that change, before and after; [] if none does."""
    moved = [change for change in changes if change.before != change.after]
    if not moved:
        return []
    return [
        {
            "before_header": header,
            "after_header": header,
            "before": "".join(_line(change.item, change.before) for change in moved),
            "after": "".join(_line(change.item, change.after) for change in moved),
        }
    ]


def _line(item: str, value: str | None) -> str:
    return printable(f"{item} = {NOT_SET if value is None else value}") + "\n"
