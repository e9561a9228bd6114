# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._notrack.module import SIP_NOTRACK

ARGUMENTS = {"ports": [], "state": "present", "missing": "report", "shadowed": "report"}


def test_a_host_that_nobody_asks_anything_of_is_hardly_looked_at(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(Host, "run", None)
    for check in (True, False):
        report = SIP_NOTRACK.call(ARGUMENTS, "network notrack").run(Host(str(tmp_path)), check, UndoLog())
        assert (report.changed, report.changes, report.files) == (False, [], [])
    assert list(tmp_path.iterdir()) == []
