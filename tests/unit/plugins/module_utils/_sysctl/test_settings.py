# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import SysctlError
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.settings import (
    Setting,
    check_together,
    checked_for,
    parse_settings,
)


def test_a_setting_is_a_value_or_a_dictionary_with_a_rule_and_reasons() -> None:
    given = {
        "net.ipv4.tcp_sack": 1,
        "net.core.rmem_max": {"value": "0x400000", "rule": "at_least", "why": "bursts\nof SIP", "hazard": "memory"},
    }
    assert parse_settings(given) == [
        Setting("net/ipv4/tcp_sack", "1"),
        Setting("net/core/rmem_max", "4194304", "at_least", "bursts of SIP", "memory"),
    ]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"net.ipv4.tcp_sack": 1, "net/ipv4/tcp_sack": 1}, "named twice"),
        ({"vm.dirty_ratio": 10, "vm.dirty_bytes": 5}, "exclude each other"),
        ({"vm.dirty_bytes": 0}, "instead"),
        ({"net.ipv4.tcp_sack": {"rule": "exact"}}, "has no value"),
        ({"net.ipv4.tcp_sack": {"value": 1, "wy": "x"}}, "unknown option wy"),
        ({"net.ipv4.tcp_sack": {"value": 1, "rule": "atleast"}}, "rule is one of exact, at_least"),
        ({"net.ipv4.tcp_sack": {"value": 1, "why": 5}}, "why is a text"),
        ({"net.ipv4.tcp_sack": {"value": 1, "why": "a\0net.ipv4.tcp_syncookies = 0"}}, "control character"),
        ({"net.ipv4.tcp_sack": {"value": 1, "hazard": "\x1b[31m"}}, "control character"),
        ({"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.forwarding": 0}, "one switch"),
        ({"kernel.core_pattern": {"value": "core", "rule": "at_least"}}, "needs numbers"),
    ],
)
def test_contradictory_or_invalid_settings_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SysctlError, match=complaint):
        parse_settings(settings)


def test_two_names_of_one_switch_may_agree() -> None:
    check_together([("net/ipv4/ip_forward", "1"), ("net/ipv4/conf/all/forwarding", "1")])


def test_the_value_of_a_glob_is_checked_for_each_key_that_it_names() -> None:
    glob = Setting("net/ipv4/conf/eth0/rp_filte?", "7")
    assert checked_for(glob, "net/ipv4/conf/eth0/unknown") == glob
    with pytest.raises(SysctlError, match=r"^net.ipv4.conf.eth0.rp_filter: 7 is outside"):
        checked_for(glob, "net/ipv4/conf/eth0/rp_filter")


@pytest.mark.parametrize("given", ["yes", 1, None, "true"])
def test_irreversible_is_a_boolean(given: object) -> None:
    with pytest.raises(SysctlError, match="irreversible is true or false"):
        parse_settings({"kernel.modules_disabled": {"value": 1, "irreversible": given}})
