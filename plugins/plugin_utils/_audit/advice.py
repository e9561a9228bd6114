# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which counters call for a look, and which item of siptune would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._counters.table import NO_LOSSES

# Above this share of its limit something is about to run out. A customary alarm level, no kernel constant.
NEARLY_FULL = 0.8
PART = "{part}"  # in an item's name: the interface or the unit that the counter speaks of

SOCKET = "{socket}"  # in an item's name: a SIP socket that has lost datagrams, `kamailio udp 10.0.0.5:5060`

RECEIVE_BUFFER = (
    "more workers first, as a socket that is read too slowly fills any buffer; then the buffer that siptune sizes, now "
    "by sip_sockets, and at the daemon's next start by net.core.rmem_default. A larger net.core.rmem_max helps no "
    "socket that asks for nothing"
)
LEVERS = (f"{SOCKET} receive buffer", "net.core.rmem_default")
MEMORY = "all UDP sockets together have used up their memory: look for one that nobody reads before raising this"
SEND_BUFFER = "a sender is faster than its interface: look at the interface's queue first"
ACCEPT_QUEUE = "the daemon's own backlog (Kamailio tcp_listen_backlog) as well, as the smaller of the two counts"
RING = "a larger ring, and interrupts spread over more processors: channels (combined) of nic_link, or RPS (rps_cpus)"
QUEUE_DROPS = (
    "a queue was not emptied in time, or there was no memory for its packets: more queues (channels of nic_link), a "
    "hash that spreads UDP by its ports (sdfn), or RPS (rps_cpus), then a larger ring"
)
ALLOWANCE = (
    "the cloud has held back or dropped what the size of this instance does not allow, and no setting of the host "
    "helps: a larger size for bw_ and pps_, more instances, longer packets (ptime 40); for conntrack_ security groups "
    "that let all in and out, which are not tracked"
)
RPS = (
    "no loss: how often other processors have handed packets to this one (RPS). One that gets nearly all is the next "
    "to be full: a wider rps_cpus of nic_link"
)
TIME_SQUEEZE = (
    "double both if it grows under load; a few since boot do no harm. One processor alone: more queues (channels of "
    "nic_link), or RPS (rps_cpus)"
)
BACKLOG = "the queue that steered packets (RPS) and veth go through: let more processors take them, a wider rps_cpus"
FLOW_LIMIT = "one flow fills more than half of a queue, which net.core.flow_limit_cpu_bitmap has dropped for the others"
QUEUE = (
    "more is sent than the interface carries, or it is shaped (tc -s qdisc): this item counts for pfifo_fast alone, a "
    "limit of other kinds is their own"
)
EXEMPT = "exempt SIP and RTP from connection tracking (siptune_network_notrack: true)"
CONNTRACK_FULL = f"or {EXEMPT}"
CONNTRACK_RACE = f"two packets of one flow raced for an entry: {EXEMPT}"
REVERSE_PATH = (
    "packets came in by another interface than their answers would leave by, and were dropped: if it is media or SIP "
    "of peers, make rp_filter 2 (loose), or 0 where a container network (CNI) asks for that; with 2 already, there is "
    "no route back to the sender at all"
)
FRAGMENTS = "large SIP messages arrive incomplete: look for loss on the way, or use TCP"


class Advice(NamedTuple):
    """The items that would help, and what else there is to know."""

    items: tuple[str, ...]
    text: str


# Source of the pairs: Documentation/networking/ip-sysctl.rst, scaling.rst and nf_conntrack-sysctl.rst,
# Documentation/admin-guide/sysctl/net.rst.
ADVICE = {
    "UdpRcvbufErrors": Advice(LEVERS, RECEIVE_BUFFER),
    "Udp6RcvbufErrors": Advice(LEVERS, RECEIVE_BUFFER),
    "UdpSocketDrops": Advice(LEVERS, RECEIVE_BUFFER),
    "UdpMemErrors": Advice(("net.ipv4.udp_mem",), MEMORY),
    "Udp6MemErrors": Advice(("net.ipv4.udp_mem",), MEMORY),
    "UdpSndbufErrors": Advice(("net.core.wmem_max",), SEND_BUFFER),
    "Udp6SndbufErrors": Advice(("net.core.wmem_max",), SEND_BUFFER),
    "SoftnetDropped": Advice(("net.core.netdev_max_backlog",), BACKLOG),
    "SoftnetTimeSqueeze": Advice(
        ("net.core.netdev_budget", "net.core.netdev_budget_usecs"),
        TIME_SQUEEZE,
    ),
    "SoftnetFlowLimit": Advice(("net.core.netdev_max_backlog",), FLOW_LIMIT),
    "SoftnetReceivedRps": Advice((), RPS),
    "NicRxMissed": Advice((f"{PART} rx",), RING),
    "NicRxFifo": Advice((f"{PART} rx",), RING),
    "NicRxNoBuffer": Advice((f"{PART} rx",), RING),
    "NicQueueDrops": Advice((f"{PART} rx",), QUEUE_DROPS),
    "NicAllowanceExceeded": Advice((), ALLOWANCE),
    "QdiscDrops": Advice((f"{PART} txqueuelen",), QUEUE),
    "ConntrackDrop": Advice(("net.netfilter.nf_conntrack_max",), CONNTRACK_FULL),
    "ConntrackEarlyDrop": Advice(("net.netfilter.nf_conntrack_max",), CONNTRACK_FULL),
    "ConntrackEntries": Advice(("net.netfilter.nf_conntrack_max",), CONNTRACK_FULL),
    "ConntrackInsertFailed": Advice((), CONNTRACK_RACE),
    "ConntrackChainTooLong": Advice(("net.netfilter.nf_conntrack_buckets",), CONNTRACK_FULL),
    "ListenOverflows": Advice(("net.core.somaxconn",), ACCEPT_QUEUE),
    "ListenDrops": Advice(("net.core.somaxconn",), ACCEPT_QUEUE),
    "TCPReqQFullDrop": Advice(("net.ipv4.tcp_max_syn_backlog", "net.core.somaxconn"), ACCEPT_QUEUE),
    "TCPReqQFullDoCookies": Advice(("net.ipv4.tcp_max_syn_backlog", "net.core.somaxconn"), ACCEPT_QUEUE),
    "TCPBacklogDrop": Advice(("net.ipv4.tcp_rmem",), "the daemon reads its connections too slowly: more workers first"),
    "TCPTimeWaitOverflow": Advice(("net.ipv4.tcp_max_tw_buckets",), "more connections end than the kernel remembers"),
    "IPReversePathFilter": Advice(("net.ipv4.conf.all.rp_filter",), REVERSE_PATH),
    "IpReasmFails": Advice(("net.ipv4.ipfrag_high_thresh",), FRAGMENTS),
    "Ip6ReasmFails": Advice((), FRAGMENTS),
    "Descriptors": Advice((f"{PART} LimitNOFILE",), "a daemon that is out of descriptors takes no more calls"),
}


def concerns(counter: Mapping[str, Any]) -> bool:
    """Whether a counter of sip_counters_info, or a part of it, needs a look: it has grown, or is nearly full."""
    if counter.get("name") in NO_LOSSES:
        return False
    value = counter.get("value") or 0
    if counter.get("kind", "counter") == "counter":
        return value > 0
    limit = counter.get("limit") or 0
    return limit > 0 and value >= NEARLY_FULL * limit


def advice(counter: Mapping[str, Any], sockets: Sequence[str] = ()) -> Advice:
    """What would help: with an item for each part of the counter that calls for a look, if it goes by parts.

    `sockets` are the SIP sockets that have lost datagrams.
    """
    found = ADVICE.get(str(counter["name"]), Advice((), ""))
    parts = [
        str(part["part"])
        for part in counter.get("parts") or []
        if concerns({**part, "kind": counter.get("kind", "counter")})
    ]
    items: list[str] = []
    for item in found.items:
        if SOCKET in item:
            items += [item.replace(SOCKET, socket) for socket in sockets]
        else:
            items += [item.replace(PART, part) for part in parts] if PART in item else [item]
    return Advice(tuple(items), found.text)
