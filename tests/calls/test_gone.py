# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever proves a host goes away in the middle: no load runs on, no daemon stays stopped, and the next run is let in.

Over a real ssh, as an account that becomes root by sudo.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest
import sipp
from host import CallsError
from namespace import namespace_host
from over_ssh import NAME, Control, seconds_until

START_SECONDS = 60
GONE_SECONDS = 5  # on a busy machine; 0.3 on an idle one
STALL_SECONDS = 3
SIPP, MODULE, DAEMON = r"sipp ", r"/usr/bin/python3\b", r"kamailio "
STOPPED = "T"
LEASE = "/run/siptune-prove.json"

Ending = Callable[[Control, "subprocess.Popen[str]"], None]


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED without root: there are no namespaces for a host of its own")
    try:
        with namespace_host() as host:
            host.ask("restart", configuration=sipp.KAMAILIO)
            yield Control(host, tmp_path_factory.mktemp("gone"))
    except CallsError as error:
        pytest.fail(f"NOTHING WAS ENDED: {error}", pytrace=False)


def kill_module(control: Control, _run: subprocess.Popen[str]) -> None:
    """All of it, and what it has forked."""
    control.host.run("kill", "-KILL", *map(str, control.on_host(MODULE)))


NOTICED: dict[str, Ending] = {
    "ssh is killed": lambda control, _run: control.kill_ssh(),
    "ansible is killed": lambda _control, run: run.kill(),
    "the terminal is closed": lambda _control, run: run.send_signal(signal.SIGHUP),
    "Ctrl-C": lambda _control, run: os.killpg(run.pid, signal.SIGINT),
    "the module is killed": kill_module,
}
NOT_NOTICED: dict[str, Ending] = {"the cable is cut": lambda control, _run: control.cut()}


def load(seconds: int) -> tuple[str, ...]:
    return (NAME, "-m", "siptune.linux.sip_load", "-a", f"address=127.0.0.1 rate=20 seconds={seconds} holder=first")


def held_by(control: Control) -> str:
    """Who has the host, by the file that the next run looks at."""
    text = control.host.run("cat", LEASE)
    return str(json.loads(text)["holder"]) if text else ""


def nothing_runs(control: Control) -> bool:
    return not control.on_host(SIPP) and not control.on_host(MODULE)


@pytest.mark.parametrize("ending", NOTICED)
def test_a_load_ends_at_once_when_its_run_does(control: Control, ending: str) -> None:
    with control.running("ansible", *load(60), pipelining=ending != "ssh is killed") as run:
        seconds_until(lambda: control.on_host(SIPP), START_SECONDS)
        assert held_by(control) == "first"
        NOTICED[ending](control, run)
        seconds_until(lambda: nothing_runs(control), GONE_SECONDS)
        # One that could not tidy up holds the next run up for the rest of its time, and that one says so.
        assert held_by(control) == ("first" if ending == "the module is killed" else "")
    control.host.run("rm", LEASE)


def test_a_load_whose_cable_is_cut_ends_with_its_step(control: Control) -> None:
    with control.running("ansible", *load(4)):
        seconds_until(lambda: control.on_host(SIPP), START_SECONDS)
        control.cut()
        try:
            seconds_until(lambda: nothing_runs(control), 4 + GONE_SECONDS)
        finally:
            control.mend()
    control.host.run("rm", LEASE)


@pytest.mark.parametrize("ending", ["ssh is killed", "ansible is killed", "the module is killed", "the cable is cut"])
def test_a_daemon_is_woken_within_its_time(control: Control, ending: str) -> None:
    words = f"daemon=kamailio milliseconds={1000 * STALL_SECONDS} despite_calls=true"
    with control.running("ansible", NAME, "-m", "siptune.linux.sip_stall", "-a", words) as run:
        seconds_until(lambda: control.on_host(DAEMON, STOPPED), START_SECONDS)
        {**NOTICED, **NOT_NOTICED}[ending](control, run)
        try:
            seconds_until(lambda: not control.on_host(DAEMON, STOPPED), STALL_SECONDS + GONE_SECONDS)
            seconds_until(lambda: nothing_runs(control), GONE_SECONDS)
        finally:
            control.mend()
    assert control.on_host(DAEMON)
