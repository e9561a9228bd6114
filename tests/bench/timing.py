# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timing what is done inside fresh sandboxes."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import sandbox

ROUND_LIMIT_SECONDS = 900
RUNS = ("first", "converged")


class Seconds(NamedTuple):
    """How long something took, and how long the processors worked for it."""

    wall: float
    cpu: float


def in_sandbox(function: Callable[[], Any]) -> Any:
    """What a function returns that is called in a fresh sandbox; it must survive JSON. Raises RuntimeError."""
    reader, writer = os.pipe()
    report = sandbox.run(
        lambda: os.write(writer, json.dumps(function()).encode()), time_limit_seconds=ROUND_LIMIT_SECONDS
    )
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answer = stream.read()
    if report:
        raise RuntimeError(report)
    return json.loads(answer)


def timed(function: Callable[[], object]) -> Seconds:
    """How long a call in this process takes."""
    cpu, wall = time.process_time(), time.perf_counter()
    function()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def timed_command(command: Sequence[str], environment: Mapping[str, str]) -> Seconds:
    """How long a whole command takes, with all the processes it waits for. Raises RuntimeError if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - wall
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return Seconds(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
