# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time that counters have counted, in words."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.document import (
    HostResults,
    document,
    host_record,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.html import pack
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.period import other_start, period
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.text import render_host

from .test_document import NETWORK, counter, counters


@pytest.mark.parametrize(
    ("seconds", "since", "expected"),
    [
        (60.004, None, "in 60.004 seconds"),
        (1, None, "in 1 second"),
        (5400, "boot", "since the host's boot, 90 minutes ago"),
        (7200, "boot", "since the host's boot, 2 hours ago"),
        (172799, "boot", "since the host's boot, 47 hours ago"),
        (864000, "boot", "since the host's boot, 10 days ago"),
        (864000, "container", "since the container's start, 10 days ago"),
        (1.5, "container", "since the container's start, 1 second ago"),
        (0, "container", "since the container's start, 0 seconds ago"),
        (None, "container", "since the container's start"),
        (None, "namespace", "since its network namespace was made"),
        (None, "boot", "since the host's boot"),
    ],
)
def test_the_period(seconds: float | None, since: str | None, expected: str) -> None:
    assert period({"seconds": seconds, "since_boot": since is not None, "since": since}) == expected


def test_counters_that_could_not_be_read() -> None:
    assert period({}) == "in an unknown time"


def host_of_container() -> HostResults:
    counted: dict[str, Any] = counters(counter("UdpRcvbufErrors", 1), counter("SoftnetDropped", 2))
    counted = {**counted, "since_boot": True, "since": "container", "seconds": 7300.0}
    return HostResults({"network": [NETWORK]}, counted)


def test_a_counter_of_the_whole_machine_is_since_the_hosts_boot_in_a_container() -> None:
    record = host_record("sbc1", host_of_container())
    udp, softnet = record["counters"]["list"]
    assert (udp["since"], softnet["since"]) == ("container", "boot")
    assert other_start(udp, record["counters"]) == ""
    lines = render_host(record)
    assert "  since the container's start, 2 hours ago" in lines
    said = " ".join(" ".join(lines).split())
    assert "UdpRcvbufErrors 1 datagram; " in said
    assert "SoftnetDropped 2 datagrams since the host's boot; " in said
    packed = pack(document({"sbc1": host_of_container()}, "2026-11-24T03:15:00+00:00", 0, "0.1.0"))
    (host,) = packed["hosts"]
    assert packed["strings"][host[7]] == "since the container's start, 2 hours ago"
    assert [packed["strings"][one[7]] for one in host[8]] == ["", "since the host's boot"]


def test_a_window_is_the_same_for_all() -> None:
    window = {**host_of_container().counters, "since_boot": False, "seconds": 60.0}  # type: ignore[dict-item]
    record = host_record("sbc1", HostResults({"network": [NETWORK]}, window))
    assert {other_start(one, record["counters"]) for one in record["counters"]["list"]} == {""}
