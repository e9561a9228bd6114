# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.options import (
    OPTIONS,
    OWNER_LINK,
    OWNER_RING,
    LinkError,
    canonical,
    check_option,
    profile_value,
    same_value,
    unknown_to,
)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("RxBufferSize", "4096", "4096"),
        ("RxBufferSize", "0512", "512"),
        ("RxBufferSize", "max", "max"),
        ("RxBufferSize", "Max", None),
        ("RxBufferSize", "-1", None),
        ("RxBufferSize", "1k", None),
        ("RxFlowControl", "true", "yes"),
        ("RxFlowControl", "OFF", "no"),
        ("RxFlowControl", "perhaps", None),
        ("RxCoalesceSec", "50us", "50"),
        ("RxCoalesceSec", "50 usec", "50"),
        ("RxCoalesceSec", "50µs", "50"),
        ("RxCoalesceSec", "1ms 20us", "1020"),
        ("RxCoalesceSec", "1", "1000000"),
        ("RxCoalesceSec", "50 fortnights", None),
        ("RxCoalesceSec", "us", None),
        ("RxCoalesceSec", "", None),
        ("BitsPerSecond", "1G", "1000000000"),
        ("BitsPerSecond", "100M", "100000000"),
        ("BitsPerSecond", "1Gbit", None),
        ("Duplex", "Full", "full"),
        ("Advertise", "1000baset-full 100baset-full", "1000baset-full 100baset-full"),
        ("Advertise", "100baset-full 1000baset-full", "1000baset-full 100baset-full"),
    ],
)
def test_one_spelling_for_all_that_mean_the_same(option: str, value: str, expected: str | None) -> None:
    assert canonical(option, value) == expected


def test_same_values() -> None:
    assert same_value("RxCoalesceSec", "50us", "50 usec")
    assert same_value("RxFlowControl", "1", "yes")
    assert not same_value("RxBufferSize", "512", "max")
    assert same_value("RxBufferSize", "nonsense", "nonsense")
    assert not same_value("RxBufferSize", "nonsense", "rubbish")


@pytest.mark.parametrize(
    ("option", "value", "owner", "message"),
    [
        ("RxBufferSize", "512", OWNER_LINK, r"is set by siptune\.linux\.nic_ring"),
        ("RxChannels", "4", OWNER_RING, r"is set by siptune\.linux\.nic_link"),
        ("NamePolicy", "keep", OWNER_LINK, "no such option of .link files"),
        ("RxBufferSize", "512\n[Match]", OWNER_RING, "printable line"),
        ("RxBufferSize", "512\\", OWNER_RING, "printable line"),
        ("RxBufferSize", " 512", OWNER_RING, "printable line"),
        ("RxBufferSize", "", OWNER_RING, "printable line"),
        ("RxBufferSize", "many", OWNER_RING, "cannot be 'many': systemd reads a number here"),
        ("RxCoalesceSec", "soon", OWNER_LINK, "systemd reads a duration here"),
    ],
)
def test_invalid_settings(option: str, value: str, owner: str, message: str) -> None:
    with pytest.raises(LinkError, match=message) as caught:
        check_option("eth0", option, value, owner)
    assert caught.value.item == f"eth0 {option}"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "value", "version", "known"),
    [
        ("RxBufferSize", "512", 247, True),
        ("RxBufferSize", "max", 247, False),
        ("RxBufferSize", "max", 249, False),
        ("RxBufferSize", "max", 250, True),
        ("RxFlowControl", "no", 247, True),
        ("TransmitQueueLength", "1000", 247, False),
        ("TransmitQueueLength", "1000", 252, True),
        ("RxCoalesceSec", "50us", 249, False),
        ("RxCoalesceSec", "50us", 252, True),
        ("ReceivePacketSteeringCPUMask", "0-3", 252, False),
        ("ReceivePacketSteeringCPUMask", "0-3", 257, True),
    ],
)
def test_what_a_systemd_knows(option: str, value: str, version: int, known: bool) -> None:
    assert (unknown_to(option, value, version) == "") == known


@pytest.mark.parametrize(
    ("option", "value", "version", "expected"),
    [
        ("RxBufferSize", "512", (1, 30), "512"),
        ("RxBufferSize", "max", (1, 52), None),
        ("RxFlowControl", "no", (1, 30), None),
        ("RxFlowControl", "no", (1, 42), "off"),
        ("RxFlowControl", "yes", (1, 42), "on"),
        ("TransmitQueueLength", "2000", (1, 42), None),
        ("TransmitQueueLength", "2000", (1, 52), "2000"),
        ("CombinedChannels", "4", (1, 42), None),
        ("CombinedChannels", "4", (1, 52), "4"),
        ("RxCoalesceSec", "50us", (1, 30), "50"),
        ("UseAdaptiveRxCoalesce", "no", (1, 30), "0"),
        ("UseAdaptiveRxCoalesce", "yes", (1, 30), "1"),
        ("BitsPerSecond", "1G", (1, 30), "1000"),
        ("Duplex", "full", (1, 30), "full"),
        ("AutoNegotiation", "yes", (1, 30), "yes"),
        ("AutoNegotiation", "no", (1, 30), None),
        ("Advertise", "100baset-full", (1, 52), None),
        ("ReceivePacketSteeringCPUMask", "0-3", (1, 52), None),
    ],
)
def test_the_word_of_networkmanager(option: str, value: str, version: tuple[int, int], expected: str | None) -> None:
    assert profile_value(option, value, version) == expected


def test_no_two_options_share_a_property() -> None:
    properties = [option.property for option in OPTIONS.values() if option.property]
    assert len(properties) == len(set(properties))
