# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The tree of an image that is being built: units, and no systemd that runs."""
    for directory in ("etc/systemd/system", "usr/lib/systemd/system", "var/lib", "proc/self", "proc/1", "run"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "usr/lib/systemd/system/sipd.service").write_text("[Service]\nLimitNOFILE=1024:4096\n")
    (tmp_path / "usr/lib/systemd/system/kam@.service").write_text("[Service]\nTasksMax=5\n")
    return tmp_path
