# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Link modes: speeds and duplex as bits of ethtool's masks, and which of them a link can be set to.

Bits and names: linux/ethtool.h, enum ethtool_link_mode_bit_indices; their spelling is that of systemd.link(5),
Advertise=, which is the kernel's in small letters with dashes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from .._host.ethtool import LinkSettings
from .options import NicError

_NAMES = """
10baset-half 10baset-full 100baset-half 100baset-full 1000baset-half 1000baset-full autonegotiation tp aui mii
fibre bnc 10000baset-full pause asym-pause 2500basex-full backplane 1000basekx-full 10000basekx4-full
10000basekr-full 10000baser-fec 20000basemld2-full 20000basekr2-full 40000basekr4-full 40000basecr4-full
40000basesr4-full 40000baselr4-full 56000basekr4-full 56000basecr4-full 56000basesr4-full 56000baselr4-full
25000basecr-full 25000basekr-full 25000basesr-full 50000basecr2-full 50000basekr2-full 100000basekr4-full
100000basesr4-full 100000basecr4-full 100000baselr4-er4-full 50000basesr2-full 1000basex-full 10000basecr-full
10000basesr-full 10000baselr-full 10000baselrm-full 10000baseer-full 2500baset-full 5000baset-full fec-none
fec-rs fec-baser 50000basekr-full 50000basesr-full 50000basecr-full 50000baselr-er-fr-full 50000basedr-full
100000basekr2-full 100000basesr2-full 100000basecr2-full 100000baselr2-er2-fr2-full 100000basedr2-full
200000basekr4-full 200000basesr4-full 200000baselr4-er4-fr4-full 200000basedr4-full 200000basecr4-full
100baset1-full 1000baset1-full 400000basekr8-full 400000basesr8-full 400000baselr8-er8-fr8-full
400000basedr8-full 400000basecr8-full fec-llrs 100000basekr-full 100000basesr-full 100000baselr-er-fr-full
100000basecr-full 100000basedr-full 200000basekr2-full 200000basesr2-full 200000baselr2-er2-fr2-full
200000basedr2-full 200000basecr2-full 400000basekr4-full 400000basesr4-full 400000baselr4-er4-fr4-full
400000basedr4-full 400000basecr4-full 100basefx-half 100basefx-full
"""
BITS = {name: bit for bit, name in enumerate(_NAMES.split())}
_SPEED = re.compile(r"([0-9]+)base.*-(half|full)")

PORT_TWISTED_PAIR = 0x00  # PORT_TP
DUPLEXES = {"half": 0, "full": 1}  # DUPLEX_HALF, DUPLEX_FULL
HALF, FULL = "half", "full"
NEGOTIATED_FROM_MBPS = 1000  # IEEE 802.3, 40.5.1: 1000BASE-T has to agree on master and slave; so have its successors

AUTO = "auto"
FORCED = "forced"


class LinkMode(NamedTuple):
    """The wanted mode of a link. Without a speed, all modes that the hardware supports are advertised."""

    speed_mbps: int | None = None
    duplex: str = FULL
    autoneg: bool = True

    def __str__(self) -> str:
        speed = f"{self.speed_mbps}/{self.duplex}" if self.speed_mbps is not None else "all speeds"
        return f"{speed}, {'negotiated' if self.autoneg else 'forced'}"


def speed_of(name: str) -> tuple[int, str] | None:
    """Mb/s and duplex of a link mode by its name; None for one without a speed, such as `pause`."""
    found = _SPEED.fullmatch(name)
    return (int(found.group(1)), found.group(2)) if found else None


def names_of(mask: int) -> list[str]:
    """The link modes of a mask that have a speed, in the order of their bits; unknown bits are left out."""
    return [name for name, bit in BITS.items() if mask >> bit & 1 and speed_of(name)]


def describe(settings: LinkSettings) -> str:
    """A link's settings as text, for items and records; empty for a link without modes to choose from."""
    if not names_of(settings.supported):
        return ""
    if settings.autoneg:
        return " ".join((AUTO, *names_of(settings.advertising)))
    duplex = {number: name for name, number in DUPLEXES.items()}.get(settings.duplex, FULL)
    return f"{FORCED} {settings.speed_mbps} {duplex}"


def target_mode(item: str, wanted: LinkMode, supported: Iterable[str], twisted_pair: bool) -> str:
    """The text of `describe` for a link as wanted. Raises NicError for a mode that the link cannot have."""
    names = list(supported)
    speeds = sorted({pair for pair in map(speed_of, names) if pair})
    if wanted.speed_mbps is None:
        return " ".join((AUTO, *names))
    fitting = [name for name in names if speed_of(name) == (wanted.speed_mbps, wanted.duplex)]
    if not fitting:
        known = ", ".join(f"{speed}/{duplex}" for speed, duplex in speeds)
        raise NicError(item, f"cannot be {wanted.speed_mbps}/{wanted.duplex}: the hardware supports {known}")
    if wanted.autoneg:
        return " ".join((AUTO, *fitting))
    if twisted_pair and wanted.speed_mbps >= NEGOTIATED_FROM_MBPS:
        raise NicError(
            item,
            f"cannot be forced to {wanted.speed_mbps} Mb/s: over twisted pair, 1000BASE-T and faster must negotiate "
            "(IEEE 802.3, clause 40), and forcing one side gives no link, or half duplex. Leave autoneg on: then only "
            "this speed is advertised",
        )
    return f"{FORCED} {wanted.speed_mbps} {wanted.duplex}"


def with_mode(settings: LinkSettings, text: str) -> LinkSettings:
    """The settings that `describe` shows as this text; pause frames and everything else advertised stay."""
    kind, *words = text.split()
    if kind == FORCED:
        return settings._replace(autoneg=0, speed_mbps=int(words[0]), duplex=DUPLEXES[words[1]])
    speeds = sum(1 << bit for name, bit in BITS.items() if speed_of(name))
    chosen = sum(1 << BITS[name] for name in words)
    others = settings.advertising & ~speeds
    autoneg = settings.supported & 1 << BITS["autonegotiation"]
    return settings._replace(autoneg=1, advertising=others | chosen | autoneg)


def advertised(settings: LinkSettings, text: str) -> list[str]:
    """The names of all that a link as in this text advertises, for the Advertise= of a .link file."""
    mask = with_mode(settings, text).advertising
    return [name for name, bit in BITS.items() if mask >> bit & 1]
