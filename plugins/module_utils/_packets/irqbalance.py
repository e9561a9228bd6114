# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""irqbalance: whether it runs, and what it keeps its hands off, by its arguments and its environment.

Source: irqbalance(1); parse_command_line() and setup_banned_cpus() of irqbalance 1.6 to 1.9. Parsers never raise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._host.cpus import listed_cpus, parse_cpu_mask
from .._host.host import Host
from .._host.processes import ProcessNames, process_environment, started_by_root
from .._systemd.environment_file import values
from .interrupts import BALANCER_DROP_IN, OWN_POLICY

NAME = "irqbalance"
CPU_LIST, CPU_MASK = "IRQBALANCE_BANNED_CPULIST", "IRQBALANCE_BANNED_CPUS"
ENVIRONMENT_FILES = ("/etc/default/irqbalance", "/etc/sysconfig/irqbalance")  # of Debian and of Red Hat
ARGUMENTS_IN_FILE = ("OPTIONS", "IRQBALANCE_ARGS")  # as the units of both pass them on
MOST_BANS = 4096

# The options with a value, and how they may be abbreviated: getopt_long(3).
_BAN_INTERRUPT = re.compile(r"--bani(?:rq?)?(?:=(.*))?|-i(.*)", re.DOTALL)
_BAN_MODULE = re.compile(r"--banm(?:od?)?(?:=(.*))?|-m(.*)", re.DOTALL)
_POLICY = re.compile(r"--pol[a-z]*(?:=(.*))?|-l(.*)", re.DOTALL)


class Bans(NamedTuple):
    """What irqbalance leaves alone. `processors` is None where it is not told: isolated ones and nohz_full then."""

    processors: frozenset[int] | None = None
    interrupts: tuple[int, ...] = ()
    modules: tuple[str, ...] = ()
    policy_script: str = ""
    one_shot: bool = False


class Irqbalance(NamedTuple):
    """A running irqbalance, and its settings for the next start. `file` is None where there is none."""

    running: bool
    now: Bans
    file: str | None
    at_start: Bans


def irqbalance(host: Host, processes: ProcessNames) -> Irqbalance:
    """irqbalance as it runs here, as root's: what a user's process of this name says counts for nothing."""
    pid = balancer_pid(host, processes)
    now = running_bans(host, pid) if pid else Bans()
    file = next((path for path in ENVIRONMENT_FILES if host.exists(path)), None)
    given = values(host.read_lenient(file) or "")[0] if file else {}
    words = [OWN_POLICY] if OWN_POLICY in (host.read_lenient(BALANCER_DROP_IN) or "") else []
    words += [word for name in ARGUMENTS_IN_FILE for word in given.get(name, "").split()]
    return Irqbalance(bool(pid), now, file, parse_bans(words, given))


def balancer_pid(host: Host, processes: ProcessNames) -> int:
    """The process of irqbalance, 0 where none runs as root's."""
    return next((pid for pid in processes.pids_named(NAME) if started_by_root(host, pid)), 0)


def running_bans(host: Host, pid: int) -> Bans:
    """What a running irqbalance leaves alone."""
    words = (host.read_lenient(f"/proc/{pid}/cmdline") or "").split("\0")
    return parse_bans(words[1:], process_environment(host, pid))


def parse_bans(words: Sequence[str], environment: Mapping[str, str]) -> Bans:
    """The bans in the arguments, without the program's name, and in the environment."""
    interrupts = [int(one) for one in _given(words, _BAN_INTERRUPT) if re.fullmatch("[0-9]{1,9}", one)]
    return Bans(
        parse_banned_cpus(environment),
        tuple(interrupts[:MOST_BANS]),
        tuple(_given(words, _BAN_MODULE)[:MOST_BANS]),
        next(reversed(_given(words, _POLICY)), ""),
        any(word in ("-o", "--oneshot") for word in words) or bool(environment.get("IRQBALANCE_ONESHOT")),
    )


def parse_banned_cpus(environment: Mapping[str, str]) -> frozenset[int] | None:
    """The processors that the environment bans, the list before the mask; None where it bans none."""
    if environment.get(CPU_LIST):
        return listed_cpus(environment[CPU_LIST])
    return parse_cpu_mask(environment[CPU_MASK]) if environment.get(CPU_MASK) else None


def _given(words: Sequence[str], option: re.Pattern[str]) -> list[str]:
    """The values of an option, behind it or in the next word."""
    found = []
    for place, word in enumerate(words):
        match = option.fullmatch(word)
        if match:
            following = words[place + 1] if place + 1 < len(words) else ""
            found.append(match.group(1) or match.group(2) or following)
    return [one for one in found if one]
