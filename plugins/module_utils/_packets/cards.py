# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit looks at on the way of packets, beyond the facts. Everything is only read, and nothing raises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .._core.growth import growth
from .._host.cpus import listing, parse_cpu_mask
from .._host.driver_statistics import driver_statistics, queue_drops, queue_packets
from .._host.ethtool import (
    CHANNELS,
    UDP_V4_FLOW,
    UDP_V6_FLOW,
    EthtoolError,
    pack_get,
    pack_hash_request,
    unpack_hash,
    unpack_numbers,
)
from .._host.host import Host, HostError, unless_refused
from .._host.network import SYS_CLASS_NET
from .interrupts import allowed, card_interrupts, channels, queue_of, receiving, takers
from .model import MOST_INTERFACES, MOST_QUEUES, MOST_TAKERS, Interface, Queue, Taken
from .tables import Counts, Interrupt, has_word, parse_interrupts

INTERRUPTS = "/proc/interrupts"
LOWER = "lower_"  # of an interface in /sys: __netdev_adjacent_dev_insert(), net/core/dev.c
NO_LOWER = ("veth",)  # software whose packets come from another namespace, which has its own cards
MOST_SOFTWARE = 512  # of interfaces that are looked at: a host of containers has thousands of veth
NO_HASH = "the driver does not say which fields of UDP choose the queue"
_NUMBER = re.compile(r"[0-9]{1,10}")


class Card(NamedTuple):
    """A card before its counts: the fact of it, its interrupts by their numbers, and names that its others have."""

    fact: Mapping[str, Any]
    name: str
    interrupts: frozenset[int]
    names: tuple[str, ...]


class Reading(NamedTuple):
    """The counts of cards at one time: their interrupts, by interface and number, and what their drivers count."""

    interrupts: Mapping[str, Mapping[int, Interrupt]]
    statistics: Mapping[str, Sequence[tuple[str, int]]]


NO_READING = Reading({}, {})


def cards(host: Host, facts: Mapping[str, Any]) -> list[Card]:
    """The cards among the facts, siptune_host."""
    found = (facts.get("packet_path") or {}).get("cards") or []
    return [_card(host, one) for one in found[:MOST_INTERFACES]]


def _card(host: Host, fact: Mapping[str, Any]) -> Card:
    name = str(fact["interface"])
    numbers = frozenset(card_interrupts(host, name))
    # Without MSI, as on virtio-mmio and on boards, names lead to the interrupts: the interface's, or its device's.
    device = (host.read_link(f"{SYS_CLASS_NET}/{name}/device") or "").rpartition("/")[2]
    return Card(fact, name, numbers, () if numbers else tuple(filter(None, (name, device))))


def read_cards(host: Host, found: Sequence[Card]) -> Reading:
    """The counts of these cards now."""
    numbers = frozenset().union(*(one.interrupts for one in found))
    names = [name for one in found for name in one.names]
    table = parse_interrupts(host.read_lenient(INTERRUPTS) or "", numbers, names) if found else {}
    return Reading(
        {one.name: _interrupts_of(host, one, table) for one in found},
        {one.name: driver_statistics(host, one.name) for one in found},
    )


def _interrupts_of(host: Host, card: Card, table: Mapping[int, Interrupt]) -> dict[int, Interrupt]:
    own = {
        number: one
        for number, one in table.items()
        if number in card.interrupts or any(has_word(one.name, name) for name in card.names)
    }
    return own or {number: Interrupt(f"channel {number}", counts) for number, counts in channels(host, card.name)}


# --- cards -----------------------------------------------------------------------------------


def observe_card(host: Host, card: Card, before: Reading | None, after: Reading) -> Interface:
    """A card with its queues; what they have counted since `before`, or since boot."""
    name = card.name
    hashes = [_hash(host, name, flow) for flow in (UDP_V4_FLOW, UDP_V6_FLOW)]
    receive, transmit = _queue_names(host, name)
    return Interface(
        interface=name,
        driver=card.fact.get("driver"),
        virtual=False,
        lower=[],
        rx_queues=card.fact.get("rx_queues"),
        most_queues=_most_queues(host, name),
        numa_node=card.fact.get("numa_node"),
        node_processors=card.fact.get("node_processors"),
        udp4_hash=hashes[0][0],
        udp6_hash=hashes[1][0],
        hash_reason=hashes[0][1],
        rps_cpus=_masks(host, name, receive, "rps_cpus"),
        rps_flow_cnt=_flows(host, name, receive),
        xps_cpus=_masks(host, name, transmit, "xps_cpus"),
        queues=_queues(host, card, receive, before, after),
    )


def _queue_names(host: Host, name: str) -> tuple[list[str], list[str]]:
    """The directories of the receive and of the transmit queues."""
    names = unless_refused(host.list_directory, f"{SYS_CLASS_NET}/{name}/queues") or []
    by_number = sorted((one for one in names if _NUMBER.fullmatch(one[3:])), key=lambda one: int(one[3:]))
    of_kind = ([one for one in by_number if one.startswith(kind)] for kind in ("rx-", "tx-"))
    receive, transmit = (found[:MOST_QUEUES] for found in of_kind)
    return receive, transmit


def _hash(host: Host, name: str, flow: int) -> tuple[str | None, str]:
    """The fields that choose a queue, or why that is not known: EOPNOTSUPP, EINVAL and EPERM are common answers."""
    try:
        found = unpack_hash(host.ethtool(name, pack_hash_request(flow)))
    except HostError as error:
        return None, f"{NO_HASH}: {error.reason}"
    except EthtoolError as error:
        return None, f"the driver's answer is invalid: {error}"
    return (found, "") if found else (None, NO_HASH)


def _most_queues(host: Host, name: str) -> int | None:
    """How many receive queues the driver could have; None where it does not say."""
    try:
        channels = unpack_numbers(CHANNELS, unless_refused(host.ethtool, name, pack_get(CHANNELS)) or b"")
    except EthtoolError:
        return None
    return max(channels["combined_max"], channels["rx_max"]) or None


def _queues(host: Host, card: Card, receive: Sequence[str], before: Reading | None, after: Reading) -> list[Queue]:
    interrupts = after.interrupts.get(card.name, {})
    numbers = receiving({number: one.name for number, one in interrupts.items()}, card.name)
    found = [_of_interrupt(host, card.name, number, before, after) for number in numbers[:MOST_QUEUES]]
    if not found:
        found = [Queue(name, int(name[3:])) for name in receive]
    elif len(found) == 1 and len(receive) == 1:
        found = [found[0]._replace(queue=0)]
    old, new = ((one or NO_READING).statistics.get(card.name, ()) for one in (before, after))
    packets, drops = (growth(count(old), count(new)) for count in (queue_packets, queue_drops))
    return [
        one if one.queue is None else one._replace(packets=packets.get(one.queue), drops=drops.get(one.queue))
        for one in found
    ]


def _of_interrupt(host: Host, name: str, number: int, before: Reading | None, after: Reading) -> Queue:
    interrupt = after.interrupts[name][number]
    earlier = (before or NO_READING).interrupts.get(name, {}).get(number)
    grown = growth(earlier.counts if earlier else {}, interrupt.counts)
    busiest = sorted(grown, key=lambda cpu: (-grown[cpu], cpu))[:MOST_TAKERS]
    return Queue(
        name=interrupt.name,
        queue=queue_of(interrupt.name, name),
        interrupt=number,
        taken_by=listing(takers(host, number) or _only_one(interrupt.counts)),
        allowed=listing(allowed(host, number)),
        by_processor=[Taken(cpu, grown[cpu]) for cpu in sorted(busiest) if grown[cpu]],
        interrupts_total=sum(interrupt.counts.values()),
    )


def _only_one(counts: Counts) -> frozenset[int] | None:
    """The processor of a channel, which has no other."""
    return frozenset(counts) if len(counts) == 1 else None


def _masks(host: Host, name: str, queues: Iterable[str], file: str) -> list[str]:
    """The processors in a mask of each queue; none where there is no mask, as of XPS for a card with one queue."""
    texts = (host.read_lenient(f"{SYS_CLASS_NET}/{name}/queues/{queue}/{file}") or "" for queue in queues)
    return [listed for listed in (listing(parse_cpu_mask(text)) for text in texts) if listed is not None]


def _flows(host: Host, name: str, queues: Iterable[str]) -> list[int]:
    texts = (host.read_lenient(f"{SYS_CLASS_NET}/{name}/queues/{queue}/rps_flow_cnt") or "" for queue in queues)
    return [int(text) for text in map(str.strip, texts) if _NUMBER.fullmatch(text)]


# --- interfaces of software ------------------------------------------------------------------


def observe_software(host: Host, interfaces: Iterable[Mapping[str, Any]]) -> list[Interface]:
    """The interfaces of software that are up and stand above others, such as bonds, bridges and VLANs, and veth."""
    up = [one for one in interfaces if one.get("up") and one.get("virtual") and one.get("rx_queues")]
    found = [_software(host, one) for one in up[:MOST_SOFTWARE]]
    return [one for one in found if one.lower or one.driver in NO_LOWER][:MOST_INTERFACES]


def _software(host: Host, one: Mapping[str, Any]) -> Interface:
    name = str(one["name"])
    entries = unless_refused(host.list_directory, f"{SYS_CLASS_NET}/{name}") or []
    lower = [entry[len(LOWER) :] for entry in entries if entry.startswith(LOWER)]
    receive, _transmit = _queue_names(host, name)
    return Interface(
        interface=name,
        driver=one.get("driver"),
        virtual=True,
        lower=lower[:MOST_INTERFACES],
        rx_queues=one.get("rx_queues"),
        most_queues=None,
        numa_node=None,
        node_processors=None,
        udp4_hash=None,
        udp6_hash=None,
        hash_reason="",
        rps_cpus=_masks(host, name, receive, "rps_cpus"),
        rps_flow_cnt=_flows(host, name, receive),
        xps_cpus=[],
        queues=[],
    )
