# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import ItemError, TuningError
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import (
    RefusedError,
    UndoLog,
    all_or_nothing,
    refusal,
)


def test_effects_are_undone_newest_first() -> None:
    done: list[str] = []
    log = UndoLog()
    for name in ("first", "second", "third"):
        log.note(name, lambda name=name: done.append(name))
    assert log.undo() == (["third", "second", "first"], [])
    assert done == ["third", "second", "first"]


def test_one_failure_does_not_keep_the_rest_from_being_put_back() -> None:
    done: list[str] = []
    log = UndoLog()
    log.note("first", lambda: done.append("first"))
    log.note("second", lambda: 1 // 0)
    log.note("", lambda: done.append("untold"))
    undone, failed = log.undo()
    assert undone == ["first"]
    assert failed == ["second: integer division or modulo by zero"]
    assert done == ["untold", "first"]


def test_nothing_is_undone_twice() -> None:
    done: list[str] = []
    log = UndoLog()
    log.note("once", lambda: done.append("once"))
    log.undo()
    assert log.undo() == ([], [])
    assert done == ["once"]


def test_the_result_of_the_effects_is_returned() -> None:
    assert all_or_nothing(lambda log: 42) == 42


@pytest.mark.parametrize("error", [TuningError("no"), KeyboardInterrupt(), ValueError("a bug")], ids=repr)
def test_whatever_ends_the_effects_undoes_them(error: BaseException) -> None:
    there = set()

    def effects(log: UndoLog) -> None:
        log.note("a", lambda: there.discard("a"))
        there.add("a")
        raise error

    with pytest.raises(RefusedError if isinstance(error, TuningError) else type(error)):
        all_or_nothing(effects)
    assert there == set()


def test_the_refused_item_is_not_among_the_undone() -> None:
    error = RefusedError(ItemError("b", "is stuck"), ["b", "a"], [])
    assert (error.item, error.undone) == ("b", ["a"])
    result = refusal(error)
    assert result["msg"] == "b: is stuck. Everything this call had changed has been put back: a."
    assert result["undone"] == ["a"]
    assert [(item["item"], item["state"], item["reason"]) for item in result["items"]] == [("b", "refused", "is stuck")]


def test_a_call_that_changed_nothing_says_so() -> None:
    assert refusal(RefusedError(TuningError("bad input"), [], [])) == {"msg": "bad input. Nothing was changed."}


def test_items_that_could_not_be_put_back_are_named() -> None:
    assert refusal(RefusedError(TuningError("no"), ["a"], ["c: d", "e: f"])) == {
        "msg": "no. Could not be put back: c: d; e: f.",
        "undone": ["a"],
    }


def test_a_message_names_some_of_many_undone_items() -> None:
    error = RefusedError(TuningError("no"), list("abcdefgh"), [])
    assert refusal(error)["msg"].endswith("put back: a, b, c, d, e, f and 2 more.")
    assert refusal(error)["undone"] == list("abcdefgh")
