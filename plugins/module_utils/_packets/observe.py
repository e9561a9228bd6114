# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The look at the way of packets that an audit takes: once, or before and after its window. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .._core.growth import growth
from .._core.text import whole_number
from .._host.cpus import listed_cpus, listing
from .._host.host import Host
from .._host.processes import process_names
from .cards import Card, Reading, cards, observe_card, observe_software, read_cards
from .findings import findings
from .irqbalance import irqbalance
from .machine import machine_settings, steal_percent
from .model import MOST_FINDINGS, Packets, Processor
from .tables import Counts, Times, parse_softirq, parse_times

SOFTIRQS = "/proc/softirqs"
STAT = "/proc/stat"
SOCK_FLOW_ENTRIES = "/proc/sys/net/core/rps_sock_flow_entries"
MEDIA_DAEMONS = frozenset(("asterisk", "freeswitch", "rtpengine"))


class Sample(NamedTuple):
    """All counts at one time."""

    cards: Sequence[Card]
    reading: Reading
    net_rx: Counts
    times: Mapping[int, Times]


def sample(host: Host, facts: Mapping[str, Any]) -> Sample:
    """The counts of the cards among the facts, siptune_host, and of the processors. Never raises."""
    found = cards(host, facts)
    times = parse_times(host.read_lenient(STAT) or "")
    return Sample(found, read_cards(host, found), parse_softirq(host.read_lenient(SOFTIRQS) or ""), times)


def look(host: Host, facts: Mapping[str, Any], before: Sample | None = None) -> dict[str, Any]:
    """The way of packets as siptune.linux.tune documents it. Never raises.

    What is counted is since `before`, or since boot without it.
    """
    packets = observe(host, facts, before)
    media = any(one.get("name") in MEDIA_DAEMONS for one in facts.get("sip_daemons") or ())
    found = findings(packets, media)[:MOST_FINDINGS]
    return {**plain(packets._asdict()), "findings": [plain(one) for one in found]}


def observe(host: Host, facts: Mapping[str, Any], before: Sample | None = None) -> Packets:
    """As `look`, as records and without findings."""
    after = sample(host, facts)
    path = facts.get("packet_path") or {}
    stolen = steal_percent(before.times if before else {}, after.times)
    flows = (host.read_lenient(SOCK_FLOW_ENTRIES) or "").strip()
    hardware = [observe_card(host, one, before.reading if before else None, after.reading) for one in after.cards]
    return Packets(
        online=path.get("online"),
        isolated=path.get("isolated"),
        nohz_full=path.get("nohz_full"),
        rps_sock_flow_entries=whole_number(flows),
        steal_percent=round(sum(stolen.values()) / len(stolen), 1) if stolen else None,
        irqbalance=irqbalance(host, process_names(host)),
        processors=_processors(path.get("online"), before, after, stolen),
        interfaces=[*hardware, *observe_software(host, facts.get("interfaces") or ())],
        settings=machine_settings(host, path, facts.get("sip_daemons") or ()),
    )


def _processors(
    online: str | None, before: Sample | None, after: Sample, stolen: Mapping[int, float]
) -> list[Processor]:
    """The processors that are online; /proc/softirqs has all that there could be."""
    known = listed_cpus(online) or frozenset(after.times) or frozenset(after.net_rx)
    earlier = before.net_rx if before else {}
    grown = growth(earlier, after.net_rx)
    return [Processor(cpu, grown[cpu], after.net_rx[cpu], stolen.get(cpu)) for cpu in sorted(known) if cpu in grown]


def plain(value: Any) -> Any:
    """Records as dictionaries, sets of processors as lists that name them, and keys as texts, as in JSON."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, frozenset):
        return listing(value)
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, (list, tuple)) else value
