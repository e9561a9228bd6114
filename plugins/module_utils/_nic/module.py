# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nic_ring and nic_link as ways: rings, and all else of network interfaces, now and at boot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._engine.operation import Report, Way
from .._engine.owned_files import diff_files
from .apply import Outcome, carry_out, observe
from .items import diff_values
from .link_files.observe import diff_profiles
from .link_files.options import OWNER_LINK, OWNER_RING
from .model import BOOT, BOTH, NOW, Observed
from .options import LINK_OPTIONS, RING_OPTIONS, Option
from .plan import Plan, plan
from .request import build_request

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
