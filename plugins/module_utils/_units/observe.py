# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the host's units: names, files, drop-ins, processes, and the properties that systemctl shows."""

from __future__ import annotations

import os
import posixpath
import re
import time
from collections.abc import Iterable, Mapping, Sequence

from .._core.text import whole_number
from .._engine.effects import read_originals
from .._engine.originals import Originals
from .._host.capabilities import CAP_SYS_RESOURCE, has_capability, in_user_namespace
from .._host.host import Host, unless_refused
from .._host.machine import SYSTEMD_RUNNING, memory_bytes, systemd_version
from .._host.processes import FIRST_PROCESS, PODMAN_PAYLOAD
from .._host.rlimits import INFINITY, Process, own_powers, read_process
from .._sip.gate import blocked_by_calls
from .._sysctl.nr_open import nr_open
from .._systemd.directives import DIRECTIVES, SHOWN_PROPERTIES
from .._systemd.names import LOADED, MASKED, NOT_FOUND, drop_in_path, is_template, template_of, unit_of_path, unit_type
from .._systemd.starting import STARTING_POLL_SECONDS, STARTING_SECONDS, starting
from .._systemd.systemctl import load_error, names_of, real_name, show, unit_file
from .._systemd.units import check_unit_name, drop_in_directories
from .effective import chain, needs_defaults
from .model import QUADLET_SUFFIX, Container, LoadedUnit, Observed, Plan, Request, UnitState
from .safety import needed_by_logins

UNIT_PROPERTIES = (
    "Id",
    "Names",
    "LoadState",
    "LoadError",
    "ActiveState",
    "SubState",
    "Result",
    "Job",
    "FragmentPath",
    "SourcePath",
    "DropInPaths",
    "Transient",
    "NeedDaemonReload",
    "MainPID",
    "ControlGroup",
    "ExecMainStartTimestampMonotonic",
    "Type",
    "MemoryCurrent",
    "TasksCurrent",
    *SHOWN_PROPERTIES,
)

# Small services of systemd itself, which every host has and which set no limits: they show systemd's defaults.
REFERENCE_UNITS = ("systemd-tmpfiles-setup.service", "rescue.service", "emergency.service")

# Where systemd's own hierarchy is mounted: version 2 alone, version 2 beside version 1, version 1. Source: cgroups(7)
CONTROL_GROUP_MOUNTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")
CONTROL_GROUP_PROCESSES = "cgroup.procs"
CONTROL_GROUP_TASKS = "pids.max"


KIBIBYTE = 1024
# The limits on what /proc/PID/status shows in KiB.
USED_SIZES = {"Peak": "LimitAS", "Data": "LimitDATA", "Stk": "LimitSTACK", "Lck": "LimitMEMLOCK"}
_SIZES = re.compile(r"^Vm(Peak|Data|Stk|Lck):\s+([0-9]{1,15}) kB$", re.MULTILINE)


def observe(host: Host, request: Request) -> Observed:
    """Everything the plan for this request depends on. Raises HostError, SystemdError and OriginalsError."""
    originals = read_originals(host)
    asked = [unit.name for unit in request.units]
    resolved = {name: real_name(host, name) for name in asked}
    others = [name for name in _others(request, originals) if name not in resolved.values()] if request.others else []
    resolved.update({name: name for name in others})
    names = [*resolved.values(), *(REFERENCE_UNITS if needs_defaults(request) else ())]
    answer = _ask(host, list(dict.fromkeys(names)))
    shown = answer or []
    deadline = start_deadline()
    by_unit = _by_unit(shown, set(resolved.values()))
    units = [_unit_state(host, name, real, by_unit.get(real, []), request, deadline) for name, real in resolved.items()]
    status = host.read_lenient(f"/proc/{FIRST_PROCESS}/status") or ""
    return Observed(
        systemd_running=answer is not None,
        version=systemd_version(host),
        units=units,
        texts=_texts(host, units),
        originals=originals,
        owner=(os.geteuid(), os.getegid()),
        powers=own_powers(host),
        nr_open=nr_open(host),
        first=read_process(host, FIRST_PROCESS),
        first_sys_resource=bool(has_capability(status, CAP_SYS_RESOURCE)) and not in_user_namespace(host),
        defaults=_defaults(host, shown),
        boot_only=host.boot_only,
        blocked_by_calls=blocked_by_calls(host, request.restart, request.despite_calls),
        memory_bytes=memory_bytes(host),
    )


def _ask(host: Host, names: Sequence[str]) -> list[dict[str, str]] | None:
    """The properties of these units; None where systemd does not run. Raises HostError."""
    if not host.exists(SYSTEMD_RUNNING):
        return None
    shown = show(host, UNIT_PROPERTIES, names)
    # In a chroot systemctl succeeds and prints nothing. A running systemd prints a block for every name but a pattern.
    return shown if shown or all(is_template(name) for name in names) else None


def _others(request: Request, originals: Originals) -> list[str]:
    """The units whose drop-ins of this name are recorded as ours."""
    names = [unit_of_path(path) for path in originals.files if posixpath.basename(path) == request.drop_in]
    return [check_unit_name(name) for name in names if name]


def _defaults(host: Host, shown: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """systemd's defaults for a service, by the properties that show them. Raises HostError.

    They are read from the reference units, for directives that no file sets there. Asking for the manager's own
    defaults would take another systemctl, and the manager has defaults for some directives only.
    """
    if host.boot_only:
        # Imported here, as only a run for an image needs it, and each run on a host compiles what it imports.
        from .image import defaults_of_image

        return defaults_of_image(host, systemd_version(host))
    defaults: dict[str, str] = {}
    for name in REFERENCE_UNITS:
        properties = next((one for one in shown if one.get("Id") == name), {})
        if properties.get("LoadState") != LOADED:
            continue
        reference = _loaded_unit(host, properties, drop_in_path(name, ""), 0)
        lines = chain(reference, _texts_of(host, (*reference.candidates, reference.fragment)))
        for directive in DIRECTIVES.values():
            if directive.name not in lines:
                defaults = {**{one: properties.get(one, "") for one in directive.properties}, **defaults}
    return defaults


def _unit_state(
    host: Host,
    asked: str,
    real: str,
    found: Sequence[Mapping[str, str]],
    request: Request,
    deadline: float,
) -> UnitState:
    if found and not is_template(real):
        real = found[0].get("Id") or real
    path = drop_in_path(real, request.drop_in)
    file = unit_file(host, real) or unit_file(host, template_of(real) or real)
    load, error = _load_state(host, real, file, found)
    own = host.snapshot(path)
    shown_loaded = [properties for properties in found if properties.get("LoadState") == LOADED]
    loaded_units = [_loaded_unit(host, properties, path, deadline) for properties in shown_loaded]
    names = names_of(found[0]) if found and not is_template(real) else [real]
    fragment = (found[0].get("FragmentPath") if found and not is_template(real) else None) or file or ""
    return UnitState(asked, real, path, own, load, error, fragment, _candidates(host, names, path), loaded_units)


def _by_unit(shown: Iterable[Mapping[str, str]], named: set[str]) -> dict[str, list[Mapping[str, str]]]:
    """The properties of each of these units, and of each template's instances that are not named themselves."""
    found: dict[str, list[Mapping[str, str]]] = {}
    for properties in shown:
        names = set(names_of(properties))
        for name in names & named or {template_of(name) or "" for name in names} & named:
            found.setdefault(name, []).append(properties)
    return found


def _load_state(host: Host, real: str, file: str | None, found: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    if found and not is_template(real):
        return found[0].get("LoadState", ""), load_error(found[0])
    if file is None:
        # A slice needs no file.
        return (LOADED if unit_type(real) == "slice" else NOT_FOUND), ""
    return (MASKED if host.resolves_to_null_device(file) else LOADED), ""


def _loaded_unit(host: Host, properties: Mapping[str, str], path: str, deadline: float) -> LoadedUnit:
    processes, still_starting = unit_processes(host, properties, deadline)
    names = names_of(properties)
    return LoadedUnit(
        name=names[0],
        properties=properties,
        fragment=properties.get("FragmentPath", ""),
        candidates=_candidates(host, names, path),
        processes=processes,
        started_before_drop_in=_started_before_drop_in(host, properties, path),
        starting=still_starting,
        usage=_usage(host, processes) if any(map(needed_by_logins, names)) else {},
        container=_container(host, properties),
    )


def _container(host: Host, properties: Mapping[str, str]) -> Container | None:
    """The container that podman runs as a unit's service, by the unit's source or by its control group."""
    file = properties.get("SourcePath", "")
    group = _control_group(host, properties)
    names = unless_refused(host.list_directory, group) or [] if group else []
    payload = next((f"{group}/{name}" for name in names if name.startswith(PODMAN_PAYLOAD)), None)
    if payload is None:
        return Container(file) if file.endswith(QUADLET_SUFFIX) else None
    most = (host.read_lenient(f"{payload}/{CONTROL_GROUP_TASKS}") or "").strip()
    tasks_max = INFINITY if most == "max" else whole_number(most)
    return Container(file or properties.get("FragmentPath", ""), sorted(_pids_below(host, payload)), tasks_max)


def _usage(host: Host, processes: Iterable[Process]) -> dict[str, int]:
    """What the largest of these processes uses of each limit that /proc shows: proc_pid_status(5), proc_pid_fd(5)."""
    usage: dict[str, int] = {}
    for process in processes:
        status = host.read_lenient(f"/proc/{process.pid}/status") or ""
        used = {USED_SIZES[name]: int(size) * KIBIBYTE for name, size in _SIZES.findall(status)}
        used["LimitNOFILE"] = len(unless_refused(host.list_directory, f"/proc/{process.pid}/fd") or ())
        usage.update({limit: max(number, usage.get(limit, 0)) for limit, number in used.items()})
    return usage


def start_deadline() -> float:
    """The time, on the monotonic clock, until which to wait for processes that still run systemd's own program."""
    return time.monotonic() + STARTING_SECONDS


def unit_processes(host: Host, properties: Mapping[str, str], deadline: float) -> tuple[list[Process], list[int]]:
    """The processes of a unit, and the ids of those that still run systemd's own program at the deadline."""
    while True:
        processes, still_starting = [], []
        for pid in pids_of(host, properties):
            if starting(host, pid):
                still_starting.append(pid)
                continue
            process = read_process(host, pid)  # read after its program was checked, so these are its own limits
            if process is not None:
                processes.append(process)
        if not still_starting or time.monotonic() >= deadline:
            return processes, still_starting
        time.sleep(STARTING_POLL_SECONDS)


def with_processes(host: Host, unit: LoadedUnit, deadline: float) -> LoadedUnit:
    """A loaded unit with its processes as they are now."""
    processes, still_starting = unit_processes(host, unit.properties, deadline)
    return unit._replace(processes=processes, starting=still_starting)


def _started_before_drop_in(host: Host, properties: Mapping[str, str], path: str) -> bool:
    """Whether the unit's main process is older than the drop-in. False where there is no drop-in."""
    written = host.modified_at(path)
    started = whole_number(properties.get("ExecMainStartTimestampMonotonic", ""))
    if written is None or not started:
        return False
    seconds_ago = time.clock_gettime(time.CLOCK_MONOTONIC) - started / 10**6
    return time.time() - seconds_ago < written


def pids_of(host: Host, properties: Mapping[str, str]) -> list[int]:
    """The ids of a unit's processes, in its control group and in those below it."""
    group = _control_group(host, properties)
    return sorted(_pids_below(host, group)) if group else []


def _control_group(host: Host, properties: Mapping[str, str]) -> str | None:
    """The directory of a unit's control group, None if it has none."""
    group = properties.get("ControlGroup", "")
    if not group or group == "/":
        return None
    places = (mount + group for mount in CONTROL_GROUP_MOUNTS)
    return next((place for place in places if host.exists(f"{place}/{CONTROL_GROUP_PROCESSES}")), None)


def _pids_below(host: Host, group: str) -> set[int]:
    """The processes of a control group and of those below it, which a service may nest as deeply as it likes."""
    pids: set[int] = set()
    left = [group]
    while left:
        directory = left.pop()
        text = host.read_lenient(f"{directory}/{CONTROL_GROUP_PROCESSES}") or ""
        pids.update(pid for pid in map(whole_number, text.split()) if pid)  # 0 is in a PID namespace above ours
        below = (f"{directory}/{name}" for name in unless_refused(host.list_directory, directory) or [])
        left += [one for one in below if host.exists(f"{one}/{CONTROL_GROUP_PROCESSES}")]
    return pids


def _candidates(host: Host, names: Sequence[str], own: str) -> list[str]:
    """The paths of possible drop-ins for a unit with these names, ours included, the most important first."""
    found = []
    for directory in drop_in_directories(names):
        inside = set(unless_refused(host.list_directory, directory) or [])
        if directory == posixpath.dirname(own):
            inside.add(posixpath.basename(own))
        found += [f"{directory}/{name}" for name in sorted(inside)]
    return found


def _texts(host: Host, units: Sequence[UnitState]) -> dict[str, str]:
    """The texts of the existing unit files and drop-ins of these units, by path."""
    paths: set[str] = set()
    for state in units:
        paths.update((*state.candidates, state.fragment))
        for unit in state.loaded:
            paths.update((*unit.candidates, unit.fragment))
    return _texts_of(host, paths)


def _texts_of(host: Host, paths: Iterable[str]) -> dict[str, str]:
    """The texts of those files that exist, by path; a masked or unreadable file counts as empty."""
    return {
        path: "" if host.resolves_to_null_device(path) else host.read_decisive(path)
        for path in sorted(set(paths))
        if path and host.exists(path)
    }


def loaded_units_now(host: Host, observed: Observed, planned: Plan, ask: bool) -> dict[str, LoadedUnit]:
    """The loaded units after the drop-ins were written, with properties from a new systemctl if `ask`."""
    before = {unit.name: (state, unit) for state in observed.units for unit in state.loaded}
    shown = {}
    if ask and before:
        shown = {properties.get("Id", ""): properties for properties in show(host, UNIT_PROPERTIES, list(before))}
    written = {file.path for file in planned.files}
    return {
        name: unit._replace(
            properties=shown.get(name, unit.properties),
            started_before_drop_in=unit.started_before_drop_in or state.path in written,
        )
        for name, (state, unit) in before.items()
    }
