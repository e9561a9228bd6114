# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.siptune.linux.plugins.plugin_utils._results.hosts import with_own

WRITTEN = {"sbc1": {"siptune_role": "proxy"}, "sbc2": {"siptune_role": "media"}}


def test_the_host_of_the_task_has_what_the_task_knows_besides() -> None:
    task_vars = {"inventory_hostname": "sbc2", "siptune_audit_seconds": 5}
    assert with_own(WRITTEN, task_vars) == {
        "sbc1": {"siptune_role": "proxy"},
        "sbc2": {"siptune_role": "media", "siptune_audit_seconds": 5, "inventory_hostname": "sbc2"},
    }


def test_what_a_host_has_planted_among_its_facts_is_not_the_tasks() -> None:
    task_vars = {"inventory_hostname": "sbc1", "siptune_role": "media", "ansible_facts": {"siptune_role": "media"}}
    assert with_own(WRITTEN, task_vars)["sbc1"]["siptune_role"] == "proxy"
