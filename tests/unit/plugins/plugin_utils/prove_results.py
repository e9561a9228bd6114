# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of hosts that do not exist, the same on each run: one compared, one without a contract, one that failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.siptune.linux.plugins.plugin_utils._prove.document import document

GENERATED_AT = "2026-11-24T03:15:00+00:00"
SOCKET = "kamailio 10.0.0.5:5060"
FULL = {
    "where": "target",
    "what": "UdpRcvbufErrors",
    "count": 599,
    "detail": f"lost 599 datagrams: {SOCKET} 599",
    "help": "kamailio udp 10.0.0.5:5060, net.core.rmem_default",
}
SLOW = {
    "where": "generator",
    "what": "SIPp",
    "count": 98.0,
    "detail": "SIPp on gen1 had its one processor busy 98 % of the time",
    "help": "another generator, with more processors",
}


def step(rate: float, holds: bool = True, lost: int = 0, busy: float = 0, **fields: Any) -> dict[str, Any]:
    """A step of eight seconds."""
    sent = round(8 * rate)
    slow = 40 * busy if holds else 520.0
    return {
        "rate": float(rate),
        "seconds": 8.0,
        "stall_ms": 500,
        "holds": holds,
        "asked": sent,
        "sent": sent,
        "answered": sent - lost // 3,
        "failed": lost // 3,
        "retransmissions": lost,
        "statuses": {"200": sent - lost // 3},
        "response_ms": {"p50": 0.4 + rate / 900, "p99": 3 + rate / 60 + slow, "max": 12 + rate / 20 + 2 * slow},
        "losses": {"UdpRcvbufErrors": lost, "SoftnetDropped": lost // 40} if lost else {},
        "sockets": [{"name": SOCKET, "drops": lost}],
        "processors": {"target": [5 + rate / 14, 2 + rate / 20], "generator": [4 + rate / 40, 1 + rate / 90]},
        "generator_losses": {},
        "reasons": [] if holds else [{**FULL, "count": lost, "detail": f"lost {lost} datagrams: {SOCKET} {lost}"}],
        **fields,
    }


def run(state: str, highest: float | None, steps: Sequence[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    """A run that the target has ended, against a contract of 400."""
    gave = min((one for one in steps if not one["holds"]), key=lambda one: one["rate"], default=None)
    return {
        "state": state,
        "highest_rate": highest,
        "ended_by": "target",
        "contract_holds": highest is not None and highest >= 400,
        "headroom_percent": None if highest is None else round(100 * (highest / 400 - 1), 1),
        "gave_first": gave["reasons"][0] if gave else None,
        "steps": list(steps),
        **fields,
    }


def target(name: str, *runs: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What prove_step registers for a target."""
    contract = {"rate": 400.0, "unit": "calls per second", "from": "siptune_capacity.call_setups_per_second"}
    proof = {
        "name": name,
        "generator": "gen1",
        "address": "10.0.0.5",
        "port": 5060,
        "transport": "udp",
        "scenario": "invite",
        "daemon": "kamailio",
        "contract": contract,
        "error": None,
        "warnings": [],
        "runs": list(runs),
        **fields,
    }
    return {"changed": False, "proof": proof, "next": None}


BEFORE = run(
    "before",
    190.0,
    [step(40), step(80), step(160), step(320, False, 599), step(400, False, 1840), step(226, False, 71), step(190)],
)
AFTER = run(
    "after",
    700.0,
    [*map(step, (40, 80, 160, 320, 400, 640)), step(800, False, 312), step(700), step(748, False, 44)],
)


def proof() -> dict[str, Any]:
    """The document of all of them."""
    as_is = run("as_is", 640.0, [*map(step, (100, 200, 400, 640)), step(800, False, reasons=[SLOW])])
    weak = run("as_is", 320.0, [step(40), step(80), step(160), step(320), step(400, False, 599)])
    return document(
        {
            "edge1": target("edge1", BEFORE, AFTER),
            "edge2": target("edge2", weak),
            "pbx1": target(
                "pbx1",
                {**as_is, "contract_holds": None, "headroom_percent": None, "ended_by": "generator"},
                contract=None,
                scenario="options",
                daemon=None,
                warnings=["siptune_capacity.sip_datagrams_per_second is not given"],
            ),
            "gone": {"unreachable": True, "msg": "Failed to connect to the host via ssh"},
        },
        GENERATED_AT,
        "0.1.0",
    )
