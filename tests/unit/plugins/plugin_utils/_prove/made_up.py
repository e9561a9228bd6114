# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps, loads and readings as modules return them, for the tests of this directory."""

from __future__ import annotations

from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._counters.table import COUNTERS
from ansible_collections.siptune.linux.plugins.plugin_utils._prove import model
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.settings import Settings, parse
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.verdict import Evidence

HERE, THERE = "boot-1 net:[1]", "boot-2 net:[1]"


def reason(where: str = model.TARGET, what: str = "UdpRcvbufErrors") -> model.Reason:
    return {"where": where, "what": what, "count": 1, "detail": "lost 1 datagram", "help": None}


def step(rate: float, holds: bool, where: str = model.TARGET) -> model.Step:
    return {
        "rate": float(rate),
        "seconds": 8.0,
        "stall_ms": 0,
        "holds": holds,
        "asked": 8,
        "sent": 8,
        "answered": 8,
        "failed": 0,
        "retransmissions": 0,
        "statuses": {"200": 8},
        "response_ms": {"p50": 1.0, "p99": 1.0, "max": 1.0},
        "losses": {},
        "sockets": [],
        "processors": {"target": [], "generator": []},
        "generator_losses": {},
        "reasons": [] if holds else [reason(where)],
    }


def target(**more: Any) -> model.Target:
    usual: model.Target = {
        "name": "edge1",
        "generator": "gen1",
        "address": "192.0.2.1",
        "port": 5060,
        "transport": model.UDP,
        "scenario": model.OPTIONS,
        "daemon": "kamailio",
        "contract": None,
        "error": None,
        "warnings": [],
        "runs": [],
    }
    return {**usual, **more}  # type: ignore[typeddict-item]


def load(**more: Any) -> dict[str, Any]:
    """A load of 800 requests, all of them answered."""
    return {
        "version": "3.7.2",
        "machine": THERE,
        "asked": 800,
        "sent": 800,
        "sent_per_second": 99.8,
        "answered": 800,
        "unanswered": 0,
        "retransmissions": 0,
        "statuses": {"200": 800},
        "response_ms": {"p50": 1.0, "p99": 4.0, "max": 9.0},
        "generator_losses": {},
        "processors": [9.0, 11.0],
        "sender_busy": 3.0,
        **more,
    }


def reading(
    totals: dict[str, int] | None = None,
    drops: int = 0,
    parts: dict[str, dict[str, int]] | None = None,
    **work: Any,
) -> dict[str, Any]:
    """What sip_counters_info returns with `work`, of a host with one Kamailio and two processors."""
    totals, parts = totals or {}, parts or {}
    counters = [
        {
            "name": counter.name,
            "kind": "counter",
            "value": totals.get(counter.name, 0),
            "total": totals.get(counter.name, 0),
            "parts": [{"part": name, "value": n, "total": n} for name, n in parts.get(counter.name, {}).items()],
        }
        for counter in COUNTERS
    ]
    usual = {
        "machine": HERE,
        "processors": [0.0, 0.0],
        "daemons": [{"daemon": "kamailio", "pid": 812, "seconds": 0.0, "processes": 9}],
        "throttled": [],
        "traffic": {"UdpInDatagrams": 0, "UdpNoPorts": 0},
    }
    sockets = [{"daemon": "kamailio", "socket": "192.0.2.1:5060", "drops": drops, "drops_total": drops}]
    return {"counters": counters, "sip_sockets": sockets, "work": {**usual, **work}}


def settings(**variables: Any) -> Settings:
    return parse({f"siptune_prove_{name}": value for name, value in variables.items()})


def evidence(after: dict[str, Any] | None = None, **more: Any) -> Evidence:
    """A step of 100 a second for 8 s, after a reading of nothing."""
    usual: dict[str, Any] = {
        "target": target(),
        "settings": settings(),
        "rate": 100,
        "stalled_ms": 0,
        "load": load(),
        "before": reading(),
        "after": after or reading(traffic={"UdpInDatagrams": 800, "UdpNoPorts": 0}),
        "own_machine": False,
        "same_kernel": False,
    }
    return Evidence(**{**usual, **more})
