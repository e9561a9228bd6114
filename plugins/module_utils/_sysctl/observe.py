# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects around the plan of sysctl settings: observe the host, carry the plan out, confirm it."""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Sequence

from .._core.change import CHANGED, Change, Outcome, UndoLog
from .._engine.effects import finalize_originals, read_originals, stage, store_originals, tidy
from .._host.host import Host, HostError
from .._host.machine import CONTAINER, child_network_namespace, systemd_version, virtualization
from .._host.rlimits import INFINITY, read_open_files_limit
from .boot import SYSTEMD_SYSCTL, files_read_at_boot
from .conf import FIRST_SYSTEMD_WITH_GLOBS, rules_path
from .kernel import Surroundings, module_of, partner
from .key import GLOB_CHARACTERS, SysctlError, display_name, expand_braces, is_glob, part_matches
from .model import LiveKey, Observed, Plan, Request, Write, keys_to_observe
from .originals import finalize
from .safety import needs_highest_nofile, needs_ipv6_reasons
from .value import same, stored

PROC_SYS = "/proc/sys"
FIRST_IPC_NAMESPACE = "ipc:[4026531839]"  # PROC_IPC_INIT_INO, include/linux/proc_ns.h


class _KeyRefusedError(HostError):
    """The kernel did not take a value. The subject is the key's name."""


# --- observe --------------------------------------------------------------------------------


def observe(host: Host, request: Request) -> Observed:
    """What the plan for this request has to know. Raises HostError, SysctlError and OriginalsError."""
    originals = read_originals(host)
    wanted = keys_to_observe(request.settings, originals, request.path)
    matches = {key: _expand(host, key) for key in wanted if is_glob(key)}
    paths = dict.fromkeys([key for key in wanted if not is_glob(key)])
    for expanded in matches.values():
        paths.update(dict.fromkeys(expanded))
    live = {path: key for path, key in ((path, _live_key(host, path)) for path in paths) if key is not None}
    return Observed(
        live=live,
        matches=matches,
        own=host.snapshot(request.path),
        own_rules=host.snapshot(rules_path(request.path)),
        others=files_read_at_boot(host, request.path),
        originals=originals,
        surroundings=_surroundings(host),
        loaded_modules=_loaded_modules(host) if any(map(module_of, paths)) else frozenset(),
        systemd_sysctl=next(filter(host.exists, SYSTEMD_SYSCTL), None),
        glob_lines=(systemd_version(host) or 0) >= FIRST_SYSTEMD_WITH_GLOBS,
        udev=host.exists(posixpath.dirname(rules_path(request.path))),
        owner=(os.geteuid(), os.getegid()),
        ipv6_reasons=_ipv6_reasons(host) if needs_ipv6_reasons(paths) else (),
        highest_nofile=_highest_nofile(host) if needs_highest_nofile(paths, request.settings, originals) else None,
    )


def _live_key(host: Host, path: str) -> LiveKey | None:
    """A key of the running kernel, None if there is none."""
    file = f"{PROC_SYS}/{path}"
    try:
        value = host.read_text(file)
    except HostError as error:
        if error.errno == errno.EISDIR:
            raise SysctlError(display_name(path), "is a directory of keys, not a key") from error
        return LiveKey(None, False)
    return None if value is None else LiveKey(value.strip().replace("\t", " "), host.writable(file))


def _expand(host: Host, pattern: str) -> list[str]:
    """The existing keys that a glob names, in the order of their names."""
    found = [path for expanded in expand_braces(pattern) for path in _expand_parts(host, expanded.split("/"))]
    return sorted(set(found), key=lambda path: path.split("/"))


def _expand_parts(host: Host, parts: Sequence[str]) -> list[str]:
    found = [""]
    for part in parts:
        if GLOB_CHARACTERS.isdisjoint(part):
            found = [f"{path}/{part}" for path in found]
        else:
            found = [
                f"{path}/{name}"
                for path in found
                for name in host.list_directory(PROC_SYS + path)
                if part_matches(part, name)
            ]
    return [path[1:] for path in found if host.exists(PROC_SYS + path)]


def _surroundings(host: Host) -> Surroundings:
    return Surroundings(
        container=virtualization(host).kind == CONTAINER,
        child_network_namespace=child_network_namespace(host) is True,
        child_ipc_namespace=host.read_link("/proc/self/ns/ipc") not in (FIRST_IPC_NAMESPACE, None),
    )


def _loaded_modules(host: Host) -> frozenset[str]:
    """Names of the loaded modules; empty on a kernel without loadable modules. Source: proc_modules(5)."""
    lines = (host.read_text("/proc/modules") or "").splitlines()
    return frozenset(line.split(" ", 1)[0] for line in lines)


def _ipv6_reasons(host: Host) -> list[str]:
    # Imported here, as few calls need it and each run on a target compiles what it imports.
    from .._host.network import ipv6_in_use

    return ipv6_in_use(host)


def _highest_nofile(host: Host) -> int:
    """The highest hard limit of open files that any process has."""
    pairs = [read_open_files_limit(host, int(name)) for name in host.list_directory("/proc") if name.isdigit()]
    return max((pair[1] for pair in pairs if pair is not None and pair[1] != INFINITY), default=0)


# --- apply and confirm ----------------------------------------------------------------------


def apply(host: Host, request: Request, observed: Observed, planned: Plan, log: UndoLog) -> Outcome:
    """Carry out a plan, and note how to undo it. Raises HostError.

    The order keeps every moment safe: originals first, so that nothing is changed unrecorded; then
    the files, staged and synced, so that a full disk shows before the kernel is touched; the
    kernel; and at last the files get their names.
    """
    tidy(host, request.path, rules_path(request.path))
    if planned.changed:
        store_originals(host, planned.originals, log)
    staged = [stage(host, file, log) for file in planned.files]
    before = {path: observed.live[path].value or "" for path in planned.side_effects}
    _note_side_effects(host, before, log)
    for write in planned.writes:
        _write(host, write, log)
    for commit in staged:
        commit()
    live = {write.path: _read_back(host, write) for write in planned.writes}
    live.update({path: _value(host, path) for path in planned.side_effects})
    recorded = planned.originals if planned.changed else observed.originals
    finalize_originals(host, finalize(request, planned, live), recorded, log)
    return Outcome(_confirmed(planned, live), planned.changed)


def _write(host: Host, write: Write, log: UndoLog) -> None:
    file = f"{PROC_SYS}/{write.path}"

    def write_back() -> None:
        if write.before != "0" or partner(write.path) is None:  # a 0 comes back with the partner's value
            host.write_kernel(file, write.before)

    name = display_name(write.path)
    log.note(name, write_back)
    try:
        host.write_kernel(file, write.text)
    except HostError as error:
        raise _KeyRefusedError(name, f"the kernel refused '{write.text}': {error.reason}", error.errno) from error


def _note_side_effects(host: Host, before: dict[str, str], log: UndoLog) -> None:
    """Noted first, so that what the writes have changed along is put back after they are undone."""

    def put_back_changed() -> None:
        for path, value in before.items():
            if value != _value(host, path) and (value != "0" or partner(path) is None):
                host.write_kernel(f"{PROC_SYS}/{path}", value)

    if before:
        log.note("", put_back_changed)


def _value(host: Host, path: str) -> str | None:
    key = _live_key(host, path)
    return None if key is None else key.value


def _read_back(host: Host, write: Write) -> str | None:
    """What the kernel made of a write. Raises _KeyRefusedError if it is what was there before."""
    taken = _value(host, write.path)
    expected = stored(write.path, write.text, write.before)
    if taken is not None and same(write.path, taken, write.before) and not same(write.path, taken, expected):
        raise _KeyRefusedError(
            display_name(write.path), f"the kernel took '{write.text}' without complaint and kept {taken}"
        )
    return taken


def _confirmed(planned: Plan, live: dict[str, str | None]) -> list[Change]:
    taken = {display_name(path): value for path, value in live.items()}
    expected = {display_name(write.path): write for write in planned.writes}
    confirmed = []
    for change in planned.changes:
        if change.item in expected and change.state == CHANGED:
            write, value = expected[change.item], taken[change.item]
            if value is not None and not same(write.path, value, stored(write.path, write.text, write.before)):
                change = change._replace(reason=f"the kernel made {value} of {write.text}")
            change = change._replace(after=value)
        confirmed.append(change)
    return confirmed
