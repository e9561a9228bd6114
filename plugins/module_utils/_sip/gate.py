# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls in progress block changes that would cut them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._core.text import plural
from .._host.host import Host

if TYPE_CHECKING:
    from .calls import Calls


def describe_busy(seen: Sequence[Calls]) -> str:
    """The calls in progress, or possibly in progress, in one line; '' if the host is known to be idle.

    A daemon that cannot be asked counts like one with calls: a wrong guess would cut somebody off.
    """
    return "; ".join(_describe(calls) for calls in seen if not calls.idle)


def calls_result(seen: Sequence[Calls]) -> dict[str, Any]:
    """The result of sip_calls_info."""
    summary = describe_busy(seen)
    return {"idle": not summary, "summary": summary, "daemons": [calls._asdict() for calls in seen]}


def _describe(calls: Calls) -> str:
    if calls.in_progress is None:
        return f"unknown whether calls are in progress: {calls.daemon} ({calls.reason})"
    unit = plural(calls.in_progress, calls.unit[:-1], calls.unit)
    return f"{calls.in_progress} {unit} in progress: {calls.daemon}"


def blocked_by_calls(host: Host, disruptive: bool, insists: bool) -> str:
    """Why a disruptive change has to wait, '' if it does not have to.

    The daemons are asked only where the answer matters: not if the change is not allowed at all, nor if the operator
    insists on it.
    """
    if not disruptive or insists:
        return ""
    # Imported here: few calls disrupt anything, and every run on a host compiles what it imports.
    from .calls import observe_calls

    return describe_busy(observe_calls(host))
