# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import CommandResult
from ansible_collections.siptune.linux.plugins.module_utils._sip.calls import Calls
from ansible_collections.siptune.linux.plugins.module_utils._sip.gate import blocked_by_calls, describe_busy

from .test_calls import FREESWITCH, AskedHost
from .test_daemons import place, run_process

IDLE = Calls("kamailio", 0, "transactions", "kamcmd")
BUSY = Calls("asterisk", 3, "calls", "asterisk -rx")
ONE = Calls("rtpengine", 1, "sessions", "ng")
UNKNOWN = Calls("opensips", None, "calls", "", "opensips-cli: is not installed")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param([], "", id="no daemon"),
        pytest.param([IDLE], "", id="idle"),
        pytest.param([BUSY, IDLE], "3 calls in progress: asterisk", id="busy"),
        pytest.param([ONE], "1 session in progress: rtpengine", id="one"),
        pytest.param(
            [UNKNOWN, ONE],
            "unknown whether calls are in progress: opensips (opensips-cli: is not installed); "
            "1 session in progress: rtpengine",
            id="unknown counts as busy",
        ),
    ],
)
def test_calls_in_one_line(seen: list[Calls], expected: str) -> None:
    assert describe_busy(seen) == expected


@pytest.fixture
def host(tmp_path: Path) -> AskedHost:
    place(tmp_path, "/proc/1/comm", "systemd\n")
    run_process(tmp_path, 50, "freeswitch")
    return AskedHost(tmp_path, {FREESWITCH: CommandResult(0, "2 total.\n", "")})


def test_calls_block_a_disruptive_change(host: AskedHost) -> None:
    assert blocked_by_calls(host, disruptive=True, insists=False) == "2 channels in progress: freeswitch"
    assert host.asked == [FREESWITCH]


@pytest.mark.parametrize(("disruptive", "insists"), [(False, False), (False, True), (True, True)])
def test_no_daemon_is_asked_where_the_answer_does_not_matter(host: AskedHost, disruptive: bool, insists: bool) -> None:
    assert blocked_by_calls(host, disruptive, insists) == ""
    assert host.asked == []
