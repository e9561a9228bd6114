# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.ethtool import pack_link_request, unpack_link
from ansible_collections.siptune.linux.plugins.module_utils._nic.modes import (
    BITS,
    LinkMode,
    advertised,
    describe,
    names_of,
    speed_of,
    target_mode,
    with_mode,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import NicError
from hypothesis import given
from hypothesis import strategies as st

COPPER = ["10baset-half", "10baset-full", "100baset-full", "1000baset-full"]


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


@pytest.mark.parametrize(
    ("mode", "twisted_pair", "expected"),
    [
        (LinkMode(), True, "auto " + " ".join(COPPER)),
        (LinkMode(100), True, "auto 100baset-full"),
        (LinkMode(10, "half"), True, "auto 10baset-half"),
        (LinkMode(100, "full", False), True, "forced 100 full"),
        (LinkMode(1000, "full", False), False, "forced 1000 full"),
    ],
)
def test_targets(mode: LinkMode, twisted_pair: bool, expected: str) -> None:
    assert target_mode("eth0 speed", mode, COPPER, twisted_pair) == expected


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        (LinkMode(1000, "full", False), "eth0 speed: cannot be forced to 1000 Mb/s: .*must negotiate"),
        (LinkMode(1000, "half"), "cannot be 1000/half: the hardware supports 10/full, 10/half, 100/full, 1000/full"),
    ],
)
def test_modes_that_are_refused(mode: LinkMode, message: str) -> None:
    with pytest.raises(NicError, match=message):
        target_mode("eth0 speed", mode, COPPER, twisted_pair=True)


def test_the_advertise_line_keeps_all_but_the_speeds() -> None:
    mask = sum(1 << BITS[name] for name in (*COPPER, "autonegotiation", "tp", "pause"))
    settings = unpack_link(pack_link_request(3))._replace(supported=mask, advertising=mask, autoneg=1)
    assert advertised(settings, "auto 100baset-full") == ["100baset-full", "autonegotiation", "tp", "pause"]
