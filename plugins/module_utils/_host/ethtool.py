# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The structures of the ethtool ioctl as records: packed for a request, unpacked from the driver's answer.

Source of every number and layout: linux/ethtool.h. All integers are 32 bits wide, in the host's
byte order. Nothing here talks to a driver; `Host.ethtool` does.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from .._core.text import decoded, plural

ETHTOOL_GDRVINFO = 0x03
ETHTOOL_GSTRINGS = 0x1B
ETHTOOL_GSTATS = 0x1D
ETHTOOL_GPERMADDR = 0x20
ETHTOOL_GLINKSETTINGS = 0x4C
ETHTOOL_SLINKSETTINGS = 0x4D

LONGEST_ADDRESS = 32  # MAX_ADDR_LEN, linux/netdevice.h

# command, driver[32], version[32], fw_version[32], bus_info[32], erom_version[32], reserved[12],
# n_priv_flags, n_stats, testinfo_len, eedump_len, regdump_len
_DRIVER_INFO = struct.Struct("=I32s32s32s32s32s12s5I")


class EthtoolError(ValueError):
    """An answer that is not the structure that was asked for."""


def pack_driver_request() -> bytes:
    """The request for an interface's driver."""
    return struct.pack("=I", ETHTOOL_GDRVINFO).ljust(_DRIVER_INFO.size, b"\0")


def unpack_driver(answer: bytes) -> str | None:
    """The driver's name, None if the answer leaves it empty. Raises EthtoolError."""
    fields = _unpack(_DRIVER_INFO, ETHTOOL_GDRVINFO, answer)
    name = decoded(fields[1].split(b"\0", 1)[0])
    return name or None


# --- structures that are all numbers ---------------------------------------------------------


class Structure(NamedTuple):
    """A structure that is nothing but 32-bit numbers behind its command: how it is got and set, and its fields."""

    get: int
    set: int
    fields: tuple[str, ...]

    @property
    def layout(self) -> struct.Struct:
        return struct.Struct(f"={1 + len(self.fields)}I")


RINGS = Structure(
    0x10, 0x11, ("rx_max", "rx_mini_max", "rx_jumbo_max", "tx_max", "rx", "rx_mini", "rx_jumbo", "tx")
)  # struct ethtool_ringparam
PAUSE = Structure(0x12, 0x13, ("autoneg", "rx", "tx"))  # struct ethtool_pauseparam
CHANNELS = Structure(
    0x3C, 0x3D, ("rx_max", "tx_max", "other_max", "combined_max", "rx", "tx", "other", "combined")
)  # struct ethtool_channels
COALESCE = Structure(
    0x0E,
    0x0F,
    (
        *("rx_usecs", "rx_frames", "rx_usecs_irq", "rx_frames_irq"),
        *("tx_usecs", "tx_frames", "tx_usecs_irq", "tx_frames_irq"),
        *("stats_block_usecs", "adaptive_rx", "adaptive_tx"),
        *("pkt_rate_low", "rx_usecs_low", "rx_frames_low", "tx_usecs_low", "tx_frames_low"),
        *("pkt_rate_high", "rx_usecs_high", "rx_frames_high", "tx_usecs_high", "tx_frames_high"),
        "sample_interval",
    ),
)  # struct ethtool_coalesce


def pack_get(structure: Structure) -> bytes:
    """The request for a structure."""
    return struct.pack("=I", structure.get).ljust(structure.layout.size, b"\0")


def unpack_numbers(structure: Structure, answer: bytes) -> dict[str, int]:
    """The fields of an answer by their names. Raises EthtoolError."""
    return dict(zip(structure.fields, _unpack(structure.layout, structure.get, answer)[1:]))


def pack_set(structure: Structure, answer: bytes, values: Mapping[str, int]) -> bytes:
    """The request that sets these fields and leaves the others as they are in `answer`. Raises EthtoolError."""
    numbers = {**unpack_numbers(structure, answer), **values}
    return structure.layout.pack(structure.set, *(numbers[field] for field in structure.fields))


# --- the driver's own statistics -------------------------------------------------------------

ETH_SS_STATS = 1  # enum ethtool_stringset
_STRINGS = struct.Struct("=III")  # struct ethtool_gstrings: command, set, length; then the strings
_STRING_BYTES = 32  # ETH_GSTRING_LEN
_STATISTICS = struct.Struct("=II")  # struct ethtool_stats: command, length; then 64-bit numbers
_STATISTIC_BYTES = 8
# The kernel writes as many as there are when it is asked, whatever was asked for: room for queues that were just added.
SPARE_STATISTICS = 4096


def unpack_statistics_count(answer: bytes) -> int:
    """How many statistics a driver has, of an answer to `pack_driver_request`. Raises EthtoolError."""
    return _unpack(_DRIVER_INFO, ETHTOOL_GDRVINFO, answer)[8]


def pack_strings_request(count: int) -> bytes:
    """The request for the names of a driver's statistics."""
    room = (count + SPARE_STATISTICS) * _STRING_BYTES
    return _STRINGS.pack(ETHTOOL_GSTRINGS, ETH_SS_STATS, count) + bytes(room)


def unpack_strings(answer: bytes) -> list[str]:
    """The names of a driver's statistics, without the blanks that some indent them with. Raises EthtoolError."""
    _command, _kind, count = _unpack(_STRINGS, ETHTOOL_GSTRINGS, answer[: _STRINGS.size])
    strings = _long_enough(answer[_STRINGS.size :], count * _STRING_BYTES)
    places = range(0, count * _STRING_BYTES, _STRING_BYTES)
    found = (strings[place : place + _STRING_BYTES].split(b"\0", 1)[0] for place in places)
    return [decoded(name).strip() for name in found]


def pack_statistics_request(count: int) -> bytes:
    """The request for a driver's statistics."""
    return _STATISTICS.pack(ETHTOOL_GSTATS, count) + bytes((count + SPARE_STATISTICS) * _STATISTIC_BYTES)


def unpack_statistics(answer: bytes) -> list[int]:
    """A driver's statistics in the order of their names. Raises EthtoolError."""
    _command, count = _unpack(_STATISTICS, ETHTOOL_GSTATS, answer[: _STATISTICS.size])
    numbers = _long_enough(answer[_STATISTICS.size :], count * _STATISTIC_BYTES)
    return list(struct.unpack_from(f"={count}Q", numbers))


def _long_enough(answer: bytes, size: int) -> bytes:
    if len(answer) < size:
        raise EthtoolError(f"{len(answer)} {plural(len(answer), 'byte')} instead of {size} and more")
    return answer


# --- which fields of a packet choose its receive queue ---------------------------------------

ETHTOOL_GRXFH, ETHTOOL_SRXFH = 0x29, 0x2A
UDP_V4_FLOW, UDP_V6_FLOW = 0x02, 0x06
# struct ethtool_rxnfc as it was first: command, flow type, 64 bits of fields. Kernels take it so to this day.
_HASH = struct.Struct("=IIQ")
# RXH_ of linux/ethtool.h, with the letters of ethtool(8), rx-flow-hash.
HASH_LETTERS = {1 << 1: "m", 1 << 2: "v", 1 << 3: "t", 1 << 4: "s", 1 << 5: "d", 1 << 6: "f", 1 << 7: "n", 1 << 31: "r"}


def pack_hash_request(flow: int) -> bytes:
    """The request for the fields by which packets of UDP_V4_FLOW or UDP_V6_FLOW are spread over the queues."""
    return _HASH.pack(ETHTOOL_GRXFH, flow, 0)


def unpack_hash(answer: bytes) -> str:
    """Those fields as ethtool(8) writes them: `sd` for both addresses, `sdfn` with both ports. Raises EthtoolError."""
    fields = _unpack(_HASH, ETHTOOL_GRXFH, answer)[2]
    return "".join(letter for bit, letter in HASH_LETTERS.items() if fields & bit)


def pack_hash(flow: int, letters: str) -> bytes:
    """The request that hashes packets of a flow type by these fields. Raises EthtoolError for an unknown letter."""
    if not set(letters) <= set(HASH_LETTERS.values()):
        raise EthtoolError(f"{letters!r} are not letters of fields")
    bits = sum(bit for bit, letter in HASH_LETTERS.items() if letter in letters)
    return _HASH.pack(ETHTOOL_SRXFH, flow, bits)


# --- the permanent address -------------------------------------------------------------------


_ADDRESS = struct.Struct("=II")  # struct ethtool_perm_addr: command, size; then the address


def pack_address_request() -> bytes:
    """The request for the address that an interface was made with."""
    return _ADDRESS.pack(ETHTOOL_GPERMADDR, LONGEST_ADDRESS).ljust(_ADDRESS.size + LONGEST_ADDRESS, b"\0")


def unpack_address(answer: bytes) -> str | None:
    """The permanent address as `52:54:00:12:34:56`; None for a device that has none. Raises EthtoolError."""
    _command, size = _unpack(_ADDRESS, ETHTOOL_GPERMADDR, answer[: _ADDRESS.size])
    address = _long_enough(answer[_ADDRESS.size :], size)[:size]
    return address.hex(":") if any(address) else None


# --- speed, duplex and advertised modes ------------------------------------------------------

# struct ethtool_link_settings: command, speed, duplex, port, phy_address, autoneg, mdio_support, eth_tp_mdix,
# eth_tp_mdix_ctrl, link_mode_masks_nwords (signed), transceiver, master_slave_cfg, master_slave_state, rate_matching,
# reserved[7]; then three masks of nwords each: supported, advertising, lp_advertising
_LINK_SETTINGS = struct.Struct("=II7Bb4B28s")
_WORD_BITS = 32


class LinkSettings(NamedTuple):
    """Present and possible settings of a link. `head` is the structure without its masks; masks have a bit per mode."""

    head: bytes
    speed_mbps: int
    duplex: int
    port: int
    autoneg: int
    supported: int
    advertising: int
    partner: int


def pack_link_request(words: int = 0) -> bytes:
    """The request for link settings, whose masks have so many words. With 0 the kernel answers how many it has."""
    return _link_head(ETHTOOL_GLINKSETTINGS, words).ljust(_LINK_SETTINGS.size + 3 * 4 * words, b"\0")


def unpack_link_words(answer: bytes) -> int:
    """How many words the kernel's masks have, by its answer to a request with none. Raises EthtoolError."""
    words = -_unpack(_LINK_SETTINGS, ETHTOOL_GLINKSETTINGS, answer)[9]
    if words <= 0:
        raise EthtoolError(f"masks of {words} {plural(words, 'word')}")
    return words


def unpack_link(answer: bytes) -> LinkSettings:
    """The settings of an answer to a request with the right number of words. Raises EthtoolError."""
    head, masks = answer[: _LINK_SETTINGS.size], answer[_LINK_SETTINGS.size :]
    fields = _unpack(_LINK_SETTINGS, ETHTOOL_GLINKSETTINGS, head)
    words = fields[9]
    if words <= 0 or len(masks) != 3 * 4 * words:
        raise EthtoolError(f"{len(masks)} {plural(len(masks), 'byte')} of masks for {words} {plural(words, 'word')}")
    numbers = [_unpack_mask(masks[place : place + 4 * words]) for place in range(0, len(masks), 4 * words)]
    return LinkSettings(head, fields[1], fields[2], fields[3], fields[5], *numbers)


def pack_link(settings: LinkSettings) -> bytes:
    """The request that sets speed, duplex, autonegotiation and the advertised modes. Raises EthtoolError."""
    fields = list(_unpack(_LINK_SETTINGS, ETHTOOL_GLINKSETTINGS, settings.head))
    fields[0], fields[1], fields[2], fields[5] = (
        ETHTOOL_SLINKSETTINGS,
        settings.speed_mbps,
        settings.duplex,
        settings.autoneg,
    )
    masks = (settings.supported, settings.advertising, settings.partner)
    return _LINK_SETTINGS.pack(*fields) + b"".join(_pack_mask(mask, fields[9]) for mask in masks)


def _link_head(command: int, words: int) -> bytes:
    return _LINK_SETTINGS.pack(command, 0, 0, 0, 0, 0, 0, 0, 0, words, 0, 0, 0, 0, b"")


def _unpack_mask(words: bytes) -> int:
    numbers = struct.unpack(f"={len(words) // 4}I", words)
    return sum(number << (_WORD_BITS * place) for place, number in enumerate(numbers))


def _pack_mask(mask: int, words: int) -> bytes:
    return struct.pack(f"={words}I", *((mask >> (_WORD_BITS * place)) & 0xFFFFFFFF for place in range(words)))


def _unpack(layout: struct.Struct, command: int, answer: bytes) -> tuple:
    if len(answer) != layout.size:
        raise EthtoolError(f"{len(answer)} {plural(len(answer), 'byte')} instead of {layout.size}")
    fields = layout.unpack(answer)
    if fields[0] != command:
        raise EthtoolError(f"command {fields[0]:#x} instead of {command:#x}")
    return fields
