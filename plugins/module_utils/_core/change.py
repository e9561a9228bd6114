# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Change, the item of all plans, and its states.

A module observes the host, plans a list of Changes, applies them, and confirms the result. Check
mode, diff, audit and the real run share the plan; `Change.as_item` is the part that users see.
"""

from __future__ import annotations

from typing import Any, NamedTuple

OK = "ok"
CHANGED = "changed"
KEPT = "kept"
ABSENT = "absent"
READONLY = "readonly"
SHADOWED = "shadowed"
PENDING = "pending"
REFUSED = "refused"

CREATED = "created"  # what becomes of a file
REWRITTEN = "rewritten"
REMOVED = "removed"
FILE_CHANGES = (CREATED, REWRITTEN, REMOVED)

STATES = (OK, CHANGED, KEPT, ABSENT, READONLY, SHADOWED, PENDING, REFUSED)


class Change(NamedTuple):
    """One item of a plan: the wanted value, the host's value before and after, and why it is wanted.

    `before`, `after`, `at_boot` and `at_boot_before` are values as the host would print them, None for no value. The
    next boot sets `at_boot_before` as things stand, and `at_boot` after the call.
    `reason` explains a state that is neither ok nor changed; it never repeats `why`.
    """

    item: str
    wanted: Any
    before: Any
    after: Any
    at_boot: Any
    state: str
    why: str = ""
    reason: str = ""
    at_boot_before: Any = None

    def as_item(self) -> dict[str, Any]:
        """The dictionary that modules return in `items`."""
        return self._asdict()


class Outcome(NamedTuple):
    """The result of an applied plan: its changes, with the values that the host now has."""

    changes: list[Change]
    changed: bool
