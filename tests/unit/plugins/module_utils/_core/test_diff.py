# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._core.change import Change
from ansible_collections.siptune.linux.plugins.module_utils._core.diff import diff_live

SAME = Change("net.ipv4.tcp_sack", "1", "1", "1", "1", "ok")
MOVED = Change("net.core.somaxconn", "9000", "4096", "9000", "9000", "changed")


def test_values_that_change_are_shown_before_and_after() -> None:
    assert diff_live([SAME, MOVED], "here") == [
        {
            "before_header": "here",
            "after_header": "here",
            "before": "net.core.somaxconn = 4096\n",
            "after": "net.core.somaxconn = 9000\n",
        }
    ]


def test_without_a_change_there_is_no_diff() -> None:
    assert diff_live([SAME]) == []


def test_a_value_that_is_not_there_is_not_the_word_none() -> None:
    new = Change("kamailio.service OOMPolicy", "continue", None, "continue", "continue", "changed")
    gone = Change("kamailio.service LimitCORE", None, "infinity", None, None, "changed")
    empty = Change("net.ipv4.ip_local_reserved_ports", "5060", "", "5060", "5060", "changed")
    (diff,) = diff_live([new, gone, empty])
    assert diff["before"].splitlines() == [
        "kamailio.service OOMPolicy = not set",
        "kamailio.service LimitCORE = infinity",
        "net.ipv4.ip_local_reserved_ports = ",
    ]
    assert diff["after"].splitlines() == [
        "kamailio.service OOMPolicy = continue",
        "kamailio.service LimitCORE = not set",
        "net.ipv4.ip_local_reserved_ports = 5060",
    ]
