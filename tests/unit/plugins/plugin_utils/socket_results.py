# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets and relays as sip_counters_info returns them."""

from __future__ import annotations

from typing import Any


def sip_socket(end: str = "10.0.0.5:5060", drops: int = 0, **more: Any) -> dict[str, Any]:
    holds = {"buffer_bytes": 6291456, "holds_messages": 2730, "holds_small_messages": 4915, "survives_seconds": 1.37}
    lost = {"drops": drops, "drops_total": drops, "reason": ""}
    return {"daemon": "kamailio", "unit": "kamailio.service", "socket": end, **holds, **lost, **more}


def relay(user: int | None = 4181, kernel: int | None = 120942, **more: Any) -> dict[str, Any]:
    """An rtpengine for which the kernel forwards, and would after a boot."""
    return {
        "unit": "rtpengine-daemon.service",
        "pid": 812,
        "table": 0,
        "table_reason": "",
        "no_fallback": False,
        "module": "xt_RTPENGINE",
        "loaded": True,
        "in_use": True,
        "rule": True,
        "kernel": "6.1.0-44-amd64",
        "kernel_has_module": True,
        "newest_kernel": "6.1.0-44-amd64",
        "newest_has_module": True,
        "user_packets": user,
        "kernel_packets": kernel,
        "user_packets_total": user,
        "kernel_packets_total": kernel,
        "reason": "",
        **more,
    }
