# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sip_notrack beside nftables.service, firewalld and neither: what restarts, reloads and boots leave of our table.

nft is 0.9.8 in Debian 11, 1.0.6 in 12 and 1.1.3 in 13.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from machine import START_TIMEOUT_SECONDS, SUITES, Machine, machine_with, podman

ITEM = "untracked UDP ports"
PORTS = ["5060-5061", "30000-40000"]
SHOWN = ", ".join(PORTS)
STATEFUL = "ct state established,related accept\nct state invalid drop\niif lo accept"
OPEN = f"{STATEFUL}\nudp dport {{ {SHOWN} }} accept"
CONFIGURATION = """#!/usr/sbin/nft -f
flush ruleset
table inet filter {{
    chain input {{
        type filter hook input priority 0; policy drop;
        {rules}
    }}
}}
"""


def _chosen() -> list[str]:
    return os.environ.get("SIPTUNE_TEST_SUITES", " ".join(SUITES)).split()


@pytest.fixture(scope="module", params=_chosen(), name="built")
def container_with_firewalls(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A container with nftables and firewalld, neither of which its boots start."""
    with machine_with(request.param, "nftables", "firewalld") as machine:
        machine.sh("systemctl disable --now firewalld nftables; nft flush ruleset; cp /etc/nftables.conf /root")
        yield machine


@pytest.fixture(name="machine")
def without_firewall(built: Machine) -> Iterator[Machine]:
    """The container as it is without any firewall, whose files have to be as before in the end."""
    start = built.dump()
    yield built
    built.sh("systemctl disable --now firewalld nftables 2>/dev/null; nft flush ruleset")
    built.sh("rm -rf /etc/firewalld/zones/*; cp /root/nftables.conf /etc")
    call(built, state="absent")
    assert {line for line in start ^ built.dump() if "siptune" in line} == set()


def call(machine: Machine, check: bool = False, **parameters: Any) -> dict[str, Any]:
    return machine.call_module("sip_notrack", parameters, check)


def exempt(machine: Machine) -> dict[str, Any]:
    """The item of a call that must not fail."""
    done = call(machine, ports=PORTS)
    assert "failed" not in done, done["msg"]
    (item,) = done["items"]
    assert (item["item"], item["after"], item["at_boot"]) == (ITEM, SHOWN, SHOWN)
    return done


def is_there(machine: Machine) -> bool:
    return machine.execute("nft", "list", "table", "inet", "siptune").status == 0


def boot(machine: Machine) -> None:
    """Boot the container again, which gives it a network without any rules."""
    machine._agent.kill()  # noqa: SLF001 - nothing else boots a container again
    machine._agent.wait()  # noqa: SLF001
    podman("restart", "--time", "10", machine.name)
    machine._agent = machine._start_agent()  # noqa: SLF001
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while machine.run("systemctl", "is-system-running", check=False).strip() not in ("running", "degraded"):
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_it_is_predicted_kept_over_a_boot_and_put_back(machine: Machine) -> None:
    start = machine.dump()
    predicted = call(machine, check=True, ports=PORTS)
    assert (predicted["changed"], machine.dump()) == (True, start)
    done = exempt(machine)
    assert (done["items"], done["files"]) == (predicted["items"], predicted["files"])
    again = call(machine, ports=PORTS)
    assert (again["changed"], again["items"][0]["state"]) == (False, "ok")
    boot(machine)
    assert is_there(machine)
    assert machine.show("siptune-notrack.service", "Result") == "success"
    assert not call(machine, ports=PORTS)["changed"]
    assert call(machine, state="absent")["changed"]
    assert (is_there(machine), machine.dump()) == (False, start)
    boot(machine)
    assert not is_there(machine)
    assert machine.show("siptune-notrack.service", "LoadState") == "not-found"


def test_nftables_flushes_everything_and_ours_comes_back(machine: Machine) -> None:
    machine.write("/etc/nftables.conf", CONFIGURATION.format(rules=OPEN))
    machine.sh("systemctl start nftables")
    exempt(machine)
    for verb in ("reload", "restart", "stop", "start"):
        machine.sh(f"systemctl {verb} nftables")
        assert is_there(machine) is (verb != "stop"), verb
    machine.sh("systemctl enable nftables")
    boot(machine)
    assert is_there(machine)
    assert "policy drop" in machine.sh("nft list ruleset")
    assert not call(machine, ports=PORTS)["changed"]


def test_a_flushed_table_is_seen_and_loaded_again(machine: Machine) -> None:
    exempt(machine)
    machine.sh("nft flush ruleset")
    predicted = call(machine, check=True, ports=PORTS)["items"][0]
    assert (predicted["state"], predicted["before"], predicted["at_boot_before"]) == ("changed", "none", SHOWN)
    exempt(machine)
    assert is_there(machine)


def wait_for_firewalld(machine: Machine) -> None:
    """Wait until its rules are there: it is started for systemd, and asked with success, before that."""
    machine.sh("for try in $(seq 200); do nft list ruleset | grep -q 'reject with' && exit; sleep 0.1; done; exit 1")


def test_firewalld_leaves_it_alone(machine: Machine) -> None:
    machine.sh("systemctl start firewalld")
    wait_for_firewalld(machine)
    refused = call(machine, ports=PORTS)
    assert "does not know untracked packets" in refused["msg"]
    assert not is_there(machine)
    for port in PORTS:
        machine.sh(f"firewall-cmd --permanent --add-port={port}/udp; firewall-cmd --add-port={port}/udp")
    exempt(machine)
    ways = ["firewall-cmd --reload", "systemctl restart firewalld"]
    if machine.suite != "bullseye":  # 0.9.3 reads /proc/modules for it, which a kernel without modules does not have
        ways.append("firewall-cmd --complete-reload")
    for way in ways:
        machine.sh(way)
        wait_for_firewalld(machine)
        assert is_there(machine), way
    machine.sh("systemctl enable firewalld")
    boot(machine)
    wait_for_firewalld(machine)
    assert is_there(machine)
    assert not call(machine, ports=PORTS)["changed"]


def test_a_later_rule_that_cuts_calls_off_is_named_by_the_next_run(machine: Machine) -> None:
    exempt(machine)
    machine.sh("nft add table ip nat; nft 'add chain ip nat post { type nat hook postrouting priority 100; }'")
    machine.sh("nft add rule ip nat post oifname eth0 masquerade")
    for check in (True, False):
        assert "ip nat post handle" in call(machine, check=check, ports=PORTS)["msg"]


def test_a_drop_in_of_somebody_else_is_named(machine: Machine) -> None:
    drop_in = "/etc/systemd/system/siptune-notrack.service.d/local.conf"
    machine.write(drop_in, "[Service]\nExecStart=\nExecStart=/bin/true\n")
    item = call(machine, ports=PORTS)["items"][0]
    assert (item["state"], item["at_boot"]) == ("shadowed", None)
    assert drop_in in item["reason"]
    machine.sh(f"rm -r {os.path.dirname(drop_in)}")
