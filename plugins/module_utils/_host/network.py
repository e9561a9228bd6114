# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's network as it stands: interfaces, addresses, default routes, the connection that controls it.

Interfaces and addresses come from rtnetlink and not from /sys/class/net, because a /sys mounted in
another network namespace shows that namespace's interfaces. Parsers take bytes or text and never
raise; a dump or text that they cannot read is None.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Callable, NamedTuple, Optional, Tuple

from .cpus import parse_cpu_mask
from .ethtool import RINGS, EthtoolError, pack_driver_request, pack_get, unpack_driver, unpack_numbers
from .host import Host, unless_refused
from .netlink import Link, aligned, messages
from .processes import process_environment, process_status

Read = Callable[[str], Optional[str]]  # of a path

# --- rtnetlink -------------------------------------------------------------------------------

# Source: linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h, linux/if.h; rtnetlink(7)
RTM_NEWADDR, RTM_GETADDR = 20, 22
RTM_NEWROUTE, RTM_GETROUTE = 24, 26

IFA_ADDRESS = 1
IFA_LOCAL = 2

RTA_OIF = 4
RTA_MULTIPATH = 9
RTN_UNICAST = 1

# An x stands for a byte of a field that nobody asks for.
_ADDRESS = struct.Struct("=xBxxI")  # struct ifaddrmsg: family, prefix length, flags, scope, index
_ROUTE = struct.Struct("=xBxxxxxBxxxx")  # struct rtmsg: family, lengths, tos, table, protocol, scope, type, flags
_NEXT_HOP = struct.Struct("=Hxxi")  # struct rtnexthop: length, flags, hops, interface index
_INDEX = struct.Struct("=i")

ETHERNET_ADDRESS_CHARACTERS = len("00:00:00:00:00:00")  # of ETH_ALEN bytes, linux/if_ether.h


def parse_addresses(dump: bytes) -> dict[int, list[str]] | None:
    """The own addresses of an RTM_GETADDR dump, `address/prefix length`, by interface index."""
    addresses = messages(dump, RTM_NEWADDR, _ADDRESS)
    if addresses is None:
        return None
    found: dict[int, list[str]] = {}
    for payload, attributes in addresses:
        prefix_length, index = _ADDRESS.unpack_from(payload)
        # On a point-to-point link IFA_ADDRESS is the peer's; IPv6 sends IFA_LOCAL only where they differ.
        address = _address(attributes.get(IFA_LOCAL, attributes.get(IFA_ADDRESS, b"")))
        if address:
            found.setdefault(index, []).append(f"{address}/{prefix_length}")
    return found


def _address(packed: bytes) -> str | None:
    try:
        return str(ipaddress.ip_address(packed))
    except ValueError:
        return None


def parse_default_routes(dump: bytes) -> list[int] | None:
    """The interface indexes that default routes of an RTM_GETROUTE dump lead out of, in any table.

    Every next hop of a multipath route counts: /proc/net/route shows the first one only.
    """
    routes = messages(dump, RTM_NEWROUTE, _ROUTE)
    if routes is None:
        return None
    indexes: set[int] = set()
    for payload, attributes in routes:
        destination_length, route_type = _ROUTE.unpack_from(payload)
        if destination_length == 0 and route_type == RTN_UNICAST:
            indexes.update(_out_interfaces(attributes))
    return sorted(indexes)


def _out_interfaces(attributes: dict[int, bytes]) -> Iterator[int]:
    out = attributes.get(RTA_OIF, b"")
    if len(out) == _INDEX.size:
        yield _INDEX.unpack(out)[0]
    hops = attributes.get(RTA_MULTIPATH, b"")
    offset = 0
    while offset + _NEXT_HOP.size <= len(hops):
        length, index = _NEXT_HOP.unpack_from(hops, offset)
        if length < _NEXT_HOP.size:
            return
        yield index
        offset += aligned(length)


# --- interfaces ------------------------------------------------------------------------------

SYS_CLASS_NET = "/sys/class/net"
RING_KINDS = ("rx", "rx_mini", "rx_jumbo", "tx")
UNKNOWN_SPEED = 0xFFFFFFFF  # SPEED_UNKNOWN, linux/ethtool.h: some kernels print it unsigned


class Interface(NamedTuple):
    """A network interface as the facts describe it; `ring` and `ring_max` are descriptors by RING_KINDS."""

    name: str
    driver: str | None
    virtual: bool | None
    up: bool
    mac: str | None
    speed_mbps: int | None
    addresses: list[str] | None
    rps: bool | None
    rx_queues: int | None
    ring: dict[str, int] | None
    ring_max: dict[str, int] | None


def interfaces(host: Host, links: list[Link] | None) -> list[Interface] | None:
    """The interfaces behind the links of our network namespace, sorted by name, lo included."""
    if links is None:
        return None
    addresses = parse_addresses(unless_refused(host.route_dump, RTM_GETADDR) or b"")
    found = [_observe(host, link, None if addresses is None else addresses.get(link.ifindex, [])) for link in links]
    return sorted(found, key=lambda interface: interface.name)


def _observe(host: Host, link: Link, addresses: list[str] | None) -> Interface:
    directory = f"{SYS_CLASS_NET}/{link.name}"
    mac = link.mac if len(link.mac or "") == ETHERNET_ADDRESS_CHARACTERS else None
    in_sysfs = _in_sysfs(host, directory, link.ifindex, mac)
    rings = _rings(host, link.name)
    queues = _receive_queues(host, directory) if in_sysfs else []
    return Interface(
        name=link.name,
        driver=driver(host, link.name),
        virtual=not host.exists(directory + "/device") if in_sysfs else link.virtual,
        up=link.up,
        mac=mac,
        speed_mbps=parse_speed_mbps(host.read_lenient(directory + "/speed") or "") if in_sysfs else None,
        addresses=addresses,
        rps=_steers_packets(host, queues),
        rx_queues=len(queues) or None,
        ring={kind: rings[kind] for kind in RING_KINDS} if rings else None,
        ring_max={kind: rings[f"{kind}_max"] for kind in RING_KINDS} if rings else None,
    )


def _in_sysfs(host: Host, directory: str, ifindex: int, mac: str | None) -> bool:
    """Whether /sys shows this very interface, and not a namesake in the namespace where /sys was mounted.

    Only a hardware address proves it: an lo with index 1 is in every namespace.
    """
    if mac is None:
        return False
    shown = [(host.read_lenient(f"{directory}/{name}") or "").strip() for name in ("ifindex", "address")]
    return shown == [str(ifindex), mac]


def parse_speed_mbps(speed: str) -> int | None:
    """The speed in /sys/class/net/X/speed; None for all values by which drivers say that it is unknown."""
    found = re.fullmatch(r"([0-9]{1,10})\n?", speed)
    mbps = int(found.group(1)) if found else 0
    return mbps if 0 < mbps < UNKNOWN_SPEED else None


def _receive_queues(host: Host, directory: str) -> list[str]:
    """The directories of an interface's receive queues, which /sys has for those in use alone."""
    names = unless_refused(host.list_directory, directory + "/queues") or []
    return [f"{directory}/queues/{name}" for name in names if name.startswith("rx-")]


def _steers_packets(host: Host, queues: Sequence[str]) -> bool | None:
    masks = [parse_cpu_mask(host.read_lenient(f"{queue}/rps_cpus") or "") for queue in queues]
    known = [mask for mask in masks if mask is not None]
    if any(known):
        return True
    return False if known and len(known) == len(masks) else None


def driver(host: Host, interface: str) -> str | None:
    """The name of an interface's driver, None if it does not report one."""
    try:
        return unpack_driver(unless_refused(host.ethtool, interface, pack_driver_request()) or b"")
    except EthtoolError:
        return None


def _rings(host: Host, interface: str) -> dict[str, int] | None:
    """The sizes of an interface's rings and their maxima, by the fields of RINGS; None without rings."""
    try:
        return unpack_numbers(RINGS, unless_refused(host.ethtool, interface, pack_get(RINGS)) or b"")
    except EthtoolError:
        return None


# --- default routes --------------------------------------------------------------------------

RTF_REJECT = 0x0200  # linux/route.h
RTF_CACHE = 0x01000000  # linux/ipv6_route.h
# Of a default route that the kernel itself has made of a router advertisement: rt6_add_dflt_router(), net/ipv6/route.c
RTF_ADVERTISED = 0x00010000 | 0x00040000  # RTF_DEFAULT and RTF_ADDRCONF, linux/ipv6_route.h
LOOPBACK = "lo"


class DefaultRoutes(NamedTuple):
    """The interfaces that default routes lead out of, sorted, by address family; None where unreadable."""

    ipv4: list[str] | None
    ipv6: list[str] | None


def default_routes(host: Host, links: list[Link] | None) -> DefaultRoutes:
    """The default routes of every routing table; those that reject do not count."""
    indexes = parse_default_routes(unless_refused(host.route_dump, RTM_GETROUTE, socket.AF_INET) or b"")
    ipv4 = None
    if indexes is not None and links is not None:
        ipv4 = sorted(link.name for link in links if link.ifindex in indexes and link.name != LOOPBACK)
    return DefaultRoutes(ipv4, ipv6_default_routes(host))


def ipv6_default_routes(host: Host) -> list[str] | None:
    """The interfaces that IPv6 default routes lead out of. /proc/net/ipv6_route has a line per next hop."""
    table = _ipv6_table(host, "ipv6_route")
    return None if table is None else parse_ipv6_default_routes(table)


def advertised_default_routes(host: Host) -> list[str]:
    """The interfaces that IPv6 default routes from router advertisements lead out of."""
    return parse_ipv6_default_routes(_ipv6_table(host, "ipv6_route") or "", RTF_ADVERTISED)


def parse_ipv6_default_routes(table: str, with_flags: int = 0) -> list[str]:
    """The interfaces of the default routes in /proc/net/ipv6_route (net/ipv6/route.c, rt6_info_route()).

    Only those that have all of these flags.
    """
    found = set()
    for line in table.split("\n"):
        fields = line.split()
        # destination, its length, source, its length, gateway, metric, references, uses, flags, interface
        if len(fields) != 10 or fields[1] != "00" or not re.fullmatch(r"[0-9a-f]{8}", fields[8]):
            continue
        flags = int(fields[8], 16)
        if not flags & (RTF_REJECT | RTF_CACHE) and flags & with_flags == with_flags and fields[9] != LOOPBACK:
            found.add(fields[9])
    return sorted(found)


def _ipv6_table(host: Host, name: str, read: Read | None = None) -> str | None:
    """A table of /proc/net that only IPv6 fills: empty where the kernel runs without IPv6."""
    text = (read or host.read_lenient)(f"/proc/net/{name}")
    if text is None and host.exists("/proc/net/dev") and not host.exists("/proc/net/if_inet6"):
        return ""
    return text


# --- the reverse path ------------------------------------------------------------------------

STRICT = "1"  # of rp_filter, Documentation/networking/ip-sysctl.rst


def strict_reverse_path(host: Host, uplinks: Sequence[str]) -> bool | None:
    """Whether rp_filter is strict on the whole host, or on an interface that an IPv4 default route leads out of."""
    files = [f"/proc/sys/net/ipv4/conf/{name}/rp_filter" for name in ("all", *uplinks)]
    values = [text.strip() for text in map(host.read_lenient, files) if text is not None]
    return STRICT in values if values else None


# --- IPv6 listeners --------------------------------------------------------------------------

TCP_ESTABLISHED, TCP_LISTEN = "01", "0A"  # include/net/tcp_states.h; UDP has the first for a socket with a peer
UDP_UNCONNECTED = "07"  # TCP_CLOSE, the state of a UDP socket without a peer
IPV6_ADDRESSES = "/proc/net/if_inet6"
GLOBAL_SCOPE = "00"  # IPV6_ADDR_SCOPE_GLOBAL of if_inet6, include/net/ipv6.h
SIP_PORTS = frozenset((5060, 5061))  # RFC 3261, section 19.1.2
SOCKET_TABLES = (("udp6", "udp", UDP_UNCONNECTED), ("tcp6", "tcp", TCP_LISTEN))


End = Tuple[ipaddress.IPv6Address, int]


class Listener(NamedTuple):
    """A socket bound to one address of the host and waiting for anyone to send."""

    port: int
    address: str
    transport: str

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}/{self.transport}"


def ipv6_listeners(host: Host, read: Read | None = None) -> list[Listener] | None:
    """The sockets bound to a specific global IPv6 address, sorted by port.

    `read` reads a table, for callers that need it again: the kernel takes milliseconds for each of TCP.
    """
    found: set[Listener] = set()
    for name, transport, state in SOCKET_TABLES:
        table = _ipv6_table(host, name, read)
        if table is None:
            return None
        found.update(parse_listeners(table, transport, state))
    return sorted(found)


def parse_listeners(table: str, transport: str, state: str) -> set[Listener]:
    """The sockets of /proc/net/udp6 or tcp6 in a state and bound to a specific global address. Source: proc_net(5)."""
    return {
        Listener(port, str(address), transport)
        for address, port in _bound(table, state)
        if _specific_and_global(address)
    }


def parse_sip_on_any_address(table: str, transport: str, state: str) -> set[Listener]:
    """The sockets of a SIP port that are bound to any address, [::]. Source: proc_net(5)."""
    return {
        Listener(port, str(address), transport)
        for address, port in _bound(table, state)
        if address.is_unspecified and port in SIP_PORTS
    }


def parse_connections(table: str, transport: str) -> list[str]:
    """The connections of /proc/net/udp6 or tcp6 with other hosts, as a person would write them: proc_net(5)."""
    return [
        f"[{local}]:{port}/{transport} with [{remote}]:{remote_port}"
        for (local, port), (remote, remote_port) in _ends(table, TCP_ESTABLISHED)
        if not (local.is_loopback or local.ipv4_mapped or local == remote)
    ]


def _bound(table: str, state: str) -> Iterator[End]:
    """The local end of each socket in a state."""
    return (local for local, _remote in _ends(table, state))


def _ends(table: str, state: str) -> Iterator[tuple[End, End]]:
    """The local and the remote end of each socket in a state, each an address and a port."""
    for line in table.split("\n"):
        if f" {state} " not in line:  # as most of a busy host's, which are not taken apart
            continue
        fields = line.split(None, 4)  # slot, local address, remote address, state, the rest
        if len(fields) < 5 or fields[3] != state:
            continue
        ends = [re.fullmatch(r"([0-9A-F]{32}):([0-9A-F]{4})", field) for field in fields[1:3]]
        local, remote = ((_parse_kernel_ipv6(end.group(1)), int(end.group(2), 16)) if end else None for end in ends)
        if local and remote:
            yield local, remote


class Address(NamedTuple):
    """An IPv6 address of an interface; `is_global`: of global scope, which unique local addresses (fd00::/8) have."""

    interface: str
    address: str
    is_global: bool

    def __str__(self) -> str:
        return f"{self.address} on {self.interface}"


def ipv6_addresses(host: Host) -> list[Address]:
    """The IPv6 addresses of the host, those of the loopback interface included."""
    return parse_ipv6_addresses(host.read_lenient(IPV6_ADDRESSES) or "")


def parse_ipv6_addresses(table: str) -> list[Address]:
    """The addresses in /proc/net/if_inet6. Source: net/ipv6/addrconf.c, if6_seq_show."""
    found = []
    for fields in map(str.split, table.split("\n")):
        # address, interface index, prefix length, scope, flags, interface
        if len(fields) != 6 or not re.fullmatch(r"[0-9a-f]{32}", fields[0]):
            continue
        if re.fullmatch(r"[0-9a-f]{2}", fields[2]):
            address = f"{ipaddress.IPv6Address(int(fields[0], 16))}/{int(fields[2], 16)}"
            found.append(Address(fields[5], address, fields[3] == GLOBAL_SCOPE))
    return found


def _parse_kernel_ipv6(digits: str) -> ipaddress.IPv6Address:
    """An address of /proc/net: four 32-bit words, each printed as a number of the host's byte order."""
    words = (int(digits[start : start + 8], 16) for start in range(0, 32, 8))
    return ipaddress.IPv6Address(struct.pack("=4I", *words))


def _specific_and_global(address: ipaddress.IPv6Address) -> bool:
    local = address.is_unspecified or address.is_loopback or address.is_link_local
    return not (local or address.is_multicast or address.ipv4_mapped)


# --- the connection that controls the host ---------------------------------------------------

SSH_VARIABLE = "SSH_CONNECTION"  # ssh(1): client address, client port, server address, server port
MOST_ANCESTORS = 64  # an end to the walk, should /proc change under it


class ControlConnection(NamedTuple):
    """This end of the ssh connection that runs us; both None where there is none."""

    family: str | None
    address: str | None


NO_CONTROL_CONNECTION = ControlConnection(None, None)


def parse_ssh_connection(value: str) -> ControlConnection | None:
    """The server's end of an SSH_CONNECTION value, an IPv4-mapped address as the IPv4 address it is."""
    fields = value.split(" ")
    if len(fields) != 4:
        return None
    plain, _percent, zone = fields[2].partition("%")
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped or address.version == 4:
        return ControlConnection("ipv4", str(mapped or address))
    return ControlConnection("ipv6", f"{address}%{zone}" if zone else str(address))


def control_connection(host: Host) -> ControlConnection:
    """The ssh connection we are run by: from our environment, or, as sudo strips it, from an ancestor's."""
    process: int | str = "self"
    for _generation in range(MOST_ANCESTORS):
        found = parse_ssh_connection(process_environment(host, process).get(SSH_VARIABLE, ""))
        status = process_status(host, process)
        if found or status is None:
            return found or NO_CONTROL_CONNECTION
        process = status.parent
    return NO_CONTROL_CONNECTION


# --- the need for IPv6 ------------------------------------------------------------------------

MOST_NAMED = 5  # enough to recognize the service; a media relay has thousands of sockets


def ipv6_in_use(host: Host) -> list[str]:
    """The reasons, for people to read, why IPv6 must not be switched off on this host now.

    An unreadable table counts as a reason: we never cut anybody off because we could not look.
    """
    routes, listeners = ipv6_default_routes(host), ipv6_listeners(host)
    if routes is None or listeners is None:
        return ["its routes and sockets cannot be read, so it may be in use"]
    reasons = []
    control = control_connection(host)
    if control.family == "ipv6":
        reasons.append(f"the control connection comes in over IPv6 ({control.address})")
    reasons += [f"the default route of {name} is IPv6" for name in routes]
    tables = [(transport, _ipv6_table(host, name) or "", state) for name, transport, state in SOCKET_TABLES]
    addresses = [address for address in ipv6_addresses(host) if address.is_global]
    if addresses:
        on_any = sorted(
            one for transport, table, state in tables for one in parse_sip_on_any_address(table, transport, state)
        )
        reasons += [f"SIP is served on {listener}, and the host has a global IPv6 address" for listener in on_any]
    reasons += _some(
        "a SIP/RTP or other service listens on {}", listeners, "sockets listen on IPv6 addresses of this host"
    )
    connections = [one for transport, table, _state in tables for one in parse_connections(table, transport)]
    reasons += _some("there is a connection of {}", connections, "connections use IPv6")
    return reasons + _some("the host has the global address {}", addresses, "global IPv6 addresses")


def _some(reason: str, found: Sequence[object], others: str) -> list[str]:
    """A reason for each of the first ones found, and one for all others."""
    more = len(found) - MOST_NAMED
    return [reason.format(one) for one in found[:MOST_NAMED]] + ([f"{more} more {others}"] if more > 0 else [])
