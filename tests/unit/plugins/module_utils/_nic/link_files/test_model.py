# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import FileChange
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.model import Plan, ProfileChange

NOTHING = Plan([], [], [], {}, [], {}, {}, {})


@pytest.mark.parametrize(
    ("planned", "changed"),
    [
        (NOTHING, False),
        (NOTHING._replace(warnings=["a warning"]), False),
        (NOTHING._replace(files=[FileChange("/etc/a", None, None)]), True),
        (NOTHING._replace(profiles=[ProfileChange("u", "uplink", "ethtool.ring-rx", "", "1")]), True),
    ],
)
def test_changed(planned: Plan, changed: bool) -> None:
    assert planned.changed == changed
