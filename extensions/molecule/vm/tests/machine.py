# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the virtual machine how it is, over ssh and without Ansible, so that no module of ours answers.

`machine.py STEP UNIT...` keeps the answer in the records, as the step of this name.
SIPTUNE_TEST_GUEST names the directory that tests/vm/guest.py has made, SIPTUNE_TEST_RECORDS that of the records.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
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
# What a card is fed with: as many packets as 40 calls send in 0.2 s, slowly enough for an emulated machine.
FED_SOCKETS, FED_ROUNDS, FED_BYTES, PAUSE_SECONDS = 40, 10, 172, 0.002


def ssh(command: str, script: Path | None = None) -> str:
    """What a command of the ordinary user prints, with a script as its input. Raises CalledProcessError if it fails."""
    return subprocess.run(
        ["ssh", "-F", str(GUEST / "ssh_config"), "siptune-vm", command],
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
    log: list[str]
    login: str
    spread: dict[str, dict[str, list[int]]]

    @property
    def names(self) -> dict[str, str]:
        """The interfaces' names by their hardware addresses."""
        return {card["mac"]: name for name, card in self.interfaces.items()}

    @property
    def starts(self) -> dict[str, str]:
        """When each unit's main process was started."""
        return {name: unit["properties"]["ExecMainStartTimestampMonotonic"] for name, unit in self.units.items()}


def spread(interface: str, port: int) -> dict[str, list[int]]:
    """How packets for a card spread over the machine's processors and the card's queues, as spread.py counts them."""
    command = f'sudo python3 -c "$(cat)" {interface} {FED_SOCKETS * FED_ROUNDS}'
    with subprocess.Popen(
        ["ssh", "-F", str(GUEST / "ssh_config"), "siptune-vm", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as counting:
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


def ask(units: list[str]) -> Machine:
    """The machine as it is now, in a few round trips."""
    state = json.loads(ssh("sudo python3 -", STATE_SCRIPT))
    observed = json.loads(ssh(" ".join(["sudo python3 -", *units]), OBSERVE_SCRIPT))
    parts = {"sysctl": state["sysctl"], "files": state["files"], "settings": state["units"], **observed}
    feeds = json.loads((GUEST / "feeds.json").read_text(encoding="ascii"))
    fed = {name: spread(name, port) for name, port in feeds.items() if name in observed["interfaces"]}
    return Machine(**parts, login=open_files_of_login(), spread=fed)


def differences(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, tuple[object, object]]:
    """What differs between two maps: the value before and after, by the name."""
    names = sorted(before.keys() | after.keys())
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


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
        f"{layer} {number}": call
        for layer, parts in (together or by_role).items()
        for number, call in enumerate(parts)
    }
    return {name: result["items"] for name, result in calls.items() if "items" in (result or {})}


if __name__ == "__main__":
    keep(sys.argv[1], ask(sys.argv[2:]))
