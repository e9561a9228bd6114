# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From siptune_network_notrack to the ports that sip_notrack takes: those of the daemons found, or those named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .capacity import CatalogueError
from .sizing import SIP_PORTS, SIP_PORTS_OF_DAEMON, daemons_of, media_ports

VARIABLE = "siptune_network_notrack"
# What proxies and PBXs listen on where nothing says otherwise; a relay listens for media alone.
RELAYS = ("rtpengine", "rtpengine-recording")
# What Asterisk listens on for other protocols: MGCP (RFC 3435), DUNDi and IAX2 (RFC 5456).
NOT_SIP = (2427, 2727, 4520, 4569)


def notrack_ports(given: object, host: Mapping[str, Any]) -> list[str]:
    """The UDP ports to leave out of the connection tracking, none without a wish. Raises CatalogueError.

    `given` is true for the ports of the daemons of `host`, siptune_host: those that they are configured to carry media
    on, and those of their sockets that others can send SIP to. Without any daemon they are SIP's. A list names them.
    """
    if isinstance(given, (list, tuple)):
        return list(map(str, given))
    word = str(given).lower()
    if given is None or word in ("", "false", "no"):
        return []
    if word not in ("true", "yes"):
        words = 'is true, false, or a list of ports such as [5060, "10000-20000"]'
        raise CatalogueError(f"{VARIABLE}: {words}, not {given!r}")
    found = [ports for daemon in daemons_of(host) for ports in (*_sip_ports(daemon), *media_ports(daemon))]
    return list(dict.fromkeys(found or SIP_PORTS))


def _sip_ports(daemon: Mapping[str, Any]) -> list[str]:
    name, ports = str(daemon.get("name")), daemon.get("udp_ports")
    if name in RELAYS:
        return []
    if ports is None:
        return [*SIP_PORTS, *SIP_PORTS_OF_DAEMON.get(name, ())]
    return [str(port) for port in ports if port not in NOT_SIP]
