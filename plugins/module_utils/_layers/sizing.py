# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formulas behind the `sized` values of the catalogues.

A formula takes the host's facts (`siptune_host`), the capacity contract (`siptune_capacity`) and
the role's options, and gives the value for a key, or None to leave the key alone. Any fact may be
missing or null; each formula says what it makes of that. The result is the value of a floor
(`at_least`) unless the catalogue says otherwise, so a small result never lowers a host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable, NamedTuple, Union

from .._sip.receive_buffers import MESSAGE_CHARGE_BYTES
from .._sip.rtp_ports import DEFAULT_PORTS
from .._sysctl.value import parse_ports, render_ports

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE
GIBIBYTE = 1024 * MEBIBYTE

SOCKET_BUFFER_DOUBLING = 2  # socket(7): the kernel doubles what SO_RCVBUF asks for
SIP_T1_SECONDS = 0.5  # RFC 3261, 17.1.1.1: a request is retransmitted after T1, and a queue beyond it holds duplicates
RECEIVE_BUFFER_FLOOR_BYTES = 4 * MEBIBYTE  # the kernel's own net.core.rmem_max since 6.18
RECEIVE_BUFFER_LARGE_HOST_BYTES = 16 * MEBIBYTE
RECEIVE_BUFFER_CEILING_BYTES = 64 * MEBIBYTE
RECEIVE_BUFFER_SHARE_OF_MEMORY = 256
LARGE_HOST_BYTES = 8 * GIBIBYTE

# The receive buffer of a SIP socket holds one second of the contract's peak, as what waits longer is retransmitted
# anyway. Without a contract it holds 2730 messages of the usual size, or 4915 small ones. That is ten times and more
# than Kamailio and OpenSIPS have on a stock kernel: 425984 bytes, and from Linux 6.18 on 524288.
SIP_QUEUE_SECONDS = 1
SIP_BUFFER_BYTES = 6 * MEBIBYTE
STOCK_SIP_BUFFER_BYTES = 425984
SIP_BUFFER_SHARE_OF_MEMORY = 200  # so that two sockets fit into the hundredth that sip_sockets takes for all of them
SIP_BUFFER_SHARE_OF_UDP_MEMORY = 8  # of the limit that all UDP sockets of the host share, net.ipv4.udp_mem
SMALL_HOST_BYTES = 512 * MEBIBYTE  # what a host counts for whose memory is unknown

# net.core.rmem_default is every socket's: thousands where media is carried, a few elsewhere. A call's audio fills 1 MiB
# in 16 s (50 packets/s, 1280 bytes each).
MEDIA_DAEMONS = ("asterisk", "freeswitch", "rtpengine")
DEFAULT_BUFFER_WITH_MEDIA_BYTES = MEBIBYTE
DEFAULT_BUFFER_CEILING_BYTES = 16 * MEBIBYTE

# "1000 or 10000 performed well": Documentation/networking/scaling.rst
INPUT_QUEUE_PACKETS = 10000
FLOW_TABLE_ENTRIES = 32768  # "works fairly well on a moderately loaded server", the same

# A larger ring falls out of the cache. Drivers keep a page for each packet of each queue's receive ring.
RECEIVE_RING_PACKETS = 4096
RECEIVE_RINGS_PERCENT_OF_MEMORY = 1
USUAL_PAGE_BYTES = 4096

# TIME_WAIT lasts 60 s (TCP_TIMEWAIT_LEN, include/net/tcp.h); half as much again for bursts.
TIME_WAIT_ROOM_SECONDS = 90

STRICT, LOOSE = 1, 2  # Documentation/networking/ip-sysctl.rst, rp_filter

FLOWS_PER_CALL = 4  # SIP and RTP, each on both sides
UDP_STREAM_TIMEOUT_SECONDS = 120  # how long a finished call stays: nf_conntrack_udp_timeout_stream
CONNTRACK_HEADROOM = 2
CONNTRACK_ENTRY_BYTES = 400
CONNTRACK_PERCENT_OF_MEMORY = 5

SWAPPINESS_WITH_DISK_SWAP = 10
FIRST_SYSTEMD_TO_LIFT_FILE_MAX = 240  # systemd NEWS, CHANGES WITH 240
OPEN_FILES_WITHOUT_SYSTEMD = 500000

DIRTY_SECONDS_OF_DISK = 2
DIRTY_FLOOR_BYTES = 256 * MEBIBYTE
DIRTY_PERCENT_OF_MEMORY = 5
DIRTY_SMALLEST_HOST_BYTES = GIBIBYTE
DIRTY_BACKGROUND_DIVISOR = 4
DIRTY_BACKGROUND_FLOOR_BYTES = 64 * MEBIBYTE

SIP_PORTS = ("5060-5061",)
# What a daemon listens on beside them where its sockets are not known: FreeSWITCH's second SIP profile, vars.xml.
SIP_PORTS_OF_DAEMON = {"freeswitch": ("5080-5081",)}

Value = Union[int, str, None]
Formula = Callable[..., Value]  # of host, capacity and options


class Sizing(NamedTuple):
    """A formula, and in a few words what it gives, for the table of keys."""

    formula: Formula
    summary: str


def power_of_two_from(number: int) -> int:
    """The smallest power of two that is not below `number`, 1 for anything below 1."""
    return 1 << max(0, number - 1).bit_length()


def power_of_two_up_to(number: int) -> int:
    """The largest power of two that is not above `number`, 0 for anything below 1."""
    return 1 << (number.bit_length() - 1) if number > 0 else 0


def sip_queue_bytes(capacity: Mapping[str, int]) -> int:
    """What a second of the contract's peak takes of a receive buffer: datagrams/s * 1 s * 2304 bytes, 0 without one."""
    return (capacity.get("sip_datagrams_per_second") or 0) * SIP_QUEUE_SECONDS * MESSAGE_CHARGE_BYTES


def sip_receive_buffer_bytes(
    host: Mapping[str, Any], capacity: Mapping[str, int], _options: Mapping[str, Any]
) -> int | None:
    """The receive buffer of each SIP socket, as the kernel charges datagrams to it: a second of the contract's peak.

    At least 6 MiB; at most 64 MiB, memory / 200 and an eighth of net.ipv4.udp_mem, which wins on small hosts. Unknown
    memory counts as 512 MiB, an unknown udp_mem as none. Whole KiB. None without a SIP daemon, and where so little is
    left that the daemons have as much by themselves.
    """
    if not _sip_daemons(host):
        return None
    memory_bytes = host.get("memory_bytes") or SMALL_HOST_BYTES
    bounds = [RECEIVE_BUFFER_CEILING_BYTES, memory_bytes // SIP_BUFFER_SHARE_OF_MEMORY]
    udp_mem_pages, page_size = host.get("udp_mem_pages"), host.get("page_size")
    if udp_mem_pages and page_size:
        bounds.append(udp_mem_pages[-1] * page_size // SIP_BUFFER_SHARE_OF_UDP_MEMORY)
    wanted = min(max(SIP_BUFFER_BYTES, sip_queue_bytes(capacity)), *bounds) // KIBIBYTE * KIBIBYTE
    return wanted if wanted > STOCK_SIP_BUFFER_BYTES else None


def _sip_daemons(host: Mapping[str, Any]) -> set[str]:
    """The names of the SIP daemons that are installed or running; none where that is unknown."""
    return {str(one.get("name")) for one in daemons_of(host)}


def carries_media(host: Mapping[str, Any]) -> bool:
    """Whether a daemon that carries media is installed or runs."""
    return not _sip_daemons(host).isdisjoint(MEDIA_DAEMONS)


def receive_buffer_default_bytes(
    host: Mapping[str, Any], capacity: Mapping[str, int], options: Mapping[str, Any]
) -> int | None:
    """net.core.rmem_default in bytes: what every socket starts with, and the daemons' next start gives SIP sockets.

    That of `sip_receive_buffer_bytes`, at most 1 MiB where a daemon carries media, and 16 MiB elsewhere. None where
    that is.
    """
    wanted = sip_receive_buffer_bytes(host, capacity, options)
    if wanted is None:
        return None
    return min(wanted, DEFAULT_BUFFER_WITH_MEDIA_BYTES if carries_media(host) else DEFAULT_BUFFER_CEILING_BYTES)


def receive_buffer_max_bytes(host: Mapping[str, Any], capacity: Mapping[str, int], options: Mapping[str, Any]) -> int:
    """net.core.rmem_max in bytes: half a second (SIP's T1) of peak SIP datagrams on the busiest socket.

    power of two >= datagrams/s * 0.5 s * 2304 / 2, within 4 MiB and the smaller of 64 MiB and
    memory / 256. Below 1 GiB of memory the 4 MiB win: the newest kernels allow as much anywhere.
    Without a figure: 16 MiB from 8 GiB of memory on, else 4 MiB. Unknown memory counts as small. Never below
    `sip_receive_buffer_bytes`.
    """
    return max(_receive_buffer_max_bytes(host, capacity), sip_receive_buffer_bytes(host, capacity, options) or 0)


def _receive_buffer_max_bytes(host: Mapping[str, Any], capacity: Mapping[str, int]) -> int:
    memory_bytes = host.get("memory_bytes") or 0
    datagrams_per_second = capacity.get("sip_datagrams_per_second")
    if datagrams_per_second is None:
        return RECEIVE_BUFFER_LARGE_HOST_BYTES if memory_bytes >= LARGE_HOST_BYTES else RECEIVE_BUFFER_FLOOR_BYTES
    queued_bytes = int(datagrams_per_second * SIP_T1_SECONDS) * MESSAGE_CHARGE_BYTES
    ceiling_bytes = min(RECEIVE_BUFFER_CEILING_BYTES, memory_bytes // RECEIVE_BUFFER_SHARE_OF_MEMORY)
    wanted_bytes = power_of_two_from(queued_bytes // SOCKET_BUFFER_DOUBLING)
    return max(RECEIVE_BUFFER_FLOOR_BYTES, min(wanted_bytes, ceiling_bytes))


def input_queue_packets(host: Mapping[str, Any], _capacity: Mapping[str, int], options: Mapping[str, Any]) -> Value:
    """net.core.netdev_max_backlog in packets per processor: 10000 where that queue carries traffic, else None.

    That is with RPS on, or switched on by the same run (`steers_packets` of the options), or with veth interfaces.
    Source: Documentation/networking/scaling.rst, and enqueue_to_backlog() of net/core/dev.c.
    """
    interfaces = host.get("interfaces") or []
    in_use = any(interface.get("rps") or interface.get("driver") == "veth" for interface in interfaces)
    return INPUT_QUEUE_PACKETS if in_use or options.get("steers_packets") else None


def flow_table_entries(_host: Mapping[str, Any], _capacity: Mapping[str, int], options: Mapping[str, Any]) -> Value:
    """net.core.rps_sock_flow_entries in flows: 32768 where the role sets rps_flow_cnt, else None.

    Without it the tables of the queues have no effect. Source: Documentation/networking/scaling.rst, "RFS".
    """
    return FLOW_TABLE_ENTRIES if options.get("steers_flows") else None


def receive_ring_packets(host: Mapping[str, Any], _capacity: Mapping[str, int], _options: Mapping[str, Any]) -> int:
    """The limit of each receive ring in packets: 4096, less where all rings together would take 1 % of the memory.

    memory * 1 % / (page size * receive queues of all cards with rings), as a power of two. Unknown memory counts as 512
    MiB, a card with unknown queues as one with a queue for each processor, a card of an image, of which nobody knows
    whether it has rings, as one with rings. At least 1, which leaves every ring alone.
    """
    cards = [one for one in host.get("interfaces") or [] if one.get("ring", True) and not one.get("virtual")]
    queues = sum(one.get("rx_queues") or host.get("processors") or 1 for one in cards)
    room_bytes = (host.get("memory_bytes") or SMALL_HOST_BYTES) * RECEIVE_RINGS_PERCENT_OF_MEMORY // 100
    packets = room_bytes // ((host.get("page_size") or USUAL_PAGE_BYTES) * max(1, queues))
    return max(1, min(RECEIVE_RING_PACKETS, power_of_two_up_to(packets)))


def time_wait_sockets(_host: Mapping[str, Any], capacity: Mapping[str, int], _options: Mapping[str, Any]) -> Value:
    """net.ipv4.tcp_max_tw_buckets in sockets: 90 s * call set-ups/s, each taken for one TCP connection.

    None without `call_setups_per_second`.
    """
    call_setups_per_second = capacity.get("call_setups_per_second")
    return TIME_WAIT_ROOM_SECONDS * call_setups_per_second if call_setups_per_second else None


def reserved_ports(host: Mapping[str, Any], _capacity: Mapping[str, int], options: Mapping[str, Any]) -> str:
    """net.ipv4.ip_local_reserved_ports: SIP, each SIP daemon's RTP ranges and other ports, and the role's own list.

    The ranges are those of the daemons' configurations, the other ports those on which they listen now; where the facts
    do not have them, the daemons' defaults. Merged and in order, as the kernel prints them: `5060-5061,30000-40000`.
    Unknown daemons count as none. Raises SysctlError for a bad entry in `reserved_ports` of the options.
    """
    of_daemons = [ports for daemon in daemons_of(host) for ports in (*media_ports(daemon), *_sip_ports(daemon))]
    own = options.get("reserved_ports") or []
    own_texts = [str(own)] if isinstance(own, (str, int)) else map(str, own)
    found = parse_ports("siptune_host.sip_daemons", ",".join([*SIP_PORTS, *of_daemons]))
    return render_ports(parse_ports("siptune_network_reserved_ports", ",".join([render_ports(found), *own_texts])))


def daemons_of(host: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The SIP daemons of siptune_host that are installed or run."""
    return [daemon for daemon in host.get("sip_daemons") or [] if daemon.get("installed") or daemon.get("running")]


def media_ports(daemon: Mapping[str, Any]) -> Sequence[str]:
    """The RTP ranges of a daemon of the facts, which has its defaults where they do not say."""
    ports = daemon.get("rtp_ports")
    default = DEFAULT_PORTS.get(str(daemon.get("name")))
    return [f"{default[0]}-{default[1]}"] if ports is None and default else list(map(str, ports or ()))


def _configured_media_ports(host: Mapping[str, Any]) -> list[str]:
    return [str(ports) for daemon in daemons_of(host) for ports in daemon.get("rtp_ports") or ()]


def _sip_ports(daemon: Mapping[str, Any]) -> Sequence[str]:
    ports = daemon.get("sip_ports")
    return SIP_PORTS_OF_DAEMON.get(str(daemon.get("name")), ()) if ports is None else list(map(str, ports))


def reverse_path_filter(
    host: Mapping[str, Any], _capacity: Mapping[str, int], _options: Mapping[str, Any]
) -> int | None:
    """net.ipv4.conf.*.rp_filter: 2 (loose). None where a container network is, or may be (`container_network`).

    1 (strict) where the host has that already and there is one way in and out, so that nothing is loosened. There are
    several ways with more than one interface that has an IPv4 address (the loopback aside), more than one with a
    default route, or forwarding. Loose too where the interfaces are unknown: it loses no media.
    """
    if host.get("container_network"):
        return None
    interfaces = host.get("interfaces")
    if interfaces is None or not host.get("strict_reverse_path"):
        return LOOSE
    addressed = [interface for interface in interfaces if interface.get("name") != "lo" and _has_ipv4(interface)]
    uplinks = set((host.get("default_routes") or {}).get("ipv4") or ())
    several_ways = len(addressed) > 1 or len(uplinks) > 1 or bool(host.get("forwarding"))
    return LOOSE if several_ways else STRICT


def _has_ipv4(interface: Mapping[str, Any]) -> bool:
    return any(":" not in address for address in interface.get("addresses") or ())


def send_redirects(host: Mapping[str, Any], _capacity: Mapping[str, int], _options: Mapping[str, Any]) -> Value:
    """net.ipv4.conf.*.send_redirects: 0 on a host that does not forward, None on a router or where it is unknown."""
    return 0 if host.get("forwarding") is False else None


def conntrack_entries(host: Mapping[str, Any], capacity: Mapping[str, int], _options: Mapping[str, Any]) -> Value:
    """net.netfilter.nf_conntrack_max in entries: twice the flows of the capacity contract, as a power of two.

    2 * (4 * (concurrent calls + 120 s * call set-ups/s) + registrations), and at least 2 * the RTP ports of the
    daemons, each of which is a flow when all are in use. Within 5 % of the memory at 400 bytes an entry. None without
    any of the three figures and without media ports in the facts, or where the memory is unknown.
    """
    concurrent_calls = capacity.get("concurrent_calls") or 0
    lingering_calls = UDP_STREAM_TIMEOUT_SECONDS * (capacity.get("call_setups_per_second") or 0)
    flows = FLOWS_PER_CALL * (concurrent_calls + lingering_calls) + (capacity.get("registrations") or 0)
    media = parse_ports("siptune_host.sip_daemons", ",".join(_configured_media_ports(host)))
    flows = max(flows, sum(last - first + 1 for first, last in media))
    memory_bytes = host.get("memory_bytes") if flows else None
    if not memory_bytes:
        return None
    ceiling = memory_bytes * CONNTRACK_PERCENT_OF_MEMORY // 100 // CONNTRACK_ENTRY_BYTES
    return min(power_of_two_from(CONNTRACK_HEADROOM * flows), power_of_two_up_to(ceiling)) or None


def open_files_of_host(host: Mapping[str, Any], _capacity: Mapping[str, int], _options: Mapping[str, Any]) -> Value:
    """fs.file-max in open files: None where systemd 240 or later has lifted it already, else 500000.

    Source: systemd NEWS, CHANGES WITH 240.
    """
    if (host.get("systemd") or 0) >= FIRST_SYSTEMD_TO_LIFT_FILE_MAX:
        return None
    return OPEN_FILES_WITHOUT_SYSTEMD


def swappiness(host: Mapping[str, Any], _capacity: Mapping[str, int], _options: Mapping[str, Any]) -> Value:
    """vm.swappiness, as a ceiling: 10 where all swap is on a disk or in a file.

    None without swap, with zram among it (which wants a number above 100), or where it is unknown.
    Source: Documentation/admin-guide/sysctl/vm.rst.
    """
    kinds = {space.get("kind") for space in host.get("swap") or []}
    return SWAPPINESS_WITH_DISK_SWAP if kinds and kinds <= {"disk", "file"} else None


def dirty_bytes(host: Mapping[str, Any], _capacity: Mapping[str, int], options: Mapping[str, Any]) -> int | None:
    """vm.dirty_bytes: two seconds of what the disk can write, at least 256 MiB, never above 5 % of the memory.

    `disk_write_bytes_per_second` of the options is the disk's speed, null or 0 if not known. Without it the key is left
    alone: the host's own share is more on all but small hosts, and nothing is lowered unasked.
    On hosts below 5 GiB the 5 % are less than 256 MiB, and win. Below 1 GiB the key is left alone:
    the kernel's own 20 % of what is available are less than 205 MiB there already, and 5 % would
    make every writer wait. None as well where the memory is unknown. Whole MiB.
    """
    disk_bytes = DIRTY_SECONDS_OF_DISK * int(options.get("disk_write_bytes_per_second") or 0)
    memory_bytes = host.get("memory_bytes") or 0 if disk_bytes > 0 else 0
    if memory_bytes < DIRTY_SMALLEST_HOST_BYTES:
        return None
    ceiling_bytes = memory_bytes * DIRTY_PERCENT_OF_MEMORY // 100
    return min(max(disk_bytes, DIRTY_FLOOR_BYTES), ceiling_bytes) // MEBIBYTE * MEBIBYTE


def dirty_background_bytes(host: Mapping[str, Any], capacity: Mapping[str, int], options: Mapping[str, Any]) -> Value:
    """vm.dirty_background_bytes: a quarter of `dirty_bytes`, at least 64 MiB, but never above half of it.

    None where `dirty_bytes` is.
    """
    limit_bytes = dirty_bytes(host, capacity, options)
    if limit_bytes is None:
        return None
    return min(max(limit_bytes // DIRTY_BACKGROUND_DIVISOR, DIRTY_BACKGROUND_FLOOR_BYTES), limit_bytes // 2)


FORMULAS: dict[str, Sizing] = {
    "conntrack_entries": Sizing(
        conntrack_entries, "2 * (4 * (calls + 120 s * set-ups/s) + registrations), ≥ 2 * RTP ports, ≤ 5 % of memory"
    ),
    "dirty_background_bytes": Sizing(dirty_background_bytes, "¼ of vm.dirty_bytes, ≥ 64 MiB"),
    "dirty_bytes": Sizing(dirty_bytes, "where the disk's speed is given: 2 s of writes, ≥ 256 MiB, ≤ 5 % of memory"),
    "flow_table_entries": Sizing(flow_table_entries, "32768 with rps_flow_cnt"),
    "input_queue_packets": Sizing(input_queue_packets, "10000 with RPS or veth"),
    "open_files_of_host": Sizing(open_files_of_host, "500000 without systemd 240 or later"),
    "receive_buffer_default_bytes": Sizing(
        receive_buffer_default_bytes, "where a SIP daemon is: 1 s of SIP datagrams, 6 to 16 MiB; 1 MiB with media"
    ),
    "receive_buffer_max_bytes": Sizing(receive_buffer_max_bytes, "4 to 64 MiB: ½ s of SIP datagrams, ≤ memory / 256"),
    "receive_ring_packets": Sizing(receive_ring_packets, "4096, all rings together ≤ 1 % of memory"),
    "reserved_ports": Sizing(reserved_ports, "SIP, the daemons' RTP ranges, your own"),
    "reverse_path_filter": Sizing(
        reverse_path_filter, "2; 1 where that is set and there is one way in and out; none with a container network"
    ),
    "send_redirects": Sizing(send_redirects, "0 unless the host routes"),
    "sip_receive_buffer_bytes": Sizing(sip_receive_buffer_bytes, "1 s of SIP datagrams, 6 to 64 MiB, ≤ memory / 200"),
    "swappiness": Sizing(swappiness, "10 with swap on disk"),
    "time_wait_sockets": Sizing(time_wait_sockets, "90 s * call set-ups/s"),
}
