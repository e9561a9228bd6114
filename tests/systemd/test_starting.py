# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units whose process still runs systemd's own code, without the unit's limits, when the module looks at it.

A named pipe as standard input makes that moment as long as a test needs: systemd opens it before it sets the limits,
and waits until somebody opens the other end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from machine import Machine

UNIT = "loop.service"
ITEM = "loop.service.LimitNOFILE"
GATE = "/run/gate"
OWN = ("1000", "4096")

# Well below the seconds that the module waits.
OPEN_AFTER_SECONDS = 6

# Opens the gate some time after the unit has another main process than $1.
PORTER = f"""
echo $$ > /run/porter.pid
until new=$(/bin/systemctl show --property MainPID --value {UNIT}); [ $new != 0 ] && [ $new != $1 ]; do
    sleep 0.1
done
sleep {OPEN_AFTER_SECONDS}
: > {GATE}
"""


@pytest.fixture
def gate(machine: Machine) -> Iterator[Machine]:
    """A machine with a unit that does not get to its own program before its gate is opened."""
    machine.sh(f"rm -f {GATE}; mkfifo {GATE}")
    machine.write(
        f"/etc/systemd/system/{UNIT}",
        f"[Service]\nLimitNOFILE={':'.join(OWN)}\nStandardInput=file:{GATE}\nExecStart=/bin/sleep infinity\n",
    )
    machine.write("/run/porter", PORTER)
    machine.sh("systemctl daemon-reload")
    yield machine
    machine.sh(f"kill $(cat /run/porter.pid) || true; systemctl kill --signal KILL {UNIT} || true; rm -f {GATE}")


def open_later(machine: Machine) -> None:
    """Open the gate to the next main process of the unit, after a while."""
    machine.sh(f"setsid sh /run/porter {machine.show(UNIT, 'MainPID')} > /dev/null 2>&1 &")


def start(machine: Machine) -> None:
    open_later(machine)
    machine.sh(f"systemctl --no-block start {UNIT}")
    until_at_gate(machine)


def until_at_gate(machine: Machine) -> None:
    machine.sh(
        f"for try in $(seq 100); do [ $(/bin/systemctl show --property MainPID --value {UNIT}) != 0 ] && exit 0;"
        "sleep 0.1; done; exit 1"
    )
    assert machine.show(UNIT, "ActiveState") == "active"
    assert machine.nofile(UNIT) != {OWN}


def test_a_unit_that_somebody_else_starts_is_looked_at_when_it_runs_its_own_program(gate: Machine) -> None:
    start(gate)
    item = gate.module({UNIT: {"LimitNOFILE": "3000:4096"}}).items[ITEM]
    assert (item.state, item.before, item.after) == ("changed", ":".join(OWN), "3000:4096")
    assert gate.nofile(UNIT) == {("3000", "4096")}
    assert not gate.module({UNIT: {"LimitNOFILE": "3000:4096"}}).changed


def test_a_restart_waits_for_the_own_program(gate: Machine) -> None:
    gate.sh(f"systemctl --no-block start {UNIT}; : > {GATE}; sleep 0.5")
    assert gate.nofile(UNIT) == {OWN}
    open_later(gate)
    done = gate.module({UNIT: {"Nice": 3, "LimitNOFILE": "500:600"}}, restart=True)
    item = done.items[ITEM]
    assert (item.state, item.before, item.after, item.reason) == ("changed", ":".join(OWN), "500:600", "")
    assert gate.nofile(UNIT) == {("500", "600")}

    open_later(gate)
    item = gate.module(state="absent", restart=True).items[ITEM]
    assert (item.state, item.before, item.after, item.reason) == ("changed", "500:600", ":".join(OWN), "")
    assert gate.nofile(UNIT) == {OWN}


def test_the_wait_has_an_end_and_the_item_says_so(gate: Machine) -> None:
    gate.sh(f"systemctl --no-block start {UNIT}")
    until_at_gate(gate)
    began = time.monotonic()
    item = gate.module({UNIT: {"LimitNOFILE": "3000:4096"}}).items[ITEM]
    assert time.monotonic() - began < 60
    assert (item.state, item.before) == ("pending", "1000:4096")
    assert "systemd is still starting process" in item.reason

    gate.sh(f": > {GATE}; sleep 0.5")
    assert gate.nofile(UNIT) == {OWN}  # systemd has taken what the unit had when the process was made
    assert gate.module({UNIT: {"LimitNOFILE": "3000:4096"}}).items[ITEM].state == "changed"
    assert gate.nofile(UNIT) == {("3000", "4096")}
