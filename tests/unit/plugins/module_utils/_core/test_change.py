# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change, UndoLog


def test_an_item_has_what_users_are_promised() -> None:
    change = Change("net.core.somaxconn", "at least 4096", "128", "4096", "4096", "changed", "bursts")
    assert list(change.as_item()) == ["item", "wanted", "before", "after", "at_boot", "state", "why", "reason"]


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
