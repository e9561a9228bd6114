# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import mmap
from pathlib import Path

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


@pytest.fixture(name="host")
def recorded_host(recorded: Recorded, tmp_path: Path) -> RecordedHost:
    return RecordedHost(tmp_path, recorded)
