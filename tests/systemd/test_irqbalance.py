# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real irqbalance in the sandbox of its unit: what it takes on its socket, and what our script answers at its start.

It is 1.7.0 in Debian 11, 1.9.2 in 12 and 1.9.4 in 13, whose unit shuts it in most. /proc/irq is read-only here, as the
interrupts are those of the whole machine.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from machine import PACKAGES, START_TIMEOUT_SECONDS, SUITES, Machine, machine_with

BOUND = "/etc/systemd/system/irqbalance.service.d/10-test.conf"
IN_A_CONTAINER = "[Unit]\nConditionVirtualization=\nConditionCPUs=\n[Service]\nReadWritePaths=\n"
SCRIPT, DROP_IN = "/etc/siptune/interrupts", "/etc/systemd/system/irqbalance.service.d/90-siptune-interrupts.conf"
OURS = f"--policyscript={SCRIPT}"

# A function of the collection, called with the host of the container.
CALLER = f"""
import json
{PACKAGES}
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic import balancer, bans, irq_script, model, udev_rules
host, NONE = Host(), frozenset()
found = bans.observe_balancer(host)
eval(compile(sys.argv[1], "test", "exec"))
"""


@pytest.fixture(scope="module", params=os.environ.get("SIPTUNE_TEST_SUITES", " ".join(SUITES)).split(), name="machine")
def container_with_irqbalance(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A container in which irqbalance runs as its package starts it, but for what forbids that in containers."""
    with machine_with(request.param, "irqbalance") as machine:
        machine.sh("mount --bind /proc/irq /proc/irq && mount -o remount,bind,ro /proc/irq")
        machine.write(BOUND, IN_A_CONTAINER)
        machine.sh("systemctl daemon-reload; systemctl restart irqbalance")
        yield machine


def call(machine: Machine, code: str) -> Any:
    """What a piece of code prints as JSON, once irqbalance answers."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while machine.execute("sh", "-c", "test -S /run/irqbalance/irqbalance$(pgrep -xo irqbalance).sock").status:
        assert time.monotonic() < deadline, machine.run("systemctl", "status", "irqbalance", check=False)
        time.sleep(0.2)
    return json.loads(machine.run("/usr/bin/python3", "-c", CALLER, code))


def device_with_interrupts(machine: Machine) -> tuple[str, list[int]]:
    """A device of this machine's PCI bus, and its interrupts."""
    listed = machine.sh("ls -d /sys/bus/pci/devices/*/msi_irqs/* 2>/dev/null || true").split()
    if not listed:
        pytest.skip("NOT TESTED: no device of this machine has interrupts that are signalled by messages")
    slot = listed[0].split("/")[5]
    return slot, [int(path.split("/")[7]) for path in listed if path.split("/")[5] == slot]


def test_it_takes_bans_on_its_socket_and_says_so(machine: Machine) -> None:
    assert call(machine, "print(json.dumps(sorted(found.banned)))") == []
    ban = "told = balancer.LiveBans(found.pid, NONE, {('eth0', 'irq_cpus'): frozenset({24, 25})}, {})\n"
    ban += "bans.ban(host, told, UndoLog())\nprint(json.dumps(sorted(bans.read_bans(host, found.pid))))\n"
    assert call(machine, ban) == [24, 25]
    back = "told = balancer.LiveBans(found.pid, found.banned, {}, {('eth0', 'irq_cpus'): frozenset({24})})\n"
    back += "bans.give_back(host, told, NONE, UndoLog())\nprint(json.dumps(sorted(bans.read_bans(host, found.pid))))\n"
    assert call(machine, back) == [25]
    assert machine.show("irqbalance.service", "NRestarts") == "0"


def test_nobody_else_may_tell_it(machine: Machine) -> None:
    before = call(machine, "print(json.dumps(sorted(found.banned)))")
    code = "import os\nos.setgid(65534)\nos.setuid(65534)\nprint(json.dumps(bans.read_bans(host, found.pid)))"
    assert call(machine, code) is None
    assert call(machine, "print(json.dumps(sorted(found.banned)))") == before


def test_it_asks_our_script_and_keeps_what_the_administrator_has_said(machine: Machine) -> None:
    slot, numbers = device_with_interrupts(machine)
    machine.write("/etc/default/irqbalance", 'IRQBALANCE_ARGS="--banmod=nothing"\nOPTIONS="--banmod=nothing"\n')
    code = (
        f"nic = model.Nic(Link(2, 'eth0', True, driver='igb'), {{}}, {{}}, slot='{slot}')\n"
        "own = irq_script.OwnInterrupts(udev_rules.Own('eth0', 'irq_cpus', '0', ('x-rx-0',), ''), nic.slot)\n"
        "assert balancer.obstacle_at_start(nic, found) == '', found\n"
        "print(json.dumps(dict(irq_script.texts([own], balancer.drop_in_command([nic], found)))))"
    )
    for path, text in call(machine, code).items():
        machine.write(path, text, 0o755 if path == SCRIPT else 0o644)
    machine.sh("systemctl daemon-reload; systemctl restart irqbalance")
    assert call(machine, "print(json.dumps([found.daemon.now.policy_script, *found.left_alone]))") == [SCRIPT, slot]
    words = machine.sh("tr '\\0' ' ' < /proc/$(pgrep -xo irqbalance)/cmdline").split()
    assert (OURS in words, "--banmod=nothing" in words) == (True, True)
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    wanted = {f"IRQ {number}: Override ban to true" for number in numbers}
    while not all(line in machine.sh("journalctl -u irqbalance --no-pager") for line in wanted):
        assert time.monotonic() < deadline, machine.sh("journalctl -u irqbalance --no-pager | tail -40")
        time.sleep(1)
    said = machine.sh("journalctl -u irqbalance --no-pager")
    assert "Error executing policy script" not in said
    assert "policy script returned non-zero" not in said


def test_its_unit_without_ours_is_as_before(machine: Machine) -> None:
    machine.sh(f"rm -f {SCRIPT} {DROP_IN}; systemctl daemon-reload; systemctl restart irqbalance")
    assert call(machine, "print(json.dumps(found.daemon.now.policy_script))") == ""
    assert OURS not in machine.sh("systemctl cat irqbalance")
