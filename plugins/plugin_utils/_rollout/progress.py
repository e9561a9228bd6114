# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people see while a rollout waits: a few lines, however long it takes, also where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .check import joined, window

STEPS_SECONDS = (2, 5, 10, 20, 30, 60, 120, 300, 600)
MOST_STEPS = 6  # up to an hour; longer waits have a line every ten minutes


def step_seconds(total: int) -> int:
    """The time between two lines of a wait."""
    return next((step for step in STEPS_SECONDS if total <= step * MOST_STEPS), STEPS_SECONDS[-1])


def count_down(total: int, say: Callable[[int], None], sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait for so many seconds, and say now and then how many are left."""
    left, step = total, step_seconds(total)
    while left > 0:
        sleep(min(step, left))
        left -= step
        if left > 0:
            say(left)


def watch(
    total: int,
    read: Callable[[int], Mapping[str, Any]],
    say: Callable[[int, Mapping[str, Any]], None],
    clock: Callable[[], float] = time.monotonic,
) -> Mapping[str, Any]:
    """One reading of the counters over so many seconds, made of several by `read(seconds)`.

    `say(left, reading)` is called after each but the last one. A reading that has failed ends it.
    """
    end, step = clock() + total, step_seconds(total)
    first = latest = read(min(step, total))
    while not latest.get("failed") and (left := round(end - clock())) > 0:
        say(left, joined(first, latest))
        latest = read(min(step, left))
    return latest if latest.get("failed") else joined(first, latest)


def losses_so_far(reading: Mapping[str, Any], counters: Sequence[str]) -> str:
    """The counters that have grown in a reading, in words; empty if none has."""
    seen = window(reading)
    grown = {name: seen.growth[name] for name in counters if seen and seen.growth.get(name)}
    return ", ".join(f"{name} {growth}" for name, growth in grown.items())


def checking(host: str, total: int, left: int, losses: str) -> str:
    """A line for people while the losses of a host are counted."""
    found = f"losses so far: {losses}" if losses else "no losses so far"
    return f"{host}: checking for {total} s: {left} s left, {found}"
