# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of every module: root, lock, undo and result, with Ansible's own arguments of a module."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible", reason="the module's base class is Ansible's")

from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._engine import run as engine
from ansible_collections.siptune.linux.plugins.module_utils._host.host import LOCK_PATH, Host


class Failed(SystemExit):
    """Ansible's fail_json ends the process."""


class Module:
    """The attributes of AnsibleModule that are used."""

    def __init__(self, check_mode: bool = False, diff: bool = False) -> None:
        self.check_mode = check_mode
        self._diff = diff
        self.failure: dict[str, Any] = {}

    def fail_json(self, **result: Any) -> None:
        self.failure = result
        raise Failed(1)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """The host that the module works on as root."""
    (tmp_path / "run").mkdir()
    there = Host(str(tmp_path))
    monkeypatch.setattr(engine, "Host", lambda: there)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return there


def lock_is_free(host: Host) -> bool:
    try:
        with host.lock(0):
            return True
    except TuningError:
        return False


@pytest.mark.parametrize("check_mode", [False, True])
def test_one_run_works_on_a_host_at_a_time(host: Host, check_mode: bool) -> None:
    free = engine.run(Module(check_mode), "lamps", lambda host, log: lock_is_free(host))  # type: ignore[arg-type]
    assert free is check_mode  # check mode changes nothing, and locks nobody out
    assert lock_is_free(host)


def test_a_failure_is_undone_and_ends_the_module(host: Host, tmp_path: Path) -> None:
    module, lamp = Module(), tmp_path / "lamp"

    def work(host: Host, log: UndoLog) -> None:
        log.note("lamp", lamp.unlink)
        lamp.touch()
        raise TuningError("the fuse has blown")

    with pytest.raises(Failed):
        engine.run(module, "lamps", work)  # type: ignore[arg-type]
    assert module.failure["msg"] == "the fuse has blown. Everything this call had changed has been put back: lamp."
    assert not lamp.exists()
    assert lock_is_free(host)


def test_a_run_waits_for_another_one_for_a_while(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LOCK_TIMEOUT_SECONDS", 0)
    module = Module()
    with host.lock(0), pytest.raises(Failed):
        engine.run(module, "lamps", lambda host, log: None)  # type: ignore[arg-type]
    assert module.failure["msg"].startswith(f"{LOCK_PATH}: another siptune run holds")
    assert module.failure["msg"].endswith("Nothing was changed.")


def test_an_ordinary_user_learns_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    module = Module()
    with pytest.raises(Failed):
        engine.run(module, "lamps", lambda host, log: None)  # type: ignore[arg-type]
    assert module.failure == {"msg": "lamps requires root: use become, or connect as root"}


@pytest.mark.parametrize("asked", [False, True])
def test_contents_of_files_leave_the_host_for_diff_alone(asked: bool) -> None:
    diff = [{"before": "DB_PASSWORD=s3cret\n", "after": ""}]
    result = engine.returned(Module(diff=asked), {"changed": True, "diff": diff})  # type: ignore[arg-type]
    assert result == {"changed": True, "diff": diff if asked else []}
