# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import struct
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.conntrack import Connection
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._notrack.connections import forget_connections, meant

PORTS = ((5060, 5061), (8443, 8443))


def packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


OWN = {packed(one) for one in ("127.0.0.1", "192.0.2.1", "::1", "2001:db8::1")}


@pytest.mark.parametrize(
    ("ends", "is_ours"),
    [
        pytest.param(("192.0.2.9", 40000, "192.0.2.1", 5060), True, id="a client"),
        pytest.param(("2001:db8::9", 40000, "2001:db8::1", 8443), True, id="a client of IPv6"),
        pytest.param(("192.0.2.1", 5061, "192.0.2.9", 5061), True, id="opened from the port"),
        pytest.param(("192.0.2.1", 40000, "192.0.2.9", 5060), False, id="opened from another port"),
        pytest.param(("192.0.2.9", 40000, "192.0.2.1", 5062), False, id="another port"),
        pytest.param(("192.0.2.9", 40000, "198.51.100.1", 5060), False, id="passed on"),
        pytest.param(("192.0.2.9", 5060, "198.51.100.1", 40000), False, id="passed on from the port"),
        pytest.param(("192.0.2.1", 40000, "192.0.2.1", 5060), False, id="within the host"),
        pytest.param(("127.0.0.1", 40000, "127.8.8.8", 5060), False, id="over the loopback"),
        pytest.param(("::1", 5060, "::1", 5061), False, id="over the loopback of IPv6"),
    ],
)
def test_which_connections_are_left_behind(ends: tuple, is_ours: bool) -> None:
    one = Connection(packed(ends[0]), ends[1], packed(ends[2]), ends[3], b"")
    assert meant(PORTS, OWN)(one) is is_ours


def test_without_tcp_ports_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", None)
    assert forget_connections(Host(str(tmp_path)), ()) == 0


def test_own_addresses_are_asked_of_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host, seen = Host(str(tmp_path)), []
    head = struct.pack("=BBBBI", socket.AF_INET, 24, 0, 0, 2) + struct.pack("=HH", 8, 2) + packed("192.0.2.1")
    dump = struct.pack("=IHHII", 16 + len(head), 20, 2, 1, 0) + head + struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)
    monkeypatch.setattr(host, "route_dump", lambda kind: seen.append(kind) or dump)
    assert forget_connections(host, PORTS) == 0
    assert seen == [22]
