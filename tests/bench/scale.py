# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run grows with the fleet: up to some hundreds of simulated hosts on one controller.

A host is a namespace of its own for network and mounts, with its own settings, files and lock, inside the sandbox. What
stands for its Python enters it. Over ssh all hosts are reached through one sshd, whose processes are not the
controller's, so that there the CPU time is the controller's alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import site_ways
from connections import CONNECTIONS, end_sshd
from controller import environment, program
from report import Target, table
from site_ways import SITE
from timing import Seconds, timed_command
from ways import INVENTORY

FLEET = "/run/fleet"
PING_PLAY = "/run/ping.yml"
EMPTY_PLAY = "/run/empty.yml"

# What a host must not share with the others, as far as siptune.linux.site writes it.
OWN_DIRECTORIES = ("/etc", "/var/lib")
LOCK = "/run/siptune.lock"

RUNS = ("empty", "ping", "first", "converged")
SAMPLE_SECONDS = 0.5
KIBIBYTE = 1024


# The first process of each host.
started: list[subprocess.Popen[bytes]] = []


class Point(NamedTuple):
    """A measurement: so many hosts over this connection with so many forks."""

    connection: str
    hosts: int
    forks: int


class Taken(NamedTuple):
    """What runs of an empty play, of a ping task and of site took, and the most memory that site's processes held."""

    empty: Seconds
    ping: Seconds
    first: Seconds
    converged: Seconds
    peak_bytes: int


# ssh to loopback as far as one machine starts that many sessions side by side; beyond, on the spot.
POINTS = (
    *(Point("ssh", hosts, forks) for hosts, forks in ((1, 5), (10, 5), (10, 25), (50, 5), (50, 25), (50, 50))),
    *(Point("local", hosts, forks) for hosts, forks in ((1, 5), (50, 25), (200, 25), (200, 50))),
)


def measure(point: Point) -> dict[str, Any]:
    """The runs of a point, as fields of Taken. To be called in a fresh sandbox."""
    site_ways.make_host()
    try:
        make_fleet(point)
        forks = ["-i", INVENTORY, "--forks", str(point.forks)]
        # ssh's connections are opened before, and kept, so that no run pays for them.
        timed_command([program("ansible-playbook"), *forks, PING_PLAY], environment())
        taken = {
            "empty": timed_command([program("ansible-playbook"), *forks, EMPTY_PLAY], environment()),
            "ping": timed_command([program("ansible-playbook"), *forks, PING_PLAY], environment()),
            "first": timed_command([program("ansible-playbook"), *forks, SITE], environment()),
        }
        with peak_memory() as peak:
            taken["converged"] = timed_command([program("ansible-playbook"), *forks, SITE], environment())
        check_fleet(point)
    finally:
        end_fleet()
        end_sshd()
    return {**taken, "peak_bytes": peak.bytes}


# --- the fleet ------------------------------------------------------------------------------


def make_fleet(point: Point) -> None:
    """The hosts, an inventory of them, and the plays."""
    variables = {**site_ways.variables(), **CONNECTIONS[point.connection]()}
    if point.connection == "ssh":
        variables["ansible_ssh_common_args"] += " -o ControlMaster=auto -o ControlPersist=600s"
    hosts = {name: {"ansible_python_interpreter": make_host(name)} for name in names(point)}
    if point.connection == "ssh":  # an address each, so that each has a connection of its own
        for number, host in enumerate(hosts.values(), 1):
            host["ansible_host"] = f"127.0.1.{number}"
    Path(INVENTORY).write_text(json.dumps({"all": {"vars": variables, "hosts": hosts}}), encoding="utf-8")
    for path, tasks in ((EMPTY_PLAY, []), (PING_PLAY, [{"ansible.builtin.ping": {}}])):
        play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
        Path(path).write_text(json.dumps([play]), encoding="utf-8")


def names(point: Point) -> list[str]:
    return [f"sip{number:03}" for number in range(1, point.hosts + 1)]


def make_host(name: str) -> str:
    """Start a host, and the path of what stands for its Python."""
    home = f"{FLEET}/{name}"
    os.makedirs(f"{home}/new")
    Path(home, "lock").touch()
    Path(LOCK).touch()
    script = [f"mount --bind {home}/lock {LOCK}", "ip link set lo up"]
    for path in OWN_DIRECTORIES:
        script += [
            f"mount -t tmpfs -o mode=755 tmpfs {home}/new",
            f"cp -a {path}/. {home}/new/",
            f"mount --move {home}/new {path}",
        ]
    # The first process of a host, which keeps its namespaces: it says that it is ready, and waits to be told to end.
    words = ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-ec"]
    first = subprocess.Popen(
        [*words, "; ".join([*script, "echo ready", "read -r end"])], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    started.append(first)
    if first.stdout is None or first.stdout.readline() != b"ready\n":
        raise RuntimeError(f"{name} does not start")
    python = Path(home, "python")
    enter = f"nsenter --target {first.pid} --mount --net"
    python.write_text(f'#!/bin/sh\nexec {enter} {sys.executable} "$@"\n', encoding="ascii")
    python.chmod(0o755)
    return str(python)


def end_fleet() -> None:
    while started:
        started.pop().communicate()


def check_fleet(point: Point) -> None:
    """Raises RuntimeError unless every host is tuned."""
    code = "import site_ways; site_ways.check_tuned()"
    path = os.pathsep.join(sys.path)
    for name in names(point):
        command = [f"{FLEET}/{name}/python", "-c", f"import checkout; {code}"]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{name} is not tuned: {done.stderr}")


# --- memory ---------------------------------------------------------------------------------


class peak_memory:  # noqa: N801 - it reads as what it gives
    """The most memory that processes below this one hold together while the block runs, in `bytes`.

    Memory that processes share is counted once: Pss of smaps_rollup, proc_pid_smaps(5).
    """

    def __enter__(self) -> peak_memory:
        self.bytes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.bytes = max(self.bytes, sum(map(_pss_bytes, _descendants(os.getpid()))))


def _descendants(pid: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from _descendants(child)


def _pss_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * KIBIBYTE for line in lines if line.startswith("Pss:")), 0)


# --- in words -------------------------------------------------------------------------------

HOSTS_PER_SECOND = 3
PING_FACTOR = 4
GROWTH = 1.25  # time a host in the largest fleet, compared with a quarter of it: measured, and still called linear
LARGE_FLEET = 10_000
PROCESSORS = 2  # of the controller for which the time is to be told


def net_seconds(taken: Taken, run: str) -> float:
    """What a run took beyond the empty play."""
    return getattr(taken, run).wall - taken.empty.wall


def net_cpu_seconds(point: Point, taken: Taken) -> float:
    """CPU time a host that a converged run took beyond the empty play."""
    return (taken.converged.cpu - taken.empty.cpu) / point.hosts


def hosts_per_second(point: Point, taken: Taken) -> float:
    return point.hosts / net_seconds(taken, "converged")


def scale_table(measured: Mapping[Point, Taken]) -> str:
    rows = []
    for point, taken in measured.items():
        ratio = net_seconds(taken, "converged") / net_seconds(taken, "ping")
        cpu = net_cpu_seconds(point, taken)
        rows.append(
            [
                point.connection,
                str(point.hosts),
                str(point.forks),
                f"{60 * point.hosts / net_seconds(taken, 'first'):.0f}",
                f"{60 * hosts_per_second(point, taken):.0f}",
                f"{ratio:.2f}",
                f"{cpu:.2f}",
                f"{taken.peak_bytes / 2**20:.0f}",
            ]
        )
    heading = ["connection", "hosts", "forks", "first: hosts a minute", "converged: hosts a minute"]
    return table([*heading, "converged: × ping", "CPU seconds a host", "peak memory, MiB"], rows)


def best(measured: Mapping[Point, Taken], connection: str, hosts: int) -> tuple[Point, Taken]:
    """The point with these hosts that had the most hosts a second."""
    points = [item for item in measured.items() if (item[0].connection, item[0].hosts) == (connection, hosts)]
    return max(points, key=lambda item: hosts_per_second(*item))


def scale_targets(measured: Mapping[Point, Taken]) -> list[Target]:
    targets = []
    for connection, hosts in (("ssh", 50), ("local", 200)):
        point, taken = best(measured, connection, hosts)
        rate = hosts_per_second(point, taken)
        text = f"{hosts} hosts, {connection}: at least {HOSTS_PER_SECOND} converged hosts a second"
        targets.append(Target(text, f"{rate:.2f} with {point.forks} forks", rate >= HOSTS_PER_SECOND))
        ratio = net_seconds(taken, "converged") / net_seconds(taken, "ping")
        text = f"{hosts} hosts, {connection}: at most {PING_FACTOR} times a ping task, converged"
        targets.append(Target(text, f"{ratio:.2f} times", ratio <= PING_FACTOR))
    few, many = (best(measured, "local", hosts) for hosts in (50, 200))
    growth = hosts_per_second(*few) / hosts_per_second(*many)
    text = f"linear: time a host among 200 at most {GROWTH} times that among 50"
    return [*targets, Target(text, f"{growth:.2f} times", growth <= GROWTH)]


def estimate(measured: Mapping[Point, Taken]) -> str:
    """What the figures come to for a large fleet, with what is assumed."""
    point, taken = best(measured, "ssh", 50)
    rate = hosts_per_second(point, taken)
    hours = LARGE_FLEET / rate / 3600
    cpu_seconds = net_cpu_seconds(point, taken)
    minutes = LARGE_FLEET * cpu_seconds / PROCESSORS / 60
    a_fork = taken.peak_bytes / min(point.forks, point.hosts) / 2**20
    return (
        f"### {LARGE_FLEET} hosts\n\n"
        f"An estimate, not a measurement. At {rate:.2f} hosts a second a controller like this one takes {hours:.1f}\n"
        f"hours for {LARGE_FLEET} converged hosts, and n of them, each with its part of the inventory, an nth of\n"
        "that. But here the hosts do their own part of the work on the controller's processors. It pays\n"
        f"{cpu_seconds:.2f} s of CPU time a host itself, so where hosts have processors of their own, {PROCESSORS} of\n"
        f"the controller's are busy for {minutes:.0f} minutes in all, and forks are what keeps them so. It is assumed\n"
        "that hosts answer at once, and that nothing but processors is short. Forks cost memory, about\n"
        f"{a_fork:.0f} MiB each at {point.forks} forks, and the more hosts a play has, the more of it Ansible holds,\n"
        "so batches of some hundreds (`siptune_serial`) keep it bounded. Hosts that are far away cost waiting and no\n"
        "processor, which more forks make up for. With ansible-pull each host is its own controller: the time does\n"
        "not grow with the fleet, each host pays for a whole run, and the repository has as many clones to serve.\n"
    )
