# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Media that goes through a relay, past it, and through it in part."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._prove import model
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.media import relayed, sent
from ansible_collections.siptune.linux.plugins.plugin_utils._prove.verdict import Evidence, judge, remarks

from .made_up import evidence, load, reading, target


def relay(user: int | None = 0, kernel: int | None = 0, pid: int = 500) -> dict[str, Any]:
    return {"pid": pid, "user_packets_total": user, "kernel_packets_total": kernel}


def read(*relays: dict[str, Any]) -> dict[str, Any]:
    return {"rtpengine": list(relays)}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (read(relay(10, 20)), read(relay(15, 120)), 105),
        (read(), read(relay(15, 120)), 135),
        (read(relay(), relay(pid=501)), read(relay(5), relay(0, 6, pid=501)), 11),
        (read(relay(900)), read(relay(3)), 0),  # the daemon was restarted
        (read(relay(None, None)), read(relay(None, None)), None),
        (read(relay()), read(), None),
        ({}, {}, None),
    ],
)
def test_what_was_relayed(before: dict[str, Any], after: dict[str, Any], expected: int | None) -> None:
    assert relayed(before, after) == expected


def test_a_call_of_two_seconds_has_fifty_packets_a_second_each_way() -> None:
    assert sent(10) == 2000  # rtpengine 10.5 has counted 1984 of them


def step(packets: int | None, scenario: str = model.INVITE_MEDIA, **more: Any) -> Evidence:
    before, after = {**reading(), **read(relay())}, {**reading(), **read(relay(packets))}
    return evidence(after, before=before, target=target(scenario=scenario), load=load(**more))


def test_media_through_the_relay() -> None:
    assert judge(step(159_000))["holds"]
    assert remarks(step(159_000)) == []


def test_media_past_the_relay_is_remarked() -> None:
    assert judge(step(0))["holds"]
    assert "rtpengine_manage" in remarks(step(0))[0]
    assert remarks(step(0, model.INVITE)) == []
    assert remarks(step(0, answered=0, unanswered=800, statuses={})) == []
    assert remarks(evidence(target=target(scenario=model.INVITE_MEDIA))) == []


def test_a_relay_that_had_a_part_alone_has_given() -> None:
    reason = judge(step(60_000))["reasons"][0]
    assert (reason["where"], reason["what"], reason["count"]) == (model.DAEMON, "media", 60_000)
    assert "160,000" in reason["detail"]
    assert "delete-delay" in str(reason["help"])
