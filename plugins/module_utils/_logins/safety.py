# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Safety checks of limits: those that would lock people out, and those that cannot work, are refused."""

from __future__ import annotations

from collections.abc import Sequence

from .._host.accounts import Account
from .conf import (
    ALL_LOGINS,
    EVERYBODY,
    GROUP,
    GROUP_LOGINS,
    HARD,
    INFINITE,
    ITEMS,
    RESOURCE,
    SOFT,
    Decision,
    Domain,
    Entry,
    LimitsError,
    amount,
    rank_for,
    shown_amount,
)
from .effective import Effective, effective_amount, is_line_of
from .model import Observed
from .settings import Limit

# The hard limit that systemd gives to services: no shell needs more, and some programs close, one by one, every
# descriptor that they could have. (systemd NEWS, changes with 240)
HIGHEST_FOR_SHELLS = 524288


# The least that lets people log in and work as root, in the units of limits.conf. Measured with setrlimit(2) on Debian
# 12: bash, and Python with threads and TLS, as Ansible's modules are; with room for sshd, PAM, sudo and larger modules.
LEAST_FOR_LOGINS = {
    "nofile": 64,  # an interactive bash needs 7, Python 5
    "as": 256 * 1024,  # Python needs 29 MiB
    "data": 64 * 1024,  # Python needs 15 MiB
    "stack": 512,  # Python needs 76 KiB; execve(2) takes the longest argument, 128 KiB, of a quarter of the stack
    "fsize": 10 * 1024,  # what is written beyond it ends the program: wtmp, logs, a module of Ansible
    "nproc": 32,  # sshd, systemd's two for the user, a shell, sudo and what it runs, threads included
    "cpu": 10,  # minutes; a process that used them is killed, sshd's of a long session as well
    "maxlogins": 2,  # a session that hangs keeps the next one out
    "maxsyslogins": 4,  # of everybody together
}
# Whose members become root by sudo or polkit on most distributions.
ADMIN_GROUPS = frozenset(("root", "sudo", "wheel", "admin"))


def highest_nofile(observed: Observed) -> int:
    """The highest nofile that is safe on this host for people who log in."""
    ceiling = min(observed.nr_open.lowest, HIGHEST_FOR_SHELLS)
    if not observed.start.may_raise:
        ceiling = min(ceiling, observed.start.hard.get("nofile", ceiling))
    return ceiling


def check_limit(limit: Limit, observed: Observed) -> None:
    """Raises LimitsError for a limit that would lock people out by itself."""
    number = amount(ITEMS[limit.item], limit.value)
    _check_room(limit, number, observed)
    if limit.item == "nofile" and number is not None:
        _check_nofile(limit, number, observed)
    if limit.item == "nonewprivs" and number == 1 and _reaches_root(limit.domain, observed):
        raise LimitsError(limit.name, "nobody could become root any more: sudo and su would stop working")
    if limit.item == "priority" and number is not None and number < 0 and not observed.start.may_renice:
        raise LimitsError(
            limit.name, "root cannot lower nice values here (no CAP_SYS_NICE): pam_limits would refuse the login"
        )
    start = observed.start.hard.get(limit.item)
    if observed.start.may_raise or start is None or ITEMS[limit.item].kind != RESOURCE or HARD not in limit.sides:
        return
    if effective_amount(limit.item, limit.value, observed) > start:
        raise LimitsError(
            limit.name,
            f"root cannot raise hard limits here (no CAP_SYS_RESOURCE, as in most containers), and "
            f"{observed.start.whose} has {shown_amount(limit.item, start)}: {_consequence(observed)}",
        )


def _check_room(limit: Limit, number: int | None, observed: Observed) -> None:
    """Raises LimitsError for a limit with which those who administer the host could not log in."""
    least = LEAST_FOR_LOGINS.get(limit.item, 0)
    if number is None or not 0 <= number < least * ITEMS[limit.item].scale or not _reaches_admins(limit, observed):
        return
    raise LimitsError(
        limit.name,
        f"{limit.value} is too little for a shell, sudo and what they start: root, or those who become root, could not "
        f"log in or work. Give at least {least}, or limit only the accounts that it is meant for",
    )


def _reaches_admins(limit: Limit, observed: Observed) -> bool:
    """Whether a limit is for root, for whoever has logged in to run us, or for people who become root."""
    domain = limit.domain
    people = [observed.directory.root, *([observed.connected] if observed.connected is not None else [])]
    if domain.kind in (EVERYBODY, ALL_LOGINS):
        return True
    if domain.kind in (GROUP, GROUP_LOGINS) and domain.name in ADMIN_GROUPS:
        return True
    return any(rank_for(domain, account, False) is not None for account in people)


def _check_nofile(limit: Limit, number: int, observed: Observed) -> None:
    if number == INFINITE:
        if not observed.pam.maps_nofile:
            raise LimitsError(
                limit.name,
                f"this pam_limits passes '{limit.value}' to the kernel unchanged, and fs.nr_open is "
                f"{observed.nr_open.live}: {_consequence(observed)}; write a number or 'max'",
            )
        return
    objection = observed.nr_open.objection(number)
    if objection:
        raise LimitsError(limit.name, f"{objection}: {_consequence(observed)}")


def _consequence(observed: Observed) -> str:
    """The consequence for a login when the kernel refuses a limit: with Debian's patch 032 it continues."""
    login = "leave the limit as it was" if observed.pam.spares_root else "refuse the login"
    return f"the kernel would refuse it, and PAM would {login}"


def _reaches_root(domain: Domain, observed: Observed) -> bool:
    """Whether a domain includes root, or everybody who could become root."""
    rank = rank_for(domain, observed.directory.root, observed.pam.spares_root)
    return domain.kind == EVERYBODY or rank is not None


def check_together(path: str, limits: Sequence[Limit], then: Effective) -> None:
    """Raises LimitsError for limits that cannot work together.

    `path` is our file, and `then` are the limits in force once it is written.
    """
    for limit in limits:
        accounts = then.people(limit)
        if ITEMS[limit.item].kind == RESOURCE and limit.type == SOFT:
            for account in accounts:
                _check_soft(limit, then.decide(limit.item, account), path, limits, then)
        overruling = {_overruled_by(limit, account, path, then) for account in accounts}
        entry = overruling.pop() if len(overruling) == 1 else None
        if entry is not None:
            raise LimitsError(limit.name, f"is overruled by '{entry.name}' of the same call")


def _check_soft(limit: Limit, decision: Decision, path: str, limits: Sequence[Limit], then: Effective) -> None:
    """Raises LimitsError for a soft limit that would be cut to the hard one."""
    hard, entry = then.hard(limit.item, decision), decision.hard
    value = effective_amount(limit.item, limit.value, then.observed)
    if hard is None or value <= hard or decision.exemption is not None:
        return
    shown = shown_amount(limit.item, hard)
    if entry is None:
        whose = then.observed.start.whose
        raise LimitsError(
            limit.name,
            f"{limit.value} is above the hard limit in force ({shown}, of {whose}) and would be cut to it: "
            "raise the hard limit as well",
        )
    if entry.file == path:
        raise LimitsError(limit.name, f"soft {limit.value} is above the hard limit {shown} of '{entry.name}'")
    own_hard = any(
        other.domain == limit.domain and other.item == limit.item and HARD in other.sides for other in limits
    )
    if not own_hard:  # otherwise the hard line is reported as shadowed, and this one with it
        raise LimitsError(
            limit.name,
            f"{limit.value} is above the hard limit in force ({shown}, of {entry.file} line {entry.line}) and would be "
            "cut to it",
        )


def _overruled_by(limit: Limit, account: Account, path: str, then: Effective) -> Entry | None:
    """The line of our own file that wins over a limit with another value."""
    wanted = effective_amount(limit.item, limit.value, then.observed)
    decision = then.decide(limit.item, account)
    for side in limit.sides:
        entry = decision.side(side)
        if entry is None or entry.file != path or is_line_of(entry, limit):
            continue
        if entry.item != limit.item or then.amount(entry) != wanted:
            return entry
    return None
