# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of a host, as /proc shows them: names, parents, owners, control groups, programs, environments.

Parsers take text and never raise; text that they cannot read is None or left out.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Mapping
from typing import NamedTuple

from .host import Host, unless_refused

FIRST_PROCESS = 1
STAT_START_TIME = 19  # in /proc/PID/stat, counted from the field after the command's name: proc_pid_stat(5)
COMM_CHARACTERS = 15  # TASK_COMM_LEN less its NUL, linux/sched.h: longer names are cut

SLICE = ".slice"
# Units that have processes. Source: systemd.unit(5)
UNIT_SUFFIXES = (".service", ".scope", ".socket", ".mount", ".swap")
USER_SLICE = "user.slice"  # all sessions, and all users' own managers: systemd.special(7)
# The group below a unit's own for the container that podman runs in it, as for each quadlet. Sources: podman-run(1),
# --cgroups=split; podman, libpod/container_internal_linux.go
PODMAN_PAYLOAD = "libpod-payload-"
MANAGER_SCOPE = "init.scope"  # systemd's own, below the root of its hierarchy
ENDED = " (deleted)"  # after the group of a process that nobody has reaped yet
UNSAFE_MODES = stat.S_ISUID | stat.S_ISGID | stat.S_IWGRP | stat.S_IWOTH


class ProcessStatus(NamedTuple):
    """Of /proc/PID/status: the parent (0 is none), the real user, whether a child PID namespace holds it, and whether
    it has ended and only waits to be reaped."""

    parent: int
    uid: int
    in_child_namespace: bool
    zombie: bool = False


class ProcessNames(NamedTuple):
    """The command name of each process by its id.

    `complete` is False where the host shows us our own processes only (hidepid, proc(5)): then a
    name that is missing proves nothing.
    """

    by_pid: Mapping[int, str]
    complete: bool

    def pids_named(self, name: str) -> list[int]:
        """The processes with this command name, in order of their ids."""
        return sorted(pid for pid, comm in self.by_pid.items() if comm == name[:COMM_CHARACTERS])


class ControlGroup(NamedTuple):
    """The path of a process in the hierarchy of the system's manager, "" where it is in none, as in a container."""

    path: str

    @property
    def unit(self) -> str:
        """The unit of the system's manager, "" if there is none.

        It is the first below the slices. What comes further down a user, or a container, has named himself.
        """
        names = self.path.split("/")[1:]
        first = next((name for name in names if not name.endswith(SLICE)), "")
        return first if first.endswith(UNIT_SUFFIXES) else ""

    @property
    def in_container_of_unit(self) -> bool:
        """Whether it is in the container that podman runs as the unit's service, but in no unit of a systemd there."""
        below = (self.path.partition(f"/{self.unit}/")[2] if self.unit else "").split("/")
        return below[0].startswith(PODMAN_PAYLOAD) and not any(name.endswith(UNIT_SUFFIXES) for name in below)

    @property
    def of_users(self) -> bool:
        """Whether it belongs to a user's session, or to a user's own manager."""
        return self.path.startswith(f"/{USER_SLICE}/")


def parse_control_group(cgroup: str) -> str:
    """The path of a /proc/PID/cgroup in systemd's own hierarchy, "" for its root. Source: cgroups(7).

    That is the hierarchy name=systemd of version 1, alone or beside version 2, and the only one of version 2.
    """
    lines = [line.split(":", 2) for line in cgroup.split("\n") if line.count(":") >= 2]
    named = [path for _number, controllers, path in lines if controllers == "name=systemd"]
    unified = [path for number, controllers, path in lines if (number, controllers) == ("0", "")]
    path = next((path for path in named + unified if path != "/"), "")
    return path[: -len(ENDED)] if path.endswith(ENDED) else path


def manager_root(host: Host) -> str:
    """The root of the hierarchy of the system's manager, which in a container is the container's, "" if it is all.

    Source: systemd, src/basic/cgroup-util.c, cg_get_root_path
    """
    path = parse_control_group(host.read_lenient(f"/proc/{FIRST_PROCESS}/cgroup") or "")
    return path[: -len(MANAGER_SCOPE) - 1] if path.endswith(f"/{MANAGER_SCOPE}") else path


def control_group(host: Host, pid: int, root: str) -> ControlGroup:
    """The control group of a process below `root`, which is from `manager_root`."""
    path = parse_control_group(host.read_lenient(f"/proc/{pid}/cgroup") or "")
    below = path[len(root) :] if path.startswith(f"{root}/") else ""
    return ControlGroup("" if below.startswith("/../") else below)


def runs_program_of(host: Host, pid: int, owners: Collection[int]) -> bool | None:
    """Whether one of these users, and nobody else, decides what the program of a process does.

    None where we may not see it, which takes CAP_SYS_PTRACE. False also for a set-user-ID program: it is root's, and
    anybody can start it under any name.
    """
    program = unless_refused(host.target_status, f"/proc/{pid}/exe")
    return None if program is None else program.st_uid in owners and not program.st_mode & UNSAFE_MODES


def started_by_root(host: Host, pid: int) -> bool:
    """Whether a process is root's, of this host, and of a program of root's."""
    status = process_status(host, pid)
    if status is None or status.uid != 0 or status.in_child_namespace or status.zombie:
        return False
    return runs_program_of(host, pid, (0,)) is not False


def namespace_root(host: Host, pid: int) -> int:
    """The user of this host that is root in the user namespace of a process. Source: user_namespaces(7)."""
    found = re.search(r"^ *0 +([0-9]{1,10}) ", host.read_lenient(f"/proc/{pid}/uid_map") or "", re.MULTILINE)
    return int(found.group(1)) if found else 0


def parse_status(status: str) -> ProcessStatus | None:
    """The fields we use of /proc/PID/status. Source: proc_pid_status(5)."""
    parent = re.search(r"^PPid:\t([0-9]{1,10})$", status, re.MULTILINE)
    uid = re.search(r"^Uid:\t([0-9]{1,10})\t", status, re.MULTILINE)
    namespaces = re.search(r"^NSpid:((?:\t[0-9]{1,10})+)$", status, re.MULTILINE)
    if not parent or not uid:
        return None
    nested = namespaces is not None and len(namespaces.group(1).split()) > 1
    zombie = re.search(r"^State:\t[ZX]", status, re.MULTILINE) is not None
    return ProcessStatus(int(parent.group(1)), int(uid.group(1)), nested, zombie)


def parse_environment(environ: str) -> dict[str, str]:
    """The variables of /proc/PID/environ. Source: proc_pid_environ(5)."""
    return dict(entry.split("=", 1) for entry in environ.split("\0") if "=" in entry)


def parse_start_ticks(stat: str) -> int | None:
    """When a process began, in clock ticks since boot, of its /proc/PID/stat. Source: proc_pid_stat(5)."""
    fields = stat.rpartition(")")[2].split()
    found = fields[STAT_START_TIME] if len(fields) > STAT_START_TIME else ""
    return int(found) if re.fullmatch(r"[0-9]{1,20}", found) else None


def start_ticks(host: Host, pid: int) -> int | None:
    """When a process began, which with its id tells it from a later one; None if it has ended."""
    return parse_start_ticks(host.read_lenient(f"/proc/{pid}/stat") or "")


def process_status(host: Host, pid: int | str) -> ProcessStatus | None:
    """A process's status, None if it has ended or is hidden from us; `self` is our own."""
    return parse_status(host.read_lenient(f"/proc/{pid}/status") or "")


def process_environment(host: Host, pid: int | str) -> dict[str, str]:
    """The environment a process was started with, empty where we may not see it; `self` is our own."""
    return parse_environment(host.read_lenient(f"/proc/{pid}/environ") or "")


def process_names(host: Host) -> ProcessNames:
    """The command names of all processes we can see."""
    names = {}
    for entry in unless_refused(host.list_directory, "/proc") or []:
        if entry.isdecimal():
            comm = host.read_lenient(f"/proc/{entry}/comm")
            if comm:
                names[int(entry)] = comm.rstrip("\n")
    return ProcessNames(names, FIRST_PROCESS in names)
