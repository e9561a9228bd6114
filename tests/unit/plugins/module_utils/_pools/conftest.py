# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from pool_hosts import make_image


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The tree of an image: units in files, and no systemd that runs."""
    make_image(tmp_path)
    return tmp_path
