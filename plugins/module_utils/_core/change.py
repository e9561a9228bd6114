# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one vocabulary of all modules: a Change, its states, an error, and the undo log that makes a call whole.

A module observes, plans a list of Changes, applies them, and confirms what the host took. Check
mode, diff, audit and the real run share the plan; `Change.as_item` is what users see of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

OK = "ok"
CHANGED = "changed"
KEPT = "kept"
ABSENT = "absent"
READONLY = "readonly"
SHADOWED = "shadowed"
PENDING = "pending"
REFUSED = "refused"

STATES = (OK, CHANGED, KEPT, ABSENT, READONLY, SHADOWED, PENDING, REFUSED)


class TuningError(Exception):
    """Why a call cannot be carried out, in one line that names the item: bad input, or a host that would not.

    Leaf code raises its own kind of it, and a module's main() turns any into one fail_json.
    """

    def details(self) -> dict[str, Any]:
        """What fail_json gets beside the message."""
        return {}


class Change(NamedTuple):
    """One item of a plan: what was wanted, what the host has, what it will have, and why.

    `before`, `after` and `at_boot` are values as the host would print them, or None where there is
    none. `reason` explains a state that is neither ok nor changed; it never repeats `why`.
    """

    item: str
    wanted: Any
    before: Any
    after: Any
    at_boot: Any
    state: str
    why: str = ""
    reason: str = ""

    def as_item(self) -> dict[str, Any]:
        """The dictionary that modules return in `items`."""
        return self._asdict()


class Outcome(NamedTuple):
    """What a plan that was carried out came to: its changes with what the host really took."""

    changes: list[Change]
    changed: bool


class UndoLog:
    """What it takes to put a half-done call back, newest first.

    Each effect notes its undoing before it happens, so that an effect which fails half-way is
    undone too. One log can span several plans, which then hold or fall together.
    """

    def __init__(self) -> None:
        self._steps: list[tuple[str, Callable[[], object]]] = []

    def note(self, what: str, undo: Callable[[], object]) -> None:
        """Remember how to undo the effect that comes next.

        `what` is how a person would name it, empty for a step that is not worth telling.
        """
        self._steps.append((what, undo))

    def undo(self) -> tuple[list[str], list[str]]:
        """Undo everything, newest first. Returns what was undone, and what could not be, with the reason."""
        undone, failed = [], []
        while self._steps:
            what, undo = self._steps.pop()
            try:
                undo()
                undone += [what] if what else []
            except Exception as error:
                failed.append(f"{what}: {error}" if what else str(error))
        return undone, failed
