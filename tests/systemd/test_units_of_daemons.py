# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real daemons in units of other names: which unit has their limits, and who is left alone, and why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from machine import Machine

# What each suite has: the daemon, its package's unit, and how to start it in the foreground and in the background.
DAEMONS = {
    "bullseye": ("asterisk", "asterisk", "/usr/sbin/asterisk -f -U asterisk", "/usr/sbin/asterisk -U asterisk"),
    "bookworm": ("kamailio", "kamailio", "/usr/sbin/kamailio -DD -E", "/usr/sbin/kamailio -P /run/pbx.pid"),
    "trixie": ("kamailio", "kamailio", "/usr/sbin/kamailio -DD -E", "/usr/sbin/kamailio -P /run/pbx.pid"),
}
OTHER_UNITS = "freepbx.service sbc.service supervised.service watched.service run-media.service"

STOP_SOON = "TimeoutStopSec=1"  # Asterisk takes its time


@pytest.fixture
def host(machine: Machine) -> Iterator[Machine]:
    """The container without its daemon's own unit."""
    own = DAEMONS[machine.suite][1]
    machine.run("ip", "link", "set", "lo", "up")
    machine.sh(f"systemctl kill --signal=KILL {own} 2>/dev/null || true; systemctl stop {own}; rm -rf /run/asterisk/*")
    yield machine
    machine.sh(f"systemctl stop {OTHER_UNITS} 2>/dev/null || true; pkill -9 -x {DAEMONS[machine.suite][0]} || true")


def start(host: Machine, unit: str, lines: str) -> None:
    host.write(f"/etc/systemd/system/{unit}", f"[Service]\n{STOP_SOON}\n{lines}")
    host.sh(f"systemctl daemon-reload; systemctl start {unit}")


def running(host: Machine) -> list[tuple[str | None, str]]:
    """The unit, or else why there is none, of each copy of the daemon that runs, once it is there."""
    for _attempt in range(50):
        facts = host.call_module("host_facts", {})["ansible_facts"]["siptune_host"]
        found = [one for one in facts["sip_daemons"] if one["name"] == DAEMONS[host.suite][0] and one["running"]]
        if found:
            return [(one["unit"], one["no_unit"]) for one in found]
        time.sleep(0.2)
    return []


def test_a_oneshot_unit_that_leaves_the_daemon_behind(host: Machine) -> None:
    """As freepbx.service does: no main process, and the daemon in its control group."""
    start(host, "freepbx.service", f"Type=oneshot\nRemainAfterExit=yes\nExecStart={DAEMONS[host.suite][3]}\n")
    assert running(host) == [("freepbx.service", "")]
    units: dict[str, Any] = {"freepbx.service": {"LimitNOFILE": "2000:4096", "OOMScoreAdjust": 100}}
    before = set(host.pids("freepbx.service"))
    done = host.module(units, restart=False)
    assert set(done.states().values()) <= {"changed", "pending"}  # pending where this container may not raise a limit
    assert set(host.pids("freepbx.service")) == before
    host.sh("systemctl restart freepbx.service")
    assert host.nofile("freepbx.service") == {("2000", "4096")}
    assert host.module(units).states() == {"freepbx.service.LimitNOFILE": "ok", "freepbx.service.OOMScoreAdjust": "ok"}
    assert "Type=oneshot" in host.failure({"freepbx.service": {"Restart": "always"}})


def test_a_unit_of_the_operators_own(host: Machine) -> None:
    start(host, "sbc.service", f"ExecStart={DAEMONS[host.suite][2]}\n")
    assert running(host) == [("sbc.service", "")]


def test_below_a_script_that_is_the_main_process(host: Machine) -> None:
    start(host, "supervised.service", f"ExecStart=/bin/sh -c '{DAEMONS[host.suite][2]}; true'\n")
    assert running(host) == [("supervised.service", "")]


def test_a_transient_unit(host: Machine) -> None:
    host.sh(f"systemd-run -q -p {STOP_SOON} --unit=run-media.service {DAEMONS[host.suite][2]}")
    assert running(host) == [("run-media.service", "")]


def test_a_daemon_that_another_services_script_has_put_into_the_background_is_named(host: Machine) -> None:
    start(host, "watched.service", f"ExecStart=/bin/sh -c '{DAEMONS[host.suite][3]}; exec sleep infinity'\n")
    ((unit, why),) = running(host)
    assert unit is None
    assert why.startswith("it is in watched.service, and was not started by the main process of that")
