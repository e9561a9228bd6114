# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Safety checks: refuse settings that would keep a service from starting, kill it, or keep people from logging in."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping

from .._core.text import plural, whole_number
from .._host.rlimits import INFINITY
from .._sysctl.nr_open import NrOpen
from .._systemd.directives import FIRST_SYSTEMD_WITH_IDLE_WEIGHT
from .._systemd.names import unit_type
from .._systemd.parsers import Meaning
from .._systemd.units import deciding
from .._systemd.values import SystemdError
from .effective import own_lines
from .model import Decision, LoadedUnit, Observed

# Units without which nobody logs in, or becomes root: the ways in, what PAM and sudo ask, the network, and the slices
# that hold them all. A name ends where the pattern does, or goes on after an @ or in an instance.
LOGIN_UNITS = re.compile(
    r"(ssh|sshd|sshd-.*|dropbear|telnetd|cockpit.*"
    r"|dbus|dbus-broker|dbus-daemon|systemd-.*|user|user-runtime-dir|polkit|polkitd"
    r"|getty|serial-getty|console-getty|container-getty|autovt|rescue|emergency"
    r"|sssd.*|nscd|unscd|nslcd|winbind|winbindd|oddjobd"
    r"|NetworkManager.*|networking|network)(@.*)?\.service"
    r"|(system|user|user-.*)\.slice"
)
_MIB = 1024 * 1024
# What such a unit needs at least, and beyond what it uses now. Limits: those of limits_file, in the units of systemd,
# with room for what runs as long as the host does: journald's files have 128 MiB (journald.conf(5)), CPU time adds up.
# The others are for what a login starts: sshd takes 100 connections that have not logged in yet (MaxStartups,
# sshd_config(5)), and a session with Ansible has some 20 tasks and 60 MiB.
RESERVES = {
    "LimitNOFILE": 256,
    "LimitNPROC": 64,
    "LimitAS": 256 * _MIB,
    "LimitDATA": 64 * _MIB,
    "LimitSTACK": _MIB // 2,
    "LimitFSIZE": 128 * _MIB,
    "LimitCPU": 24 * 60 * 60,
    "LimitMEMLOCK": 0,
    "TasksMax": 128,
    "MemoryMax": 128 * _MIB,
    "MemoryHigh": 128 * _MIB,
}
_USED = {"TasksMax": "TasksCurrent", "MemoryMax": "MemoryCurrent", "MemoryHigh": "MemoryCurrent"}  # properties

NOT_FOR_ONESHOT = ("always", "on-success")  # systemd.service(5), Restart=


def check_safety(decisions: Iterable[Decision], observed: Observed) -> None:
    """Raises SystemdError for a setting that would keep a service from starting, or kill it."""
    for decision in decisions:
        if decision.setting is None or decision.wanted is None or decision.kept:
            continue
        _check_logins(decision, decision.wanted, observed)
        if decision.directive == "LimitNOFILE":
            _check_nofile(decision.item, decision.wanted, observed.nr_open)
        if decision.changed and decision.directive in _CHECKS_OF_RUNNING_UNITS:
            for unit in decision.unit.loaded:
                _CHECKS_OF_RUNNING_UNITS[decision.directive](decision.item, decision.wanted, unit)
        too_old = observed.version is not None and observed.version < FIRST_SYSTEMD_WITH_IDLE_WEIGHT
        if decision.directive == "CPUWeight" and decision.wanted == ("idle",) and too_old:
            raise SystemdError(
                decision.item,
                f"idle requires systemd {FIRST_SYSTEMD_WITH_IDLE_WEIGHT}, this is {observed.version}",
            )


def needed_by_logins(name: str) -> bool:
    """Whether logins need the unit with this name."""
    return LOGIN_UNITS.fullmatch(name) is not None


def _check_logins(decision: Decision, wanted: Meaning, observed: Observed) -> None:
    """Raises SystemdError for a limit of a unit that logins need, below what it uses now and a reserve."""
    reserve, limit = RESERVES.get(decision.directive), _amount(decision.directive, wanted[0], observed)
    names = {decision.unit.asked, decision.unit.name, *(unit.name for unit in decision.unit.loaded)}
    for unit in decision.unit.loaded:
        names.update(unit.properties.get("Names", "").split())
    if reserve is None or limit is None or not any(map(needed_by_logins, names)):
        return
    used = max((_used(decision.directive, unit) for unit in decision.unit.loaded), default=0)
    if limit < used + reserve:
        raise SystemdError(
            decision.item,
            f"{limit} is too little for a unit that logins need: it uses {used} now, and {reserve} more are to be "
            f"left, or nobody might log in any more. Give at least {used + reserve}, or leave it out",
        )


def _amount(directive: str, value: object, observed: Observed) -> int | None:
    """A limit as a number; None for one that is unknown. A share of memory is of the whole host's."""
    if isinstance(value, int):
        return value
    share = re.fullmatch(r"([0-9]+)(?:\.([0-9]{1,2}))?%", str(value))
    if not share or not directive.startswith("Memory") or observed.memory_bytes is None:
        return None
    return observed.memory_bytes * int(f"{share.group(1)}{(share.group(2) or '').ljust(2, '0')}") // 10000


def _used(directive: str, unit: LoadedUnit) -> int:
    """What a loaded unit uses of what a directive limits."""
    if directive in _USED:
        return _known_number(unit, _USED[directive]) or 0
    return len(unit.processes) if directive == "LimitNPROC" else unit.usage.get(directive, 0)


def _check_nofile(item: str, wanted: Meaning, nr_open: NrOpen) -> None:
    highest = max((value for value in wanted if value != INFINITY), default=0)
    objection = nr_open.objection(highest)
    if objection:
        raise SystemdError(item, f"{objection}: the service would get less, or fail to start (status 205/LIMITS)")


def _check_memory(item: str, wanted: Meaning, unit: LoadedUnit) -> None:
    used = _known_number(unit, "MemoryCurrent")
    if used is not None and isinstance(wanted[0], int) and wanted[0] < used:
        raise SystemdError(item, f"{wanted[0]} is below the {used} bytes that {unit.name} uses: it would be killed")


def _check_tasks(item: str, wanted: Meaning, unit: LoadedUnit) -> None:
    tasks = _known_number(unit, "TasksCurrent") or len(unit.processes)
    if isinstance(wanted[0], int) and wanted[0] < tasks:
        kind = plural(tasks, "process or thread", "processes and threads")
        reason = f"{wanted[0]} is below the {tasks} {kind} that {unit.name} has: it could not start any more"
        raise SystemdError(item, reason)


def _check_restart(item: str, wanted: Meaning, unit: LoadedUnit) -> None:
    if unit.properties.get("Type") == "oneshot" and wanted[0] in NOT_FOR_ONESHOT:
        raise SystemdError(
            item, f"systemd does not load a unit of Type=oneshot with {wanted[0]}, and {unit.name} is one"
        )


def _known_number(unit: LoadedUnit, name: str) -> int | None:
    number = whole_number(unit.properties.get(name, ""))
    # "[not set]" and 2^64-1 mean that systemd does not know the number.
    return number if number is not None and number < INFINITY else None


_CHECKS_OF_RUNNING_UNITS = {"MemoryMax": _check_memory, "TasksMax": _check_tasks, "Restart": _check_restart}


def check_hiding(observed: Observed, then: Mapping[str, str]) -> None:
    """Raises SystemdError if a drop-in of ours would hide another one of the same name that sets more.

    Of drop-ins of one name systemd reads only the most specific: that of kamailio@edge.service hides that of
    kamailio@.service. Source: systemd.unit(5)
    """
    for state in observed.units:
        own = own_lines(state, then)
        places = [path for path in state.candidates if posixpath.basename(path) == posixpath.basename(state.path)]
        less = [path for path in places[places.index(state.path) + 1 :] if path in then]
        hidden = deciding([(path, then[path]) for path in less[:1]], unit_type(state.name))
        lost = [directive for directive in hidden if directive not in own]
        if own and lost:
            raise SystemdError(
                state.asked,
                f"its drop-in {state.path} would hide {less[0]}, which sets {', '.join(lost)}: set that for both in "
                "one call, or choose another name for the drop-in",
            )
