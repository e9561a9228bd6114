# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of network interfaces: the driver's structure that each belongs to, its limits, and drivers' rounding.

Which changes take a link down, and which values drivers insist on, was measured with the drivers in QEMU.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .._core.errors import ItemError
from .._host.ethtool import CHANNELS, COALESCE, PAUSE, RINGS, Structure

NUMBER = "number"
SWITCH = "switch"
CPUS = "cpus"
FIELDS_OF_HASH = "hash"
MODE = "link mode"

ON, OFF = "on", "off"

MANAGED = "the kernel manages these interrupts itself, one for each processor, and lets nobody else set them"

MOST = 2**32 - 1  # the fields of ethtool's structures have 32 bits
MOST_FLOWS = 2**20  # of a queue, with 8 bytes each: far above the 32768 of Documentation/networking/scaling.rst
LONGEST_QUEUE = 32767  # S16_MAX: net/core/dev.c, netif_change_tx_queue_len() refuses more


class NicError(ItemError):
    """A setting of an interface that cannot or must not be applied. Names the item and says what to do."""


class Group(NamedTuple):
    """Options that one request of the kernel reads, or sets, together.

    Changing them takes the link down for a moment if `flaps`: measured with e1000, e1000e, igb and vmxnet3. `hitless`
    are drivers that do without. Groups are set in their `order`, because new channels may reset coalescing.
    """

    order: int
    name: str
    flaps: bool
    structure: Structure | None = None
    hitless: frozenset[str] = frozenset()


RING_GROUP = Group(0, "rings", True, RINGS, frozenset({"virtio_net"}))
COALESCE_GROUP = Group(4, "interrupt coalescing", False, COALESCE)
PAUSE_GROUP = Group(2, "pause frames", True, PAUSE)
CHANNEL_GROUP = Group(3, "channels", True, CHANNELS)
QUEUE_GROUP = Group(5, "transmit queue", False)
STEERING_GROUP = Group(6, "packet steering", False)
FLOW_GROUP = Group(7, "table of flows", False)
SENDING_GROUP = Group(8, "transmit packet steering", False)
HASH_GROUP = Group(9, "hash of UDP", False)
INTERRUPT_GROUP = Group(10, "interrupts", False)
MODE_GROUP = Group(1, "link modes", True)


class Option(NamedTuple):
    """An option. `field` is its name in the structure of its group, `lowest` and `highest` the range of settings.

    With `limited`, the structure has the hardware's maximum, too. `automatic` ones may be left to us: AUTO.
    """

    name: str
    group: Group
    kind: str
    field: str = ""
    lowest: int = 0
    highest: int = MOST
    limited: bool = False
    automatic: bool = False


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
LINK_MODE = "link_mode"  # speed, duplex and autoneg together
RPS_CPUS = "rps_cpus"
RPS_FLOW_CNT = "rps_flow_cnt"
XPS_CPUS = "xps_cpus"
UDP_HASH = "udp_hash"
IRQ_CPUS = "irq_cpus"
TXQUEUELEN = "txqueuelen"
LINK_OPTIONS = _by_name(
    Option(TXQUEUELEN, QUEUE_GROUP, NUMBER, highest=LONGEST_QUEUE),
    *map(_coalesce, ("rx_usecs", "rx_frames", "tx_usecs", "tx_frames")),
    *(_coalesce(name, SWITCH) for name in ("adaptive_rx", "adaptive_tx")),
    *map(_pause, ("autoneg", "rx", "tx")),
    *map(_channels, ("rx", "tx", "other", "combined")),
    Option(RPS_CPUS, STEERING_GROUP, CPUS, automatic=True),
    Option(RPS_FLOW_CNT, FLOW_GROUP, NUMBER, highest=MOST_FLOWS),
    Option(XPS_CPUS, SENDING_GROUP, CPUS, automatic=True),
    Option(UDP_HASH, HASH_GROUP, FIELDS_OF_HASH),
    Option(IRQ_CPUS, INTERRUPT_GROUP, CPUS),
    Option(LINK_MODE, MODE_GROUP, MODE),
)
OPTIONS: Mapping[str, Option] = {**RING_OPTIONS, **LINK_OPTIONS}
QUEUE_OPTIONS = frozenset((RPS_CPUS, RPS_FLOW_CNT, XPS_CPUS, IRQ_CPUS))  # which depend on the CPUs of the host

# While NEGOTIATION is on, these read back the result of the negotiation with the link partner.
NEGOTIATED = ("pause_rx", "pause_tx")
NEGOTIATION = "pause_autoneg"


def as_text(option: Option, number: int) -> str:
    """A field of a structure as text, for items and records."""
    if option.kind == SWITCH:
        return ON if number else OFF
    return str(number)


def as_number(option: Option, text: str) -> int:
    """The reverse of `as_text`."""
    if option.kind == SWITCH:
        return int(text == ON)
    return int(text)


POWERS_OF_TWO_ONLY = frozenset({"virtio_net"})  # measured: anything else is ENOMEM

ALIGNMENTS = (8, 16, 32)  # e1000, e1000e and igb round up to 8; other drivers to 16 or 32
SMALLEST_RINGS = (48, 64, 80)  # measured: e1000 rounds 16 to 48, igb and e1000e to 64; 80 is E1000_MIN_TXD of old ones


def is_power_of_two(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0


def powers_around(number: int) -> tuple[int, int]:
    """The greatest power of two up to a positive number, and the smallest one from it on."""
    below = 1 << (number.bit_length() - 1)
    return below, below if below == number else below * 2


def may_be_rounded(wanted: int, live: int) -> bool:
    """Whether a driver may have rounded a ring of `wanted` descriptors to `live`.

    Known drivers align up, take the next power of two above (vmxnet3) or below (ENA), or have a smallest ring.
    """
    if wanted <= 0 or live <= 0:
        return wanted == live
    aligned = (-(-wanted // step) * step for step in ALIGNMENTS)
    return live in (wanted, *powers_around(wanted), *aligned) or (wanted < live and live in SMALLEST_RINGS)
