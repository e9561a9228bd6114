# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rate is tried next: up by a factor from a low one, then between what holds and what does not.

Pure functions of the steps so far.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from .._prove import model

FIRST_SHARE = 10  # of the contract or the ceiling, the rate of the first step
UP = 2.0  # from a step that holds to the next
DOWN = 4.0  # from the first step, if that does not hold
NARROW = 1.10  # the highest rate that holds is known well enough, when the lowest that does not is so near
AROUND_SECONDS = 4  # that a step takes beside its load: modules that begin, and calls that end


class Ladder(NamedTuple):
    """The bounds of a run: whole calls a second."""

    contract: float | None
    ceiling: int

    @property
    def first(self) -> int:
        aim = min(self.contract or self.ceiling, self.ceiling)
        return max(1, math.ceil(aim / FIRST_SHARE))


class Bracket(NamedTuple):
    """The highest rate that holds below the lowest that does not; None where there is none."""

    holds: int | None
    gives: int | None

    @property
    def is_narrow(self) -> bool:
        if self.gives is None:
            return False
        lower = self.holds or 0
        return self.gives - lower <= 1 or (lower > 0 and self.gives / lower <= NARROW)


def bracket(steps: Sequence[model.Step]) -> Bracket:
    """What the steps so far have shown."""
    held = {round(step["rate"]): step["holds"] for step in steps}  # of a rate that was tried again the last word
    gives = min((rate for rate, holds in held.items() if not holds), default=None)
    rates = [rate for rate, holds in held.items() if holds and (gives is None or rate < gives)]
    return Bracket(max(rates, default=None), gives)


def is_doubtful(steps: Sequence[model.Step]) -> bool:
    """Whether the last step was only slow, and is the first one at its rate: a hiccup is no limit of the target."""
    last = steps[-1]
    slow = {model.RESPONSE_TIME, model.RETRANSMISSIONS}
    first = all(step["rate"] != last["rate"] for step in steps[:-1])
    return first and not last["holds"] and all(reason["what"] in slow for reason in last["reasons"])


def next_rate(steps: Sequence[model.Step], ladder: Ladder) -> int | None:
    """The rate of the next step; None where no step would tell more."""
    if not steps:
        return ladder.first
    if len(steps) >= model.MOST_STEPS:
        return None
    if is_doubtful(steps):
        return round(steps[-1]["rate"])
    found = bracket(steps)
    if found.is_narrow or (found.gives is None and (found.holds or 0) >= ladder.ceiling):
        return None
    low, high = found.holds or 0, found.gives or ladder.ceiling + 1
    aim = math.ceil(ladder.contract) if ladder.contract else 0
    if found.gives is None:
        rate = min(round(low * UP), ladder.ceiling)
        return aim if low < aim < rate else max(rate, low + 1)
    if low < aim < high:  # whether the contract holds is what the run is for
        return aim
    if not low:
        return max(1, math.floor(high / DOWN))
    return min(high - 1, max(low + 1, round(math.sqrt(low * high))))


def fits(elapsed_seconds: float, load_seconds: float, max_seconds: float) -> bool:
    """Whether one more step of so many seconds of load ends in time."""
    return elapsed_seconds + load_seconds + AROUND_SECONDS <= max_seconds


# --- the end of a run ------------------------------------------------------------------------


def finish(state: str, steps: Sequence[model.Step], ladder: Ladder, cut: str | None = None) -> model.Run:
    """A run with its result. `cut` is TIME or INTERRUPTED where it ended before all was known."""
    found = bracket(steps)
    gave = [step for step in steps if not step["holds"] and round(step["rate"]) == found.gives]
    first = next((step["reasons"][0] for step in gave if step["reasons"]), None)
    return {
        "state": state,
        "highest_rate": None if found.holds is None else float(found.holds),
        "ended_by": _ended_by(found, first, ladder, cut),
        "contract_holds": _contract_holds(found, first, ladder.contract),
        "headroom_percent": _headroom(found, ladder.contract),
        "gave_first": first,
        "steps": list(steps),
    }


def _ended_by(found: Bracket, first: model.Reason | None, ladder: Ladder, cut: str | None) -> str:
    if found.gives is not None and (found.is_narrow or cut is None):
        return model.GENERATOR if first and first["where"] == model.GENERATOR else model.TARGET
    if found.gives is None and (found.holds or 0) >= ladder.ceiling:
        return model.CEILING
    return cut or model.TIME


def _contract_holds(found: Bracket, first: model.Reason | None, contract: float | None) -> bool | None:
    """None where it is not known: a generator that gives says nothing about the target."""
    if contract is None or (found.holds is not None and found.holds >= contract):
        return None if contract is None else True
    decided = found.gives is not None and found.gives <= math.ceil(contract)
    return False if decided and not (first and first["where"] == model.GENERATOR) else None


def _headroom(found: Bracket, contract: float | None) -> float | None:
    if contract is None or found.holds is None:
        return None
    return round(100 * (found.holds / contract - 1), 1)
