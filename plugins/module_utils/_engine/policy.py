# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user rules out: the options `missing: fail` and `shadowed: fail` of all modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .._core.change import SHADOWED, Change, TuningError

FAIL = "fail"
CHOICES = ("report", FAIL)


class NotAcceptableError(TuningError):
    """The plan holds items in a state that the user wants to fail on."""

    def __init__(self, changes: Iterable[Change]) -> None:
        super().__init__("; ".join(f"{change.item} is {change.state}: {change.reason}" for change in changes))


def check_acceptable(
    changes: Iterable[Change], params: Mapping[str, Any], is_missing: Callable[[Change], bool]
) -> None:
    """Raises NotAcceptableError for the items that the module's parameters `missing` and `shadowed` rule out.

    `is_missing` tells of which items the host lacks what they need.
    """
    found = [
        change
        for change in changes
        if (params["missing"] == FAIL and is_missing(change))
        or (params["shadowed"] == FAIL and change.state == SHADOWED)
    ]
    if found:
        raise NotAcceptableError(found)
