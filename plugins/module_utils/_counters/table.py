# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's counters of lost packets and refused connections, and the parsers of their files.

Parsers take text and never raise; an unreadable value is None. A counter's parts are its interfaces, CPUs or sockets;
a counter without parts is a single part without a name.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .._core.growth import growth as growth_of
from .._core.text import plural, whole_number
from .._host.sockets import end_point, parse_address

WHOLE = ""  # the name of the only part of a counter without parts
MOST_PARTS = 20  # of a counter are named in the result; a media relay has thousands of sockets

LONGEST_SECONDS = 3600  # between two readings, during which a connection is silent
HIGHEST_RATE = 9_999_999  # of SIP datagrams a second, as in siptune_capacity

# What a counter has counted since: all begin with their network namespace, and the first one's with the machine.
BOOT, CONTAINER, NAMESPACE = "boot", "container", "namespace"
SINCE = (BOOT, CONTAINER, NAMESPACE)

UNSIGNED_INT_BITS = 32  # of per-CPU and per-socket counters, which begin again at zero after 2^32

SNMP = "/proc/net/snmp"
SNMP6 = "/proc/net/snmp6"
NETSTAT = "/proc/net/netstat"
SOFTNET = "/proc/net/softnet_stat"
CONNTRACK = "/proc/net/stat/nf_conntrack"
LINKS = "rtnetlink"
QDISCS = "rtnetlink qdisc"
DRIVERS = "ethtool"
UDP_SOCKETS = ("/proc/net/udp", "/proc/net/udp6")
SOCKETS = " and ".join(UDP_SOCKETS)


class Counter(NamedTuple):
    """One counter: where it is read, by which field, what it counts, and what its parts are.

    One that is no `loss` says where packets went, and that it grows is no reason to look.
    """

    name: str
    source: str
    field: str
    unit: str
    parts: str | None = None
    bits: int | None = None
    loss: bool = True

    @property
    def of_machine(self) -> bool:
        """Whether it counts for the whole machine, also in a container: softnet_seq_show(), net/core/net-procfs.c."""
        return self.source == SOFTNET


# Sources: Documentation/networking/snmp_counter.rst, net/core/net-procfs.c (softnet_seq_show),
# net/netfilter/nf_conntrack_standalone.c (ct_cpu_seq_show), include/uapi/linux/if_link.h (rtnl_link_stats64).
COUNTERS = (
    Counter("UdpRcvbufErrors", SNMP, "UdpRcvbufErrors", "datagrams"),
    Counter("Udp6RcvbufErrors", SNMP6, "Udp6RcvbufErrors", "datagrams"),
    Counter("UdpMemErrors", SNMP, "UdpMemErrors", "datagrams"),
    Counter("Udp6MemErrors", SNMP6, "Udp6MemErrors", "datagrams"),
    Counter("UdpSndbufErrors", SNMP, "UdpSndbufErrors", "datagrams"),
    Counter("Udp6SndbufErrors", SNMP6, "Udp6SndbufErrors", "datagrams"),
    Counter("UdpSocketDrops", SOCKETS, "drops", "datagrams", "socket", UNSIGNED_INT_BITS),
    Counter("SoftnetDropped", SOFTNET, "dropped", "packets", "cpu", UNSIGNED_INT_BITS),
    Counter("SoftnetTimeSqueeze", SOFTNET, "time_squeeze", "times", "cpu", UNSIGNED_INT_BITS),
    Counter("SoftnetFlowLimit", SOFTNET, "flow_limit", "packets", "cpu", UNSIGNED_INT_BITS),
    Counter("SoftnetReceivedRps", SOFTNET, "received_rps", "times", "cpu", UNSIGNED_INT_BITS, loss=False),
    Counter("NicRxMissed", LINKS, "rx_missed_errors", "packets", "interface"),
    Counter("NicRxFifo", LINKS, "rx_fifo_errors", "packets", "interface"),
    Counter("NicRxNoBuffer", DRIVERS, "statistics of full receive rings", "packets", "interface"),
    Counter("NicQueueDrops", DRIVERS, "statistics of receive queues' drops", "packets", "interface"),
    Counter("NicAllowanceExceeded", DRIVERS, "statistics of the cloud's allowances", "packets", "interface"),
    Counter("QdiscDrops", QDISCS, "drops", "packets", "interface", UNSIGNED_INT_BITS),
    Counter("ConntrackDrop", CONNTRACK, "drop", "packets", "cpu", UNSIGNED_INT_BITS),
    Counter("ConntrackEarlyDrop", CONNTRACK, "early_drop", "entries", "cpu", UNSIGNED_INT_BITS),
    Counter("ConntrackInsertFailed", CONNTRACK, "insert_failed", "packets", "cpu", UNSIGNED_INT_BITS),
    Counter("ConntrackChainTooLong", CONNTRACK, "chainlength", "packets", "cpu", UNSIGNED_INT_BITS),
    Counter("ListenOverflows", NETSTAT, "TcpExtListenOverflows", "connections"),
    Counter("ListenDrops", NETSTAT, "TcpExtListenDrops", "connections"),
    Counter("TCPReqQFullDrop", NETSTAT, "TcpExtTCPReqQFullDrop", "connections"),
    Counter("TCPReqQFullDoCookies", NETSTAT, "TcpExtTCPReqQFullDoCookies", "connections"),
    Counter("TCPBacklogDrop", NETSTAT, "TcpExtTCPBacklogDrop", "segments"),
    Counter("TCPTimeWaitOverflow", NETSTAT, "TcpExtTCPTimeWaitOverflow", "connections"),
    Counter("IPReversePathFilter", NETSTAT, "TcpExtIPReversePathFilter", "packets"),
    Counter("IpReasmFails", SNMP, "IpReasmFails", "datagrams"),
    Counter("Ip6ReasmFails", SNMP6, "Ip6ReasmFails", "datagrams"),
)

# Levels in use now, each with a limit.
GAUGES = (
    Counter("ConntrackEntries", "/proc/sys/net/netfilter/nf_conntrack_count", "", "entries"),
    Counter("Descriptors", "/proc/PID/fd and /proc/PID/limits", "", "files", "unit"),
)

NO_LOSSES = frozenset(counter.name for counter in COUNTERS if not counter.loss)

SINGULAR = {"entries": "entry"}  # of the units that lose more than an s


def amount(count: int, unit: str) -> str:
    """So many of a counter's unit: `1 datagram`, `2 datagrams`."""
    return f"{count} {plural(count, SINGULAR.get(unit) or unit[:-1], unit)}"


# --- growth ----------------------------------------------------------------------------------


def growth(
    before: Mapping[str, int] | None, after: Mapping[str, int] | None, bits: int | None = None
) -> dict[str, int] | None:
    """How much each part has grown between two readings, None where either is missing."""
    return None if before is None or after is None else growth_of(before, after, bits=bits)


# --- /proc/net/snmp, netstat and snmp6 -------------------------------------------------------


def parse_pairs(text: str) -> dict[str, int]:
    """The counters of /proc/net/snmp or netstat by the names that nstat(8) gives them, UdpRcvbufErrors.

    Two lines belong together: names, then numbers, both after the name of the protocol. Source: proc_net(5)
    """
    found: dict[str, int] = {}
    lines = text.split("\n")
    for names, numbers in zip(lines, lines[1:]):
        protocol, colon, words = names.partition(":")
        other, _colon, values = numbers.partition(":")
        if not colon or protocol != other:
            continue
        for name, value in zip(words.split(), values.split()):
            if re.fullmatch(r"[0-9]{1,20}", value):
                found.setdefault(protocol + name, int(value))
    return found


def parse_names(text: str) -> dict[str, int]:
    """The counters of /proc/net/snmp6, a name and a number on each line."""
    lines = (line.split() for line in text.split("\n"))
    return {words[0]: int(words[1]) for words in lines if len(words) == 2 and re.fullmatch(r"[0-9]{1,20}", words[1])}


# --- /proc/net/softnet_stat ------------------------------------------------------------------

# The columns, counted from zero. Source: net/core/net-procfs.c, softnet_seq_show()
SOFTNET_COLUMNS = {"dropped": 1, "time_squeeze": 2, "received_rps": 9, "flow_limit": 10}
SOFTNET_CPU_COLUMN = 12  # of newer kernels; on older ones the lines are those of the CPUs that are online
HEX_WORD = re.compile(r"[0-9a-f]{8}\Z")


def parse_softnet(text: str) -> dict[str, dict[str, int]]:
    """For each of SOFTNET_COLUMNS, its number on each CPU; a column that the kernel does not have is left out."""
    found: dict[str, dict[str, int]] = {}
    for position, line in enumerate(filter(None, text.split("\n"))):
        words = line.split()
        if not all(HEX_WORD.match(word) for word in words):
            continue
        cpu = int(words[SOFTNET_CPU_COLUMN], 16) if len(words) > SOFTNET_CPU_COLUMN else position
        for name, column in SOFTNET_COLUMNS.items():
            if column < len(words):
                found.setdefault(name, {})[f"cpu{cpu}"] = int(words[column], 16)
    return found


# --- /proc/net/stat/nf_conntrack -------------------------------------------------------------


def parse_conntrack(text: str) -> dict[str, dict[str, int]]:
    """The columns of /proc/net/stat/nf_conntrack by the kernel's names: a line of names, then one for each CPU."""
    header, *lines = text.split("\n")
    names = header.split()
    found: dict[str, dict[str, int]] = {}
    rows = [line.split() for line in lines if line]
    for cpu, words in enumerate(rows):
        if len(words) != len(names) or not all(HEX_WORD.match(word) for word in words):
            continue
        for name, word in zip(names, words):
            found.setdefault(name, {})[f"cpu{cpu}"] = int(word, 16)
    return found


# --- /proc/net/udp ---------------------------------------------------------------------------

NO_DROPS = " 0"


def parse_socket_drops(table: str) -> dict[str, int]:
    """What each UDP socket has dropped, as `address:port inode`; sockets without drops are left out.

    Source: proc_net(5); net/ipv4/udp.c, udp4_format_sock(): the last column is sk_drops
    """
    found: dict[str, int] = {}
    for line in table.split("\n")[1:]:
        if line.rstrip(" ").endswith(NO_DROPS):
            continue
        words = line.split()
        local = re.fullmatch(r"([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})", words[1]) if len(words) == 13 else None
        inode, drops = (whole_number(words[column]) for column in (9, 12)) if local else (None, None)
        if local and inode is not None and drops is not None:
            end = end_point(parse_address(local.group(1)), int(local.group(2), 16))
            found[f"{end} {inode}"] = drops
    return found


def by_place(found: Mapping[str, int] | None) -> dict[str, int] | None:
    """Parts with the same first word taken together: a daemon's sockets, one for each worker; a card's statistics."""
    if found is None:
        return None
    together: dict[str, int] = {}
    for name, number in found.items():
        place = name.split(" ", 1)[0]
        together[place] = together.get(place, 0) + number
    return together


def names_by_place(found: Mapping[str, int]) -> dict[str, str]:
    """What stands behind the first word of the parts that are not zero, each with its number, by that first word."""
    notes: dict[str, list[str]] = {}
    for name, number in found.items():
        place, _blank, rest = name.partition(" ")
        if number:
            notes.setdefault(place, []).append(f"{rest} {number}")
    return {place: ", ".join(sorted(said)) for place, said in notes.items()}


# --- rtnetlink -------------------------------------------------------------------------------

# Where the fields of struct rtnl_link_stats64 stand, counted in 64-bit words. Source: linux/if_link.h
LINK_STATISTICS = {"rx_fifo_errors": 14, "rx_missed_errors": 15}
_WORD = struct.Struct("=Q")


def parse_link_statistics(attribute: bytes) -> dict[str, int]:
    """The LINK_STATISTICS of an IFLA_STATS64 attribute, the numbers of /sys/class/net/X/statistics."""
    return {
        name: _WORD.unpack_from(attribute, position * _WORD.size)[0]
        for name, position in LINK_STATISTICS.items()
        if len(attribute) >= (position + 1) * _WORD.size
    }


# --- the result ------------------------------------------------------------------------------


def largest(parts: Iterable[dict]) -> list[dict]:
    """The parts of a result that count for something, the largest first, as many as are worth naming."""
    counted = [part for part in parts if part["value"] or part["total"]]
    return sorted(counted, key=lambda part: (-part["value"], -(part["total"] or 0), part["part"]))[:MOST_PARTS]
