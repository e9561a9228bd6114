# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restart units, and wait until they run again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from .._engine.operation import Restart
from .._host.host import Host, HostError
from .names import RUNNING_STATES
from .starting import wait_for_programs
from .systemctl import show, systemctl

PROPERTIES = ("Id", "Job", "ActiveState", "SubState", "Result", "MainPID")
RESTART_TIMEOUT_SECONDS = 120  # a unit that needs longer to stop is left to it
POLL_SECONDS = 0.5


def restart(host: Host, units: Sequence[str]) -> None:
    """Restart units and wait until they run again. Raises HostError for a unit that fails.

    A unit that is still stopping at the timeout, as it waits for its calls to end, is left to it.
    """
    restart_soon(host, units)
    deadline = time.monotonic() + RESTART_TIMEOUT_SECONDS
    shown = show(host, PROPERTIES, units)
    while any(map(is_restarting, shown)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        shown = show(host, PROPERTIES, units)
    # A simple service runs for systemd before its own program does, which may fail at once.
    wait_for_programs(host, [int(one.get("MainPID") or 0) for one in shown])
    check(host, units)


def check(host: Host, units: Sequence[str]) -> None:
    """Raises HostError for a unit that does not run, and is not about to."""
    for properties in show(host, PROPERTIES, units):
        if not is_restarting(properties) and properties.get("ActiveState") not in RUNNING_STATES:
            raise HostError(properties["Id"], f"did not come back from its restart: {properties.get('Result')}")


def is_restarting(properties: Mapping[str, str]) -> bool:
    """Whether a unit is stopping or starting. A unit that waits for its automatic restart has failed."""
    if properties.get("SubState") == "auto-restart":
        return False
    return bool(properties.get("Job")) or properties.get("ActiveState") in ("activating", "deactivating")


def restart_soon(host: Host, units: Sequence[str]) -> None:
    """Begin to restart units, without waiting. Raises HostError."""
    if units:
        systemctl(host, "--no-block", "restart", "--", *units)


RESTART = Restart(now=restart, soon=restart_soon, check=check)
