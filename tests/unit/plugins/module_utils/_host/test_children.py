# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that run beside a module, and never for longer than it."""

from __future__ import annotations

import getpass
import os
import signal
import time
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host import children as subject
from ansible_collections.siptune.linux.plugins.module_utils._host.children import (
    Caller,
    LostError,
    children,
    ended_by_signals,
    wait_for,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError

# Starting another account's program takes root, as a module that uses this has.
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts programs of another account")
FILES = 1024
ME = getpass.getuser()


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}"):
        with open(f"/proc/{pid}/stat", encoding="ascii") as stream:
            if stream.read().rpartition(")")[2].split()[0] == "Z":
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def never() -> None:
    """A check that finds nothing."""


def test_they_are_killed_at_the_end_with_all_that_they_have_started(tmp_path: Path) -> None:
    with children() as start:
        child = start(["sh", "-c", "sleep 60 & echo $!; wait"], str(tmp_path), str(tmp_path / "output"), FILES, ME)
        assert not wait_for([child], 0.5, never)
        grandchild = int((tmp_path / "output").read_text(encoding="ascii"))
    assert gone(child.process.pid)
    assert gone(grandchild)


def test_their_account_and_their_files_are_those_asked_for(tmp_path: Path) -> None:
    with children() as start:
        child = start(["sh", "-c", "id -un; id -G; ulimit -n"], str(tmp_path), str(tmp_path / "o"), 777, "nobody")
        assert wait_for([child], 10, never)
    user, groups, files = (tmp_path / "o").read_text(encoding="ascii").split("\n")[:3]
    assert (user, files) == ("nobody", "777")
    assert "0" not in groups.split()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with children() as start, pytest.raises(HostError, match="cannot be started"):
        start(["no-such-program"], str(tmp_path), str(tmp_path / "output"), FILES, ME)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_they_die_with_who_has_started_them(tmp_path: Path, number: int) -> None:
    parent = os.fork()
    if parent == 0:
        try:
            with children() as start:
                child = start(["sleep", "60"], str(tmp_path), str(tmp_path / "output"), FILES, "nobody")
                (tmp_path / "pid").write_text(str(child.process.pid), encoding="ascii")
                wait_for([child], 60, never)
        finally:
            os._exit(0)
    deadline = time.monotonic() + 10
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text(encoding="ascii"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(parent, number)
    os.waitpid(parent, 0)
    assert gone(int((tmp_path / "pid").read_text(encoding="ascii")))


def test_a_signal_leaves_by_the_way_of_errors() -> None:
    with pytest.raises(LostError, match="SIGHUP"), ended_by_signals():
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def watching() -> tuple[int, int]:
    """A process that watches its caller, and the pipe that it answers by."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.dup2(writer, subject.STANDARD_OUTPUT)
            os.closerange(3, 64)
            caller = Caller(Host())
            os.write(subject.STANDARD_OUTPUT, b"ready")
            for _ in range(1000):
                caller.check()
                time.sleep(0.01)
        except LostError:
            status = 7
        finally:
            os._exit(status)
    os.close(writer)
    assert os.read(reader, 5) == b"ready"
    return child, reader


def test_a_reader_that_goes_away_is_noticed() -> None:
    child, reader = watching()
    os.close(reader)
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 7


def test_who_is_still_there_is_no_loss() -> None:
    child, reader = watching()
    time.sleep(0.5)
    assert os.waitpid(child, os.WNOHANG) == (0, 0)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reader)
