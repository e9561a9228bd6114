# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects around the plan of sysctl settings: observe the host, carry the plan out, confirm it."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import posixpath
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils import _originals
from ansible_collections.siptune.linux.plugins.module_utils._change import CHANGED, REFUSED, Change, UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._host import FileRecord, Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._machine import (
    CONTAINER,
    child_network_namespace,
    systemd_version,
    virtualization,
)
from ansible_collections.siptune.linux.plugins.module_utils._network import ipv6_in_use
from ansible_collections.siptune.linux.plugins.module_utils._originals import Originals
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_d import (
    DIRECTORIES,
    FIRST_SYSTEMD_WITH_GLOBS,
    PROCPS_FILE,
    effective_files,
    rules_path,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_kernel import (
    Surroundings,
    module_of,
    partner,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_key import (
    GLOB_CHARACTERS,
    SysctlError,
    display_name,
    expand_braces,
    is_glob,
    part_matches,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_plan import (
    FileChange,
    LiveKey,
    Observed,
    Plan,
    Request,
    Write,
    keys_to_observe,
    needs_highest_nofile,
    needs_ipv6_reasons,
    settle,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl_value import same, stored

PROC_SYS = "/proc/sys"
SYSTEMD_SYSCTL = ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl")
FIRST_IPC_NAMESPACE = "ipc:[4026531839]"  # PROC_IPC_INIT_INO, include/linux/proc_ns.h
OPEN_FILES_LIMIT = re.compile(r"^Max open files\s+\S+\s+([0-9]+)", re.MULTILINE)  # proc_pid_limits(5)


class RefusedError(Exception):
    """A change of an item, a key or a file, that the host would not take.

    Everything has been put back, but for what `not_undone` names with the reason.
    """

    def __init__(self, cause: HostError, undone: list[str], not_undone: list[str]) -> None:
        super().__init__(str(cause))
        self.item = cause.subject
        self.reason = cause.reason
        self.undone = [what for what in undone if what != self.item]
        self.not_undone = not_undone


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
        others=_other_files(host, request.path),
        originals=originals,
        surroundings=_surroundings(host),
        loaded_modules=_loaded_modules(host) if any(map(module_of, paths)) else frozenset(),
        systemd_sysctl=next(filter(host.exists, SYSTEMD_SYSCTL), None),
        glob_lines=(systemd_version(host) or 0) >= FIRST_SYSTEMD_WITH_GLOBS,
        udev=host.exists(posixpath.dirname(rules_path(request.path))),
        owner=(os.geteuid(), os.getegid()),
        ipv6_reasons=ipv6_in_use(host) if needs_ipv6_reasons(request.settings) else (),
        highest_nofile=_highest_nofile(host) if needs_highest_nofile(request.settings) else None,
    )


def read_originals(host: Host) -> Originals:
    """The originals recorded on this host. Raises OriginalsError, HostError."""
    record = host.snapshot(_originals.PATH)
    return _originals.NOTHING if record is None else _originals.parse(record.content)


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


def _other_files(host: Host, path: str) -> list[tuple[str, str]]:
    """The sysctl.d files that are read at boot, in their order and with their text, all but ours.

    What cannot be read, such as a directory or a dangling link, still hides a file of its name.
    """
    names = {directory: host.list_directory(directory) for directory in DIRECTORIES}
    directory, name = posixpath.split(path)
    names[directory] = [other for other in names[directory] if other != name]
    files = effective_files(names)
    if not any(map(host.exists, SYSTEMD_SYSCTL)):
        files.append(PROCPS_FILE)
    return [(file, host.read_lenient(file) or "") for file in files]


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


def _highest_nofile(host: Host) -> int:
    """The highest hard limit of open files that any process has."""
    highest = 0
    for name in host.list_directory("/proc"):
        if name.isdigit():
            limits = host.read_lenient(f"/proc/{name}/limits") or ""
            highest = max([highest, *map(int, OPEN_FILES_LIMIT.findall(limits))])
    return highest


# --- apply and confirm ----------------------------------------------------------------------


class Outcome(NamedTuple):
    """The changes with what the host really took."""

    changes: list[Change]
    changed: bool


def carry_out(host: Host, request: Request, observed: Observed, planned: Plan) -> Outcome:
    """Do all of a plan, or nothing of it. Raises RefusedError.

    The order keeps every moment safe: originals first, so that nothing is changed unrecorded; then
    the files, staged and synced, so that a full disk shows before the kernel is touched; the
    kernel; and at last the files get their names.
    """
    log = UndoLog()
    try:
        return _carry_out(host, request, observed, planned, log)
    except HostError as error:
        raise RefusedError(error, *log.undo()) from error
    except BaseException:
        log.undo()
        raise


def _carry_out(host: Host, request: Request, observed: Observed, planned: Plan, log: UndoLog) -> Outcome:
    _tidy(host, request)
    if planned.changed:
        _store_originals(host, planned.originals, log)
    staged = [(file, _stage(host, file, log)) for file in planned.files]
    before = {path: observed.live[path].value or "" for path in planned.side_effects}
    _note_side_effects(host, before, log)
    for write in planned.writes:
        _write(host, write, log)
    for file, commit in staged:
        log.note(file.path, functools.partial(put_back, host, file))
        commit()
    live = {write.path: _read_back(host, write) for write in planned.writes}
    live.update({path: _value(host, path) for path in planned.side_effects})
    settled = settle(request, planned, live)
    recorded = planned.originals if planned.changed else observed.originals
    if settled != recorded:
        _store_originals(host, settled, log)
    if settled.empty:
        _remove_originals_directory(host, log)
    return Outcome(_confirmed(planned, live), planned.changed)


def _tidy(host: Host, request: Request) -> None:
    """Remove what a killed run may have left beside the files."""
    for path in (_originals.PATH, request.path, rules_path(request.path)):
        host.remove_leftover(path)


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


def _stage(host: Host, file: FileChange, log: UndoLog) -> Callable[[], None]:
    """Prepare a file's change without touching the file; returns what carries it out."""
    if file.after is None:
        return lambda: host.remove(file.path)
    _make_parents(host, file.path, 0o755, log)
    staged = host.stage(file.path, file.after)
    log.note("", staged.discard)
    return staged.commit


def put_back(host: Host, file: FileChange) -> None:
    """Give a file back the content it had before, or its absence."""
    current = host.snapshot(file.path)
    if current == file.before:
        return
    if file.before is None:
        host.remove(file.path)
    else:
        host.stage(file.path, file.before).commit()


def _store_originals(host: Host, after: Originals, log: UndoLog) -> None:
    """Replace the record of originals; without any entry it goes."""
    owner = (os.geteuid(), os.getegid())
    record = None if after.empty else FileRecord(_originals.render(after), _originals.FILE_MODE, *owner)
    change = FileChange(_originals.PATH, host.snapshot(_originals.PATH), record)
    if record is not None:
        _make_parents(host, _originals.PATH, _originals.DIRECTORY_MODE, log)
        log.note("", lambda: put_back(host, change))
        host.stage(_originals.PATH, record).commit()
    elif change.before is not None:
        log.note("", lambda: put_back(host, change))
        host.remove(_originals.PATH)


def _remove_originals_directory(host: Host, log: UndoLog) -> None:
    with contextlib.suppress(HostError):  # it may not be there, or hold what is not ours
        host.remove_directory(_originals.DIRECTORY)
        log.note("", lambda: host.make_directory(_originals.DIRECTORY, _originals.DIRECTORY_MODE))


def _make_parents(host: Host, path: str, mode: int, log: UndoLog) -> None:
    directory = posixpath.dirname(path)
    if host.make_directory(directory, mode):
        log.note("", lambda: host.remove_directory(directory))


def refused_item(planned: Plan, error: RefusedError) -> Change:
    """The item of a failed call: what was refused, and why. Everything else is as it was before."""
    for change in planned.changes:
        if change.item == error.item:
            return change._replace(state=REFUSED, after=change.before, at_boot=None, reason=error.reason)
    return Change(error.item, None, None, None, None, REFUSED, "", error.reason)
