# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders the kernel writes and the lines of our file so that none undoes another, and lists their side effects."""

from __future__ import annotations

from collections.abc import Iterable

from .conf import Line
from .kernel import BOUNDED, mutually_exclusive, write_order
from .model import Decision, Observed, Reverts, Write


def ordered_writes(
    decisions: Iterable[Decision], reverts: Reverts, observed: Observed
) -> tuple[list[Write], list[str]]:
    """All writes in an order in which none undoes another, and the unwanted keys that are written to keep their value.

    A key that has its value already is written again after a write that may change it: always if it
    is wanted, otherwise if that write reverts a key.
    """
    writes = {write.path: write for write in reverts.writes}
    decided: dict[str, str] = {}
    for decision in decisions:
        if decision.fallback is not None:
            decided[decision.path] = decision.fallback
        if decision.write is not None:
            writes[decision.path] = Write(decision.path, decision.write, decision.before or "")
    pending, rewritten = list(writes), []
    reverting = set(reverts.reverted)
    while pending:
        cause = pending.pop()
        for path in observed.affected_by(cause):
            if path in writes or path in reverts.derived:
                continue
            now = observed.live[path].value or ""
            if path in decided:
                writes[path] = Write(path, decided[path], now)
            elif path in reverts.held:
                writes[path] = Write(path, reverts.held[path], now, reverts=True)
                rewritten.append(path)
            elif cause in reverting and mutually_exclusive(cause) is None and observed.live[path].writable:
                writes[path] = Write(path, now, now)
                rewritten.append(path)
                reverting.add(path)
            else:
                continue
            pending.append(path)
    return sorted(writes.values(), key=lambda write: write_order(write.path)), rewritten


def side_effects_of(writes: Iterable[Write], observed: Observed) -> dict[str, str]:
    """The keys that the writes may change although no setting names them, each with the key that causes it."""
    written = {write.path for write in writes}
    effects: dict[str, str] = {}
    for write in writes:
        for path in observed.affected_by(write.path):
            if path not in written:
                effects.setdefault(path, write.path)
    return effects


def ordered_lines(lines: Iterable[Line], observed: Observed) -> list[Line]:
    """The lines of our file in the order in which a boot must write them.

    Where one key bounds another, the one goes first that makes room, seen from the values that a boot starts from.
    """
    ordered = sorted(lines, key=lambda line: write_order(line.path))
    for low, high in BOUNDED:
        places = {line.path: place for place, line in enumerate(ordered) if line.path in (low, high)}
        if len(places) == 2:
            first, second = sorted(places.values())
            room = _number(_at_start(high, observed))
            high_first = _number(ordered[places[low]].value) > room
            if (places[high] == first) != high_first:
                ordered.insert(first, ordered.pop(second))
    return ordered


def _at_start(path: str, observed: Observed) -> str:
    """The value of a key before us, as a boot without us would leave it."""
    record, live = observed.originals.keys.get(path), observed.live.get(path)
    if record is not None:
        return record.value
    return (live.value if live is not None else None) or ""


def _number(value: str) -> int:
    """The first number of a value; 0 if it is none."""
    first = value.split()[:1]
    return int(first[0]) if first and first[0].isdecimal() else 0
