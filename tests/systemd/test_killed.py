# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd_limits killed between any two effects, beside a systemd that reloads, and processes that run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from machine import STARTER, Machine

# Counts what the module changes by Python's own audit events, sys.addaudithook(), as the images have no strace, and
# kills it right before the effect with the number given.
COUNTING = """
import os, signal, sys
effects = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "subprocess.Popen", "resource.prlimit")
last, seen = int(sys.argv.pop()), []
def watch(event, arguments):
    writes = event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if (event in effects or writes) and "/var/cache/python" not in str(arguments[0]):
        seen.append(event)
        if len(seen) == last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
"""
KILLED = -9
MOST_EFFECTS = 100
LEAST_EFFECTS = 10  # record, two drop-ins with their directories, questions and reload, processes, record
UNITS = {"sipd.service": {"LimitNOFILE": 4096, "TasksMax": 300}, "quiet.service": {"TasksMax": 300}}
FEWER = {"sipd.service": {"LimitNOFILE": 3000}}
DROP_INS = [f"/etc/systemd/system/{unit}.d/90-siptune.conf" for unit in UNITS]


def killed_before(machine: Machine, parameters: Mapping[str, Any], last: int) -> tuple[int, str]:
    """The exit status of a call that is killed before its effect number `last`, and what it says on stderr."""
    document = json.dumps({"ANSIBLE_MODULE_ARGS": dict(parameters)})
    done = machine.execute("/usr/bin/python3", "-c", COUNTING + STARTER, document, "systemd_limits", str(last))
    return done.status, done.stderr


def texts(machine: Machine) -> list[str | None]:
    return [machine.read(path) for path in DROP_INS]


@pytest.mark.parametrize(
    ("before", "killed"),
    [
        pytest.param(None, {"units": UNITS}, id="first run"),
        pytest.param({"units": UNITS}, {"units": FEWER, "exclusive": True}, id="second run"),
        pytest.param({"units": UNITS}, {"state": "absent"}, id="putting back"),
    ],
)
def test_killed_between_any_two_effects(
    machine: Machine, before: Mapping[str, Any] | None, killed: Mapping[str, Any]
) -> None:
    start = machine.dump()
    if before:
        machine.module(**before)
    old = texts(machine)
    machine.module(**killed)
    whole = [{one, other} for one, other in zip(old, texts(machine), strict=True)]
    put_back(machine)
    assert machine.dump() == start
    for last in range(1, MOST_EFFECTS):
        if before:
            machine.module(**before)
        status, said = killed_before(machine, killed, last)
        if status == 0:
            assert last > LEAST_EFFECTS, said
            return
        assert status == KILLED, f"effect {last}: {said}"
        assert all(text in known for text, known in zip(texts(machine), whole, strict=True)), last
        machine.module(FEWER, exclusive=True)
        assert not machine.module(FEWER, exclusive=True).changed, last
        assert machine.show("sipd.service", "LimitNOFILE") == "3000", last
        assert machine.show("quiet.service", "TasksMax") != "300", last
        put_back(machine)
        assert machine.dump() == start, last
        assert machine.nofile("sipd.service") == {("1024", "4096")}, last
    raise AssertionError("the run has more effects than it could have")


def put_back(machine: Machine) -> None:
    machine.sh("systemctl reset-failed sipd.service")  # so many restarts are more than systemd allows a unit
    machine.module(state="absent", restart=True)
    machine.wait_for_own_program("sipd.service")
