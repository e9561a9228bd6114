# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic.model import Decision, Nic, Observed, Request
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import OPTIONS
from ansible_collections.siptune.linux.plugins.module_utils._nic.safety import flaps, reason_to_wait
from nic_cards import NOTHING_OBSERVED

BUSY: Observed = NOTHING_OBSERVED._replace(blocked_by_calls="2 calls in progress: kamailio")


def nic(driver: str = "igb", up: bool = True) -> Nic:
    return Nic(Link(2, "eth0", up, driver=driver), {}, {})


@pytest.mark.parametrize(
    ("option", "card", "expected"),
    [
        pytest.param("rx", nic(), True, id="rings"),
        pytest.param("rx", nic("virtio_net"), False, id="rings of a hitless driver"),
        pytest.param("channels_rx", nic("virtio_net"), True, id="other options of that driver"),
        pytest.param("rx", nic(up=False), False, id="a link that is down"),
        pytest.param("rx_usecs", nic(), False, id="coalescing"),
        pytest.param("txqueuelen", nic(), False, id="queue"),
        pytest.param("link_mode", nic(), True, id="speed"),
        pytest.param("pause_rx", nic(), True, id="pause"),
    ],
)
def test_flaps(option: str, card: Nic, expected: bool) -> None:
    assert flaps(card, OPTIONS[option]) == expected


@pytest.mark.parametrize(
    ("option", "when", "disruptive", "observed", "reason"),
    [
        pytest.param("rx", "both", True, NOTHING_OBSERVED, "", id="permitted"),
        pytest.param("rx", "both", False, NOTHING_OBSERVED, "needs disruptive", id="not permitted"),
        pytest.param("rx", "both", True, BUSY, "link down now: 2 calls in progress", id="calls"),
        pytest.param("rx_usecs", "both", False, BUSY, "", id="does not flap"),
        pytest.param("rx_usecs", "boot", True, NOTHING_OBSERVED, "(when: boot)", id="boot only"),
        pytest.param("rx", "boot", True, BUSY, "(when: boot)", id="boot only, whatever else"),
    ],
)
def test_reasons(option: str, when: str, disruptive: bool, observed: Observed, reason: str) -> None:
    request = Request("nic_link", OPTIONS, [], when, disruptive)
    found = reason_to_wait(Decision(nic(), OPTIONS[option], None), request, observed)
    assert reason in found
    assert bool(found) == bool(reason)
