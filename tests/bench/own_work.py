# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The own work of sysctl_bulk, in this process: observe, plan, carry out, without Ansible around it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from calls import apply
from keys import INTERFACE_LEAVES, OWN_WORK, first_settings, interface_settings
from report import Rounds, Target, cpus, milliseconds, table, walls
from timing import RUNS, Seconds, median, timed
from tracing import STARTING, calls_of

OWN_WORK_MILLISECONDS = 20
FLATNESS = 1.5  # time per key at the largest size, compared with the smallest

SIZES = (500, 1000, 2000, 5000)
INTERFACES = SIZES[-1] // len(INTERFACE_LEAVES)


def both_runs(settings: dict[str, Any]) -> dict[str, Seconds]:
    """The first and the converged run with these settings. To be called in a fresh sandbox."""
    return {run: timed(lambda: apply(settings)) for run in RUNS}


def sixty_five_keys() -> dict[str, Seconds]:
    return both_runs(first_settings(OWN_WORK))


def processes_started() -> int:
    """How many processes and programs a first and a converged run start."""
    settings = first_settings(OWN_WORK)
    return sum(len(calls_of(lambda: apply(settings), STARTING)) for _ in range(2))


def of_size(count: int) -> Callable[[], dict[str, Seconds]]:
    """A measurement with so many keys, on a host with so many interfaces that there are enough for all sizes."""

    def measure() -> dict[str, Seconds]:
        return both_runs(interface_settings(make_interfaces(), count, 1))

    return measure


def glob_over_all_interfaces() -> dict[str, Seconds]:
    """Ten settings that name every key of the largest size."""
    make_interfaces()
    return both_runs({f"net.ipv4.conf.*.{leaf}": "1" for leaf in INTERFACE_LEAVES})


def make_interfaces() -> list[str]:
    """Virtual cables; the names of all their ends."""
    pairs = [(f"n{number}a", f"n{number}b") for number in range(INTERFACES // 2)]
    batch = "".join(f"link add {one} type veth peer name {other}\n" for one, other in pairs)
    subprocess.run(["ip", "-batch", "-"], input=batch.encode(), check=True)
    return [name for pair in pairs for name in pair]


# --- in words -------------------------------------------------------------------------------


def work_targets(rounds: Rounds, processes: int) -> list[Target]:
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
