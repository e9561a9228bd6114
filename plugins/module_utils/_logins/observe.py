# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe a host for the plan of a limits.d file: PAM, all limits files, accounts, and the limits of a session."""

from __future__ import annotations

import os
from collections.abc import Iterable

from .._core.text import decoded
from .._engine.effects import read_originals
from .._host import accounts
from .._host.accounts import Account
from .._host.capabilities import BOUNDING, CAP_SYS_NICE, CAP_SYS_RESOURCE, has_capability, in_user_namespace
from .._host.host import Host
from .._host.processes import FIRST_PROCESS, process_environment, process_names, process_status, started_by_root
from .._host.rlimits import read_limits
from .._sysctl.nr_open import nr_open
from .conf import GID_LOGINS, GIDS, GROUP, GROUP_LOGINS, ITEMS, LAST_ID, SUFFIX, UIDS, USER, Domain, parse
from .model import Directory, Observed, Request, Start
from .pam import MODULE, SERVICES, PamLimits, Service, common_abilities, read_module, service_limits

LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
CALLER_VARIABLES = ("SUDO_UID", "PKEXEC_UID")  # sudo(8), pkexec(1)
# A session inherits the limits of one of these.
LOGIN_DAEMONS = ("sshd", "cron", "crond", "systemd-logind", "agetty", "login")


def observe(host: Host, request: Request) -> Observed:
    """Everything that the plan for this request depends on. Raises HostError and OriginalsError."""
    originals = read_originals(host)
    pam = pam_limits(host)
    services = [service_limits(name, host.read_foreign) for name in SERVICES]
    others = limits_files(host, pam, request.path)
    own = host.snapshot(request.path)
    domains = [limit.domain for limit in request.limits]
    if own is not None:
        domains += [entry.domain for entry in parse(decoded(own.content), request.path)]
    return Observed(
        own=own,
        others=others,
        originals=originals,
        owner=(os.geteuid(), os.getegid()),
        directory=directory_of(domains),
        pam=pam,
        services=services,
        nr_open=nr_open(host),
        start=session_start(host, pam, services),
        connected=connected_account(host),
    )


def connected_account(host: Host) -> Account | None:
    """The account that has logged in to run us: the login's number outlives sudo, which also gives it."""
    given = process_environment(host, "self")
    for text in (host.read_lenient("/proc/self/loginuid") or "", *(given.get(name, "") for name in CALLER_VARIABLES)):
        if text.strip().isdecimal() and int(text) <= LAST_ID:
            return accounts.user_numbered(int(text))
    return None


def pam_limits(host: Host) -> PamLimits:
    """The abilities of this host's pam_limits.so. Raises HostError."""
    directories = list(LIBRARIES)
    for library in LIBRARIES:
        directories += [f"{library}/{name}" for name in host.list_directory(library) if "-linux-" in name]
    found = (host.read_bytes(f"{directory}/security/{MODULE}") for directory in directories)
    return common_abilities([read_module(content) for content in found if content is not None])


def limits_files(host: Host, pam: PamLimits, own: str) -> dict[str, str]:
    """The text of every limits.conf and limits.d/*.conf but our own, by path. Raises HostError.

    A file that cannot be read, such as a dangling link, still hides others of the same name.
    """
    paths = []
    for directory in pam.directories:
        main = f"{directory}/limits.conf"
        paths += [main] if host.read_lenient(main) is not None else []
        names = host.list_directory(f"{directory}/limits.d")
        paths += [f"{directory}/limits.d/{name}" for name in names if name.endswith(SUFFIX)]
    return {path: host.read_decisive(path) for path in paths if path != own}


def directory_of(domains: Iterable[Domain]) -> Directory:
    """The accounts and groups that these domains name, as far as the host has them; and root."""
    users, uids, groups, gids = {}, {0: accounts.user_numbered(0)}, {}, {}
    for domain in domains:
        if domain.kind == USER:
            users[domain.name] = accounts.user_named(domain.name)
        elif domain.kind == UIDS and domain.low == domain.high:
            uids[domain.low] = accounts.user_numbered(domain.low)
        elif domain.kind in (GROUP, GROUP_LOGINS):
            groups[domain.name] = accounts.group_named(domain.name)
        elif domain.kind == GID_LOGINS or (domain.kind == GIDS and domain.exact):
            gids[domain.high] = accounts.group_numbered(domain.high)
    return Directory(
        {name: account for name, account in users.items() if account is not None},
        {uid: account for uid, account in uids.items() if account is not None},
        {name: gid for name, gid in groups.items() if gid is not None},
        {gid: name for gid, name in gids.items() if name is not None},
    )


def session_start(host: Host, pam: PamLimits, services: Iterable[Service]) -> Start:
    """The limits of process 1 where PAM starts sessions with those, otherwise the limits of a login daemon."""
    may_raise, may_renice = (_capable(host, capability) for capability in (CAP_SYS_RESOURCE, CAP_SYS_NICE))
    candidates: list[tuple[str, int | str]] = []
    if may_raise and (pam.spares_root or any(service.resets for service in services)):
        candidates.append(("process 1", FIRST_PROCESS))
    names = process_names(host)
    for daemon in LOGIN_DAEMONS:
        candidates += [(daemon, pid) for pid in names.pids_named(daemon) if _started_by_init(host, pid)]
    candidates.append(("this session", "self"))
    for whose, pid in candidates:
        hard = hard_limits(host, pid)
        if hard:
            return Start(hard, whose, may_raise, may_renice)
    return Start({}, "", may_raise, may_renice)


def hard_limits(host: Host, pid: int | str) -> dict[str, int]:
    """The hard limits of a process by item, in the kernel's numbers; {} if it has ended or is hidden from us."""
    limits = read_limits(host, pid)
    return {item.name: limits[item.limit][1] for item in ITEMS.values() if item.limit in limits}


def _started_by_init(host: Host, pid: int) -> bool:
    status = process_status(host, pid)
    return status is not None and status.parent == FIRST_PROCESS and started_by_root(host, pid)


def _capable(host: Host, capability: int) -> bool:
    """Whether root's processes here may have a capability in the initial user namespace: capabilities(7)."""
    bounding = has_capability(host.read_lenient("/proc/self/status") or "", capability, BOUNDING)
    return bounding is not False and not in_user_namespace(host)
