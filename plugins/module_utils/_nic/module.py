# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nic_ring and nic_link as operations: the rings, and all other options of network interfaces, now and at boot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.change import ABSENT, READONLY, Change
from .._core.diff import diff_live
from .._engine.operation import WHEN_ARGUMENT, Operation, Report
from .._engine.owned_files import diff_files
from .apply import apply
from .link_files.options import OWNER_LINK, OWNER_RING
from .link_files.profiles import diff_profiles
from .model import Observed, Outcome, Plan, Request
from .observe import observe
from .options import LINK_OPTIONS, RING_OPTIONS, Option
from .plan import plan
from .settings import parse_rules

ARGUMENTS: dict[str, Any] = {
    "interfaces": {"type": "dict", "default": {}},
    **WHEN_ARGUMENT,
    "disruptive": {"type": "bool", "default": False},
    "despite_calls": {"type": "bool", "default": False},
}


def build_request(owner: str, known: Mapping[str, Option], params: Mapping[str, Any]) -> Request:
    """The validated request of a module's parameters. Raises NicError."""
    rules = parse_rules(params["interfaces"] or {}, known)
    return Request(
        owner,
        known,
        rules if params["state"] == "present" else [],
        params["when"],
        bool(params["disruptive"]),
        bool(params["despite_calls"]),
        params.get("cards"),  # of an image alone, and no argument of the modules
        params.get("processors"),
    )


def _report(observed: Observed, planned: Plan, outcome: Outcome | None) -> Report:
    done = outcome or planned
    files = done.boot.files if done.boot is not None else []
    diff = [*diff_files(files), *(diff_profiles(done.boot.profiles) if done.boot is not None else [])]
    live = diff_live(done.changes)
    return Report(done.changed, done.changes, diff, done.warnings, files=files, live=live)


def _is_missing(planned: Plan, change: Change) -> bool:
    """Whether the host lacks a wanted option or interface. Going back to an original is never missing anything."""
    return change.wanted is not None and change.state in (ABSENT, READONLY)


def _operation(name: str, owner: str, known: Mapping[str, Option]) -> Operation[Request, Observed, Plan, Outcome]:
    return Operation(
        name=name,
        arguments=ARGUMENTS,
        parse=lambda params: build_request(owner, known, params),
        observe=observe,
        plan=plan,
        apply=apply,
        report=_report,
        is_missing=_is_missing,
    )


NIC_RING = _operation("nic_ring", OWNER_RING, RING_OPTIONS)
NIC_LINK = _operation("nic_link", OWNER_LINK, LINK_OPTIONS)
