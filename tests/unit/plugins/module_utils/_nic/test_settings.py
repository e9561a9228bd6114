# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of interfaces, and the errors of invalid ones."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._nic.modes import LinkMode
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import (
    LINK_OPTIONS,
    OPTIONS,
    RING_OPTIONS,
    NicError,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.settings import (
    Setting,
    check_pattern,
    fits,
    parse_rules,
    parse_setting,
)
from hypothesis import given
from hypothesis import strategies as st

OLD_SWITCH = Setting("link_mode", LinkMode(100, "half", False), why="Old switch.")


@pytest.mark.parametrize("pattern", ["eth0", "eth0.100", "enp*", "en[pos]*", "driver:ixgbe", "driver:*", "a" * 15, "é"])
def test_patterns(pattern: str) -> None:
    assert check_pattern(pattern) == pattern


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "a" * 16, "é" * 8, "eth 0", "eth\t0", "eth0\n", "../eth0", "eth/0", "eth0:1", ".", ".."),
        *("driver:", "driver:" + "a" * 32, "driver:a b", "eth0\0", "\x1b[1m", 7, None, True),
    ],
)
def test_invalid_patterns(pattern: object) -> None:
    with pytest.raises(NicError):
        check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "name", "driver", "expected"),
    [
        ("eth0", "eth0", None, True),
        ("eth0", "eth01", None, False),
        ("eth*", "eth01", None, True),
        ("Eth*", "eth0", None, False),
        ("driver:igb", "eth0", "igb", True),
        ("driver:igb", "igb", "ixgbe", False),
        ("driver:i*gb*", "eth0", "ixgbe", True),
        ("driver:*", "eth0", None, False),
    ],
)
def test_fits(pattern: str, name: str, driver: str | None, expected: bool) -> None:
    assert fits(pattern, name, driver) == expected


@pytest.mark.parametrize(
    ("option", "content", "expected"),
    [
        ("rx", 512, Setting("rx", 512)),
        ("rx", "512", Setting("rx", 512)),
        ("rx", "max", Setting("rx", "max")),
        ("rx", None, None),
        ("rx", {"value": 9, "rule": "at_least", "why": "A\n b."}, Setting("rx", 9, "at_least", None, "A b.")),
        ("rx", {"value": "max", "limit": 4096}, Setting("rx", "max", "exact", 4096)),
        ("pause_rx", True, Setting("pause_rx", "on")),
        ("adaptive_rx", "off", Setting("adaptive_rx", "off")),
        ("txqueuelen", 0, Setting("txqueuelen", 0)),
        ("rps_cpus", 3, Setting("rps_cpus", "3")),
        ("rps_cpus", "3,0-1,2", Setting("rps_cpus", "0-3")),
        ("rps_cpus", "all", Setting("rps_cpus", "all")),
    ],
)
def test_settings(option: str, content: object, expected: Setting | None) -> None:
    assert parse_setting(f"eth0 {option}", OPTIONS[option], content) == expected


@pytest.mark.parametrize(
    ("option", "content", "message"),
    [
        *(("rx", content, "cannot be") for content in (0, -1, True, 1.5, "1e3", "0x10", "010", "many", 2**32, [1])),
        ("rx", {"rule": "at_least"}, "has no value"),
        ("rx", {"value": 1, "size": 2}, "unknown option size"),
        ("rx", {"value": 1, "rule": "more"}, "rule is one of exact, at_least, at_most, not 'more'"),
        ("rx", {"value": 1, "limit": 5}, "limit needs the value max"),
        ("rx", {"value": "max", "limit": 0}, "limit cannot be 0"),
        ("rx", {"value": "max", "rule": "at_most"}, "at_most max"),
        ("rx", {"value": 1, "why": "\x1b[1m"}, "control character"),
        ("rx_usecs", "max", "drivers report no maximum"),
        ("txqueuelen", 32768, "allowed are 0 to 32767"),
        ("pause_rx", 1, "on or off"),
        ("pause_rx", {"value": True, "rule": "at_least"}, "is not a number"),
        *(("rps_cpus", content, "cannot be") for content in ("3-1", "a", "", "0-9999", True, "1,,2", "-1")),
    ],
)
def test_invalid_settings(option: str, content: object, message: str) -> None:
    with pytest.raises(NicError, match=message):
        parse_setting(f"eth0 {option}", OPTIONS[option], content)


@pytest.mark.parametrize(
    ("given_rules", "known", "message"),
    [
        ({"eth0": {"tx_usecs": 1}}, RING_OPTIONS, "no such option: tx_usecs; available: rx, rx_mini, rx_jumbo, tx"),
        ({"eth0": {"rx": 1}}, LINK_OPTIONS, "no such option: rx; .*speed, duplex, autoneg"),
        ({"eth0": {"link_mode": 1}}, LINK_OPTIONS, "no such option: link_mode"),
        ({"eth0": 512}, RING_OPTIONS, "needs a dictionary of options"),
        ({"eth0": None}, RING_OPTIONS, "needs a dictionary of options"),
    ],
)
def test_invalid_rules(given_rules, known, message: str) -> None:
    with pytest.raises(NicError, match=message):
        parse_rules(given_rules, known)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"speed": 1000}, Setting("link_mode", LinkMode(1000))),
        ({"speed": {"value": "100", "why": "Old switch."}, "autoneg": False, "duplex": "half"}, OLD_SWITCH),
        ({"autoneg": True}, Setting("link_mode", LinkMode())),
        ({"speed": None, "duplex": None}, None),
    ],
)
def test_speed_duplex_and_autoneg_are_one_setting(content, expected: Setting | None) -> None:
    (rule,) = parse_rules({"eth0": content}, LINK_OPTIONS)
    assert rule.settings == {"link_mode": expected}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3))
def test_any_content_is_parsed_or_the_domain_error(content: object) -> None:
    for option in OPTIONS.values():
        with contextlib.suppress(NicError):
            parse_setting("eth0 x", option, content)
