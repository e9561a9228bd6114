# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nic_ring and nic_link as ways: rings, and all else of network interfaces, now and at boot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.change import ABSENT
from .._engine.operation import WHEN_ARGUMENT, Operation, Report
from .._engine.owned_files import diff_files
from .apply import Outcome, apply, observe
from .items import diff_values
from .link_files.observe import diff_profiles
from .link_files.options import OWNER_LINK, OWNER_RING
from .model import Observed
from .options import LINK_OPTIONS, RING_OPTIONS, Option
from .plan import Plan, plan
from .request import build_request

ARGUMENTS: dict[str, Any] = {
    "interfaces": {"type": "dict", "default": {}},
    **WHEN_ARGUMENT,
    "disruptive": {"type": "bool", "default": False},
    "despite_calls": {"type": "bool", "default": False},
}


def _report(observed: Observed, planned: Plan, outcome: Outcome | None) -> Report:
    changes, changed, boot = outcome or (planned.changes, planned.changed, planned.boot)
    diff = diff_values(changes)
    if boot is None:
        return Report(changed, changes, diff)
    return Report(changed, changes, [*diff_files(boot.files), *diff_profiles(boot.profiles), *diff], boot.warnings)


def _operation(name: str, owner: str, known: Mapping[str, Option]) -> Operation:
    return Operation(
        name=name,
        arguments=ARGUMENTS,
        parse=lambda params: build_request(owner, known, params),
        observe=observe,
        plan=plan,
        apply=apply,
        report=_report,
        is_missing=lambda planned, change: change.state == ABSENT,
    )


NIC_RING = _operation("nic_ring", OWNER_RING, RING_OPTIONS)
NIC_LINK = _operation("nic_link", OWNER_LINK, LINK_OPTIONS)
