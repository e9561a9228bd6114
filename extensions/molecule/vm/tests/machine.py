# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the virtual machine how it is, over ssh and without Ansible, so that no module of ours answers.

`machine.py STEP UNIT...` keeps the answer in the records, as the step of this name.
SIPTUNE_TEST_GUEST names the directory that tests/vm/guest.py has made, SIPTUNE_TEST_RECORDS that of the records.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

SCENARIO = Path(__file__).resolve().parents[1]
# The kernel's settings and the files, as the containers' scenario reads them too.
STATE_SCRIPT = SCENARIO.parent / "default" / "files" / "state.py"
OBSERVE_SCRIPT = SCENARIO / "files" / "observe.py"

GUEST = Path(os.environ["SIPTUNE_TEST_GUEST"])
RECORDS = Path(os.environ["SIPTUNE_TEST_RECORDS"])
TIMEOUT_SECONDS = 300


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

    @property
    def names(self) -> dict[str, str]:
        """The interfaces' names by their hardware addresses."""
        return {card["mac"]: name for name, card in self.interfaces.items()}

    @property
    def starts(self) -> dict[str, str]:
        """When each unit's main process was started."""
        return {name: unit["properties"]["ExecMainStartTimestampMonotonic"] for name, unit in self.units.items()}


def ask(units: list[str]) -> Machine:
    """The machine as it is now, in three round trips."""
    state = json.loads(ssh("sudo python3 -", STATE_SCRIPT))
    observed = json.loads(ssh(" ".join(["sudo python3 -", *units]), OBSERVE_SCRIPT))
    parts = {"sysctl": state["sysctl"], "files": state["files"], "settings": state["units"], **observed}
    return Machine(**parts, login=open_files_of_login())


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
