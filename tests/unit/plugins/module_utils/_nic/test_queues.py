# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queues of an interface in /sys, read and written."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic.queues import queue_names, read_queues, write_queues
from nic_cards import CardHost, igb

LINK = Link(2, "eth0", True, mac="52:54:00:00:00:04")


def test_queues_are_read(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    assert queue_names(host, LINK, "rx") == ["rx-0", "rx-1"]
    assert read_queues(host, LINK, "xps_cpus") == {"tx-0": "none", "tx-1": "none"}
    (tmp_path / "sys/class/net/eth0/queues/rx-0/rps_flow_cnt").write_text("many\n")
    assert read_queues(host, LINK, "rps_flow_cnt") == {"rx-1": "0"}


@pytest.mark.parametrize(
    "link", [LINK._replace(ifindex=9), LINK._replace(mac="52:54:00:00:00:09"), Link(3, "eth1", True)]
)
def test_another_namespace_shows_nothing(tmp_path: Path, link: Link) -> None:
    assert read_queues(CardHost(tmp_path, igb()), link, "rps_cpus") == {}


def test_each_queue_gets_its_own_and_what_is_right_is_not_written(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    written = []
    host.write_kernel = lambda path, text: written.append((path[-13:], text))  # type: ignore[method-assign]
    write_queues(host, LINK, "rps_cpus", "rx-0=0-1 rx-1=none")
    assert written == [("rx-0/rps_cpus", "00000003")]


def test_nothing_is_written_for_a_text_that_is_no_value(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    with pytest.raises(ValueError, match="is not a list of CPUs"):
        write_queues(host, LINK, "rps_cpus", "rx-0=1 rx-1=x")
    assert host.queue("eth0", "rx-0/rps_cpus") == "0"
