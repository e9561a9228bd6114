# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._notrack.ports import NONE_EXEMPT, Exempt
from ansible_collections.siptune.linux.plugins.module_utils._notrack.settings import (
    MOST_RANGES,
    NotrackError,
    build_request,
    item_of,
    parse_ports,
)


@pytest.mark.parametrize(
    ("given", "ports"),
    [
        ([], Exempt()),
        (["5060", "5061"], Exempt(((5060, 5061),))),
        ([" 10000-20000 ", 5060, "15000-30000"], Exempt(((5060, 5060), (10000, 30000)))),
        (["1", "65535"], Exempt(((1, 1), (65535, 65535)))),
        (["5060/udp", " 5061/tcp ", "5060/tcp", 5062], Exempt(((5060, 5060), (5062, 5062)), ((5060, 5061),))),
        (["7000-7009/tcp"], Exempt(tcp=((7000, 7009),))),
    ],
)
def test_ports(given: list, ports: Exempt) -> None:
    assert parse_ports(given) == ports


@pytest.mark.parametrize(
    "given",
    [
        *("0", "65536", "5061-5060", "5060-", "-5060", "sip", "5060,5061", True, "", "5060;drop", "٥٠٦٠", "99999-9"),
        *("5060/", "/tcp", "5060/TCP", "5060/sctp", "5060 /tcp", "5060/tcp/udp", "0/tcp"),
    ],
)
def test_no_ports(given: object) -> None:
    with pytest.raises(NotrackError, match="is no port, and no range of ports such as 10000-20000"):
        parse_ports([given])


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_there_are_not_too_many(protocol: str) -> None:
    ports = [f"{2 * port}/{protocol}" for port in range(1, MOST_RANGES + 2)]
    assert len(parse_ports(ports[:-1]).of(protocol)) == MOST_RANGES
    with pytest.raises(NotrackError, match=f"{protocol.upper()} ports: 257 separate ranges are more than the 256"):
        parse_ports(ports)


def test_an_error_has_the_item_of_its_protocol() -> None:
    with pytest.raises(NotrackError, match=r"^untracked TCP ports: 99999/tcp is no port"):
        parse_ports(["5060", "99999/tcp"])
    assert item_of(parse_ports(["5060/tcp"])) == "untracked TCP ports"
    assert item_of(parse_ports(["5060/tcp", 5060])) == item_of(NONE_EXEMPT) == "untracked UDP ports"


@pytest.mark.parametrize("ports", [None, [], {}])
def test_without_ports_everything_goes_back(ports: object) -> None:
    assert build_request({"ports": ports, "state": "present"}).ports == NONE_EXEMPT
    assert build_request({"ports": ["5060"], "state": "absent"}).ports == NONE_EXEMPT
    assert build_request({"ports": ["5060"], "state": "present"}).ports == Exempt(((5060, 5060),))
