# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._engine.own_paths import may_be_made, may_be_written
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._journald.module import JOURNALD_LIMITS
from ansible_collections.siptune.linux.plugins.module_utils._journald.settings import PATH


@pytest.fixture
def root(tmp_path):
    for path in ("etc/systemd", "usr/lib/systemd", "proc", "run", "var/lib"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "usr/lib/systemd/systemd-journald").write_text("")
    (tmp_path / "etc/systemd/journald.conf").write_text("[Journal]\n")
    return tmp_path


def run(root, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    params = {"max_use": None, "why": None, "state": "present", "missing": "report", "shadowed": "report", **given}
    call = JOURNALD_LIMITS.call(params)
    return call.run(Host(str(root)), check_mode, UndoLog()).as_result()


def tree(root) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_there_and_back(root) -> None:
    before = tree(root)
    planned = run(root, check_mode=True, max_use="1G")
    assert tree(root) == before
    done = run(root, max_use="1G")
    assert (planned["changed"], done["changed"]) == (True, True)
    assert planned["items"] == done["items"]
    assert done["files"] == [{"path": PATH, "change": "created"}]
    assert "SystemMaxUse=1G" in (root / PATH[1:]).read_text()
    assert not run(root, max_use="1G")["changed"]
    back = run(root, state="absent")
    assert back["changed"]
    assert tree(root) == before
    assert not (root / "etc/systemd/journald.conf.d").exists()


def test_leaving_it_out_is_the_way_back_too(root) -> None:
    before = tree(root)
    run(root, max_use="1G")
    assert run(root)["changed"]
    assert tree(root) == before


def test_no_symlink_is_followed(root) -> None:
    (root / "etc/systemd/journald.conf.d").mkdir()
    (root / PATH[1:]).symlink_to("/etc/passwd")
    with pytest.raises(Exception, match="is a symbolic link, which is never followed"):
        run(root, max_use="1G")


def test_the_undo_of_a_call(root) -> None:
    before = tree(root)
    log = UndoLog()
    params = {"max_use": "1G", "why": None, "state": "present", "missing": "report", "shadowed": "report"}
    JOURNALD_LIMITS.call(params).run(Host(str(root)), False, log)
    assert log.undo()[1] == []
    assert tree(root) == before


def test_the_file_is_one_that_a_rollback_may_write() -> None:
    assert may_be_written(PATH)
    assert may_be_made(PATH.rsplit("/", 1)[0])
    assert not may_be_written("/etc/systemd/journald.conf")
    assert not may_be_written("/etc/systemd/system.conf.d/90-siptune.conf")
