# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon is stopped for a moment, and woken whatever becomes of who has stopped it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._load.stall import daemon_processes, stall, stall_later

STOPPED, SLEEPING = "T", "S"


@pytest.fixture
def daemon() -> Iterator[int]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def state(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="ascii") as stream:
        return stream.read().rpartition(")")[2].split()[0]


def wait_until(pid: int, wanted: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while state(pid) != wanted:
        assert time.monotonic() < deadline, state(pid)
        time.sleep(0.01)


def test_it_is_stopped_for_the_time_and_runs_again(daemon: int) -> None:
    assert 0.2 <= stall(Host(), [daemon], 0.2, 0.1) < 5
    wait_until(daemon, SLEEPING)


def test_nobody_has_to_wait_for_it(daemon: int) -> None:
    begun = time.monotonic()
    stall_later(Host(), [daemon], 1.0, 0.5)
    assert time.monotonic() - begun < 0.5
    wait_until(daemon, STOPPED)
    wait_until(daemon, SLEEPING)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_it_is_woken_when_who_has_stopped_it_is_gone(daemon: int, number: int) -> None:
    child = os.fork()
    if child == 0:
        try:
            stall(Host(), [daemon], 60.0, 0.0)
        finally:
            os._exit(0)
    wait_until(daemon, STOPPED)
    os.kill(child, number)
    os.waitpid(child, 0)
    wait_until(daemon, SLEEPING, seconds=5.0)


def test_a_process_that_has_ended_is_left_alone() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
        assert stall(Host(), [process.pid], 0.01, 0.0) >= 0.01


def test_a_daemon_that_does_not_run_is_said() -> None:
    with pytest.raises(HostError, match="does not run on this host"):
        daemon_processes(Host("/nonexistent"), "kamailio")
