# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._systemd.restarting import is_restarting


@pytest.mark.parametrize(
    ("properties", "restarting"),
    [
        ({"Job": "5", "ActiveState": "active"}, True),
        ({"Job": "", "ActiveState": "activating", "SubState": "start"}, True),
        ({"Job": "", "ActiveState": "deactivating", "SubState": "stop-sigterm"}, True),
        ({"Job": "", "ActiveState": "active", "SubState": "running"}, False),
        ({"Job": "", "ActiveState": "failed"}, False),
        ({"Job": "7", "ActiveState": "activating", "SubState": "auto-restart"}, False),
    ],
)
def test_when_a_restart_is_over(properties: dict[str, str], restarting: bool) -> None:
    assert is_restarting(properties) is restarting
