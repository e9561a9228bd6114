# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""host_facts beside a real TuneD: what it says of the profile is what TuneD does, and who wins is who wins.

In a container TuneD can set the container's own keys only, which do for that.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from machine import Machine, machine_with

SUITES = ("bookworm", "trixie")  # 2.20 and 2.25
KEY = "net.ipv4.tcp_fastopen"
FILE = "/etc/sysctl.d/90-siptune-network.conf"
LOG = "/var/log/tuned/tuned.log"
APPLIED = "static tuning from profile 'network-latency' applied"
START_TIMEOUT_SECONDS = 120


def _chosen() -> list[str]:
    return [suite for suite in os.environ.get("SIPTUNE_TEST_SUITES", " ".join(SUITES)).split() if suite in SUITES]


@pytest.fixture(scope="module", params=_chosen())
def tuned(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A container with TuneD, set to its profile for low latency."""
    with machine_with(request.param, "tuned") as machine:
        machine.sh("echo network-latency > /etc/tuned/active_profile; echo manual > /etc/tuned/profile_mode")
        restart(machine)
        yield machine


def restart(machine: Machine) -> None:
    """Have TuneD apply its profile anew, and wait until it has."""
    machine.sh(f": > {LOG}; systemctl reset-failed tuned; systemctl restart tuned")
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while APPLIED not in (machine.read(LOG) or ""):
        assert time.monotonic() < deadline, machine.read(LOG)
        time.sleep(0.2)


def told(machine: Machine) -> dict[str, Any]:
    """What host_facts tells of it."""
    return machine.call_module("host_facts", {})["ansible_facts"]["siptune_host"]["tuners"]["tuned"]


def live(machine: Machine, key: str) -> str | None:
    value = machine.read("/proc/sys/" + key.replace(".", "/"))
    return None if value is None else " ".join(value.split())


def reapply(machine: Machine, word: str) -> None:
    machine.sh(f"sed -i 's/^#* *reapply_sysctl *=.*/reapply_sysctl = {word}/' /etc/tuned/tuned-main.conf")
    assert f"reapply_sysctl = {word}\n" in (machine.read("/etc/tuned/tuned-main.conf") or "")


def test_its_profile_is_told_with_all_that_it_includes(tuned: Machine) -> None:
    facts = told(tuned)
    assert (facts["active"], facts["profile"]) == (True, "network-latency")
    assert facts["enabled"] == (tuned.run("systemctl", "is-enabled", "tuned", check=False).strip() == "enabled")
    assert facts["unknown"] == []
    settings = {setting["key"]: setting["value"] for setting in facts["sysctl"]}
    # Of the profile itself, and of the one that it includes.
    assert settings[KEY] == "3"
    assert settings["vm.swappiness"] == "10"


def test_what_is_told_is_what_the_kernel_got(tuned: Machine) -> None:
    own = [setting for setting in told(tuned)["sysctl"] if setting["key"].startswith("net.")]
    there = {setting["key"]: live(tuned, setting["key"]) for setting in own}
    assert {key: value for key, value in there.items() if value is not None} == {
        setting["key"]: setting["value"] for setting in own if there[setting["key"]] is not None
    }
    assert there[KEY] == "3"


@pytest.mark.parametrize(("word", "winner"), [("1", "1"), ("0", "3")], ids=["sysctl.d", "TuneD"])
def test_who_has_the_last_word_is_told(tuned: Machine, word: str, winner: str) -> None:
    reapply(tuned, word)
    try:
        result = tuned.call_module("sysctl_bulk", {"path": FILE, "settings": {KEY: 1}})
        assert live(tuned, KEY) == "1", result
        restart(tuned)
        assert live(tuned, KEY) == winner
        assert told(tuned)["reapply_sysctl"] == (winner == "1")
    finally:
        tuned.call_module("sysctl_bulk", {"path": FILE, "state": "absent"})
        reapply(tuned, "1")
        restart(tuned)


def test_a_version_that_knows_no_keys_to_pass_over_reads_all_again(tuned: Machine) -> None:
    """Debian's are older than 2.27, with which reapply_sysctl_exclude came."""
    main = "/etc/tuned/tuned-main.conf"
    before = tuned.read(main) or ""
    tuned.write(main, f"{before}\nreapply_sysctl_exclude = net.*\n")
    try:
        tuned.call_module("sysctl_bulk", {"path": FILE, "settings": {KEY: 1}})
        restart(tuned)
        assert live(tuned, KEY) == "1"
        facts = told(tuned)
        assert (facts["not_reapplied"], facts["unknown"]) == ([], [])
    finally:
        tuned.call_module("sysctl_bulk", {"path": FILE, "state": "absent"})
        tuned.write(main, before)
        restart(tuned)
