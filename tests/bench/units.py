# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd_limits asks of systemd: how often it starts systemctl, in containers under systemd."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from machine import CHECKOUT, Machine, find_settings
from report import Target, table
from timing import RUNS

COUNTS = (10, 50)  # of units
DIRECTIVES = {
    "LimitNOFILE": "2000:3000",
    "LimitCORE": "0:1G",
    "TasksMax": 300,
    "MemoryMax": "1G",
    "CPUWeight": 250,
    "OOMScoreAdjust": 250,
    "Restart": "on-abnormal",
    "RestartSec": "2s",
}
MOST_SYSTEMCTL = 3
RELOAD = "daemon-reload"

Calls = Sequence[str]  # the first word of each call of systemctl


class Counted(NamedTuple):
    """The calls of systemctl that a run makes for so many units."""

    suite: str
    units: int
    calls: dict[str, Calls]


class NotMeasuredError(Exception):
    """Nothing can be counted here. Says why."""


@contextmanager
def container(suite: str) -> Iterator[Machine]:
    """A container of this suite. Raises NotMeasuredError."""
    if not shutil.which("podman"):
        raise NotMeasuredError("there is no podman")
    built = subprocess.run([CHECKOUT / "tests/images/build", suite], capture_output=True, text=True, check=False)
    if built.returncode != 0:
        raise NotMeasuredError(f"there is no image of {suite}: {built.stderr.strip()}")
    image = built.stdout.strip()
    try:
        find_settings(image)
    except subprocess.CalledProcessError as error:
        raise NotMeasuredError(f"podman starts no container: {error.stderr.strip()}") from error
    machine = Machine(suite, image)
    try:
        yield machine
    finally:
        machine.remove()


def count(suite: str) -> list[Counted]:
    """What a first and a converged run call, for each number of units. Raises NotMeasuredError, RuntimeError."""
    with container(suite) as machine:
        return [Counted(suite, units, count_calls(machine, units)) for units in COUNTS]


def count_calls(machine: Machine, units: int) -> dict[str, Calls]:
    """The calls of both runs for so many new units that are running. Raises RuntimeError for work that is not done."""
    names = [f"bench{units}-{number}.service" for number in range(units)]
    machine.sh(
        f"for name in {' '.join(names)}; do"
        "  printf '[Service]\\nExecStart=/bin/sleep infinity\\n' > /etc/systemd/system/$name;"
        f"done; systemctl daemon-reload; systemctl start {' '.join(names)}"
    )
    machine.calls_of_systemctl()
    calls = {}
    for run in RUNS:
        done = machine.module(dict.fromkeys(names, DIRECTIVES))
        calls[run] = machine.calls_of_systemctl()
        if done.changed != (run == "first") or len(done.items) != units * len(DIRECTIVES) or not calls[run]:
            raise RuntimeError(f"{run} run on {machine.suite}: {done.changed=}, {len(done.items)} items, {calls}")
    taken = machine.run("/bin/systemctl", "show", "--property=TasksMax", "--value", "--", *names).split()
    if taken != [str(DIRECTIVES["TasksMax"])] * units:
        raise RuntimeError(f"on {machine.suite} the units have a TasksMax of {', '.join(taken)}")
    return calls


# --- in words -------------------------------------------------------------------------------


def targets(counted: Sequence[Counted]) -> list[Target]:
    """What is expected of every run, and the most that was found."""
    calls = [calls for one in counted for calls in one.calls.values()]
    reloads = max(len([call for call in each if call == RELOAD]) for each in calls)
    most = max(map(len, calls))
    words = f"systemctl, for any number of units: {MOST_SYSTEMCTL} times a run at most"
    return [
        Target(words, str(most), most <= MOST_SYSTEMCTL),
        Target(f"{RELOAD}, for any number of units: once a run at most", str(reloads), reloads <= 1),
    ]


def counts_table(counted: Sequence[Counted]) -> str:
    rows = [
        [one.suite, str(one.units), str(one.units * len(DIRECTIVES)), *(_cell(one.calls[run]) for run in RUNS)]
        for one in counted
    ]
    return table(["Debian", "units", "directives", *(f"{run}: calls of systemctl" for run in RUNS)], rows)


def _cell(calls: Calls) -> str:
    return f"{len(calls)}: {', '.join(calls)}"
