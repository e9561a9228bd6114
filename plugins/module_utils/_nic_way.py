# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nic_ring and nic_link as ways: rings, and all else of network interfaces, now and at boot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._engine.operation import Report, Way
from ansible_collections.siptune.linux.plugins.module_utils._engine.owned_files import diff_files
from ansible_collections.siptune.linux.plugins.module_utils._link_options import OWNER_LINK, OWNER_RING
from ansible_collections.siptune.linux.plugins.module_utils._link_persist import diff_profiles
from ansible_collections.siptune.linux.plugins.module_utils._nic import Outcome, carry_out, observe
from ansible_collections.siptune.linux.plugins.module_utils._nic_items import diff_values
from ansible_collections.siptune.linux.plugins.module_utils._nic_option import LINK_OPTIONS, RING_OPTIONS, Option
from ansible_collections.siptune.linux.plugins.module_utils._nic_plan import Plan, plan
from ansible_collections.siptune.linux.plugins.module_utils._nic_records import BOOT, BOTH, NOW, Observed
from ansible_collections.siptune.linux.plugins.module_utils._nic_request import build_request

ARGUMENTS: dict[str, Any] = {
    "interfaces": {"type": "dict", "default": {}},
    "when": {"type": "str", "choices": [NOW, BOOT, BOTH], "default": BOTH},
    "disruptive": {"type": "bool", "default": False},
    "despite_calls": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def _report(observed: Observed, planned: Plan, outcome: Outcome | None) -> Report:
    changes, changed, boot = outcome or (planned.changes, planned.changed, planned.boot)
    diff = diff_values(changes)
    if boot is None:
        return Report(changed, changes, diff)
    return Report(changed, changes, [*diff_files(boot.files), *diff_profiles(boot.profiles), *diff], boot.warnings)


def _way(name: str, owner: str, known: Mapping[str, Option]) -> Way:
    return Way(
        name=name,
        argument_spec=ARGUMENTS,
        parse=lambda params: build_request(owner, known, params),
        observe=observe,
        plan=plan,
        carry_out=carry_out,
        report=_report,
    )


NIC_RING = _way("nic_ring", OWNER_RING, RING_OPTIONS)
NIC_LINK = _way("nic_link", OWNER_LINK, LINK_OPTIONS)
