# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of network interfaces that are set here: to which structure of the driver each belongs, and its manners.

Which changes take a link down, and which drivers insist on what, was measured with the drivers in QEMU; see `Group`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .._core.change import TuningError
from .._host.ethtool import CHANNELS, COALESCE, PAUSE, RINGS, Structure

NUMBER = "number"
SWITCH = "switch"
CPUS = "cpus"
MODE = "link mode"

ON, OFF = "on", "off"

MOST = 2**32 - 1  # the fields of ethtool's structures have 32 bits
LONGEST_QUEUE = 32767  # S16_MAX: net/core/dev.c, netif_change_tx_queue_len() refuses more


class NicError(TuningError):
    """A wish for an interface that cannot be, or must not be, carried out. Names the item and says what to do."""

    def __init__(self, item: str, reason: str) -> None:
        super().__init__(f"{item} {reason}" if item else reason)


class Group(NamedTuple):
    """Options that one request of the kernel reads, or sets, together.

    `flaps` is whether changing them takes the link down for a moment: measured with e1000, e1000e, igb and vmxnet3.
    `calm` are drivers that do it without. Groups are set in their `order`: new channels may reset coalescing.
    """

    order: int
    name: str
    flaps: bool
    structure: Structure | None = None
    calm: frozenset[str] = frozenset()


RING_GROUP = Group(0, "rings", True, RINGS, frozenset({"virtio_net"}))
COALESCE_GROUP = Group(4, "interrupt coalescing", False, COALESCE)
PAUSE_GROUP = Group(2, "pause frames", True, PAUSE)
CHANNEL_GROUP = Group(3, "channels", True, CHANNELS)
QUEUE_GROUP = Group(5, "transmit queue", False)
STEERING_GROUP = Group(6, "packet steering", False)
MODE_GROUP = Group(1, "link modes", True)


class Option(NamedTuple):
    """An option. `field` is its name in the structure of its group, and `lowest` and `highest` what may be asked for.

    With `limited`, the structure also has the most that the hardware can do.
    """

    name: str
    group: Group
    kind: str
    field: str = ""
    lowest: int = 0
    highest: int = MOST
    limited: bool = False


def _ring(name: str) -> Option:
    return Option(name, RING_GROUP, NUMBER, name, lowest=1, limited=True)


def _coalesce(name: str, kind: str = NUMBER) -> Option:
    return Option(name, COALESCE_GROUP, kind, name)


def _pause(name: str) -> Option:
    return Option(f"pause_{name}", PAUSE_GROUP, SWITCH, name)


def _channels(name: str) -> Option:
    return Option(f"channels_{name}", CHANNEL_GROUP, NUMBER, name, limited=True)


def _by_name(*options: Option) -> dict[str, Option]:
    return {option.name: option for option in options}


RING_OPTIONS = _by_name(*map(_ring, ("rx", "rx_mini", "rx_jumbo", "tx")))
LINK_MODE = "link_mode"  # what speed, duplex and autoneg make together
RPS_CPUS = "rps_cpus"
TXQUEUELEN = "txqueuelen"
LINK_OPTIONS = _by_name(
    Option(TXQUEUELEN, QUEUE_GROUP, NUMBER, highest=LONGEST_QUEUE),
    *map(_coalesce, ("rx_usecs", "rx_frames", "tx_usecs", "tx_frames")),
    *(_coalesce(name, SWITCH) for name in ("adaptive_rx", "adaptive_tx")),
    *map(_pause, ("autoneg", "rx", "tx")),
    *map(_channels, ("rx", "tx", "other", "combined")),
    Option(RPS_CPUS, STEERING_GROUP, CPUS),
    Option(LINK_MODE, MODE_GROUP, MODE),
)
OPTIONS: Mapping[str, Option] = {**RING_OPTIONS, **LINK_OPTIONS}

# Pause frames as they are read back are negotiated with the other side while this option is on.
NEGOTIATED = ("pause_rx", "pause_tx")
NEGOTIATION = "pause_autoneg"


def as_text(option: Option, number: int) -> str:
    """A field of a structure as it is shown and recorded."""
    if option.kind == SWITCH:
        return ON if number else OFF
    return str(number)


def as_number(option: Option, text: str) -> int:
    """The reverse of `as_text`."""
    if option.kind == SWITCH:
        return int(text == ON)
    return int(text)


# --- what drivers make of a number -----------------------------------------------------------

POWERS_OF_TWO_ONLY = frozenset({"virtio_net"})  # measured: anything else is ENOMEM

ALIGNMENTS = (8, 16, 32)  # e1000, e1000e and igb round up to 8; other drivers to 16 or 32
SMALLEST_RINGS = (48, 64, 80)  # measured: e1000 makes 48 of 16, igb and e1000e 64; 80 is E1000_MIN_TXD of old ones


def is_power_of_two(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0


def powers_around(number: int) -> tuple[int, int]:
    """The greatest power of two that is not above a positive number, and the smallest that is not below."""
    below = 1 << (number.bit_length() - 1)
    return below, below if below == number else below * 2


def may_be_rounded(wanted: int, live: int) -> bool:
    """Whether a driver may have made `live` of a ring of `wanted` descriptors.

    Known drivers align up, take the next power of two above (vmxnet3) or below (ENA), or have a smallest ring.
    """
    if wanted <= 0 or live <= 0:
        return wanted == live
    aligned = (-(-wanted // step) * step for step in ALIGNMENTS)
    return live in (wanted, *powers_around(wanted), *aligned) or (wanted < live and live in SMALLEST_RINGS)
