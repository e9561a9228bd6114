# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the media of a step went through the target's relay: calls are answered as well where it is passed by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._load.scenarios import (
    CALL_MILLISECONDS,
    PACKET_MILLISECONDS,
)

PATHS = ("user_packets_total", "kernel_packets_total")
DIRECTIONS = 2  # from the caller, and back as an echo
BY_THE_WAY = (
    "rtpengine has relayed none of the media, so that this proof says nothing of it: the proxy does not hand it these "
    "calls (rtpengine_manage), or has given it up for a while as it did not answer"
)


def relayed(before: Mapping[str, Any], after: Mapping[str, Any]) -> int | None:
    """The packets that all rtpengines of a host have relayed between two readings; None where that is not known."""
    old = {one["pid"]: _packets(one) for one in before.get("rtpengine") or []}
    grown = [
        now - (old.get(one["pid"]) or 0)
        for one in after.get("rtpengine") or []
        for now in [_packets(one)]
        if now is not None
    ]
    return sum(max(0, number) for number in grown) if grown else None


def _packets(relay: Mapping[str, Any]) -> int | None:
    known = [relay[path] for path in PATHS if relay.get(path) is not None]
    return sum(known) if known else None


def sent(calls: int) -> int:
    """The packets of so many calls, whose callee echoes all that comes."""
    return calls * DIRECTIONS * CALL_MILLISECONDS // PACKET_MILLISECONDS
