# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import (
    CHANGED,
    KEPT,
    OK,
    PENDING,
    READONLY,
    Change,
)
from ansible_collections.siptune.linux.plugins.module_utils._sip.receive_buffers import NOTHING, Asked
from ansible_collections.siptune.linux.plugins.module_utils._sockets.items import (
    buffer_item,
    daemon_item,
    further_item,
    met_item,
    next_start,
    raised_item,
    returned_item,
    unreached_item,
    waiting_item,
)
from ansible_collections.siptune.linux.plugins.module_utils._sockets.model import Recorded, Unreached
from ansible_collections.siptune.linux.plugins.module_utils._sockets.settings import Floor
from socket_hosts import CONFIGURATION, MIB, STOCK, original, socket

FLOOR = Floor(6 * MIB, "stalls")
NAME = "kamailio udp 127.0.0.1:5060 receive buffer"


def test_names() -> None:
    assert buffer_item("kamailio", "[::1]:5060") == "kamailio udp [::1]:5060 receive buffer"
    assert daemon_item("kamailio") == "kamailio receive buffers"


def test_a_raised_socket_and_one_that_has_enough() -> None:
    size, wanted = str(6 * MIB), f"at least {6 * MIB}"
    raised = Change(NAME, wanted, str(STOCK), size, size, CHANGED, "stalls", "", size)  # not by this call
    assert raised_item(socket(), FLOOR, 6 * MIB) == raised
    assert met_item(socket(size=8 * MIB), FLOOR, ours=False).state == KEPT
    assert met_item(socket(size=8 * MIB), FLOOR, ours=True).state == OK
    assert met_item(socket(size=6 * MIB), FLOOR, ours=False).state == OK


def test_one_that_waits_says_why_and_until_when() -> None:
    change = waiting_item(socket(size=None, obstacle="no"), FLOOR, "no")
    assert (change.state, change.before, change.after, change.at_boot) == (PENDING, None, None, str(6 * MIB))
    assert change.reason == "no; it stays as it is until kamailio starts the next time"


def test_what_a_bound_leaves_is_named() -> None:
    left = [socket(port) for port in range(6000, 6008)]
    change = further_item("kamailio", left, FLOOR, "enough")
    assert (change.item, change.state) == ("kamailio further receive buffers", PENDING)
    assert change.reason.startswith("enough: left as they are are 127.0.0.1:6000, 127.0.0.1:6001")
    assert change.reason.endswith("127.0.0.1:6005 and 2 more")


def test_a_daemon_that_is_left_alone() -> None:
    change = unreached_item(Unreached("kamailio receive buffers", READONLY, "a container"), FLOOR)
    assert (change.item, change.state, change.reason) == ("kamailio receive buffers", READONLY, "a container")


def test_one_that_goes_back() -> None:
    one = Recorded("1 2 3", original(socket()), socket().place, 6 * MIB)
    change = returned_item(one, CHANGED)
    assert (change.before, change.after, change.wanted) == (str(6 * MIB), str(STOCK), None)
    assert returned_item(one, KEPT, "since").after == str(6 * MIB)


@pytest.mark.parametrize(
    ("daemon", "asked", "then", "expected"),
    [
        pytest.param("kamailio", Asked(262144, "", CONFIGURATION), 6 * MIB, "", id="enough"),
        pytest.param("kamailio", Asked(262144, "", CONFIGURATION), None, "", id="not known"),
        pytest.param(
            "kamailio",
            Asked(262144, "", CONFIGURATION),
            524288,
            "at its next start it has 524288: net.core.rmem_default, or maxbuffer=3145728 in "
            "/etc/kamailio/kamailio.cfg, gives it more",
            id="maxbuffer",
        ),
        pytest.param(
            "kamailio",
            Asked(400000, f"{CONFIGURATION} line 7", CONFIGURATION),
            800000,
            "at its next start it has 800000, as /etc/kamailio/kamailio.cfg line 7 sets maxbuffer to 400000",
            id="what an administrator has set is left to him",
        ),
        pytest.param(
            "opensips",
            Asked(262144, "", "/o"),
            524288,
            "at its next start it has 524288: net.core.rmem_default, or maxbuffer=3145728 in /o, gives it more; "
            "maxbuffer is the send buffer of each TCP and TLS connection of OpenSIPS, too",
            id="OpenSIPS",
        ),
        pytest.param(
            "rtpengine",
            NOTHING,
            MIB,
            "at its next start it has 1048576, which net.core.rmem_default decides",
            id="nothing to ask for",
        ),
    ],
)
def test_what_the_next_start_lacks(daemon: str, asked: Asked, then: int | None, expected: str) -> None:
    assert next_start(socket(daemon=daemon, asked=asked, at_next_start=then), FLOOR) == expected
