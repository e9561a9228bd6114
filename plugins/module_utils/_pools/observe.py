# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe a host for the plan of memory pools: units, environment files and daemons."""

from __future__ import annotations

import fnmatch
import os
import posixpath
from collections.abc import Mapping, Sequence

from .._core.text import decoded, whole_number
from .._engine.effects import read_originals
from .._engine.originals import FileOriginal, Originals
from .._engine.owned_files import same_file
from .._host.host import Host, HostError, unless_refused
from .._host.machine import SYSTEMD_RUNNING, memory_bytes
from .._sip.gate import blocked_by_calls
from .._sip.proxy_command import CONFIGURATION
from .._sip.proxy_config import read_maxbuffer
from .._systemd.environment_file import notes
from .._systemd.execstart import GLOB_CHARACTERS, Start, read_start
from .._systemd.names import LOADED, MASKED, NOT_FOUND, RUNNING_STATES, template_of
from .._systemd.systemctl import load_error, names_of, real_name, show, unit_file
from .._systemd.units import check_unit_name, drop_in_directories, effective_drop_ins
from .._systemd.values import SystemdError
from .effective import command_of
from .model import Configuration, FileState, Observed, Request, Texts, Unit

UNIT_PROPERTIES = ("Id", "Names", "LoadState", "LoadError", "ActiveState", "FragmentPath", "MainPID", "MemoryMax")

RMEM_MAX = "/proc/sys/net/core/rmem_max"
RMEM_DEFAULT = "/proc/sys/net/core/rmem_default"


def observe(host: Host, request: Request) -> Observed:
    """Everything that the plan for this request depends on. Raises HostError and OriginalsError."""
    originals = read_originals(host)
    set_for = _units_by_file(host, originals)
    resolved = {unit.name: real_name(host, unit.name) for unit in request.units}
    if request.exclusive:
        for name in sorted({name for names in set_for.values() for name in names}):
            real = real_name(host, name)
            if real not in resolved.values():  # otherwise the request has it under another name
                resolved[name] = real
    shown = _show(host, list(dict.fromkeys(resolved.values())))
    units = [_unit(host, name, real, shown) for name, real in resolved.items()]
    paths = [path for unit in units for path in unit.files]
    known = {name for unit in units for name in (unit.asked, unit.name, *unit.names)}
    paths += [path for path, names in set_for.items() if known.intersection(names)]
    if request.exclusive:
        # Files that a killed run has recorded but not changed, or reverted but not finalized.
        paths += [path for path, original in originals.files.items() if _as_found(host, path, original)]
    files = {path: _file_state(host, path) for path in dict.fromkeys(paths)}
    texts = {path: state.text for path, state in files.items() if state.text is not None}
    return Observed(
        systemd_running=bool(shown),
        units=[unit._replace(configuration=_configuration(host, unit, texts)) for unit in units],
        files=files,
        originals=originals,
        owner=(os.geteuid(), os.getegid()),
        memory_bytes=memory_bytes(host),
        rmem_max_bytes=_number(host, RMEM_MAX),
        rmem_default_bytes=_number(host, RMEM_DEFAULT),
        blocked_by_calls=blocked_by_calls(host, request.restart, request.despite_calls),
        boot_only=host.boot_only,
    )


def _units_by_file(host: Host, originals: Originals) -> dict[str, set[str]]:
    """The units for which recorded files have lines of ours."""
    found = {path: {note.unit for note in notes(host.read_lenient(path) or "").values()} for path in originals.files}
    return {path: {name for name in names if _is_unit(name)} for path, names in found.items() if names}


def _as_found(host: Host, path: str, original: FileOriginal) -> bool:
    """Whether a file is as it was before us, so that no module needs its record any more."""
    try:
        return same_file(original.record, host.snapshot(path))
    except HostError:
        return False


def _is_unit(name: str) -> bool:
    try:
        return bool(check_unit_name(name))
    except SystemdError:
        return False


def _show(host: Host, names: Sequence[str]) -> list[dict[str, str]]:
    """What systemd has of these units, nothing where it does not run. Raises HostError."""
    return show(host, UNIT_PROPERTIES, names) if host.exists(SYSTEMD_RUNNING) else []


def _unit(host: Host, asked: str, real: str, shown: Sequence[Mapping[str, str]]) -> Unit:
    properties = next((one for one in shown if real in names_of(one)), {})
    real = properties.get("Id") or real
    names = names_of(properties) if properties else [real]
    path = properties.get("FragmentPath") or unit_file(host, real) or unit_file(host, template_of(real) or real)
    load, error = properties.get("LoadState", ""), load_error(properties) if properties else ""
    if not properties:
        load = NOT_FOUND if path is None else MASKED if host.resolves_to_null_device(path) else LOADED
    start = read_start(_texts(host, path, names), real) if path and load == LOADED else Start((), {}, (), frozenset())
    most = whole_number(properties.get("MemoryMax", ""))
    return Unit(
        asked=asked,
        name=real,
        names=names,
        load=load,
        load_error=error,
        start=start,
        files=_environment_files(host, start),
        running=_command_line(host, properties.get("MainPID", "")),
        active=properties.get("ActiveState") in RUNNING_STATES,
        memory_max=most if most is not None and most < 2**63 else None,
    )


def _texts(host: Host, path: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """A unit's own file and its drop-ins in the order systemd reads them, without masked ones."""
    found = []
    for directory in drop_in_directories(names):
        found += [f"{directory}/{name}" for name in unless_refused(host.list_directory, directory) or []]
    read = [one for one in (path, *effective_drop_ins(found)) if not host.resolves_to_null_device(one)]
    return [(one, host.read_decisive(one)) for one in read]


def _environment_files(host: Host, start: Start) -> list[str]:
    """The environment files in reading order; a plain path also if the file does not exist."""
    paths: list[str] = []
    for file in start.files:
        if file.plain:
            paths.append(file.pattern)
        elif file.pattern.startswith("/"):
            paths += _matching(host, file.pattern)
    # A file that is read twice counts where it is read last.
    return list(dict.fromkeys(reversed(paths)))[::-1]


def _matching(host: Host, pattern: str) -> list[str]:
    """The sorted paths that match a glob, hidden files only where it names them. Source: glob(7)"""
    found = [""]
    for part in pattern.split("/")[1:]:
        if not any(character in part for character in GLOB_CHARACTERS):
            found = [f"{path}/{part}" for path in found]
            continue
        found = [
            f"{path}/{name}"
            for path in found
            for name in unless_refused(host.list_directory, path or "/") or []
            if fnmatch.fnmatchcase(name, part) and (part.startswith(".") or not name.startswith("."))
        ]
    return sorted(path for path in found if host.exists(path))


def _command_line(host: Host, pid: str) -> list[str] | None:
    """The command line of a process, None if there is no such process."""
    if not whole_number(pid):
        return None
    text = host.read_lenient(f"/proc/{pid}/cmdline")
    return text.rstrip("\0").split("\0") if text else None


def _file_state(host: Host, path: str) -> FileState:
    try:
        record = host.snapshot(path)
    except HostError as error:
        return FileState(unless_refused(host.read_text, path), None, error.reason)
    if record is not None:
        return FileState(decoded(record.content), record, record.obstacle)
    directory = posixpath.dirname(path)
    refusal = "" if host.exists(directory) else f"there is no directory {directory} to create it in"
    return FileState(None, None, refusal)


def _configuration(host: Host, unit: Unit, texts: Texts) -> Configuration | None:
    """The configuration file of a unit's daemon."""
    found = command_of(unit, texts)
    if found is None:
        return None
    word = found[1].options.get(CONFIGURATION)
    path = word.text if word is not None and word.text.startswith("/") else found[1].daemon.configuration
    readable = host.read_foreign(path) is not None
    return Configuration(path, readable, read_maxbuffer(path, host.read_foreign))


def _number(host: Host, path: str) -> int | None:
    return whole_number((host.read_lenient(path) or "").strip())
