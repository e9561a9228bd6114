# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the running TCP connections of untracked ports out of the connection tracking.

Their entries would stay for five days (nf_conntrack_tcp_timeout_established), and count. And a connection that is
tracked again within that time would meet its own, whose sequence numbers are long past: its packets would be invalid.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection

from .._host.conntrack import Connection, forget
from .._host.host import Host
from .._host.network import RTM_GETADDR, parse_addresses
from .ports import Ports

IPV4_LOOPBACK = b"\x7f"  # 127.0.0.0/8: RFC 1122, 3.2.1.3


def forget_connections(host: Host, ports: Ports) -> int:
    """Have the kernel forget the TCP connections that our table exempts; returns how many. Raises HostError."""
    return forget(host, meant(ports, _own_addresses(host))) if ports else 0


def _own_addresses(host: Host) -> set[bytes]:
    """The addresses of this host, packed. Raises HostError."""
    found = parse_addresses(host.route_dump(RTM_GETADDR)) or {}
    return {ipaddress.ip_interface(address).packed for addresses in found.values() for address in addresses}


def meant(ports: Ports, own: Collection[bytes]) -> Callable[[Connection], bool]:
    """Whether our table exempts a connection: one of these ports of this host, with another host at the other end."""
    numbers = {port for first, last in ports for port in range(first, last + 1)}

    def is_own(address: bytes) -> bool:
        return address in own or (len(address) == len(b"IPv4") and address.startswith(IPV4_LOOPBACK))

    def is_meant(one: Connection) -> bool:
        if one.destination_port in numbers and is_own(one.destination):
            return not is_own(one.source)
        return one.source_port in numbers and is_own(one.source) and not is_own(one.destination)

    return is_meant
