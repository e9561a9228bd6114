# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All or nothing: the undo log of a call, and the error of a call that was undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .errors import TuningError

MOST_NAMED = 6  # items put back that a message names; the result has all of them

Result = TypeVar("Result")


class UndoLog:
    """The steps that put a half-done call back, newest first.

    Each effect notes its undo step before it happens, so that an effect which fails half-way is
    undone too. One log can span several plans, which then succeed or fail together.
    """

    def __init__(self) -> None:
        self._steps: list[tuple[str, Callable[[], object]]] = []

    def note(self, name: str, undo: Callable[[], object]) -> None:
        """Remember how to undo the effect that comes next.

        `name` is the item in the user's words, empty for a step that needs no mention.
        """
        self._steps.append((name, undo))

    def undo(self) -> tuple[list[str], list[str]]:
        """Undo everything, newest first. Returns the items undone, and those that could not be, with the reason."""
        undone, failed = [], []
        while self._steps:
            name, undo = self._steps.pop()
            try:
                undo()
                undone += [name] if name else []
            except Exception as error:
                failed.append(f"{name}: {error}" if name else str(error))
        return undone, failed


class RefusedError(Exception):
    """A call that failed, and why. Everything is as it was before, except for `not_undone`.

    `item` is the refused item, which is not among the `undone` ones; it is empty where no change was refused.
    """

    def __init__(self, cause: TuningError, undone: list[str], not_undone: list[str]) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.item = cause.item
        self.undone = [name for name in undone if name != self.item]
        self.not_undone = not_undone


def all_or_nothing(effects: Callable[[UndoLog], Result]) -> Result:
    """The result of these effects; if one of them fails, all are undone. Raises RefusedError."""
    log = UndoLog()
    try:
        return effects(log)
    except TuningError as error:
        raise RefusedError(error, *log.undo()) from error
    except BaseException:
        log.undo()
        raise


def refusal(error: RefusedError) -> dict[str, Any]:
    """The arguments of fail_json for a call that failed."""
    if error.not_undone:
        ending = f"Could not be put back: {'; '.join(error.not_undone)}"
    elif error.undone:
        ending = f"Everything this call had changed has been put back: {_some(error.undone)}"
    else:
        ending = "Nothing was changed"
    details = error.cause.details()
    if error.item or error.undone:
        details["undone"] = error.undone
    return {"msg": f"{error}. {ending}.", **details}


def _some(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
