# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._host.rlimits import (
    Process,
    own_powers,
    read_process,
    set_limit,
)
from ansible_collections.siptune.linux.plugins.module_utils._units.model import LoadedUnit, Raise, Request
from ansible_collections.siptune.linux.plugins.module_utils._units.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._units.running import _raise_one, _try


def refuse(number: int) -> bool:
    raise HostError("process 5", "no", number)


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
def test_a_missing_permission_ends_no_run(number: int) -> None:
    log = UndoLog()
    assert not _try(log, lambda: refuse(number), lambda: None, "x")
    assert log.undo() == ([], [])


def test_any_other_refusal_does() -> None:
    with pytest.raises(HostError):
        _try(UndoLog(), lambda: refuse(errno.EINVAL), lambda: None, "x")


def test_what_was_done_can_be_undone() -> None:
    log, undone = UndoLog(), []
    assert _try(log, lambda: True, lambda: undone.append(1), "x")
    assert not _try(log, lambda: False, lambda: undone.append(2), "y")
    assert (log.undo(), undone) == ((["x"], []), [1])


@pytest.fixture
def child() -> Iterator[int]:
    """A process of our own, with a soft limit of 100 open files, that waits to be killed."""
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert set_limit(pid, "LimitNOFILE", (100, hard))
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def raise_child(image: Path, child: int) -> tuple[UndoLog, Process]:
    """Raise the child's limits: how to undo it, and the child as it was."""
    host = Host()
    low = read_process(host, child)
    assert low is not None
    hard = low.limits["LimitNOFILE"][1]
    observed = observe(Host(str(image)), Request([], "90-siptune.conf"))._replace(powers=own_powers(host))
    started = LoadedUnit("sipd.service", {"MainPID": str(child)}, "", [], [low])
    log = UndoLog()
    assert _raise_one(host, low, started, Raise({"LimitNOFILE": (200, hard)}, 900), observed, log)
    raised = read_process(host, child)
    assert raised is not None
    assert (raised.limits["LimitNOFILE"], raised.oom_score_adj) == ((200, hard), 900)
    return log, low


def test_a_raised_process_is_put_back_when_a_later_step_fails(image: Path, child: int) -> None:
    log, low = raise_child(image, child)
    undone, failed = log.undo()
    assert (len(undone), failed) == (2, [])
    assert read_process(Host(), child) == low


def test_a_process_that_has_other_limits_by_now_is_not_put_back(image: Path, child: int) -> None:
    log, low = raise_child(image, child)
    assert set_limit(child, "LimitNOFILE", (300, low.limits["LimitNOFILE"][1]))
    assert log.undo()[1] == []
    now = read_process(Host(), child)
    assert now is not None
    assert now.limits["LimitNOFILE"][0] == 300


def test_a_process_that_has_ended_is_no_trouble(image: Path, child: int) -> None:
    log, low = raise_child(image, child)
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    ended = low._replace(pid=gone)
    observed = observe(Host(str(image)), Request([], "90-siptune.conf"))._replace(powers=own_powers(Host()))
    started = LoadedUnit("sipd.service", {"MainPID": str(gone)}, "", [], [ended])
    what = Raise({"LimitNOFILE": (200, low.limits["LimitNOFILE"][1])}, 900)
    assert not _raise_one(Host(), ended, started, what, observed, log)
