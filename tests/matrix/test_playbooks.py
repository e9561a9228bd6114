# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks by the ansible-core that runs this, for a host under systemd with an old Python.

Plan, site, site again, audit and rollback. The host is a container of Debian 11 with its own Python 3.9, and one with
Python 3.8, where this ansible-core takes that for a target and this machine has one to put there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from ansible.module_utils import basic

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.append(str(CHECKOUT / "tests" / "systemd"))
from machine import DROP_IN, Machine, find_settings, podman, settings  # noqa: E402 - found there

OLDEST_PYTHON: tuple[int, int] = basic._PY_MIN  # noqa: SLF001 - what ansible-core itself asks a target for
VARIABLES = {
    "ansible_connection": "containers.podman.podman",
    "siptune_become": False,
    "siptune_capacity": {"registrations": 20000},
    "siptune_service_limits_units": {"sipd.service": {"LimitNOFILE": "3000:4096", "TasksMax": 300}},
}


class Target(NamedTuple):
    """The suite of a container, and the Python in it for the modules. `copied` is put there first, at its own path."""

    suite: str
    python: str
    copied: Path | None = None


def python38() -> Path | None:
    """A Python 3.8 of this machine that brings all it needs in one directory, as those of pyenv do."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return next(iter(sorted(root.glob("versions/3.8.*"))), None)


def targets() -> list[object]:
    own = [pytest.param(Target("bullseye", "/usr/bin/python3"), id="python3.9")]
    old = python38()
    if OLDEST_PYTHON > (3, 8) or old is None:
        return own
    return [*own, pytest.param(Target("bookworm", f"{old}/bin/python3.8", old), id="python3.8")]


@pytest.fixture(scope="module", params=targets())
def target(request: pytest.FixtureRequest) -> Iterator[tuple[Machine, str]]:
    """A container with scratch units, and the path of its Python."""
    chosen: Target = request.param
    build = [str(CHECKOUT / "tests/images/build"), chosen.suite]
    image = subprocess.run(build, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    find_settings(image)
    machine = Machine(chosen.suite, image)
    try:
        if chosen.copied:
            machine.run("mkdir", "-p", str(chosen.copied.parent))
            podman("cp", str(chosen.copied), f"{machine.name}:{chosen.copied.parent}")
        machine.reset()
        yield machine, chosen.python
    finally:
        machine.remove()


def play(directory: Path, target: tuple[Machine, str], name: str, *words: str) -> str:
    """What a playbook prints, in one line. Raises AssertionError if it fails."""
    machine, python = target
    host = {**VARIABLES, "ansible_host": machine.name, "ansible_python_interpreter": python}
    inventory = directory / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"target": host}}}))
    environment = {
        **os.environ,
        **settings(),
        "ANSIBLE_HOME": str(directory / "ansible"),
        "ANSIBLE_PIPELINING": "true",
    }
    command: Sequence[str] = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        *("-i", str(inventory), f"siptune.linux.{name}", *words),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return " ".join(done.stdout.split())


def test_there_and_back(target: tuple[Machine, str], tmp_path: Path) -> None:
    machine, _python = target
    start = machine.dump()
    plan = play(tmp_path, target, "site", "--check")
    assert "sipd.service LimitNOFILE" in plan
    assert machine.dump() == start

    assert "changed=1" in play(tmp_path, target, "site")
    assert "LimitNOFILE=3000:4096" in (machine.read(DROP_IN) or "")
    assert machine.nofile("sipd.service") == {("3000", "4096")}
    tuned = machine.dump()
    assert "changed=0" in play(tmp_path, target, "site")
    assert machine.dump() == tuned

    play(tmp_path, target, "audit", "-e", "siptune_audit_strict=true")
    audit = json.loads((tmp_path / "siptune-audit.json").read_text(encoding="utf-8"))
    assert [host["drift"] for host in audit["hosts"]] == [0]

    play(tmp_path, target, "rollback")
    assert machine.dump() == start
    assert machine.show("sipd.service", "LimitNOFILE") == "4096"
