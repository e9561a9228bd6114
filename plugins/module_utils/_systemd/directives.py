# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The supported directives: how to parse each, which properties show it, when it takes effect, and old names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from .._core.setting import AT_LEAST, AT_MOST, EXACT
from .._host.rlimits import POLICIES
from .names import SERVICE, SLICE
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

# When a value takes effect.
AT_START = "start"  # at the next start of the unit's processes
AT_RELOAD = "reload"  # at the daemon-reload: systemd acts on it itself, or writes it to the unit's control group

OOM_BOUND = 1000  # OOM_SCORE_ADJ_MAX, proc_pid_oom_score_adj(5)
LOWEST_SHARES, HIGHEST_SHARES, DEFAULT_SHARES = 2, 262144, 1024  # cpu.shares, systemd.resource-control(5)
DEFAULT_WEIGHT = 100
LESS_IS_BETTER = ("Nice", "OOMScoreAdjust")


class Directive(NamedTuple):
    """A directive: its parser, the properties that show it, and when it takes effect (AT_START or AT_RELOAD).

    `words` are the accepted words, each with the other spellings that `systemctl show` prints. `since` is the first
    systemd that knows it, 0 for all that there are on a host with Python 3.8.
    """

    name: str
    parse: Callable[[str], Meaning]
    properties: tuple[str, ...]
    in_force: str
    words: Mapping[str, tuple[str, ...]] = {}
    types: tuple[str, ...] = (SERVICE,)
    resets: bool = True  # whether an empty assignment restores systemd's default; limits ignore one
    note: str = ""
    since: int = 0

    @property
    def is_limit(self) -> bool:
        return self.name.startswith("Limit")

    @property
    def rules(self) -> tuple[str, ...]:
        """The accepted rules: capacities may have a floor, nice values and OOM scores a ceiling, as less is better."""
        if self.is_limit or self.name == "TasksMax":
            return (EXACT, AT_LEAST)
        return (EXACT, AT_MOST) if self.name in LESS_IS_BETTER else (EXACT,)


def _limit(name: str, parse: Callable[[str], Meaning], note: str = "") -> Directive:
    return Directive(f"Limit{name}", parse, (f"Limit{name}Soft", f"Limit{name}"), AT_START, resets=False, note=note)


def _words(name: str, in_force: str, words: Mapping[str, tuple[str, ...]], since: int = 0) -> Directive:
    return Directive(name, read_word(words), (name,), in_force, words, since=since)


_BOTH = (SERVICE, SLICE)
_RESTART_WORDS = ("no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always")

# In the order of their lines in a drop-in: CPUSchedulingPolicy comes before its priority, as systemd 247 drops a
# priority outside the range of the policy that it has read so far.
DIRECTIVES = {
    directive.name: directive
    for directive in (
        _limit("CPU", read_limit_of_seconds),
        _limit("FSIZE", read_limit_of_bytes),
        _limit("DATA", read_limit_of_bytes),
        _limit("STACK", read_limit_of_bytes),
        _limit("CORE", read_limit_of_bytes),
        _limit("RSS", read_limit_of_bytes, note="Linux has ignored this limit since 2.4.30; use MemoryMax instead"),
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
        _words("OOMPolicy", AT_RELOAD, {"continue": (), "stop": (), "kill": ()}, since=243),  # EL 8 has 239
        _words("CPUSchedulingPolicy", AT_START, {word: (str(number),) for number, word in POLICIES.items()}),
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

# All properties that show a directive.
SHOWN_PROPERTIES = tuple(name for directive in DIRECTIVES.values() for name in directive.properties)


def _weight_of_shares(text: str) -> str:
    """The CPUWeight that equals these CPUShares: both are relative to their defaults of 1024 and 100."""
    shares = read_within(LOWEST_SHARES, HIGHEST_SHARES)(text)[0]
    return str(min(HIGHEST_WEIGHT, max(1, shares * DEFAULT_WEIGHT // DEFAULT_SHARES)))


# The current name of each, and how to translate its value. Source: systemd.resource-control(5), "Deprecated Options"
DEPRECATED: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "MemoryLimit": ("MemoryMax", lambda text: text),
    "CPUShares": ("CPUWeight", _weight_of_shares),
}
