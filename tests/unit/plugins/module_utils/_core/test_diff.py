# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._core.diff import diff_live


def test_only_values_that_change_are_shown() -> None:
    changes = [Change("eth0 rx", "512", "256", "512", None, "changed"), Change("eth0 tx", "9", "9", "9", None, "ok")]
    assert diff_live(changes) == [
        {
            "before_header": "live values",
            "after_header": "live values",
            "before": "eth0 rx = 256\n",
            "after": "eth0 rx = 512\n",
        }
    ]
    assert diff_live(changes[1:]) == []
    assert diff_live(changes, "values in force")[0]["after_header"] == "values in force"
