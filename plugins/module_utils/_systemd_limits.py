# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects around the plan of systemd's directives: observe the units, carry the plan out, confirm it."""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._change import Change, UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._file_change import FileChange, settle_files
from ansible_collections.siptune.linux.plugins.module_utils._files import (
    all_or_nothing,
    read_originals,
    remove_originals_directory,
    stage,
    store_originals,
    tidy,
)
from ansible_collections.siptune.linux.plugins.module_utils._host import Host, HostError, unless_refused
from ansible_collections.siptune.linux.plugins.module_utils._limits import nr_open
from ansible_collections.siptune.linux.plugins.module_utils._machine import SYSTEMD_RUNNING, systemd_version
from ansible_collections.siptune.linux.plugins.module_utils._originals import Originals
from ansible_collections.siptune.linux.plugins.module_utils._prlimit import (
    CAP_SYS_RESOURCE,
    Process,
    has_capability,
    own_powers,
    read_process,
    set_limit,
    set_oom_score_adj,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd_limits_plan import (
    LOADED,
    MASKED,
    NOT_FOUND,
    Bearer,
    Observed,
    Plan,
    Raise,
    Request,
    UnitState,
    confirmed,
    disagreement,
    needs_defaults,
    new_limits,
    new_score,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd_settings import item_name
from ansible_collections.siptune.linux.plugins.module_utils._systemd_unit import (
    UNIT_PATH,
    check_unit_name,
    drop_in_directories,
    drop_in_path,
    instance_of,
    instances_pattern,
    is_template,
    names_of,
    parse_show,
    template_of,
    unit_of_path,
    unit_type,
)
from ansible_collections.siptune.linux.plugins.module_utils._systemd_values import SHOWN_PROPERTIES

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
    "DropInPaths",
    "Transient",
    "NeedDaemonReload",
    "MainPID",
    "ControlGroup",
    "ExecMainStartTimestampMonotonic",
    "MemoryCurrent",
    *SHOWN_PROPERTIES,
)

DEFAULT = "Default"  # begins the properties of the manager that show its defaults, DefaultLimitNOFILE
FIRST_PID = 1

# Where systemd's own hierarchy is mounted: version 2 alone, version 2 beside version 1, version 1. Source: cgroups(7)
CONTROL_GROUP_MOUNTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")
CONTROL_GROUP_PROCESSES = "cgroup.procs"

MOST_LINKS = 8  # of an alias to an alias; systemd itself allows no chain at all
ROUNDS = 3  # a unit that forks while its limits are raised is looked at again this many times
RESTART_TIMEOUT_SECONDS = 120  # a call that takes longer counts as one that does not come back
POLL_SECONDS = 0.5
# A unit counts as started while its main process is still on its way from systemd to its own program, and has the
# limits of PID 1: so with systemd 254 and later, whose systemd-executor sets them.
SETTLING_SECONDS = 3
RUNNING_STATES = ("active", "reloading")


# --- observe --------------------------------------------------------------------------------


def observe(host: Host, request: Request) -> Observed:
    """What the plan for this request has to know. Raises HostError, SystemdError and OriginalsError."""
    originals = read_originals(host)
    systemd_running = host.exists(SYSTEMD_RUNNING)
    asked = [unit.name for unit in request.units]
    resolved = {name: _real_name(host, name) for name in asked}
    others = [name for name in _others(request, originals) if name not in resolved.values()] if request.others else []
    resolved.update({name: name for name in others})
    shown = _show(host, list(dict.fromkeys(resolved.values()))) if systemd_running else []
    units = [_unit_state(host, name, real, shown, request, set(resolved.values())) for name, real in resolved.items()]
    texts = _texts(host, units)
    defaults = systemd_running and needs_defaults(request, units, texts)
    return Observed(
        systemd_running=systemd_running,
        version=systemd_version(host),
        units=units,
        texts=texts,
        originals=originals,
        owner=(os.geteuid(), os.getegid()),
        powers=own_powers(host),
        nr_open=nr_open(host),
        first=read_process(host, FIRST_PID),
        first_sys_resource=has_capability(host.read_lenient(f"/proc/{FIRST_PID}/status") or "", CAP_SYS_RESOURCE),
        defaults=_defaults(host) if defaults else {},
    )


def _others(request: Request, originals: Originals) -> list[str]:
    """The units whose drop-ins of this name are recorded as ours."""
    names = [unit_of_path(path) for path in originals.files if posixpath.basename(path) == request.drop_in]
    return [check_unit_name(name) for name in names if name]


def _unit_file(host: Host, name: str) -> str | None:
    """The path of a unit's own file, None if there is none."""
    return next((path for path in (f"{place}/{name}" for place in UNIT_PATH) if host.exists(path)), None)


def _real_name(host: Host, name: str) -> str:
    """The unit that a name stands for: an alias is a link to the file of another unit. Source: systemd.unit(5)"""
    for _ in range(MOST_LINKS):
        path = _unit_file(host, name)
        template = template_of(name)
        if path is None and template:
            return instance_of(_real_name(host, template), name)
        target = posixpath.basename(host.read_link(path) or "") if path else ""
        if not target or target == name or posixpath.splitext(target)[1] != posixpath.splitext(name)[1]:
            return name
        if path and host.resolves_to_null_device(path):
            return name
        if is_template(target) and not is_template(name):
            return name  # an enabled instance is a link to its template
        name = target
    return name


def _show(host: Host, names: Sequence[str]) -> list[dict[str, str]]:
    """What systemd has of these units, and of the loaded instances where a name is a template's. Raises HostError."""
    if not names:
        return []
    wanted = [instances_pattern(name) if is_template(name) else name for name in names]
    done = _systemctl(host, "show", "--no-pager", "--property=" + ",".join(UNIT_PROPERTIES), "--", *wanted)
    return parse_show(done)


def _defaults(host: Host) -> dict[str, str]:
    """Systemd's defaults for units, by the properties that show them for a unit. Raises HostError."""
    names = ",".join(f"{DEFAULT}{name}" for name in SHOWN_PROPERTIES)
    shown = parse_show(_systemctl(host, "show", "--no-pager", f"--property={names}"))
    return {name[len(DEFAULT) :]: value for block in shown for name, value in block.items()}


def _systemctl(host: Host, *arguments: str) -> str:
    """What systemctl prints. Raises HostError if it fails, or does not answer in time."""
    done = host.run(["systemctl", *arguments])
    if done is None:
        raise HostError("systemctl", "systemd runs here, but its command systemctl is not there", errno.ENOENT)
    if done.status != 0:
        reason = " ".join(done.stderr.split()) or f"exit status {done.status}"
        raise HostError(f"systemctl {arguments[0]}", reason)
    return done.stdout


def _unit_state(
    host: Host, asked: str, real: str, shown: Sequence[Mapping[str, str]], request: Request, named: set[str]
) -> UnitState:
    found = [properties for properties in shown if _belongs(real, properties, named)]
    if found and not is_template(real):
        real = found[0].get("Id") or real
    path = drop_in_path(real, request.drop_in)
    file = _unit_file(host, real) or _unit_file(host, template_of(real) or real)
    load, error = _load_state(host, real, file, found)
    own = host.snapshot(path)
    bearers = [_bearer(host, properties, path) for properties in found if properties.get("LoadState") == LOADED]
    names = names_of(found[0]) if found and not is_template(real) else [real]
    fragment = (found[0].get("FragmentPath") if found and not is_template(real) else None) or file or ""
    return UnitState(asked, real, path, own, load, error, fragment, _candidates(host, names, path), bearers)


def _belongs(real: str, properties: Mapping[str, str], named: set[str]) -> bool:
    """Whether a block of `systemctl show` is of this unit, or of an instance of this template that is not named."""
    names = names_of(properties)
    if not is_template(real):
        return real in names
    return named.isdisjoint(names) and any(template_of(name) == real for name in names)


def _load_state(host: Host, real: str, file: str | None, found: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    if found and not is_template(real):
        return found[0].get("LoadState", ""), found[0].get("LoadError", "")
    if file is None:
        # A slice needs no file.
        return (LOADED if unit_type(real) == "slice" else NOT_FOUND), ""
    return (MASKED if host.resolves_to_null_device(file) else LOADED), ""


def _bearer(host: Host, properties: Mapping[str, str], path: str) -> Bearer:
    processes = [process for process in (read_process(host, pid) for pid in _pids(host, properties)) if process]
    names = names_of(properties)
    return Bearer(
        name=names[0],
        properties=properties,
        fragment=properties.get("FragmentPath", ""),
        candidates=_candidates(host, names, path),
        processes=processes,
        older=_older(host, properties, path),
    )


def _older(host: Host, properties: Mapping[str, str], path: str) -> bool:
    """Whether the unit's main process was started before the drop-in was written. Not so where there is no drop-in."""
    written = host.modified_at(path)
    started = properties.get("ExecMainStartTimestampMonotonic", "")
    if written is None or not started.isdecimal() or not int(started):
        return False
    seconds_ago = time.clock_gettime(time.CLOCK_MONOTONIC) - int(started) / 10**6
    return time.time() - seconds_ago < written


def _pids(host: Host, properties: Mapping[str, str]) -> list[int]:
    """The processes of a unit, those in control groups below its own included."""
    group = properties.get("ControlGroup", "")
    if not group or group == "/":
        return []
    for mount in CONTROL_GROUP_MOUNTS:
        if host.exists(f"{mount}{group}/{CONTROL_GROUP_PROCESSES}"):
            return sorted(set(_pids_below(host, mount + group)))
    return []


def _pids_below(host: Host, directory: str) -> list[int]:
    text = host.read_lenient(f"{directory}/{CONTROL_GROUP_PROCESSES}") or ""
    pids = [int(line) for line in text.split() if line.isdecimal() and int(line)]  # 0 is in a PID namespace above ours
    for name in unless_refused(host.list_directory, directory) or []:
        if host.exists(f"{directory}/{name}/{CONTROL_GROUP_PROCESSES}"):
            pids += _pids_below(host, f"{directory}/{name}")
    return pids


def _candidates(host: Host, names: Sequence[str], own: str) -> list[str]:
    """The drop-ins that may be read for a unit with these names, the most important first, with the place of ours."""
    found = []
    for directory in drop_in_directories(names):
        inside = set(unless_refused(host.list_directory, directory) or [])
        if directory == posixpath.dirname(own):
            inside.add(posixpath.basename(own))
        found += [f"{directory}/{name}" for name in sorted(inside)]
    return found


def _texts(host: Host, units: Sequence[UnitState]) -> dict[str, str]:
    """The text of each unit file and drop-in that is there; a masked or unreadable one has none to go by."""
    paths: set[str] = set()
    for unit in units:
        paths.update((*unit.candidates, unit.fragment))
        for bearer in unit.bearers:
            paths.update((*bearer.candidates, bearer.fragment))
    return {
        path: "" if host.resolves_to_null_device(path) else host.read_lenient(path) or ""
        for path in sorted(paths)
        if path and host.exists(path)
    }


# --- apply and confirm ----------------------------------------------------------------------


class Outcome(NamedTuple):
    """The changes with what the host really took."""

    changes: list[Change]
    changed: bool


def carry_out(host: Host, request: Request, observed: Observed, planned: Plan) -> Outcome:
    """Do all of a plan, or nothing of it. Raises RefusedError.

    The order keeps every moment safe: originals first, so that nothing is changed unrecorded; the drop-ins, staged
    and synced, then renamed; the daemon-reload, after which systemd says what it has taken; and at last the
    running processes.
    """
    return all_or_nothing(lambda log: _carry_out(host, request, observed, planned, log))


def _carry_out(host: Host, request: Request, observed: Observed, planned: Plan, log: UndoLog) -> Outcome:
    tidy(host, *(unit.path for unit in observed.units))
    if planned.files:
        store_originals(host, planned.originals, log)
    commits = [stage(host, file, log) for file in planned.files]
    restarted: list[str] = []
    log.note("", lambda: _start_again(host, restarted))
    if planned.reload:
        log.note("", lambda: _systemctl(host, "daemon-reload"))
    for commit in commits:
        commit()
    _remove_empty_directories(host, planned.files, log)
    if planned.reload:
        _systemctl(host, "daemon-reload")
    after = _bearers_now(host, observed, planned, planned.reload)
    if planned.reload:
        _check_taken(planned, after)
    raised = _raise_all(host, planned, observed, log)
    if planned.restarts:
        restarted += planned.restarts
        after = _restart(host, observed, planned)
    after = {name: _with_processes(host, bearer) for name, bearer in after.items()}
    settled = Originals(planned.originals.keys, settle_files(planned.originals.files, planned.files, planned.released))
    if settled != (planned.originals if planned.files else observed.originals):
        store_originals(host, settled, log)
    if settled.empty:
        remove_originals_directory(host, log)
    changed = bool(planned.files or planned.reload or planned.restarts or raised)
    return Outcome(confirmed(planned, observed, after), changed)


def _remove_empty_directories(host: Host, files: Iterable[FileChange], log: UndoLog) -> None:
    """A drop-in's directory goes with the last file in it."""
    for file in files:
        if file.after is None:
            _remove_directory(host, posixpath.dirname(file.path), log)


def _remove_directory(host: Host, directory: str, log: UndoLog) -> None:
    with contextlib.suppress(HostError):  # it may hold what is not ours
        host.remove_directory(directory)
        # Newest first: it is there again before the file is put back.
        log.note("", lambda: host.make_directory(directory, 0o755))


def _bearers_now(host: Host, observed: Observed, planned: Plan, ask: bool) -> dict[str, Bearer]:
    """The loaded units as systemd has them now, with a new look at them if it was told anything."""
    before = {bearer.name: (state, bearer) for state in observed.units for bearer in state.bearers}
    shown = {}
    if ask and before:
        shown = {properties.get("Id", ""): properties for properties in _show(host, list(before))}
    written = {file.path for file in planned.files}
    return {
        name: bearer._replace(
            properties=shown.get(name, bearer.properties), older=bearer.older or state.path in written
        )
        for name, (state, bearer) in before.items()
    }


def _with_processes(host: Host, bearer: Bearer) -> Bearer:
    pids = _pids(host, bearer.properties)
    return bearer._replace(processes=[process for process in (read_process(host, pid) for pid in pids) if process])


def _check_taken(planned: Plan, after: Mapping[str, Bearer]) -> None:
    """Raises HostError for a value that systemd has read and not taken."""
    for decision in planned.decisions:
        for bearer in decision.unit.bearers:
            now = after.get(bearer.name, bearer)
            instead = disagreement(decision, now, planned.then)
            if instead is not None and decision.setting is not None:
                shown = now.properties.get("DropInPaths", "").split()
                if decision.unit.path in shown:
                    reason = f"this systemd does not take {decision.setting.text}: for {bearer.name} it has {instead}"
                else:
                    reason = f"systemd does not read {decision.unit.path} for {bearer.name}, it has {instead}"
                raise HostError(decision.item, reason)


# --- running processes ----------------------------------------------------------------------


def _raise_all(host: Host, planned: Plan, observed: Observed, log: UndoLog) -> bool:
    """Raise what is planned at all processes of the units, those included that are forked meanwhile."""
    bearers = {bearer.name: bearer for state in observed.units for bearer in state.bearers}
    raised = False
    for name, what in planned.raises.items():
        bearer, done = bearers[name], set()
        for _ in range(ROUNDS):
            pids = [pid for pid in _pids(host, bearer.properties) if pid not in done]
            for process in filter(None, (read_process(host, pid) for pid in pids)):
                raised |= _raise_one(host, process, bearer, what, observed, log)
            done.update(pids)
            if not pids:
                break
    return raised


def _raise_one(host: Host, process: Process, bearer: Bearer, what: Raise, observed: Observed, log: UndoLog) -> bool:
    """Give one process what it is to get. A process that ends meanwhile, or that may not be touched, is left."""
    raised = False
    for limit, pair in new_limits(process, what, observed.powers).items():
        raised |= _try(
            log,
            lambda limit=limit, pair=pair: set_limit(process.pid, limit, pair),  # type: ignore[misc]
            lambda limit=limit: set_limit(process.pid, limit, process.limits[limit]),  # type: ignore[misc]
            f"{item_name(bearer.name, limit)} of process {process.pid}",
        )
    score = new_score(process, bearer, what, observed.powers)
    before = process.oom_score_adj
    if score is not None and before is not None:
        raised |= _try(
            log,
            lambda: set_oom_score_adj(host, process.pid, score),
            lambda: set_oom_score_adj(host, process.pid, before),
            f"{item_name(bearer.name, 'OOMScoreAdjust')} of process {process.pid}",
        )
    return raised


def _try(log: UndoLog, do: Callable[[], bool], undo: Callable[[], object], what: str) -> bool:
    """Whether it was done. Without permission it is not, and the item says so. Raises HostError for anything else."""
    try:
        done = do()
    except HostError as error:
        if error.errno in (errno.EPERM, errno.EACCES):
            return False
        raise
    if done:
        log.note(what, undo)
    return done


def _restart(host: Host, observed: Observed, planned: Plan) -> dict[str, Bearer]:
    """Restart the units and wait for them. Raises HostError if one does not come back.

    One that takes its time to stop, as it waits for its calls to end, is left to it and stays pending.
    """
    _systemctl(host, "--no-block", "restart", "--", *planned.restarts)
    deadline = time.monotonic() + RESTART_TIMEOUT_SECONDS
    while True:
        after = _bearers_now(host, observed, planned, ask=True)
        if not any(_restarting(after[name]) for name in planned.restarts) or time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    _settle(host, planned, after)
    after = _bearers_now(host, observed, planned, ask=True)
    for name in planned.restarts:
        properties = after[name].properties
        if not _restarting(after[name]):
            if properties.get("ActiveState") not in RUNNING_STATES:
                raise HostError(name, f"did not come back from its restart: {properties.get('Result')}")
            after[name] = after[name]._replace(older=False)
    return after


def _restarting(bearer: Bearer) -> bool:
    """Whether a unit is on its way. One that waits for its automatic restart has failed."""
    properties = bearer.properties
    if properties.get("SubState") == "auto-restart":
        return False
    return bool(properties.get("Job")) or properties.get("ActiveState") in ("activating", "deactivating")


def _settle(host: Host, planned: Plan, after: Mapping[str, Bearer]) -> None:
    """Wait until the new main processes run their own programs, and no longer systemd's."""
    deadline = time.monotonic() + SETTLING_SECONDS
    for name in planned.restarts:
        pid = after[name].main_pid
        while pid and time.monotonic() < deadline:
            command = (host.read_lenient(f"/proc/{pid}/comm") or "").strip()
            if not command.startswith(("systemd", "(")):
                break
            time.sleep(POLL_SECONDS / 10)


def _start_again(host: Host, units: Sequence[str]) -> None:
    """After the drop-ins have been put back: what was restarted runs with what it had."""
    if units:
        _systemctl(host, "--no-block", "restart", "--", *units)
