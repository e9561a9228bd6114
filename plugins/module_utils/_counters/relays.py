# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running rtpengines of a host: whether the kernel forwards for them, and how many packets it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .._host.host import Host, HostError
from .._host.machine import CONTAINER, virtualization
from .._host.processes import ProcessStatus, process_names, process_status
from .._sip.calls import rtpengine_statistics
from .._sip.daemons import first_processes
from .._sip.kernel_forwarding import RTPENGINE, kernel_forwarding
from .._sip.rtpengine import parse_relayed
from .table import growth

MOST_RELAYS = 16  # are asked and named: each may take its time


class Relayed(NamedTuple):
    """The packets that an rtpengine has relayed since it was started; None with a reason where they are not known."""

    packets: Mapping[str, int] | None
    reason: str = ""


def running_relays(host: Host) -> list[dict[str, Any]]:
    """What the kernel does for each running rtpengine, as host_facts documents it."""
    names = process_names(host)
    if not names.pids_named(RTPENGINE.command):
        return []
    running = first_processes(host, RTPENGINE, names)
    return [one._asdict() for one in kernel_forwarding(host, running, virtualization(host).kind == CONTAINER)]


def relayed(host: Host, relays: Sequence[Mapping[str, Any]]) -> dict[int, Relayed]:
    """What each of these rtpengines has relayed, by its process; one that has ended is left out."""
    asked = {relay["pid"]: process_status(host, relay["pid"]) for relay in relays[:MOST_RELAYS]}
    return {pid: _relayed(host, pid, status) for pid, status in asked.items() if status is not None}


def _relayed(host: Host, pid: int, status: ProcessStatus) -> Relayed:
    if status.in_child_namespace:
        return Relayed(None, "it runs in a container, whose control interface is not ours")
    try:
        source, cookie, answer = rtpengine_statistics(host, pid)
    except HostError as error:
        return Relayed(None, str(error))
    packets = parse_relayed(cookie, answer)
    if packets is None:
        return Relayed(None, f"{source}: its answer does not tell user space and the kernel apart")
    return Relayed(dict(zip(("user", "kernel"), packets)))


def relay_results(
    relays: Sequence[Mapping[str, Any]], before: Mapping[int, Relayed] | None, after: Mapping[int, Relayed]
) -> list[dict[str, Any]]:
    """The running rtpengines as sip_counters_info documents them; `before` is None for packets since their start."""
    return [_result(relay, before, after[relay["pid"]]) for relay in relays if relay["pid"] in after]


def _result(record: Mapping[str, Any], before: Mapping[int, Relayed] | None, now: Relayed) -> dict[str, Any]:
    grown = now.packets
    if before is not None:
        # One that was started in between has relayed all of its packets since.
        grown = growth(before.get(record["pid"], Relayed({})).packets, now.packets)
    return {
        **record,
        **{f"{where}_packets": None if grown is None else grown[where] for where in ("user", "kernel")},
        **{f"{where}_packets_total": (now.packets or {}).get(where) for where in ("user", "kernel")},
        "reason": now.reason
        if now.packets is None or grown is not None
        else "it was not known how many there were before",
    }
