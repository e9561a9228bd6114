# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of .link files that are ours to set: their owner, the systemd that knows them, and their values.

Sources: systemd.link(5), whose version notes are those of systemd's NEWS; nm-settings-nmcli(5). The names of
NetworkManager's properties, and which version lacks them, were read from NetworkManager 1.30, 1.42 and 1.52.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..._core.errors import ItemError

OWNER_RING = "nic_ring"
OWNER_LINK = "nic_link"
OWNERS = (OWNER_RING, OWNER_LINK)

NUMBER = "number"
TRUTH = "truth"
DURATION = "duration"
BITS = "bits"
TEXT = "text"

MAX = "max"
MAX_SINCE = 250  # systemd NEWS, changes with 250: the ethtool buffer settings understand "max"
UDEV_RULE = "a udev rule"

_TRUTHS = {"1": "yes", "yes": "yes", "y": "yes", "true": "yes", "t": "yes", "on": "yes"}
_TRUTHS.update({"0": "no", "no": "no", "n": "no", "false": "no", "f": "no", "off": "no"})  # systemd.syntax(7)
_MICROSECONDS = {"us": 1, "µs": 1, "usec": 1, "ms": 1000, "msec": 1000, "s": 10**6, "sec": 10**6, "": 10**6}
_MULTIPLES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}  # systemd.link(5): to the base of 1000


class LinkError(ItemError):
    """A setting that cannot or must not be persisted. Names the interface or option and says what to do."""


class Option(NamedTuple):
    """An option of the [Link] section.

    `since` is the first systemd that knows it, `property` its counterpart in a profile of NetworkManager (empty
    without one) and `property_since` the first version of that. `instead` names another way to set it at boot.
    """

    owner: str
    since: int
    kind: str
    property: str = ""
    property_since: tuple[int, int] = (0, 0)
    instead: str = f"{UDEV_RULE} that runs ethtool"


def _ring(name: str) -> Option:
    return Option(OWNER_RING, 244, NUMBER, f"ethtool.ring-{name}", (1, 26))


def _channels(name: str) -> Option:
    return Option(OWNER_LINK, 239, NUMBER, f"ethtool.channels-{name}", (1, 46))


def _pause(name: str) -> Option:
    return Option(OWNER_LINK, 246, TRUTH, f"ethtool.pause-{name}", (1, 32))


def _coalesce(name: str, kind: str = NUMBER) -> Option:
    return Option(OWNER_LINK, 250, kind, f"ethtool.coalesce-{name}", (1, 26))


OPTIONS = {
    "RxBufferSize": _ring("rx"),
    "RxMiniBufferSize": _ring("rx-mini"),
    "RxJumboBufferSize": _ring("rx-jumbo"),
    "TxBufferSize": _ring("tx"),
    "TransmitQueueLength": Option(
        OWNER_LINK, 248, NUMBER, "link.tx-queue-length", (1, 44), f"{UDEV_RULE} with ATTR{{tx_queue_len}}="
    ),
    "BitsPerSecond": Option(OWNER_LINK, 211, BITS, "802-3-ethernet.speed", (1, 0)),
    "Duplex": Option(OWNER_LINK, 211, TEXT, "802-3-ethernet.duplex", (1, 0)),
    "AutoNegotiation": Option(OWNER_LINK, 233, TRUTH, "802-3-ethernet.auto-negotiate", (1, 0)),
    "Advertise": Option(OWNER_LINK, 240, TEXT),
    "RxFlowControl": _pause("rx"),
    "TxFlowControl": _pause("tx"),
    "AutoNegotiationFlowControl": _pause("autoneg"),
    "RxChannels": _channels("rx"),
    "TxChannels": _channels("tx"),
    "OtherChannels": _channels("other"),
    "CombinedChannels": _channels("combined"),
    "NTupleFilter": Option(OWNER_LINK, 250, TRUTH, "ethtool.feature-ntuple", (1, 20)),
    "UseAdaptiveRxCoalesce": _coalesce("adaptive-rx", TRUTH),
    "UseAdaptiveTxCoalesce": _coalesce("adaptive-tx", TRUTH),
    "RxCoalesceSec": _coalesce("rx-usecs", DURATION),
    "RxCoalesceIrqSec": _coalesce("rx-usecs-irq", DURATION),
    "RxCoalesceLowSec": _coalesce("rx-usecs-low", DURATION),
    "RxCoalesceHighSec": _coalesce("rx-usecs-high", DURATION),
    "TxCoalesceSec": _coalesce("tx-usecs", DURATION),
    "TxCoalesceIrqSec": _coalesce("tx-usecs-irq", DURATION),
    "TxCoalesceLowSec": _coalesce("tx-usecs-low", DURATION),
    "TxCoalesceHighSec": _coalesce("tx-usecs-high", DURATION),
    "RxMaxCoalescedFrames": _coalesce("rx-frames"),
    "RxMaxCoalescedIrqFrames": _coalesce("rx-frames-irq"),
    "RxMaxCoalescedLowFrames": _coalesce("rx-frames-low"),
    "RxMaxCoalescedHighFrames": _coalesce("rx-frames-high"),
    "TxMaxCoalescedFrames": _coalesce("tx-frames"),
    "TxMaxCoalescedIrqFrames": _coalesce("tx-frames-irq"),
    "TxMaxCoalescedLowFrames": _coalesce("tx-frames-low"),
    "TxMaxCoalescedHighFrames": _coalesce("tx-frames-high"),
    "CoalescePacketRateLow": _coalesce("pkt-rate-low"),
    "CoalescePacketRateHigh": _coalesce("pkt-rate-high"),
    "StatisticsBlockCoalesceSec": _coalesce("stats-block-usecs", DURATION),
    # NetworkManager's coalesce-sample-interval counts seconds, the kernel's own unit; a .link file takes a time span.
    "CoalescePacketRateSampleIntervalSec": Option(OWNER_LINK, 250, DURATION),
    "ReceivePacketSteeringCPUMask": Option(OWNER_LINK, 256, TEXT),
}


def check_option(interface: str, option: str, value: str, owner: str) -> None:
    """Raises LinkError unless this owner may set the option, and the value is one line that systemd can read."""
    item = f"{interface} {option}"
    if option not in OPTIONS:
        raise LinkError(item, f"no such option of .link files; available: {', '.join(OPTIONS)}")
    if OPTIONS[option].owner != owner:
        raise LinkError(item, f"is set by siptune.linux.{OPTIONS[option].owner}, not by siptune.linux.{owner}")
    if not value or value != value.strip() or not value.isprintable() or value.endswith("\\"):
        raise LinkError(item, f"cannot be {value!r}: a value is one printable line without blanks around it")
    if canonical(option, value) is None:
        raise LinkError(item, f"cannot be {value!r}: systemd reads a {OPTIONS[option].kind} here, see systemd.link(5)")


def canonical(option: str, value: str) -> str | None:
    """One spelling for all equal values: microseconds, bits, yes or no; None for a value that systemd cannot read."""
    kind = OPTIONS[option].kind
    if kind == NUMBER:
        return value if value == MAX else str(int(value)) if re.fullmatch("[0-9]{1,10}", value) else None
    if kind == TRUTH:
        return _TRUTHS.get(value.lower())
    if kind == DURATION:
        return _microseconds(value)
    if kind == BITS:
        found = re.fullmatch(r"([0-9]{1,15})\s*([KMGT]?)", value)
        return str(int(found.group(1)) * _MULTIPLES[found.group(2)]) if found else None
    return " ".join(sorted(value.lower().split())) or None


def _microseconds(value: str) -> str | None:
    """The length of a time span such as `50us` or `1s 20ms`; without a unit it is seconds: systemd.time(7)."""
    parts = re.findall(r"\s*([0-9]{1,12})\s*([a-zµ]*)", value)
    if not parts or re.sub(r"\s*[0-9]{1,12}\s*[a-zµ]*", "", value).strip():
        return None
    if any(unit not in _MICROSECONDS for _number, unit in parts):
        return None
    return str(sum(int(number) * _MICROSECONDS[unit] for number, unit in parts))


def same_value(option: str, one: str, other: str) -> bool:
    """Whether two spellings mean the same."""
    first = canonical(option, one)
    return one == other or (first is not None and first == canonical(option, other))


def unknown_to(option: str, value: str, version: int) -> str:
    """Why a systemd of this version ignores the option or its value; empty if it does not."""
    if version < OPTIONS[option].since:
        return f"{option}= needs systemd {OPTIONS[option].since}, and this is {version}"
    if value == MAX and version < MAX_SINCE:
        return f"{option}=max needs systemd {MAX_SINCE}, and this is {version}: give a number"
    return ""


def profile_value(option: str, value: str, version: tuple[int, int]) -> str | None:
    """The value of the counterpart, as nmcli spells it; None if this NetworkManager has no property for it."""
    meta, plain = OPTIONS[option], canonical(option, value)
    if not meta.property or version < meta.property_since or plain is None or plain == MAX:
        return None
    if option == "AutoNegotiation":
        return "yes" if plain == "yes" else None  # `no` is the default, and means: leave it alone
    if meta.property.startswith("ethtool.coalesce-adaptive"):
        return "1" if plain == "yes" else "0"
    if meta.kind == TRUTH:
        return "on" if plain == "yes" else "off"
    return str(int(plain) // 10**6) if meta.kind == BITS else plain
