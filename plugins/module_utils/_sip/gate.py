# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether calls in progress hold back what would cut them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._host.host import Host

if TYPE_CHECKING:
    from .calls import Calls


def describe_busy(seen: Sequence[Calls]) -> str:
    """What is in progress, or may be, in one line; empty if the host is known to be idle."""
    words = [
        f"{calls.in_progress} {calls.unit if calls.in_progress != 1 else calls.unit[:-1]} in progress: {calls.daemon}"
        if calls.in_progress is not None
        else f"unknown what is in progress: {calls.daemon} ({calls.reason})"
        for calls in seen
        if not calls.idle
    ]
    return "; ".join(words)


def calls_result(seen: Sequence[Calls]) -> dict[str, Any]:
    """The result of sip_calls_info."""
    summary = describe_busy(seen)
    return {"idle": not summary, "summary": summary, "daemons": [calls._asdict() for calls in seen]}


def blocked_by(disruptive: bool, insists: bool, seen: Sequence[Calls]) -> str:
    """Why a change that is allowed to disrupt must wait; empty if it need not, or was not allowed anyway.

    A daemon that cannot be asked counts like one with calls: to be wrong about it would cut somebody off.
    """
    return describe_busy(seen) if disruptive and not insists else ""


def blocked_by_calls(host: Host, disruptive: bool, insists: bool) -> str:
    """As `blocked_by`; the daemons are asked only if the answer can matter."""
    if not disruptive or insists:
        return ""
    # Imported here, as few calls disrupt anything and each run on a host compiles what it imports.
    from .calls import observe_calls

    return blocked_by(disruptive, insists, observe_calls(host))
