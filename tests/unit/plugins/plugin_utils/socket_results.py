# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets as sip_counters_info returns them."""

from __future__ import annotations

from typing import Any


def sip_socket(end: str = "10.0.0.5:5060", drops: int = 0, **more: Any) -> dict[str, Any]:
    holds = {"buffer_bytes": 6291456, "holds_messages": 2730, "holds_small_messages": 4915, "survives_seconds": 1.37}
    lost = {"drops": drops, "drops_total": drops, "reason": ""}
    return {"daemon": "kamailio", "unit": "kamailio.service", "socket": end, **holds, **lost, **more}
