# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's own work, in this process: observe, plan, carry out, without Ansible around it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

from calls import apply
from keys import INTERFACE_LEAVES, OWN_WORK, first_settings, interface_settings
from timing import Seconds, timed
from tracing import STARTING, calls_of

SIZES = (500, 1000, 2000, 5000)
INTERFACES = SIZES[-1] // len(INTERFACE_LEAVES)


def both_runs(settings: dict[str, Any]) -> dict[str, Seconds]:
    """The first and the converged run with these settings. To be called in a fresh sandbox."""
    return {run: timed(lambda: apply(settings)) for run in ("first", "converged")}


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
