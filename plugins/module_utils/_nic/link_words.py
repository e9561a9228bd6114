# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of interfaces as the settings of .link files, for the next boots. Source: systemd.link(5)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .._core.change import ABSENT, CHANGED, KEPT, OK, PENDING, SHADOWED
from .._host.cpus import NONE
from .link_files.file import Setting
from .link_files.model import Verdict
from .link_files.options import MAX
from .model import Nic
from .modes import FORCED, advertised
from .options import LINK_MODE, OFF, ON, OPTIONS, RPS_CPUS, SWITCH

NAMES = {
    "rx": "RxBufferSize",
    "rx_mini": "RxMiniBufferSize",
    "rx_jumbo": "RxJumboBufferSize",
    "tx": "TxBufferSize",
    "txqueuelen": "TransmitQueueLength",
    "rx_usecs": "RxCoalesceSec",
    "rx_frames": "RxMaxCoalescedFrames",
    "tx_usecs": "TxCoalesceSec",
    "tx_frames": "TxMaxCoalescedFrames",
    "adaptive_rx": "UseAdaptiveRxCoalesce",
    "adaptive_tx": "UseAdaptiveTxCoalesce",
    "pause_autoneg": "AutoNegotiationFlowControl",
    "pause_rx": "RxFlowControl",
    "pause_tx": "TxFlowControl",
    "channels_rx": "RxChannels",
    "channels_tx": "TxChannels",
    "channels_other": "OtherChannels",
    "channels_combined": "CombinedChannels",
    RPS_CPUS: "ReceivePacketSteeringCPUMask",
}
MODE_NAMES = ("AutoNegotiation", "Advertise", "BitsPerSecond", "Duplex")
NO_STEERING = "disable"
_WORST_FIRST = (SHADOWED, PENDING, ABSENT, CHANGED, KEPT, OK)


def link_file_settings(nic: Nic, option: str, value: str, why: str, line: str | None = None) -> dict[str, Setting]:
    """The settings of a .link file that give an option this value: `line`, or else its usual spelling."""
    if line is not None:
        return {NAMES[option]: Setting(line, why)}
    return {name: Setting(text, why) for name, text in _lines(nic, option, value).items()}


def value_of_line(option: str, text: str, maximum: int | None) -> str:
    """The value that a line of a .link file gives an option that has one line, by this hardware's maximum.

    systemd cuts a number to the maximum, and knows `max`: systemd.link(5). Empty for a line that sets nothing.
    """
    if OPTIONS[option].kind == SWITCH:
        return ON if text == "yes" else OFF
    if option == RPS_CPUS:
        return NONE if text == NO_STEERING else text
    if text == MAX:
        return MAX if maximum is None else str(maximum)
    number = re.fullmatch("([0-9]{1,10})us" if option in ("rx_usecs", "tx_usecs") else "([0-9]{1,10})", text)
    if number is None:
        return ""
    return str(int(number[1]) if maximum is None else min(int(number[1]), maximum))


def _lines(nic: Nic, option: str, value: str) -> dict[str, str]:
    if option not in NAMES and option != LINK_MODE:
        return {}
    if option == LINK_MODE:
        return _mode_lines(nic, value)
    if OPTIONS[option].kind == SWITCH:
        return {NAMES[option]: "yes" if value == ON else "no"}
    if option in ("rx_usecs", "tx_usecs"):
        return {NAMES[option]: f"{value}us"}
    if option == RPS_CPUS:
        return {NAMES[option]: NO_STEERING if value == NONE else value}
    return {NAMES[option]: value}


def _mode_lines(nic: Nic, value: str) -> dict[str, str]:
    kind, *words = value.split()
    if kind == FORCED:
        return {"AutoNegotiation": "no", "BitsPerSecond": f"{words[0]}M", "Duplex": words[1]}
    names = advertised(nic.settings, value) if nic.settings else words
    return {"AutoNegotiation": "yes", "Advertise": " ".join(names)}


def verdict_of(
    verdicts: Mapping[tuple[str, str], Verdict],
    interface: str,
    option: str,
    lines: Mapping[str, Setting],
    value: str | None,
) -> Verdict | None:
    """The verdict on an option, of those on the lines of its .link file, or of our udev rules; None without any.

    A link mode has several lines, and the worst verdict counts.
    """
    names = MODE_NAMES if option == LINK_MODE else (NAMES.get(option, option), option)
    found = [(name, verdicts[interface, name]) for name in names if (interface, name) in verdicts]
    if not found:
        return None
    name, worst = min(found, key=lambda pair: _WORST_FIRST.index(pair[1].state))
    wanted = lines[name].value if name in lines else None
    at_boot, before = (
        value if text is not None and text == wanted else text for text in (worst.at_boot, worst.at_boot_before)
    )
    return worst._replace(at_boot=at_boot, at_boot_before=before)
