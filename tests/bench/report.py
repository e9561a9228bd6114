# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures as text: ratios first, and what was to be reached."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import NamedTuple

from timing import RUNS, Seconds, median
from ways import EMPTY, PING, Subject

Rounds = Sequence[Mapping[str, Seconds]]


class Target(NamedTuple):
    """What is to be reached, what was found, and whether that is enough."""

    text: str
    found: str
    reached: bool


def walls(rounds: Rounds, run: str) -> list[float]:
    return [taken[run].wall for taken in rounds]


def cpus(rounds: Rounds, run: str) -> list[float]:
    return [taken[run].cpu for taken in rounds]


def net(values: Sequence[float], empty: Sequence[float]) -> float:
    """The median of what each round took beyond the empty play of the same round."""
    return median([one - other for one, other in zip(values, empty, strict=True)])


def factors(measured: Mapping[str, Rounds], key: str, other: str, run: str, whole: bool = False) -> tuple[float, float]:
    """How many times as much one way takes as another, by the clock and by CPU time.

    Net of the empty play, or as whole processes.
    """

    def factor(values: Callable[[Rounds, str], list[float]]) -> float:
        empty = [0.0] * len(measured[EMPTY]) if whole else values(measured[EMPTY], run)
        return net(values(measured[key], run), empty) / net(values(measured[other], run), empty)

    return factor(walls), factor(cpus)


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def seconds(value: float) -> str:
    return f"{value:.2f}"


def milliseconds(value: float) -> str:
    return f"{value * 1000:.1f}"


def machine() -> str:
    """What the figures were taken on."""
    load = os.getloadavg()[0]
    names = ("ansible-core", "ansible")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"{os.cpu_count()} processors ({platform.machine()}), Linux {platform.release()}, "
        f"Python {platform.python_version()}, {versions}; load average before the runs {load:.1f}."
    )


def ways_table(subject: Subject, measured: Mapping[str, Rounds]) -> str:
    """Every way beside the ping task: net of the empty play, as factors, and as whole processes."""
    rows = []
    for key, rounds in measured.items():
        row = [subject.ways[key].name]
        for run in RUNS:
            clock, cpu = ("", "") if key == EMPTY else (f"{one:.2f}" for one in factors(measured, key, PING, run))
            row += [clock, cpu, seconds(net(walls(rounds, run), walls(measured[EMPTY], run)))]
            row += [seconds(median(walls(rounds, run)))]
        rows.append(row)
    heading = ["", *(f"{run}: {what}" for run in RUNS for what in ("× ping", "× ping by CPU", "net s", "whole s"))]
    return table(heading, rows)


def ways_targets(connection: str, subject: Subject, measured: Mapping[str, Rounds]) -> list[Target]:
    """What is expected of the subject's ways, and what was found."""
    targets = []
    for run in RUNS:
        for bound in [bound for bound in subject.bounds if run in bound.runs]:
            clock, cpu = factors(measured, bound.way, bound.other, run, bound.whole)
            found = f"{clock:.3g} times ({cpu:.3g} by CPU time)"
            targets.append(Target(f"{connection}, {run} run: {bound.words}", found, bound.met(clock)))
    return targets


def targets_table(targets: Iterable[Target]) -> str:
    return table(
        ["to reach", "found", ""],
        [[one.text, one.found, "reached" if one.reached else "**missed**"] for one in targets],
    )
