# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a machine decides how long a packet waits, and is only reported: clocks, idle states, pages, scheduling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .._host.host import Host, unless_refused
from .._host.rlimits import parse_scheduling
from .model import (
    GOVERNOR,
    HUGE_PAGES,
    IDLE_STATES,
    ISOLATED_PROCESSORS,
    NOHZ_FULL,
    NUMA_BALANCING,
    SCHEDULING,
    Setting,
)
from .tables import Times

# Documentation/admin-guide/pm/cpufreq.rst and cpuidle.rst
CPUFREQ = "/sys/devices/system/cpu/cpufreq"
CPUIDLE = "/sys/devices/system/cpu/cpuidle"
IDLE_OF_FIRST = "/sys/devices/system/cpu/cpu0/cpuidle"
HUGE_PAGES_ENABLED = "/sys/kernel/mm/transparent_hugepage/enabled"
NUMA_BALANCING_ENABLED = "/proc/sys/kernel/numa_balancing"
NODES_WITH_PROCESSORS = "/sys/devices/system/node/has_cpu"
MOST_POLICIES = 32  # of cpufreq; a large machine has one for each processor, all the same
MOST_STATES = 16  # CPUIDLE_STATE_MAX is 10, linux/cpuidle.h
MOST_DAEMONS = 64


def machine_settings(host: Host, packet_path: Mapping[str, Any], daemons: Iterable[Mapping[str, Any]]) -> list[Setting]:
    """The settings with their values, by the names of the model; those that the machine does not have are left out."""
    found = [
        (GOVERNOR, _governor(host)),
        (IDLE_STATES, _deepest_idle_state(host)),
        (HUGE_PAGES, chosen(_line(host, HUGE_PAGES_ENABLED))),
        (NUMA_BALANCING, _numa_balancing(host)),
        (ISOLATED_PROCESSORS, packet_path.get("isolated") or ""),
        (NOHZ_FULL, packet_path.get("nohz_full") or ""),
        *_of_daemons(host, daemons),
    ]
    return [Setting(name, value) for name, value in found if value]


def _line(host: Host, path: str) -> str:
    return (host.read_lenient(path) or "").strip()


def chosen(text: str) -> str:
    """The choice in a text such as `always [madvise] never`; the text itself without one."""
    found = re.search(r"\[([^\]]+)\]", text)
    return found.group(1) if found else text


def _governor(host: Host) -> str:
    """All governors in use; empty where the hypervisor or the firmware sets the clock."""
    policies = [one for one in unless_refused(host.list_directory, CPUFREQ) or [] if one.startswith("policy")]
    found = [_line(host, f"{CPUFREQ}/{one}/scaling_governor") for one in policies[:MOST_POLICIES]]
    return ", ".join(sorted(set(filter(None, found))))


def _deepest_idle_state(host: Host) -> str:
    """The deepest state of idleness that is not switched off, and how long it takes to leave it."""
    states = []
    for name in (unless_refused(host.list_directory, IDLE_OF_FIRST) or [])[:MOST_STATES]:
        files = (f"{IDLE_OF_FIRST}/{name}/{file}" for file in ("name", "latency", "disable"))
        state, latency, disabled = (_line(host, file) for file in files)
        if latency.isdecimal() and len(latency) < 10 and disabled in ("", "0"):
            states.append((int(latency), state))
    if not states:
        return ""
    latency_us, state = max(states)
    return f"{state}, {latency_us} us to leave it ({_line(host, f'{CPUIDLE}/current_driver') or 'unknown driver'})"


def _numa_balancing(host: Host) -> str:
    """Whether the kernel moves pages between nodes; empty on a machine with one node, where it has nothing to do."""
    several = any(separator in _line(host, NODES_WITH_PROCESSORS) for separator in ",-")
    return _line(host, NUMA_BALANCING_ENABLED) if several else ""


def _of_daemons(host: Host, daemons: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The scheduling of the main process of each daemon that runs."""
    found = []
    for one in list(daemons)[:MOST_DAEMONS]:
        pid = one.get("main_pid")
        scheduling = parse_scheduling(host.read_lenient(f"/proc/{pid}/stat") or "") if pid else None
        if scheduling:
            priority = f" {scheduling.rt_priority}" if scheduling.rt_priority else f", nice {scheduling.nice}"
            found.append((f"{one.get('unit') or one.get('name')} {SCHEDULING}", f"{scheduling.policy}{priority}"))
    return found


def steal_percent(before: Mapping[int, Times], after: Mapping[int, Times]) -> dict[int, float]:
    """How much of each processor's time the hypervisor has given to others, in percent."""
    found = {}
    for cpu, times in after.items():
        earlier = before.get(cpu, Times(0, 0))
        whole, stolen = times.all - earlier.all, times.steal - earlier.steal
        if whole > 0 and 0 <= stolen <= whole:
            found[cpu] = round(100 * stolen / whole, 1)
    return found
