# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._layers.capacity import CatalogueError
from ansible_collections.siptune.linux.plugins.module_utils._layers.notrack import notrack_ports


def daemon(name: str, udp_ports: list | None = None, rtp_ports: list | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "installed": True, "udp_ports": udp_ports, "rtp_ports": rtp_ports, **more}


@pytest.mark.parametrize(
    ("daemons", "ports"),
    [
        (None, ["5060-5061"]),
        ([], ["5060-5061"]),
        ([daemon("kamailio", [5060, 5080])], ["5060", "5080"]),
        ([daemon("kamailio")], ["5060-5061"]),
        ([daemon("asterisk", [2727, 4520, 4569, 5060], ["25000-26000"])], ["5060", "25000-26000"]),
        ([daemon("asterisk")], ["5060-5061", "10000-20000"]),
        ([daemon("freeswitch", None, ["16384-32768"])], ["5060-5061", "5080-5081", "16384-32768"]),
        ([daemon("rtpengine", [2223], ["30000-40000"])], ["30000-40000"]),
        ([daemon("kamailio", [5060]), daemon("rtpengine", [2223], ["30000-40000"])], ["5060", "30000-40000"]),
        ([daemon("kamailio", [5062], installed=False, running=False)], ["5060-5061"]),
    ],
)
def test_the_ports_of_the_daemons(daemons: list | None, ports: list[str]) -> None:
    assert notrack_ports(True, False, {"sip_daemons": daemons}) == ports


@pytest.mark.parametrize(
    ("daemons", "ports"),
    [
        (None, ["5060-5061/tcp"]),
        ([daemon("kamailio")], ["5060-5061/tcp"]),
        ([daemon("kamailio", [5060], tcp_ports=[])], []),
        ([daemon("kamailio", [5060], tcp_ports=[5060, 5061, 8443])], ["5060/tcp", "5061/tcp", "8443/tcp"]),
        ([daemon("asterisk", tcp_ports=[2000, 5038, 5060, 8089])], ["5060/tcp", "8089/tcp"]),
        ([daemon("freeswitch", tcp_ports=[5060, 5080, 7443, 8021])], ["5060/tcp", "5080/tcp", "7443/tcp"]),
        ([daemon("rtpengine", tcp_ports=[2223])], []),
    ],
)
def test_the_tcp_ports_of_the_daemons(daemons: list | None, ports: list[str]) -> None:
    assert notrack_ports(False, True, {"sip_daemons": daemons}) == ports


def test_tcp_ports_of_the_users_own() -> None:
    found = notrack_ports([5060], [5060, "7000-7009", "5061/tcp"], {})
    assert found == ["5060", "5060/tcp", "7000-7009/tcp", "5061/tcp"]


@pytest.mark.parametrize("port", ["sip", 0, "5060/udp", "5060/sctp", "5061-5060", True])
def test_tcp_ports_that_are_none_are_refused(port: object) -> None:
    with pytest.raises(CatalogueError, match=r"^siptune_network_notrack_tcp: untracked TCP ports: .* is no port"):
        notrack_ports(False, [port], {})


@pytest.mark.parametrize("given", [None, False, "", "no", "False"])
def test_nobody_asks(given: object) -> None:
    assert notrack_ports(given, given, {"sip_daemons": [daemon("kamailio", [5060])]}) == []


def test_ports_of_the_users_own() -> None:
    assert notrack_ports([5060, "10000-20000", "5061/tcp"], None, {}) == ["5060", "10000-20000", "5061/tcp"]
    assert notrack_ports("yes", False, {}) == ["5060-5061"]


@pytest.mark.parametrize("given", [5060, "5060", {"ports": [5060]}, "on"])
def test_anything_else_is_refused(given: object) -> None:
    with pytest.raises(CatalogueError, match="siptune_network_notrack: is true, false, or a list of ports such as"):
        notrack_ports(given, False, {})
    with pytest.raises(CatalogueError, match="siptune_network_notrack_tcp: is true, false, or a list of ports such as"):
        notrack_ports(False, given, {})
