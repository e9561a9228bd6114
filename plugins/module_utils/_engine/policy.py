# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user rules out: the options `missing: fail` and `shadowed: fail` of all modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from .._core.change import SHADOWED, Change
from .._core.errors import TuningError

REPORT, FAIL = "report", "fail"
_ARGUMENT: dict[str, Any] = {"type": "str", "choices": [REPORT, FAIL], "default": REPORT}
POLICY_ARGUMENTS: dict[str, Any] = {"missing": _ARGUMENT, "shadowed": _ARGUMENT}


class NotAcceptableError(TuningError):
    """The plan holds items in a state that the user wants to fail on."""

    def __init__(self, changes: Iterable[Change]) -> None:
        super().__init__("; ".join(f"{change.item} is {change.state}: {change.reason}" for change in changes))


class Policy(NamedTuple):
    """Whether missing and shadowed items are only reported, or fail the call before anything is changed."""

    missing: str = REPORT
    shadowed: str = REPORT

    def check(self, changes: Iterable[Change], is_missing: Callable[[Change], bool]) -> None:
        """Raises NotAcceptableError for the items that the user has ruled out.

        `is_missing` says of an item whether the host lacks what it needs.
        """
        found = [
            change
            for change in changes
            if (self.missing == FAIL and is_missing(change)) or (self.shadowed == FAIL and change.state == SHADOWED)
        ]
        if found:
            raise NotAcceptableError(found)
