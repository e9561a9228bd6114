# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From siptune_network_notrack to what sip_notrack takes: the ports of the daemons found, or those named."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .._notrack.settings import NotrackError, parse_ports
from .capacity import CatalogueError
from .sizing import SIP_PORTS, SIP_PORTS_OF_DAEMON, daemons_of, media_ports

VARIABLE = "siptune_network_notrack"
VARIABLE_OF_TCP = f"{VARIABLE}_tcp"
# What proxies and PBXs listen on where nothing says otherwise; a relay listens for media alone.
RELAYS = ("rtpengine", "rtpengine-recording")
# What daemons listen on for other protocols. Asterisk: MGCP (RFC 3435), DUNDi and IAX2 (RFC 5456); by TCP SCCP, and its
# manager, with and without TLS. FreeSWITCH: its event socket and XML-RPC. Sources: the samples of their configurations.
NOT_SIP = (2427, 2727, 4520, 4569)
NOT_SIP_OF_TCP = (2000, 5038, 5039, 8021, 8080)


def notrack_ports(given: object, of_tcp: object, host: Mapping[str, Any]) -> list[str]:
    """The ports to leave out of the connection tracking, none without a wish. Raises CatalogueError.

    `given` is true for the UDP ports of the daemons of `host`, siptune_host: those that they are configured to carry
    media on, and those of their sockets that others can send SIP to. Without any daemon they are SIP's. A list names
    them. `of_tcp` is the same for the TCP ports on which the daemons listen.
    """
    daemons = daemons_of(host)
    udp = _wanted(VARIABLE, given, [port for one in daemons for port in _udp_ports(one)] or list(SIP_PORTS))
    of_daemons = [port for one in daemons for port in _tcp_ports(one)] if daemons else list(SIP_PORTS)
    tcp = [port if port.endswith("/tcp") else f"{port}/tcp" for port in _wanted(VARIABLE_OF_TCP, of_tcp, of_daemons)]
    try:
        parse_ports(tcp)
    except NotrackError as error:
        raise CatalogueError(f"{VARIABLE_OF_TCP}: {error}") from error
    return list(dict.fromkeys([*udp, *tcp]))


def _wanted(variable: str, given: object, of_daemons: list[str]) -> list[str]:
    if isinstance(given, (list, tuple)):
        return list(map(str, given))
    word = str(given).lower()
    if given is None or word in ("", "false", "no"):
        return []
    if word not in ("true", "yes"):
        words = 'is true, false, or a list of ports such as [5060, "10000-20000"]'
        raise CatalogueError(f"{variable}: {words}, not {given!r}")
    return of_daemons


def _udp_ports(daemon: Mapping[str, Any]) -> list[str]:
    return [*_sip_ports(daemon, "udp_ports", NOT_SIP), *media_ports(daemon)]


def _tcp_ports(daemon: Mapping[str, Any]) -> list[str]:
    return _sip_ports(daemon, "tcp_ports", NOT_SIP_OF_TCP)


def _sip_ports(daemon: Mapping[str, Any], fact: str, others: Collection[int]) -> list[str]:
    name, ports = str(daemon.get("name")), daemon.get(fact)
    if name in RELAYS:
        return []
    if ports is None:
        return [*SIP_PORTS, *SIP_PORTS_OF_DAEMON.get(name, ())]
    return [str(port) for port in ports if port not in others]
