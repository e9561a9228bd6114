# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be asked of interfaces, lists of CPUs, link modes and what drivers make of a number."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.ethtool import pack_link_request, unpack_link
from ansible_collections.siptune.linux.plugins.module_utils._nic.modes import (
    BITS,
    describe,
    names_of,
    speed_of,
    with_mode,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import (
    LINK_OPTIONS,
    OPTIONS,
    RING_OPTIONS,
    NicError,
    may_be_rounded,
    powers_around,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.settings import (
    Want,
    check_pattern,
    fits,
    parse_rules,
    parse_want,
)
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.integers(min_value=1, max_value=2**31)


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
def test_what_is_no_pattern(pattern: object) -> None:
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
        ("rx", 512, Want("rx", 512)),
        ("rx", "512", Want("rx", 512)),
        ("rx", "max", Want("rx", "max")),
        ("rx", None, None),
        ("rx", {"value": 9, "rule": "at_least", "why": "Two\n lines."}, Want("rx", 9, "at_least", None, "Two lines.")),
        ("rx", {"value": "max", "limit": 4096}, Want("rx", "max", "exact", 4096)),
        ("pause_rx", True, Want("pause_rx", "on")),
        ("adaptive_rx", "off", Want("adaptive_rx", "off")),
        ("txqueuelen", 0, Want("txqueuelen", 0)),
        ("rps_cpus", 3, Want("rps_cpus", "3")),
        ("rps_cpus", "3,0-1,2", Want("rps_cpus", "0-3")),
        ("rps_cpus", "all", Want("rps_cpus", "all")),
    ],
)
def test_wants(option: str, content: object, expected: Want | None) -> None:
    assert parse_want(f"eth0 {option}", OPTIONS[option], content) == expected


@pytest.mark.parametrize(
    ("option", "content", "message"),
    [
        *(("rx", content, "cannot be") for content in (0, -1, True, 1.5, "1e3", "0x10", "010", "many", 2**32, [1])),
        ("rx", {"rule": "at_least"}, "has no value"),
        ("rx", {"value": 1, "size": 2}, "has no size"),
        ("rx", {"value": 1, "rule": "more"}, "has the rule 'more'"),
        ("rx", {"value": 1, "limit": 5}, "only the value max"),
        ("rx", {"value": "max", "limit": 0}, "limit 0"),
        ("rx", {"value": "max", "rule": "at_most"}, "at_most max"),
        ("rx", {"value": 1, "why": "\x1b[1m"}, "control character"),
        ("rx_usecs", "max", "no driver tells a maximum"),
        ("txqueuelen", 32768, "at most 32767"),
        ("pause_rx", 1, "on or off"),
        ("pause_rx", {"value": True, "rule": "at_least"}, "is no number"),
        *(("rps_cpus", content, "cannot be") for content in ("3-1", "a", "", "0-9999", True, "1,,2", "-1")),
    ],
)
def test_what_cannot_be_wanted(option: str, content: object, message: str) -> None:
    with pytest.raises(NicError, match=message):
        parse_want(f"eth0 {option}", OPTIONS[option], content)


@pytest.mark.parametrize(
    ("given_rules", "known", "message"),
    [
        ({"eth0": {"tx_usecs": 1}}, RING_OPTIONS, "has no option tx_usecs; there are rx, rx_mini, rx_jumbo, tx"),
        ({"eth0": {"rx": 1}}, LINK_OPTIONS, "has no option rx; .*speed, duplex, autoneg"),
        ({"eth0": {"link_mode": 1}}, LINK_OPTIONS, "has no option link_mode"),
        ({"eth0": 512}, RING_OPTIONS, "needs a dictionary of options"),
        ({"eth0": None}, RING_OPTIONS, "needs a dictionary of options"),
    ],
)
def test_what_is_no_rule(given_rules, known, message: str) -> None:
    with pytest.raises(NicError, match=message):
        parse_rules(given_rules, known)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3))
def test_any_content_is_taken_or_the_domain_error(content: object) -> None:
    for option in OPTIONS.values():
        with contextlib.suppress(NicError):
            parse_want("eth0 x", option, content)


# --- what drivers make of a number -----------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "live", "expected"),
    [
        (511, 512, True),
        (1001, 1008, True),
        (16, 48, True),
        (16, 64, True),
        (1000, 1024, True),
        (1000, 512, True),  # ENA
        (3000, 2048, True),
        (512, 256, False),
        (512, 1024, False),
        (1000, 2048, False),
        (1000, 999, False),
        (1001, 1000, False),
        (100, 64, True),  # a power of two below
        (200, 64, False),
        (0, 512, False),
    ],
)
def test_rounding(wanted: int, live: int, expected: bool) -> None:
    assert may_be_rounded(wanted, live) == expected


@given(NUMBERS)
def test_powers_are_around(number: int) -> None:
    below, above = powers_around(number)
    assert below <= number <= above <= 2 * below
    assert may_be_rounded(number, below)
    assert may_be_rounded(number, above)


# --- link modes ------------------------------------------------------------------------------


def test_bits_are_those_of_the_kernel() -> None:
    """Some of linux/ethtool.h, from the first to the last that is named."""
    places = {"10baset-half": 0, "1000baset-full": 5, "autonegotiation": 6, "pause": 13, "25000basecr-full": 31}
    places.update({"10000baseer-full": 46, "5000baset-full": 48, "fec-llrs": 74, "100basefx-full": 91})
    assert {name: BITS[name] for name in places} == places
    assert speed_of("40000basekr4-full") == (40000, "full")
    assert [name for name in BITS if not speed_of(name)] == [
        *("autonegotiation", "tp", "aui", "mii", "fibre", "bnc", "pause", "asym-pause", "backplane", "10000baser-fec"),
        *("fec-none", "fec-rs", "fec-baser", "fec-llrs"),
    ]


@given(st.integers(min_value=0, max_value=2**92 - 1), st.integers(min_value=0, max_value=2**92 - 1))
def test_a_mode_is_put_back_as_it_is_described(supported: int, advertising: int) -> None:
    advertising &= supported
    settings = unpack_link(pack_link_request(3))._replace(supported=supported, advertising=advertising, autoneg=1)
    text = describe(settings)
    if not names_of(supported):
        assert text == ""
        return
    other = settings._replace(advertising=advertising & 1 << BITS["pause"], autoneg=0)
    assert describe(with_mode(other, text)) == text
