# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING
from ansible_collections.siptune.linux.plugins.module_utils._journald.model import Observed
from ansible_collections.siptune.linux.plugins.module_utils._systemd.settings_files import SettingsFiles


def test_a_host_without_a_drop_in() -> None:
    found = Observed(None, NOTHING, (0, 0), SettingsFiles({}, {}), installed=False, running=False, older=False)
    assert found.files.in_order() == []
