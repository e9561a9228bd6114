# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import LinkOriginal
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic.model import Nic, Reading
from ansible_collections.siptune.linux.plugins.module_utils._nic.modes import LinkMode
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import OPTIONS, NicError
from ansible_collections.siptune.linux.plugins.module_utils._nic.settings import Setting, parse_setting
from ansible_collections.siptune.linux.plugins.module_utils._nic.target import (
    is_met,
    is_ours,
    is_within,
    target_value,
    without_us,
)

ONLINE = frozenset(range(4))
THIS_BOOT, EARLIER_BOOT = "this", "earlier"


def target(option: str, content: object, driver: str = "igb", maximum: int | None = 1024) -> str:
    nic = Nic(Link(2, "eth0", True, driver=driver), {option: Reading("256", maximum)}, {})
    setting = parse_setting(f"eth0 {option}", OPTIONS[option], content)
    assert setting is not None
    return target_value(nic, OPTIONS[option], setting, ONLINE)


@pytest.mark.parametrize(
    ("option", "content", "driver", "expected"),
    [
        ("rx", 500, "igb", "500"),
        ("rx", "max", "igb", "1024"),
        ("rx", {"value": "max", "limit": 600}, "igb", "600"),
        ("rx", {"value": "max", "limit": 9999}, "igb", "1024"),
        ("rx", {"value": 2000, "rule": "at_most"}, "igb", "2000"),
        ("rx", {"value": 600, "rule": "at_least"}, "virtio_net", "1024"),
        ("rx", {"value": 600, "rule": "at_most"}, "virtio_net", "512"),
        ("rx", {"value": "max", "limit": 600}, "virtio_net", "512"),
        ("rx", 512, "virtio_net", "512"),
        ("pause_rx", True, "igb", "on"),
        ("rps_cpus", "all", "igb", "0-3"),
        ("rps_cpus", "none", "igb", "none"),
        ("rps_cpus", "3,0", "igb", "0,3"),
    ],
)
def test_targets(option: str, content: object, driver: str, expected: str) -> None:
    assert target(option, content, driver) == expected


@pytest.mark.parametrize(
    ("option", "content", "driver", "message"),
    [
        ("rx", 1025, "igb", "cannot be 1025: the hardware's maximum is 1024"),
        ("rx", {"value": 1025, "rule": "at_least"}, "igb", "the hardware's maximum is 1024"),
        ("rx", 1000, "virtio_net", "requires a power of two, such as 512 or 1024"),
        ("rps_cpus", "4", "igb", "this host has the CPUs 0-3"),
    ],
)
def test_errors(option: str, content: object, driver: str, message: str) -> None:
    with pytest.raises(NicError, match=message) as caught:
        target(option, content, driver)
    assert caught.value.item == f"eth0 {option}"


def test_a_mode_of_a_link_whose_modes_are_unknown() -> None:
    nic = Nic(Link(2, "eth0", True), {}, {})
    with pytest.raises(NicError, match="eth0 speed: cannot be set: its link modes are unknown"):
        target_value(nic, OPTIONS["link_mode"], Setting("link_mode", LinkMode()), ONLINE)


def test_all_cpus_of_an_unknown_number() -> None:
    setting = parse_setting("eth0 rps_cpus", OPTIONS["rps_cpus"], "all")
    assert setting is not None
    with pytest.raises(NicError, match="/sys does not show"):
        target_value(Nic(Link(2, "eth0", True), {}, {}), OPTIONS["rps_cpus"], setting, frozenset())


@pytest.mark.parametrize(
    ("rule", "bound", "value", "expected"),
    [
        ("exact", "5", "5", False),
        ("at_least", "5", "5", True),
        ("at_least", "5", "4", False),
        ("at_most", "5", "4", True),
        ("at_most", "5", "6", False),
    ],
)
def test_within(rule: str, bound: str, value: str, expected: bool) -> None:
    assert is_within(rule, bound, value) == expected


RX = OPTIONS["rx"]


@pytest.mark.parametrize(
    ("now", "record", "negotiated", "expected"),
    [
        pytest.param("511", None, False, True, id="as wanted"),
        pytest.param("512", None, False, False, id="rounded, but by whom"),
        pytest.param("512", LinkOriginal("256", "511", "512"), False, True, id="as the driver left it"),
        pytest.param("500", LinkOriginal("256", "511", "512"), False, False, id="changed since"),
        pytest.param("512", LinkOriginal("256", "500", "512"), False, False, id="another target"),
        pytest.param("512", LinkOriginal("256", "511", None, EARLIER_BOOT), False, True, id="rounded by a boot"),
        pytest.param("900", LinkOriginal("256", "511", None, EARLIER_BOOT), False, False, id="not by a boot"),
        pytest.param("512", LinkOriginal("256", "511", None, THIS_BOOT), False, False, id="the boot is to come"),
    ],
)
def test_met(now: str, record: LinkOriginal | None, negotiated: bool, expected: bool) -> None:
    assert is_met(RX, "511", now, record, THIS_BOOT, negotiated) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (LinkOriginal("on", "off", "on"), True),
        (LinkOriginal("on", "off", None, EARLIER_BOOT), True),
        (LinkOriginal("on", "off", None, THIS_BOOT), False),
    ],
)
def test_negotiated_pause_frames_need_one_request(record: LinkOriginal, expected: bool) -> None:
    assert is_met(OPTIONS["pause_rx"], "off", "on", record, THIS_BOOT, negotiated=True) == expected
    assert not is_met(OPTIONS["pause_rx"], "off", "on", record._replace(left="off"), EARLIER_BOOT, negotiated=False)


@pytest.mark.parametrize(
    ("now", "record", "ours"),
    [
        ("512", LinkOriginal("256", "511", "512"), True),
        ("511", LinkOriginal("256", "511", "512"), True),
        ("300", LinkOriginal("256", "511", "512"), False),
        ("512", LinkOriginal("256", "511", None, EARLIER_BOOT), True),
        ("512", LinkOriginal("256", "511", None, THIS_BOOT), False),
    ],
)
def test_ours(now: str, record: LinkOriginal, ours: bool) -> None:
    assert is_ours(RX, record, now, THIS_BOOT) == ours
    assert without_us(RX, Reading(now), record, THIS_BOOT) == ("256" if ours else now)


def test_without_a_record_nothing_is_ours() -> None:
    assert without_us(RX, Reading("512"), None, THIS_BOOT) == "512"
