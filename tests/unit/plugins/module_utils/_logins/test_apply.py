# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of a limits.d file, applied to a directory that stands for a host."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Outcome
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError, all_or_nothing
from ansible_collections.siptune.linux.plugins.module_utils._engine.effects import read_originals
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import FilesPlan
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._logins.apply import apply
from ansible_collections.siptune.linux.plugins.module_utils._logins.model import Observed
from ansible_collections.siptune.linux.plugins.module_utils._logins.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._logins.plan import plan
from login_hosts import MAIN, PATH, request


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for directory in ("etc/security/limits.d", "var/lib", "run", "proc/sys/fs", "proc/self"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / MAIN.lstrip("/")).write_text("# nothing\n")
    return tmp_path


def look(root: Path, *texts: str) -> tuple[Observed, FilesPlan]:
    observed = observe(Host(str(root)), request(*texts))
    return observed, plan(request(*texts), observed)


def run(root: Path, *texts: str) -> Outcome:
    observed, planned = look(root, *texts)
    return all_or_nothing(lambda log: apply(Host(str(root)), request(*texts), observed, planned, log))


def tree(root: Path) -> dict[str, tuple[int, bytes | None]]:
    """Every file with its mode and content."""
    return {
        str(path.relative_to(root)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in root.rglob("*")
    }


def test_a_file_is_written_and_reverted(root: Path) -> None:
    own = root / PATH.lstrip("/")
    own.write_text("# by hand\nroot soft core 7\n")
    own.chmod(0o600)
    before = tree(root)
    outcome = run(root, "root soft core 5")
    assert outcome.changed
    assert "root soft core 5\n" in own.read_text()
    assert read_originals(Host(str(root))).files[PATH].record is not None
    assert not run(root, "root soft core 5").changed
    assert run(root).changed
    assert tree(root) == before
    assert read_originals(Host(str(root))) == NOTHING


def test_a_refused_file_is_named_and_nothing_is_left(root: Path) -> None:
    observed, planned = look(root, "root soft core 5")
    (root / "etc/security/limits.d").rename(root / "etc/elsewhere")
    (root / "etc/security/limits.d").symlink_to("../elsewhere")
    before = tree(root)
    with pytest.raises(RefusedError) as caught:
        all_or_nothing(lambda log: apply(Host(str(root)), request("root soft core 5"), observed, planned, log))
    assert (caught.value.item, caught.value.not_undone) == (PATH, [])
    assert tree(root) == before


def test_leftovers_of_a_killed_run_are_removed(root: Path) -> None:
    leftover = root / "etc/security/limits.d/.90-test.conf.siptune-new"
    leftover.write_text("half")
    run(root)
    assert not leftover.exists()
