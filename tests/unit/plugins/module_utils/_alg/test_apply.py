# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file on a host, and the undo log."""

from __future__ import annotations

from pathlib import Path

from alg_hosts import BACK, BLOCK
from ansible_collections.siptune.linux.plugins.module_utils._alg.apply import apply
from ansible_collections.siptune.linux.plugins.module_utils._alg.model import PATH, Request
from ansible_collections.siptune.linux.plugins.module_utils._alg.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._alg.plan import TEXT, plan
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host


def run(host: Host, request: Request, log: UndoLog) -> bool:
    found = observe(host, request)
    return apply(host, request, found, plan(request, found), log).changed


def test_written_undone_written_again_and_put_back(tmp_path: Path) -> None:
    for name in ("etc", "var/lib", "run"):
        (tmp_path / name).mkdir(parents=True)
    host, log, file = Host(str(tmp_path)), UndoLog(), tmp_path / PATH[1:]
    assert run(host, BLOCK, log)
    assert file.read_text() == TEXT
    log.undo()
    assert not file.parent.exists()
    assert run(host, BLOCK, UndoLog())
    assert not run(host, BLOCK, UndoLog())
    assert run(host, BACK, UndoLog())
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == []
