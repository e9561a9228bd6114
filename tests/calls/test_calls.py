# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The short form of `make calls`: a stalled Kamailio loses messages on a stock host, and none on a tuned one.

There is no clock in it: the processes are stopped, datagrams are sent, the processes are woken, answers are counted.
"""

from __future__ import annotations

from typing import Any

import pytest
import sipp
from figures import SHORT_BYTES
from host import Host
from states import CONTRACT_DATAGRAMS_PER_SECOND
from tuning import module, playbook

# More than a socket of any stock kernel holds, and less than TUNED_BYTES hold.
DATAGRAMS = 2000
TUNED_BYTES = 4 << 20
NOISE_DATAGRAMS = 2  # by which two bursts at the same buffer may differ
ITEM = "kamailio udp 127.0.0.1:5060 receive buffer"


@pytest.fixture(name="host")
def with_kamailio(host: Host) -> Host:
    """A host of its own on which a stock Kamailio runs."""
    host.ask("restart", configuration=sipp.KAMAILIO)
    return host


def burst(host: Host) -> dict[str, Any]:
    """What became of datagrams that were sent to the stopped Kamailio. What is not answered was dropped."""
    found = host.ask("burst", count=DATAGRAMS, length=SHORT_BYTES)
    assert found["answered"] + found["dropped"] == DATAGRAMS, found
    return found


def test_a_running_daemon_loses_nothing_once_its_socket_is_raised(host: Host) -> None:
    before, stock = host.ask("state"), burst(host)
    assert 0 < stock["answered"] < DATAGRAMS

    done = module(host, "sip_sockets", {"receive_buffer_bytes": TUNED_BYTES})
    (item,) = [item for item in done["items"] if item["item"] == ITEM]
    assert (item["state"], item["before"]) == ("changed", str(before["buffer_bytes"]))
    raised = host.ask("state")
    assert raised["buffer_bytes"] == int(item["after"]) >= TUNED_BYTES
    assert burst(host)["answered"] == DATAGRAMS

    assert module(host, "sip_sockets", {"state": "absent"})["changed"]
    after = host.ask("state")
    assert after["buffer_bytes"] == before["buffer_bytes"]
    assert abs(burst(host)["answered"] - stock["answered"]) <= NOISE_DATAGRAMS
    assert [one["pids"] for one in (raised, after)] == [before["pids"]] * 2
    assert [one["inode"] for one in (raised, after)] == [before["inode"]] * 2


def test_site_reaches_the_running_daemon_and_rollback_gives_back(host: Host) -> None:
    before, stock = host.ask("state"), burst(host)
    assert 0 < stock["answered"] < DATAGRAMS
    capacity = {"sip_datagrams_per_second": CONTRACT_DATAGRAMS_PER_SECOND}
    playbook(host, "siptune.linux.site", {"siptune_capacity": capacity})
    assert burst(host)["answered"] == DATAGRAMS
    assert host.ask("pids") == before["pids"]
    playbook(host, "siptune.linux.rollback", {})
    assert host.ask("state")["buffer_bytes"] == before["buffer_bytes"]
    assert abs(burst(host)["answered"] - stock["answered"]) <= NOISE_DATAGRAMS
    assert host.ask("pids") == before["pids"]
