# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How facts, checks and plans grow with the host: its processes, its units and its kernel parameters.

The hosts are trees on a file system in memory, with as many files as /proc would have that are read. What systemctl
would print of the units stands beside them.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._core.undo import all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._counters.reading import gauges
from ansible_collections.siptune.linux.plugins.module_utils._facts.gather import gather
from ansible_collections.siptune.linux.plugins.module_utils._host.host import CommandResult, Host
from ansible_collections.siptune.linux.plugins.module_utils._sip.calls import observe_calls
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.module import SYSCTL_BULK
from ansible_collections.siptune.linux.plugins.module_utils._units.module import SYSTEMD_LIMITS
from report import Target, table
from systemd_host import properties
from timing import Seconds, timed

IN_MEMORY = "/dev/shm"
MIB = 1024 * 1024
KIBIBYTE = 1024
FIRST_PID = 100
DAEMON_SHARE = 100  # one process of so many is Kamailio's, and one is called so by a user
PROCESSES_EACH = 10  # of a unit
GROUPS = "/sys/fs/cgroup"
POLICY = {"state": "present", "missing": "report", "shadowed": "report"}
PARTS_OF_LARGEST = (4, 2, 1)
LINEARITY = 1.5  # time for each, at the largest size, compared with the smallest


class Grown(NamedTuple):
    """What one size took, and the memory by which it made the process grow."""

    taken: Seconds
    bytes: int


class ManyUnits(Host):
    """A tree with a systemd that answers for all of its units."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._shown = (Path(root) / "shown").read_text(encoding="ascii")

    def run(self, arguments, timeout_seconds=None):
        assert "show" in arguments
        return CommandResult(0, self._shown, "")


# --- trees ----------------------------------------------------------------------------------


def place(root: Path, path: str, text: str) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="ascii")


def unit_name(number: int) -> str:
    return f"voice-{number}.service"


def add_process(root: Path, pid: int, comm: str, uid: int, group: str) -> None:
    directory = root / f"proc/{pid}"
    directory.mkdir(parents=True)
    files = {
        "comm": f"{comm}\n",
        "status": f"Name:\t{comm}\nState:\tS (sleeping)\nPPid:\t1\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nNSpid:\t{pid}\n",
        "cgroup": f"0::{group}\n",
        "limits": "Max open files            1024                 4096                 files     \n",
        "stat": f"{pid} ({comm}) S 1 " + "0 " * 48 + "\n",
        "oom_score_adj": "0\n",
    }
    for name, text in files.items():
        (directory / name).write_text(text, encoding="ascii")
    (directory / "exe").symlink_to("/usr/lib/systemd/systemd" if pid == 1 else "/bin/sh")


def add_processes(root: Path, count: int) -> None:
    """A hundredth of them Kamailio's, as many of a user under that name, and the others of all kinds."""
    add_process(root, 1, "systemd", 0, "/init.scope")
    for number in range(count):
        kamailio = number % DAEMON_SHARE < 2
        users = number % DAEMON_SHARE == 1
        group = "/user.slice/user-1000.slice/session-1.scope" if users else "/system.slice/kamailio.service"
        name = "kamailio" if kamailio else f"other{number % 7}"
        group = group if kamailio else "/system.slice/other.service"
        add_process(root, FIRST_PID + number, name, 1000 if users else 0, group)


def add_units(root: Path, count: int) -> None:
    """Units that run, each with processes in a control group of its own."""
    place(root, "/run/systemd/system/.here", "")
    place(root, "/proc/sys/fs/nr_open", "1048576\n")
    add_process(root, 1, "systemd", 0, "/init.scope")
    blocks, pid = [], FIRST_PID
    for number in range(count):
        name = unit_name(number)
        group = f"/system.slice/{name}"
        fragment = f"/etc/systemd/system/{name}"
        place(root, fragment, "[Service]\nExecStart=/bin/true\nLimitNOFILE=1024:4096\n")
        pids = range(pid, pid + PROCESSES_EACH)
        for one in pids:
            add_process(root, one, "voice", 0, group)
        place(root, f"{GROUPS}{group}/cgroup.procs", "".join(f"{one}\n" for one in pids))
        changed = {"FragmentPath": fragment, "ControlGroup": group, "MainPID": str(pid), "DropInPaths": ""}
        shown = properties(Id=name, Names=name, **changed)
        blocks.append("".join(f"{key}={value}\n" for key, value in shown.items()))
        pid += PROCESSES_EACH
    place(root, "/shown", "\n".join(blocks))


def key_name(number: int) -> str:
    return f"net.ipv4.conf.eth{number // 10}.key{number % 10}"


def add_keys(root: Path, count: int) -> None:
    for number in range(count):
        place(root, "/proc/sys/" + key_name(number).replace(".", "/"), "0\n")
    place(root, "/run/.here", "")


# --- what is measured ------------------------------------------------------------------------


def facts(root: str, _count: int) -> None:
    gather(Host(root))


def calls_and_counters(root: str, _count: int) -> None:
    host = Host(root)
    assert observe_calls(host)
    gauges(host)


def limits(root: str, count: int) -> None:
    units = {unit_name(number): {"LimitNOFILE": 65536} for number in range(count)}
    given = {"drop_in": "90-siptune.conf", "when": "both", "restart": False, "despite_calls": False, "exclusive": False}
    one = SYSTEMD_LIMITS.call({**POLICY, **given, "units": units})
    report = all_or_nothing(lambda log: one.run(ManyUnits(root), True, log))
    assert len(report.changes) == count


def kernel(root: str, count: int) -> None:
    settings = {key_name(number): 1 for number in range(count)}
    given = {"path": "/etc/sysctl.d/90-test.conf", "when": "both"}
    one = SYSCTL_BULK.call({**POLICY, **given, "settings": settings})
    report = all_or_nothing(lambda log: one.run(Host(root), True, log))
    assert len(report.changes) == count


class Subject(NamedTuple):
    """What grows, how far, the trees it takes, and what is done with them."""

    text: str
    largest: int
    build: Callable[[Path, int], None]
    measure: Callable[[str, int], None]


SUBJECTS: Mapping[str, Subject] = {
    "facts": Subject("`host_facts`: processes", 50_000, add_processes, facts),
    "calls": Subject("`sip_calls_info` and `sip_counters_info`: processes", 50_000, add_processes, calls_and_counters),
    "limits": Subject(
        f"`systemd_limits`, check mode: units with {PROCESSES_EACH} processes each", 5_000, add_units, limits
    ),
    "keys": Subject("`sysctl_bulk`, check mode: keys", 10_000, add_keys, kernel),
}


@contextlib.contextmanager
def tree(subject: Subject, count: int) -> Iterator[str]:
    """A host of this size, as long as it is used."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if os.path.isdir(IN_MEMORY) else None) as directory:
        subject.build(Path(directory), count)
        yield directory


def grow(name: str, count: int) -> Grown:
    """What one size takes in a process of its own, whose peak of memory nothing before has raised."""
    with tree(SUBJECTS[name], count) as root:
        imports = f"import sys; sys.path[:] = {sys.path!r}; import checkout, large"
        start = f"{imports}; large.main({name!r}, {count}, {root!r})"
        done = subprocess.run([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True, check=True)
    wall, cpu, peak = map(float, done.stdout.split())
    return Grown(Seconds(wall, cpu), int(peak))


def main(name: str, count: int, root: str) -> None:
    """Does it, and prints the seconds by the clock and by CPU time, and the bytes by which the process has grown."""
    before = peak_bytes()
    taken = timed(lambda: SUBJECTS[name].measure(root, count))
    print(taken.wall, taken.cpu, peak_bytes() - before)


def peak_bytes() -> int:
    """The most memory that this process has had. What getrusage(2) says is its parent's, which it was forked from."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * KIBIBYTE


def measure() -> dict[str, dict[int, Grown]]:
    """All subjects in all sizes."""
    return {
        name: {subject.largest // part: grow(name, subject.largest // part) for part in PARTS_OF_LARGEST}
        for name, subject in SUBJECTS.items()
    }


# --- in words -------------------------------------------------------------------------------


def growth_targets(measured: Mapping[str, Mapping[int, Grown]]) -> list[Target]:
    targets = []
    for name, sizes in measured.items():
        (small, first), *_middle, (large, last) = sorted(sizes.items())
        found = last.taken.cpu / large / (first.taken.cpu / small)
        text = f"{SUBJECTS[name].text}: time for each of {large} at most {LINEARITY} times that of {small}"
        targets.append(Target(text, f"{found:.2f} times", found <= LINEARITY))
    return targets


def growth_table(measured: Mapping[str, Mapping[int, Grown]]) -> str:
    rows = [
        [SUBJECTS[name].text, str(count), f"{one.taken.wall:.2f}", f"{one.taken.cpu:.2f}", str(one.bytes // MIB)]
        for name, sizes in measured.items()
        for count, one in sorted(sizes.items())
    ]
    return table(["what grows", "number", "s", "CPU s", "MiB more"], rows)
