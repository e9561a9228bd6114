# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advice names counters and items that there are."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._counters.reading import CONNTRACK_ENTRIES, DESCRIPTORS
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import COUNTERS
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import SYSCTL_LAYERS
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.advice import ADVICE, PART, SOCKET, advice, concerns
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layer


def test_there_is_advice_for_every_counter_and_no_other() -> None:
    assert set(ADVICE) == {counter.name for counter in COUNTERS} | {DESCRIPTORS, CONNTRACK_ENTRIES}
    assert all(found.text for found in ADVICE.values())


def test_every_kernel_parameter_that_would_help_is_in_a_catalogue() -> None:
    keys = {key for name in SYSCTL_LAYERS for key in load_layer(name).catalogue}
    assert {
        item for found in ADVICE.values() for item in found.items if PART not in item and SOCKET not in item
    } <= keys


@pytest.mark.parametrize(
    ("counter", "expected"),
    [
        ({"kind": "counter", "value": 0}, False),
        ({"kind": "counter", "value": 1}, True),
        ({"kind": "counter", "value": None}, False),
        ({"kind": "counter", "value": 1, "name": "SoftnetReceivedRps"}, False),  # steered, not lost
        ({"kind": "gauge", "value": 79, "limit": 100}, False),
        ({"kind": "gauge", "value": 80, "limit": 100}, True),
        ({"kind": "gauge", "value": 80, "limit": None}, False),
        ({"kind": "gauge", "value": 80, "limit": 0}, False),
        ({"kind": "gauge", "value": None, "limit": 100}, False),
    ],
)
def test_when_a_counter_calls_for_a_look(counter: dict[str, Any], expected: bool) -> None:
    assert concerns(counter) is expected


def test_only_the_parts_that_call_for_a_look_are_named() -> None:
    parts = [{"part": "eth0", "value": 3, "limit": None}, {"part": "eth1", "value": 0, "limit": None}]
    assert advice({"name": "NicRxMissed", "kind": "counter", "value": 3, "parts": parts}).items == ("eth0 rx",)


def test_the_sockets_that_have_lost_come_before_what_helps_at_the_next_start() -> None:
    counter = {"name": "UdpRcvbufErrors", "kind": "counter", "value": 3, "parts": []}
    found = advice(counter, ["kamailio udp 127.0.0.1:5060"])
    assert found.items == ("kamailio udp 127.0.0.1:5060 receive buffer", "net.core.rmem_default")
    assert found.text.startswith("more workers first")
    assert advice(counter).items == ("net.core.rmem_default",)


def test_an_unknown_counter_has_no_advice() -> None:
    assert advice({"name": "OfALaterVersion", "kind": "counter", "value": 3, "parts": []}) == ((), "")
