# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SIP daemons of a host: installed and running, under a unit or without one.

One table holds the facts about each daemon. Parsers take text and never raise.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from .._host.host import Host, unless_refused
from .._host.machine import SYSTEMD_RUNNING
from .._host.processes import (
    FIRST_PROCESS,
    ControlGroup,
    ProcessNames,
    ProcessStatus,
    control_group,
    manager_root,
    namespace_root,
    process_status,
    runs_program_of,
)
from .._systemd.names import NOT_FOUND, OF_SCRIPTS, UNIT_PATH, is_template
from .._systemd.systemctl import show


class Daemon(NamedTuple):
    """How to recognize a SIP daemon.

    `units` are unit names without `.service` and without an instance, `command` is the name of its
    process. A process with a word in its command line that matches `console` is a client that
    shares the daemon's binary. `in_calls` is false for a helper that no call goes through.
    """

    name: str
    units: tuple[str, ...]
    command: str
    binaries: tuple[str, ...]
    console: str = ""
    in_calls: bool = True


# Unit names and paths as Debian, the RPM distributions and the projects' own packages and
# `make install` have them.
DAEMONS = (
    Daemon(
        name="asterisk",
        units=("asterisk",),
        command="asterisk",
        binaries=("/usr/sbin/asterisk", "/usr/local/sbin/asterisk"),
        # asterisk(8): -r, -R and -x talk to a running asterisk, which then calls itself rasterisk; the
        # letters excluded take an argument
        console=r"rasterisk\b|-[^-CGLMUesx]*[rRx]",
    ),
    Daemon(
        name="drachtio",
        units=("drachtio", "drachtio-server"),
        command="drachtio",
        binaries=("/usr/local/bin/drachtio", "/usr/bin/drachtio"),
    ),
    Daemon(
        name="freeswitch",
        units=("freeswitch",),
        command="freeswitch",
        binaries=("/usr/bin/freeswitch", "/usr/local/freeswitch/bin/freeswitch", "/opt/freeswitch/bin/freeswitch"),
    ),
    Daemon(
        name="kamailio",
        units=("kamailio",),
        command="kamailio",
        binaries=("/usr/sbin/kamailio", "/usr/local/sbin/kamailio"),
    ),
    Daemon(
        name="opensips",
        units=("opensips",),
        command="opensips",
        binaries=("/usr/sbin/opensips", "/usr/local/sbin/opensips"),
    ),
    Daemon(
        name="rtpengine",
        units=("rtpengine-daemon", "ngcp-rtpengine-daemon", "rtpengine", "ngcp-rtpengine"),
        command="rtpengine",
        binaries=("/usr/bin/rtpengine", "/usr/sbin/rtpengine", "/usr/local/bin/rtpengine", "/usr/local/sbin/rtpengine"),
    ),
    Daemon(
        name="rtpengine-recording",
        units=(
            "rtpengine-recording-daemon",
            "ngcp-rtpengine-recording-daemon",
            "rtpengine-recording",
            "ngcp-rtpengine-recording",
        ),
        command="rtpengine-recording",
        binaries=tuple(f"{place}/rtpengine-recording" for place in ("/usr/bin", "/usr/sbin", "/usr/local/bin")),
        in_calls=False,  # it writes to files what the kernel's module copies for it
    ),
)
DAEMONS_IN_CALLS = tuple(daemon for daemon in DAEMONS if daemon.in_calls)

DEPENDENCY_SUFFIXES = (".wants", ".requires")  # an enabled instance is a link in one of these
UNIT_PROPERTIES = ("Id", "Names", "LoadState", "ActiveState", "SubState", "MainPID")
SERVICE_SUFFIX = ".service"
USER_MANAGER = "user@"  # the unit of a user's own manager: user@.service(5)
# Services that start what others ask for, and keep it in their own control group: their limits are no daemon's.
STARTERS = re.compile(r"(anacron|atd?|crond?|cronie|fcron|dropbear|sshd?|(console-|serial-)?getty)([@-].*)?\.service")
MOST_PARENTS = 64  # between a daemon and the main process of its unit: a script or two
MOST_OF_USERS = 3  # of the processes that users run under a daemon's name
FIRST_ORDINARY_UID = 1000  # UID_MIN of Debian's and Red Hat's login.defs(5)


class Unit(NamedTuple):
    """A unit as systemd has it; `running` and `main_pid` are None where there is no systemd to ask."""

    id: str
    names: tuple[str, ...]
    running: bool | None
    main_pid: int | None


class Process(NamedTuple):
    """The first process of a daemon: the one whose parent is not the same program. `workers` descend from it."""

    pid: int
    status: ProcessStatus
    group: ControlGroup
    workers: tuple[int, ...] = ()


class SipDaemon(NamedTuple):
    """A SIP daemon of the host. None means unknown, but `unit` is None for a daemon without a unit.

    `no_unit` says why a daemon that runs has none that could give it limits, "" for all others. The rest is what its
    command line, its configuration and its sockets say, see configured.py: the ranges of its media ports as `1-2`, the
    other ports on which it listens, those of UDP and of TCP among them that others can reach, what bounds it by its own
    configuration, and what of all that cannot be used.
    """

    name: str
    unit: str | None
    installed: bool
    running: bool | None
    main_pid: int | None
    user: str | None
    no_unit: str = ""
    rtp_ports: Sequence[str] | None = None
    sip_ports: Sequence[int] | None = None
    udp_ports: Sequence[int] | None = None
    tcp_ports: Sequence[int] | None = None
    ceilings: Sequence[NamedTuple] | None = None
    notes: Sequence[str] = ()


def sip_daemons(
    host: Host,
    processes: ProcessNames,
    systemd_running: bool,
    running: Mapping[str, Sequence[Process]] | None = None,
) -> list[SipDaemon]:
    """The SIP daemons of the host, one record for each unit and each process without one, sorted.

    `running` has the first processes of each daemon where they are known already.
    """
    paths = find_unit_names(host)
    units = observe_units(host, paths, systemd_running)
    found, homeless = [], []
    for daemon in DAEMONS:
        own_units = [unit for unit in units if any(belongs_to(daemon, name) for name in (unit.id, *unit.names))]
        first = first_processes(host, daemon, processes) if running is None else running[daemon.name]
        others = [process for process in first if not any(runs_under(unit, process) for unit in own_units)]
        has_program = any(host.exists(path) for path in daemon.binaries)
        records = [
            _unit_record(host, daemon, unit, first, processes)
            for unit in own_units
            if has_program or not paths.get(unit.id, "").startswith(OF_SCRIPTS) or _runs(unit, first)
        ]  # a package that is removed leaves its script behind, of which systemd makes a unit all the same
        if not records and not others and has_program:
            records = [SipDaemon(daemon.name, None, True, False if processes.complete else None, None, None)]
        found += records
        homeless += [(daemon, process) for process in others]
    found += _with_the_units_that_hold_them(host, homeless)
    return sorted(found, key=lambda record: (record.name, record.unit or "", record.main_pid or 0))


def _runs(unit: Unit, first: Iterable[Process]) -> bool:
    return bool(unit.running) or any(runs_under(unit, process) for process in first)


def _unit_record(
    host: Host, daemon: Daemon, unit: Unit, first: Iterable[Process], processes: ProcessNames
) -> SipDaemon:
    own = [process for process in first if runs_under(unit, process)]
    contained = next((process.pid for process in own if process.group.in_container_of_unit), None)
    main_pid = contained or unit.main_pid or next((process.pid for process in own), None)
    running = True if main_pid else unit.running
    if running is None and processes.complete:
        running = False
    status = process_status(host, main_pid) if main_pid else None
    return SipDaemon(daemon.name, unit.id, True, running, main_pid, owner(host, status))


def _with_the_units_that_hold_them(host: Host, homeless: Sequence[tuple[Daemon, Process]]) -> list[SipDaemon]:
    """The records of daemons that run under no unit of their name; a unit that holds several of one daemon once."""
    held = {process.pid: unit_that_holds(process.group, process.status) for _daemon, process in homeless}
    asked = sorted({unit for unit, _reason in held.values() if unit})
    main_pids = _main_pids(host, asked)
    records: dict[tuple[str, object], SipDaemon] = {}
    for daemon, process in homeless:
        unit, reason = held[process.pid]
        if unit:
            reason = _not_of_its_main_process(host, process, unit, main_pids)
        record = SipDaemon(daemon.name, unit, True, True, process.pid, owner(host, process.status), reason)
        if reason:
            record = record._replace(unit=None)
        records.setdefault((daemon.name, record.unit or process.pid), record)
    return list(records.values())


def unit_that_holds(group: ControlGroup, status: ProcessStatus) -> tuple[str, str]:
    """The service whose limits a process has, by its control group; or "", and why there is none.

    The container of a quadlet has those of its unit, but for what podman sets itself: _units/containers.py.
    """
    unit = group.unit
    if status.in_child_namespace and not group.in_container_of_unit:
        where = f" of {unit}" if unit else ""
        return "", f"it runs in a container{where}, which has limits of its own: set them where it is started"
    if not unit:
        return "", "it belongs to no unit, so nothing gives it limits at its next start: give it a service"
    if not unit.endswith(SERVICE_SUFFIX):
        return "", f"it was started in {unit}, which is no service: give it one"
    if STARTERS.fullmatch(unit):
        return "", f"{unit} has started it for somebody: give it a service of its own"
    return unit, ""


def _not_of_its_main_process(host: Host, process: Process, unit: str, main_pids: Mapping[str, str] | None) -> str:
    """Why a unit's limits are not for a process that its control group holds, "" if they are.

    They are where the unit's main process is its parent, as a script or a supervisor is, or where there is none, as in
    a unit of Type=oneshot or a SysV script.
    """
    if main_pids is None:
        return f"systemd does not say what it has started in {unit}"
    main_pid = main_pids.get(unit, "0")
    pid, parents = process.pid, 0
    while main_pid != "0" and str(pid) != main_pid:
        status = process_status(host, pid)
        parents += 1
        if status is None or status.parent <= FIRST_PROCESS or parents > MOST_PARENTS:
            return (
                f"it is in {unit}, and was not started by the main process of that: if it has its limits from there, "
                "name the unit in siptune_service_limits_services"
            )
        pid = status.parent
    return ""


def owner(host: Host, status: ProcessStatus | None) -> str | None:
    """The account a process runs under; None in another namespace, whose numbers are not this host's."""
    return None if status is None or status.in_child_namespace else host.user_name(status.uid)


# --- units -----------------------------------------------------------------------------------


_SERVICE = re.compile(r"([A-Za-z0-9:_.\\-]+)(@[A-Za-z0-9:_.\\-]*)?\.service")
_SIP_SERVICE_PREFIXES = tuple(stem for daemon in DAEMONS for stem in daemon.units)


def unit_stem(name: str) -> str | None:
    """`kamailio` of kamailio.service, kamailio@.service and kamailio@edge.service; None if it is no service."""
    found = _SERVICE.fullmatch(name)
    return found.group(1) if found else None


def belongs_to(daemon: Daemon, unit_name: str) -> bool:
    """Whether a unit's name is one of a daemon's, or an instance of one."""
    return unit_stem(unit_name) in daemon.units


def find_unit_names(host: Host) -> dict[str, str]:
    """The names of the daemons' unit files and enabled instances, with the path of each that counts."""
    found: dict[str, str] = {}
    for directory in UNIT_PATH:
        names = unless_refused(host.list_directory, directory) or []
        found.update(_known_units(directory, names, found))
        for name in names:
            if name.endswith(DEPENDENCY_SUFFIXES):
                below = f"{directory}/{name}"
                found.update(_known_units(below, unless_refused(host.list_directory, below) or [], found))
    return found


def _known_units(directory: str, names: Iterable[str], seen: dict[str, str]) -> dict[str, str]:
    return {
        name: f"{directory}/{name}"
        for name in names
        if name.startswith(_SIP_SERVICE_PREFIXES)
        and name not in seen
        and any(belongs_to(daemon, name) for daemon in DAEMONS)
    }


def observe_units(host: Host, paths: dict[str, str], systemd_running: bool) -> list[Unit]:
    """The units of these names, from systemd in one call if it runs, else from their files."""
    if paths and systemd_running:
        shown = unless_refused(show, host, UNIT_PROPERTIES, sorted(paths))
        if shown is not None:
            return loaded_units(shown)
    names = [name for name in paths if not is_template(name) and not _is_alias(host, name, paths)]
    return [Unit(name, (name,), running=None, main_pid=None) for name in names]


def _is_alias(host: Host, name: str, paths: dict[str, str]) -> bool:
    target = (host.read_link(paths[name]) or "").rsplit("/", 1)[-1]
    return target != name and target in paths and not is_template(target)


def loaded_units(shown: Iterable[Mapping[str, str]]) -> list[Unit]:
    """The units that `systemctl show` prints with UNIT_PROPERTIES: each real one once, by its Id."""
    units: dict[str, Unit] = {}
    for properties in shown:
        identity = properties.get("Id", "")
        if unit_stem(identity) and not is_template(identity) and properties.get("LoadState") != NOT_FOUND:
            units[identity] = _unit(identity, properties)
    return list(units.values())


def _unit(identity: str, properties: Mapping[str, str]) -> Unit:
    pid = properties.get("MainPID", "")
    main_pid = int(pid) if re.fullmatch(r"[0-9]{1,10}", pid) and int(pid) else None
    # A SysV script stays "active (exited)" for good; its processes show whether it runs.
    running = properties.get("ActiveState") == "active" and properties.get("SubState") == "running"
    return Unit(identity, tuple(properties.get("Names", "").split(" ")), running or bool(main_pid), main_pid)


# --- processes -------------------------------------------------------------------------------


class Found(NamedTuple):
    """The first process of each running copy of a daemon, and of each other program that a user runs under its name."""

    daemons: list[Process]
    others: list[Process]


class OfUser(NamedTuple):
    """A process of a daemon's name that a user has started, which is left alone. `user` is his name, or his number."""

    name: str
    pid: int
    user: str


def of_users(host: Host, found: Mapping[str, Found]) -> list[OfUser]:
    """The processes of users, a few of each daemon, as a user may start any number of them."""
    return [
        OfUser(name, process.pid, host.user_name(process.status.uid) or str(process.status.uid))
        for name, one in found.items()
        for process in one.others[:MOST_OF_USERS]
    ]


def first_processes(host: Host, daemon: Daemon, processes: ProcessNames) -> list[Process]:
    """The first process of each running copy of a daemon that the system has started, or root.

    Its workers and its clients do not count, nor does a process that somebody else has given its name.
    """
    return find_processes(host, daemon, processes).daemons


def find_processes(host: Host, daemon: Daemon, processes: ProcessNames) -> Found:
    """The processes of a daemon's name, by who has started them."""
    named = [(pid, process_status(host, pid)) for pid in processes.pids_named(daemon.command)]
    seen = {pid: one for pid, one in named if one and not one.zombie and not _is_client(host, daemon, pid)}
    parents = {pid: status.parent for pid, status in seen.items()}
    workers: dict[int, list[int]] = {}
    for pid, first in _first_ancestors(parents).items():
        workers.setdefault(first, []).extend([pid] if pid != first else [])
    root = manager_root(host)
    found = [
        Process(pid, status, control_group(host, pid, root), tuple(workers[pid]))
        for pid, status in seen.items()
        if status.parent not in seen
    ]
    return _started_by_system(host, daemon, found)


def _first_ancestors(parents: Mapping[int, int]) -> dict[int, int]:
    """The first process in the line that each process comes from."""
    found: dict[int, int] = {}
    for pid in parents:
        line: dict[int, None] = {}
        while pid not in found and pid not in line and parents[pid] in parents:  # a circle if /proc changes under us
            line[pid] = None
            pid = parents[pid]
        found.update(dict.fromkeys([*line, pid], found.get(pid, pid)))
    return found


def _is_client(host: Host, daemon: Daemon, pid: int) -> bool:
    return bool(daemon.console) and is_client_call(daemon, host.read_lenient(f"/proc/{pid}/cmdline") or "")


def is_client_call(daemon: Daemon, command_line: str) -> bool:
    """Whether a /proc/PID/cmdline of the daemon's binary is that of a client of the running daemon."""
    return bool(daemon.console) and any(re.match(daemon.console, word) for word in command_line.split("\0"))


def runs_under(unit: Unit, process: Process) -> bool:
    """Whether a process of this host's own namespace, or of the container of a quadlet, belongs to a unit."""
    if process.status.in_child_namespace and not process.group.in_container_of_unit:
        return False
    return process.pid == unit.main_pid or unit.id == process.group.unit


# --- who has started a process ---------------------------------------------------------------

# Any user can start a process under any name, of the daemon's own program too, and in many a unit: from a crontab it
# is in cron.service, from a web page in that of the web server. What he cannot choose are the account, which has to be
# root's or the daemon's, and a unit of the daemon's name in the hierarchy of the system's manager.


def _started_by_system(host: Host, daemon: Daemon, found: Sequence[Process]) -> Found:
    """What the system's manager has started, or root, and what not; systemd is asked where nothing else tells.

    A container counts as a whole, unless a user runs it: who is who in there cannot be seen from here.
    """
    first = process_status(host, FIRST_PROCESS)
    privileged = {0} if first is None else {0, first.uid}
    certain = {process.pid: _is_systems(host, daemon, process, privileged) for process in found}
    asked = sorted({process.group.unit for process in found if certain[process.pid] is None})
    main_pids = _main_pids(host, asked)
    split = Found([], [])
    for process in found:
        verdict = certain[process.pid]
        ours = _is_main(daemon, process, main_pids) if verdict is None else verdict
        (split.daemons if ours else split.others).append(process)
    return split


def _is_systems(host: Host, daemon: Daemon, process: Process, privileged: Collection[int]) -> bool | None:
    """Whether the system has started a process, None if only systemd knows."""
    status, group = process.status, process.group
    contained = status.in_child_namespace
    in_own_unit = belongs_to(daemon, group.unit)
    owners = {0, namespace_root(host, process.pid)} if contained else {0}
    if runs_program_of(host, process.pid, owners) is False:
        # Who builds FreeSWITCH is told to give all of it to its account.
        return None if in_own_unit else False
    if in_own_unit or status.uid in privileged:
        return True
    if group.unit.startswith(USER_MANAGER):
        return False
    if not contained and host.user_name(status.uid) in (daemon.name, *daemon.units):
        return True
    if group.of_users or not group.path:
        return False
    if contained:
        # A service that runs a container has groups below its own. In its own, anybody is who the service starts.
        return not (group.unit.endswith(SERVICE_SUFFIX) and group.path.endswith(f"/{group.unit}"))
    return None if group.unit else False


def _main_pids(host: Host, units: Sequence[str]) -> dict[str, str] | None:
    """The main process of each of these units, "0" for none; None if systemd does not run or answer."""
    if not units or not host.exists(SYSTEMD_RUNNING):
        return None
    shown = unless_refused(show, host, ("Id", "MainPID"), units)
    return None if shown is None else {one.get("Id", ""): one.get("MainPID", "") for one in shown}


def _is_main(daemon: Daemon, process: Process, main_pids: Mapping[str, str] | None) -> bool:
    """Whether a process of a unit is its main one, or was left by one that has ended, as that of freepbx.service has.

    Where systemd does not say so, the account of a service is believed, and that of a person is not.
    """
    in_own_unit = belongs_to(daemon, process.group.unit)
    if main_pids is None:
        return not in_own_unit and process.status.uid < FIRST_ORDINARY_UID
    main_pid = main_pids.get(process.group.unit, "")
    return main_pid == str(process.pid) or (main_pid == "0" and not in_own_unit)
