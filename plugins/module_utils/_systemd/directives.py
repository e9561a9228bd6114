# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directives that are handled: how each is read, what shows it, when it comes into force, and old names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from .._core.setting import AT_LEAST, AT_MOST, EXACT
from .parsers import (
    HIGHEST_NICE,
    HIGHEST_RT_PRIORITY,
    HIGHEST_WEIGHT,
    LOWEST_NICE,
    Meaning,
    read_limit_of_bytes,
    read_limit_of_count,
    read_limit_of_microseconds,
    read_limit_of_nice,
    read_limit_of_priority,
    read_limit_of_seconds,
    read_memory,
    read_span,
    read_stop_span,
    read_tasks,
    read_weight,
    read_within,
    read_word,
)

# When a value that systemd has read comes into force.
AT_START = "start"  # with the next start of the unit's processes
AT_RELOAD = "reload"  # with the daemon-reload: systemd itself acts upon it, or writes it to the unit's control group

SERVICE = "service"
SLICE = "slice"

OOM_BOUND = 1000  # OOM_SCORE_ADJ_MAX, proc_pid_oom_score_adj(5)
LOWEST_SHARES, HIGHEST_SHARES, DEFAULT_SHARES = 2, 262144, 1024  # cpu.shares, systemd.resource-control(5)
DEFAULT_WEIGHT = 100
LESS_IS_BETTER = ("Nice", "OOMScoreAdjust")


class Directive(NamedTuple):
    """A directive: how its texts are read, which properties show it, and when it comes into force.

    `words` are the accepted words with the other spellings `systemctl show` has for them.
    """

    name: str
    parse: Callable[[str], Meaning]
    properties: tuple[str, ...]
    in_force: str
    words: Mapping[str, tuple[str, ...]] = {}
    types: tuple[str, ...] = (SERVICE,)
    resets: bool = True  # whether an empty assignment means systemd's default; a limit ignores it
    note: str = ""

    @property
    def is_limit(self) -> bool:
        return self.name.startswith("Limit")

    @property
    def rules(self) -> tuple[str, ...]:
        """Capacities can have a floor; nice values and OOM scores, of which less is better, a ceiling."""
        if self.is_limit or self.name == "TasksMax":
            return (EXACT, AT_LEAST)
        return (EXACT, AT_MOST) if self.name in LESS_IS_BETTER else (EXACT,)


def _limit(name: str, parse: Callable[[str], Meaning], note: str = "") -> Directive:
    return Directive(f"Limit{name}", parse, (f"Limit{name}Soft", f"Limit{name}"), AT_START, resets=False, note=note)


def _words(name: str, in_force: str, words: Mapping[str, tuple[str, ...]]) -> Directive:
    return Directive(name, read_word(words), (name,), in_force, words)


_BOTH = (SERVICE, SLICE)
_RESTART_WORDS = ("no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always")

# In the order in which they are written: CPUSchedulingPolicy before its priority, as systemd 247 drops a priority
# that is outside the range of the policy that is known by then.
DIRECTIVES = {
    directive.name: directive
    for directive in (
        _limit("CPU", read_limit_of_seconds),
        _limit("FSIZE", read_limit_of_bytes),
        _limit("DATA", read_limit_of_bytes),
        _limit("STACK", read_limit_of_bytes),
        _limit("CORE", read_limit_of_bytes),
        _limit("RSS", read_limit_of_bytes, note="Linux has ignored this limit since 2.4.30; MemoryMax is what works"),
        _limit("NOFILE", read_limit_of_count),
        _limit("AS", read_limit_of_bytes),
        _limit("NPROC", read_limit_of_count, note="counts all processes of the user, not of the unit; see TasksMax"),
        _limit("MEMLOCK", read_limit_of_bytes),
        _limit("LOCKS", read_limit_of_count, note="Linux has ignored this limit since 2.4.25"),
        _limit("SIGPENDING", read_limit_of_count),
        _limit("MSGQUEUE", read_limit_of_bytes),
        _limit("NICE", read_limit_of_nice),
        _limit("RTPRIO", read_limit_of_priority),
        _limit("RTTIME", read_limit_of_microseconds),
        Directive("TasksMax", read_tasks, ("TasksMax",), AT_RELOAD, types=_BOTH),
        Directive("MemoryMax", read_memory, ("MemoryMax",), AT_RELOAD, types=_BOTH),
        Directive("MemoryHigh", read_memory, ("MemoryHigh",), AT_RELOAD, types=_BOTH),
        Directive("CPUWeight", read_weight, ("CPUWeight",), AT_RELOAD, types=_BOTH),
        Directive("Nice", read_within(LOWEST_NICE, HIGHEST_NICE), ("Nice",), AT_START),
        Directive("OOMScoreAdjust", read_within(-OOM_BOUND, OOM_BOUND), ("OOMScoreAdjust",), AT_START),
        _words("OOMPolicy", AT_RELOAD, {"continue": (), "stop": (), "kill": ()}),
        _words(
            "CPUSchedulingPolicy",
            AT_START,
            {"other": ("0",), "fifo": ("1",), "rr": ("2",), "batch": ("3",), "idle": ("5",)},  # linux/sched.h
        ),
        Directive("CPUSchedulingPriority", read_within(1, HIGHEST_RT_PRIORITY), ("CPUSchedulingPriority",), AT_START),
        _words(
            "IOSchedulingClass",
            AT_START,
            {"none": ("0",), "realtime": ("1",), "best-effort": ("2",), "idle": ("3",)},  # linux/ioprio.h
        ),
        _words("Restart", AT_RELOAD, dict.fromkeys(_RESTART_WORDS, ())),
        Directive("RestartSec", read_span, ("RestartUSec",), AT_RELOAD),
        Directive("TimeoutStopSec", read_stop_span, ("TimeoutStopUSec",), AT_RELOAD),
    )
}

REALTIME_POLICIES = ("fifo", "rr")
FIRST_SYSTEMD_WITH_IDLE_WEIGHT = 252  # systemd NEWS, and tried: 247 says "Invalid weight, ignoring"

# Properties that show a directive, without repetition.
SHOWN_PROPERTIES = tuple(name for directive in DIRECTIVES.values() for name in directive.properties)


# --- deprecated names -----------------------------------------------------------------------


def _weight_of_shares(text: str) -> str:
    """The CPUWeight that is as much as these CPUShares: both are relative to their defaults of 1024 and 100."""
    shares = read_within(LOWEST_SHARES, HIGHEST_SHARES)(text)[0]
    return str(min(HIGHEST_WEIGHT, max(1, shares * DEFAULT_WEIGHT // DEFAULT_SHARES)))


# Source: systemd.resource-control(5), "Deprecated Options": the name today, and the value for it
DEPRECATED: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "MemoryLimit": ("MemoryMax", lambda text: text),
    "CPUShares": ("CPUWeight", _weight_of_shares),
}
