# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._notrack.settings import (
    MOST_RANGES,
    NotrackError,
    build_request,
    parse_ports,
)


@pytest.mark.parametrize(
    ("given", "ports"),
    [
        ([], ()),
        (["5060", "5061"], ((5060, 5061),)),
        ([" 10000-20000 ", 5060, "15000-30000"], ((5060, 5060), (10000, 30000))),
        (["1", "65535"], ((1, 1), (65535, 65535))),
    ],
)
def test_ports(given: list, ports: tuple) -> None:
    assert parse_ports(given) == ports


@pytest.mark.parametrize(
    "given", ["0", "65536", "5061-5060", "5060-", "-5060", "sip", "5060,5061", True, "", "5060;drop", "٥٠٦٠", "99999-9"]
)
def test_no_ports(given: object) -> None:
    with pytest.raises(NotrackError, match="is no port, and no range of ports such as 10000-20000"):
        parse_ports([given])


def test_there_are_not_too_many() -> None:
    assert len(parse_ports([2 * port for port in range(1, MOST_RANGES + 1)])) == MOST_RANGES
    with pytest.raises(NotrackError, match="257 separate ranges are more than the 256"):
        parse_ports([2 * port for port in range(1, MOST_RANGES + 2)])


@pytest.mark.parametrize("ports", [None, [], {}])
def test_without_ports_everything_goes_back(ports: object) -> None:
    assert build_request({"ports": ports, "state": "present"}).ports == ()
    assert build_request({"ports": ["5060"], "state": "absent"}).ports == ()
    assert build_request({"ports": ["5060"], "state": "present"}).ports == ((5060, 5060),)
