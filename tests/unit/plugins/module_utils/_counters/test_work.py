# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How busy a host is."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._counters import work as subject
from ansible_collections.siptune.linux.plugins.module_utils._counters.work import (
    Throttled,
    identity,
    parse_processor_ticks,
    parse_processors,
    parse_throttled,
    work,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from hypothesis import given
from hypothesis import strategies as st

STAT = """\
cpu  300 40 60 900 10 3 4 5 0 0
cpu0 200 40 30 400 5 1 2 3 0 0
cpu1 100 0 30 500 5 2 2 2 0 0
intr 1234
"""
VERSION_2 = "usage_usec 900\nuser_usec 800\nsystem_usec 100\nnr_periods 90\nnr_throttled 12\nthrottled_usec 731000\n"
VERSION_1 = "nr_periods 90\nnr_throttled 12\nthrottled_time 731000000\n"


def test_a_processor_is_busy_with_what_is_not_nice() -> None:
    assert parse_processors(STAT) == [200 + 30 + 1 + 2 + 3, 100 + 30 + 2 + 2 + 2]


@pytest.mark.parametrize("text", [VERSION_1, VERSION_2], ids=["version 1", "version 2"])
def test_what_a_quota_has_held_back(text: str) -> None:
    assert parse_throttled(text) == Throttled(12, 0.731)


@pytest.mark.parametrize("text", ["", "usage_usec 900\n", "nr_periods 0\nnr_throttled 0\nthrottled_usec 0\n"])
def test_no_quota(text: str) -> None:
    assert parse_throttled(text) is None


def test_the_groups_of_a_process_are_looked_for_upwards() -> None:
    two = list(subject._groups("0::/system.slice/kamailio.service\n"))
    assert two == [
        ("/sys/fs/cgroup/system.slice/kamailio.service", "/system.slice/kamailio.service"),
        ("/sys/fs/cgroup/system.slice", "/system.slice"),
        ("/sys/fs/cgroup", "/"),
    ]
    one = list(subject._groups("5:cpu,cpuacct:/a\n4:memory:/b\n"))
    assert one == [
        ("/sys/fs/cgroup/cpu,cpuacct/a", "/a"),
        ("/sys/fs/cgroup/cpu,cpuacct", "/"),
        ("/sys/fs/cgroup/cpu/a", "/a"),
        ("/sys/fs/cgroup/cpu", "/"),
    ]


def test_the_time_of_a_process() -> None:
    stat = "812 (kama (il) io) S 1 1 1 0 -1 4194560 1 2 3 4 50 7 0 0 20 0 1 0 5 6 7"
    assert parse_processor_ticks(stat) == 57
    assert parse_processor_ticks("") == 0


@given(st.text())
def test_no_text_upsets_the_parsers(text: str) -> None:
    for parse in (parse_processors, parse_throttled, parse_processor_ticks, lambda text: list(subject._groups(text))):
        parse(text)


def test_a_host_that_shows_nothing(tmp_path: Path) -> None:
    found = work(Host(str(tmp_path)))
    assert found == {"machine": " ", "processors": [], "daemons": [], "throttled": [], "traffic": {}}


def test_this_machine() -> None:
    found = work(Host())
    assert found["machine"] == identity(Host())
    assert len(found["machine"]) > 36
    assert found["processors"]
    assert found["traffic"]["UdpInDatagrams"] >= 0
