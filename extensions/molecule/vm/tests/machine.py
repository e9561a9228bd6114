# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the virtual machine how it is, over ssh and without Ansible, so that no module of ours answers.

`machine.py [--all-units] STEP UNIT...` keeps the answer in the records, as the step of this name.
SIPTUNE_TEST_GUEST names the directory that tests/vm/guest.py has made, SIPTUNE_TEST_RECORDS that of the records.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

SCENARIO = Path(__file__).resolve().parents[1]
# The kernel's settings and the files, as the containers' scenario reads them too.
STATE_SCRIPT = SCENARIO.parent / "default" / "files" / "state.py"
OBSERVE_SCRIPT = SCENARIO / "files" / "observe.py"
SPREAD_SCRIPT = SCENARIO / "files" / "spread.py"

GUEST = Path(os.environ["SIPTUNE_TEST_GUEST"])
RECORDS = Path(os.environ["SIPTUNE_TEST_RECORDS"])
TIMEOUT_SECONDS = 300
# What the kernel and systemd derive from the memory that they find: keys, and properties of units.
SHARES_OF_MEMORY = re.compile(
    r"kernel/threads-max|user/max_[a-z]+_namespaces"
    r"|\S+ (EffectiveMemory(High|Max)|(Effective)?TasksMax|Limit(NPROC|SIGPENDING)(Soft)?)"
)
# What a card is fed with: as many packets as 40 calls send in 0.2 s, slowly enough for an emulated machine.
FED_SOCKETS, FED_ROUNDS, FED_BYTES, PAUSE_SECONDS = 40, 10, 172, 0.002


# All commands share a connection, as opening one is slow in an emulated machine.
SSH = ["ssh", "-F", str(GUEST / "ssh_config"), "-o", f"ControlPath={GUEST / 'ask'}", "siptune-vm"]


@contextlib.contextmanager
def connected() -> Iterator[None]:
    """A fresh login, for as long as it lasts the connection of all commands."""
    subprocess.run([*SSH[:-1], "-M", "-N", "-f", SSH[-1]], check=True, timeout=TIMEOUT_SECONDS)
    try:
        yield
    finally:
        subprocess.run([*SSH[:-1], "-q", "-O", "exit", SSH[-1]], check=True, timeout=TIMEOUT_SECONDS)


def ssh(command: str, script: Path | None = None) -> str:
    """What a command of the ordinary user prints, with a script as its input. Raises CalledProcessError if it fails."""
    return subprocess.run(
        [*SSH, command],
        input=script.read_text(encoding="utf-8") if script else "",
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=TIMEOUT_SECONDS,
    ).stdout


def open_files_of_login() -> str:
    """The soft and the hard limit of open files that a login over ssh gets, with a colon between."""
    found = re.search(r"^Max open files\s+(\S+)\s+(\S+)", ssh("cat /proc/self/limits"), re.MULTILINE)
    assert found
    return f"{found[1]}:{found[2]}"


class Machine(NamedTuple):
    """How the machine is at a moment; state.py, whose `units` are the `settings`, and observe.py say what is in it."""

    sysctl: dict[str, str]
    files: dict[str, str]
    settings: dict[str, str]
    boot: str
    failed: list[str]
    interfaces: dict[str, dict[str, Any]]
    sockets: dict[str, str]
    units: dict[str, dict[str, Any]]
    versions: dict[str, str]
    log: list[str]
    login: str
    spread: dict[str, dict[str, list[int]]]

    @property
    def names(self) -> dict[str, str]:
        """The interfaces' names by their hardware addresses."""
        return {card["mac"]: name for name, card in self.interfaces.items()}

    def has(self, program: str, *version: int) -> bool:
        """Whether a program is of this version or a later one."""
        return tuple(int(part) for part in self.versions[program].split(".")) >= version

    @property
    def starts(self) -> dict[str, str]:
        """When each unit's main process was started."""
        return {name: unit["properties"]["ExecMainStartTimestampMonotonic"] for name, unit in self.units.items()}


def spread(interface: str, port: int) -> dict[str, list[int]]:
    """How packets for a card spread over the machine's processors and the card's queues, as spread.py counts them."""
    command = f'sudo python3 -c "$(cat)" {interface} {FED_SOCKETS * FED_ROUNDS}'
    with subprocess.Popen([*SSH, command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as counting:
        assert counting.stdin
        assert counting.stdout
        counting.stdin.write(SPREAD_SCRIPT.read_text(encoding="utf-8"))
        counting.stdin.close()
        assert counting.stdout.readline() == "ready\n"
        feed(port)
        return json.loads(counting.stdout.read())


def feed(port: int) -> None:
    """Send packets to a port of this machine, from many sockets as many calls do."""
    with contextlib.ExitStack() as stack:
        senders = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(FED_SOCKETS)]
        for sender in senders * FED_ROUNDS:
            sender.sendto(bytes(FED_BYTES), ("127.0.0.1", port))
            time.sleep(PAUSE_SECONDS)


def ask(units: list[str], all_units: bool = False) -> Machine:
    """The machine as it is now, with the settings of these units, or of all, which takes about as long as the rest."""
    with connected():
        state = json.loads(ssh(" ".join(["sudo python3 -", *([] if all_units else units)]), STATE_SCRIPT))
        observed = json.loads(ssh(" ".join(["sudo python3 -", *units]), OBSERVE_SCRIPT))
        parts = {"sysctl": state["sysctl"], "files": state["files"], "settings": state["units"], **observed}
        feeds = json.loads((GUEST / "feeds.json").read_text(encoding="ascii"))
        fed = {name: spread(name, port) for name, port in feeds.items() if name in observed["interfaces"]}
        return Machine(**parts, login=open_files_of_login(), spread=fed)


def differences(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, tuple[object, object]]:
    """What differs between two maps: the value before and after, by the name."""
    pairs = {name: (before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys())}
    return {name: pair for name, pair in pairs.items() if not _same(name, *pair)}


def _same(name: str, before: object, after: object) -> bool:
    """Whether two values are the same, or the same share of a memory that another boot finds a few pages smaller."""
    if before == after or not SHARES_OF_MEMORY.fullmatch(name):
        return before == after
    numbers = [value for value in (before, after) if isinstance(value, str) and value.isdecimal()]
    return len(numbers) == 2 and abs(int(numbers[0]) - int(numbers[1])) <= int(numbers[0]) / 1000


def keep(step: str, machine: Machine) -> None:
    """Write a record."""
    (RECORDS / f"machine-{step}.json").write_text(json.dumps(machine._asdict()), encoding="utf-8")


def kept(step: str) -> Machine:
    """Read a record."""
    return Machine(**json.loads((RECORDS / f"machine-{step}.json").read_text(encoding="utf-8")))


def reported(step: str) -> dict[str, list[dict[str, Any]]]:
    """The items of each call of a step, such as `network 0`: of one task for all layers, or else of the roles.

    What roles have registered stays with the host, also after such a task.
    """
    document = json.loads((RECORDS / f"{step}.json").read_text(encoding="utf-8"))
    together = document.pop("__siptune_layers_result", {}).get("layers", {})
    by_role = {layer: parts for result in document.values() for layer, parts in result.get("layers", {}).items()}
    calls = {
        f"{layer} {number}": call for layer, parts in (together or by_role).items() for number, call in enumerate(parts)
    }
    return {name: result["items"] for name, result in calls.items() if "items" in (result or {})}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all-units", action="store_true")
    parser.add_argument("step")
    parser.add_argument("units", nargs="+")
    arguments = parser.parse_args()
    keep(arguments.step, ask(arguments.units, arguments.all_units))
