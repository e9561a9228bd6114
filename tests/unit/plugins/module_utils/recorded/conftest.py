# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sysctl import kernel

from .builder import RecordedHost
from .hosts import HOSTS, Recorded


@pytest.fixture(name="recorded", params=HOSTS.values(), ids=HOSTS)
def each_recorded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Each host, on a Python whose kernel has pages of its size."""
    recorded = request.param
    monkeypatch.setattr(mmap, "PAGESIZE", recorded.page_bytes)
    monkeypatch.setattr(kernel, "HASH_BUCKETS_PER_PAGE", recorded.page_bytes // 8)
    return recorded


@pytest.fixture(scope="session", name="trees")
def all_trees(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RecordedHost]]:
    """Each host by its name, made once for all tests, which only look at it."""
    trees = {name: RecordedHost(tmp_path_factory.mktemp("host"), recorded) for name, recorded in HOSTS.items()}
    before = {name: _state(tree.root) for name, tree in trees.items()}
    yield trees
    assert {name: _state(tree.root) for name, tree in trees.items()} == before, "a test has changed what all share"


def _state(root: Path) -> list[tuple[str, int, int]]:
    """What changes with any change below a directory: its files with sizes and times."""
    return sorted((str(path), path.lstat().st_size, path.lstat().st_mtime_ns) for path in (root, *root.rglob("*")))


@pytest.fixture(name="host")
def recorded_host(recorded: Recorded, trees: dict[str, RecordedHost]) -> RecordedHost:
    """The host of this test. One that changes it makes its own."""
    return next(tree for tree in trees.values() if tree.recorded is recorded)
