# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.ethtool import pack_link_request, unpack_link
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.model import Verdict
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_files.options import OPTIONS as LINK_FILE_OPTIONS
from ansible_collections.siptune.linux.plugins.module_utils._nic.link_words import (
    MODE_NAMES,
    NAMES,
    link_file_settings,
    value_of_line,
    verdict_of,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.model import Nic
from ansible_collections.siptune.linux.plugins.module_utils._nic.modes import BITS
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import LINK_MODE, OPTIONS

MASK = sum(1 << BITS[name] for name in ("100baset-full", "1000baset-full", "autonegotiation", "tp", "pause"))
SETTINGS = unpack_link(pack_link_request(3))._replace(supported=MASK, advertising=MASK, autoneg=1)
NIC = Nic(Link(2, "eth0", True), {}, {}, settings=SETTINGS)


def test_every_option_has_a_line_that_systemd_knows() -> None:
    by_rules = {"rps_flow_cnt", "xps_cpus", "udp_hash", "irq_cpus"}
    assert {*NAMES, LINK_MODE, *by_rules} == set(OPTIONS)
    assert [link_file_settings(NIC, option, "1", "Why.") for option in by_rules] == [{}] * len(by_rules)
    assert {*NAMES.values(), *MODE_NAMES} <= set(LINK_FILE_OPTIONS)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("rx", "512", {"RxBufferSize": "512"}),
        ("rx_usecs", "50", {"RxCoalesceSec": "50us"}),
        ("adaptive_rx", "on", {"UseAdaptiveRxCoalesce": "yes"}),
        ("pause_tx", "off", {"TxFlowControl": "no"}),
        ("rps_cpus", "0-3", {"ReceivePacketSteeringCPUMask": "0-3"}),
        ("rps_cpus", "none", {"ReceivePacketSteeringCPUMask": "disable"}),
        ("link_mode", "forced 100 full", {"AutoNegotiation": "no", "BitsPerSecond": "100M", "Duplex": "full"}),
        (
            "link_mode",
            "auto 1000baset-full",
            {"AutoNegotiation": "yes", "Advertise": "1000baset-full autonegotiation tp pause"},
        ),
    ],
)
def test_lines(option: str, value: str, expected: dict[str, str]) -> None:
    settings = link_file_settings(NIC, option, value, "Why.")
    assert {name: setting.value for name, setting in settings.items()} == expected
    assert {setting.why for setting in settings.values()} == {"Why."}


def test_a_verdict_shows_the_option_s_own_value() -> None:
    lines = link_file_settings(NIC, "rx_usecs", "50", "")
    verdicts = {("eth0", "RxCoalesceSec"): Verdict("changed", "50us", "")}
    assert verdict_of(verdicts, "eth0", "rx_usecs", lines, "50") == Verdict("changed", "50", "")
    assert verdict_of({("eth0", "xps_cpus"): Verdict("changed", "0", "")}, "eth0", "xps_cpus", {}, "0") is not None
    shadowed = {("eth0", "RxCoalesceSec"): Verdict("shadowed", "9us", "x")}
    assert verdict_of(shadowed, "eth0", "rx_usecs", lines, "50") == Verdict("shadowed", "9us", "x")
    assert verdict_of(verdicts, "eth1", "rx_usecs", lines, "50") is None


def test_the_worst_line_of_a_link_mode_counts() -> None:
    lines = link_file_settings(NIC, "link_mode", "forced 100 full", "")
    verdicts = {("eth0", name): Verdict("ok", setting.value, "") for name, setting in lines.items()}
    assert verdict_of(verdicts, "eth0", "link_mode", lines, "forced 100 full") == Verdict("ok", "forced 100 full", "")
    verdicts["eth0", "Duplex"] = Verdict("shadowed", "half", "a file")
    assert verdict_of(verdicts, "eth0", "link_mode", lines, "forced 100 full") == Verdict("shadowed", "half", "a file")


@pytest.mark.parametrize(
    ("option", "text", "maximum", "value"),
    [
        ("rx", "512", 4096, "512"),
        ("rx", "8192", 4096, "4096"),
        ("rx", "max", 4096, "4096"),
        ("rx", "max", None, "max"),
        ("rx", "many", 4096, ""),
        ("rx", "4K", 4096, ""),
        ("rx", "\u00b2", 4096, ""),
        ("rx", "9" * 5000, 4096, ""),
        ("rx_usecs", "1ms", None, ""),
        ("rx_usecs", "50us", None, "50"),
        ("pause_rx", "no", None, "off"),
        ("pause_rx", "yes", None, "on"),
        ("rps_cpus", "disable", None, "none"),
        ("rps_cpus", "0-3", None, "0-3"),
    ],
)
def test_the_value_of_a_line(option: str, text: str, maximum: int | None, value: str) -> None:
    assert value_of_line(option, text, maximum) == value


def test_a_line_that_is_there_is_kept() -> None:
    assert link_file_settings(NIC, "rx", "1024", "Why.", "4096")["RxBufferSize"] == ("4096", "Why.")
