# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures as text: for a terminal and for docs/benchmarks.md, ratios first."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import NamedTuple

from keys import MEASURED_TOGETHER, OWN_WORK
from timing import Seconds, median

RUNS = ("first", "converged")
PING_FACTOR = 1.5
LOOP_FACTOR = 50
OWN_WORK_MILLISECONDS = 20
FLATNESS = 1.5  # time per key at the largest size, compared with the smallest

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


def factors(measured: Mapping[str, Rounds], key: str, other: str, run: str) -> tuple[float, float]:
    """How many times as much one way takes as another, net of the empty play: by the clock, and by CPU time."""
    by_clock, by_cpu = (
        net(values(measured[key], run), values(measured["empty"], run))
        / net(values(measured[other], run), values(measured["empty"], run))
        for values in (walls, cpus)
    )
    return by_clock, by_cpu


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


def ways_table(names: Mapping[str, str], measured: Mapping[str, Rounds]) -> str:
    """Every way beside the ping task: net of the empty play, as factors, and as whole processes."""
    rows = []
    for key, rounds in measured.items():
        row = [names[key]]
        for run in RUNS:
            clock, cpu = ("", "") if key == "empty" else (f"{one:.2f}" for one in factors(measured, key, "ping", run))
            row += [clock, cpu, seconds(net(walls(rounds, run), walls(measured["empty"], run)))]
            row += [seconds(median(walls(rounds, run)))]
        rows.append(row)
    heading = ["", *(f"{run}: {what}" for run in RUNS for what in ("× ping", "× ping by CPU", "net s", "whole s"))]
    return table(heading, rows)


def ways_targets(connection: str, measured: Mapping[str, Rounds]) -> list[Target]:
    targets = []
    for run in RUNS:
        clock, cpu = factors(measured, "bulk", "ping", run)
        text = f"{connection}, {run} run: at most {PING_FACTOR} times a ping task"
        targets.append(Target(text, f"{clock:.2f} times ({cpu:.2f} by CPU time)", clock <= PING_FACTOR))
        if "loop" in measured:
            clock, cpu = factors(measured, "loop", "bulk", run)
            text = f"{connection}, {run} run: at least {LOOP_FACTOR} times cheaper than the loop"
            targets.append(Target(text, f"{clock:.0f} times ({cpu:.0f} by CPU time)", clock >= LOOP_FACTOR))
    return targets


def own_work_targets(rounds: Rounds, processes: int) -> list[Target]:
    targets = [
        Target(
            f"own work for {OWN_WORK} keys, {run} run: under {OWN_WORK_MILLISECONDS} ms",
            f"{milliseconds(median(walls(rounds, run)))} ms ({milliseconds(median(cpus(rounds, run)))} ms of CPU time)",
            median(walls(rounds, run)) * 1000 < OWN_WORK_MILLISECONDS,
        )
        for run in RUNS
    ]
    return [*targets, Target("processes started by the module: none", str(processes), processes == 0)]


def size_table(measured: Mapping[int, Rounds]) -> str:
    rows = [
        [str(count), *(text for run in RUNS for text in _size_cells(rounds, count, run))]
        for count, rounds in measured.items()
    ]
    return table(["keys", *(f"{run}: {what}" for run in RUNS for what in ("ms", "µs per key"))], rows)


def _size_cells(rounds: Rounds, count: int, run: str) -> tuple[str, str]:
    taken = median(walls(rounds, run))
    return f"{taken * 1000:.0f}", f"{taken * 1e6 / count:.0f}"


def size_targets(measured: Mapping[int, Rounds]) -> list[Target]:
    smallest, largest = min(measured), max(measured)
    targets = []
    for run in RUNS:
        factor = (median(walls(measured[largest], run)) / largest) / (median(walls(measured[smallest], run)) / smallest)
        text = f"{run} run: time per key at {largest} keys at most {FLATNESS} times that at {smallest}"
        targets.append(Target(text, f"{factor:.2f} times", factor <= FLATNESS))
    return targets


def targets_table(targets: Iterable[Target]) -> str:
    return table(
        ["to reach", "found", ""],
        [[one.text, one.found, "reached" if one.reached else "**missed**"] for one in targets],
    )


def explanation(rounds: int) -> str:
    return (
        f"{MEASURED_TOGETHER} keys that belong to the network namespace, each time in a fresh namespace with an empty\n"
        f"`sysctl.d`. Medians of {rounds} rounds; a round runs every way once, so that whatever else the machine does\n"
        "hits all of them. Starting `ansible-playbook` alone takes over a second and would hide the rest, so the\n"
        "figures to compare are net of an empty play of the same round. The absolute times are information only:\n"
        "they belong to the machine. CPU time counts the controller and, on a local connection, the target; it hardly\n"
        "depends on what else the machine does. Over ssh the connection is open already, as Ansible keeps it.\n"
    )


READING = (
    "## How to read this\n\n"
    "What a `sysctl_bulk` task costs beyond a ping task is the price of its code, not of its work: the task without\n"
    "any setting costs nearly as much. For each task Ansible parses and packs the module's files on the controller,\n"
    "and the target compiles them again. In a loop each item costs about as much as a ping task, so with as many keys\n"
    f"as here no single task can be more than about {MEASURED_TOGETHER} times cheaper than the loop.\n"
)
