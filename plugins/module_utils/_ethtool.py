# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The structures of the ethtool ioctl as records: packed for a request, unpacked from the driver's answer.

Source of every number and layout: linux/ethtool.h. All integers are 32 bits wide, in the host's
byte order. Nothing here talks to a driver; `Host.ethtool` does.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

ETHTOOL_GDRVINFO = 0x03
ETHTOOL_GRINGPARAM = 0x10

# command, driver[32], version[32], fw_version[32], bus_info[32], erom_version[32], reserved[12],
# n_priv_flags, n_stats, testinfo_len, eedump_len, regdump_len
_DRIVER_INFO = struct.Struct("=I32s32s32s32s32s12s5I")

# command, then the maxima and the current sizes, each in the order of the fields of RingSizes
_RING_PARAMETERS = struct.Struct("=I4I4I")


class EthtoolError(ValueError):
    """An answer that is not the structure that was asked for."""


class RingSizes(NamedTuple):
    """Descriptors per queue, of each kind of ring; 0 where the driver has no such ring."""

    rx: int
    rx_mini: int
    rx_jumbo: int
    tx: int


class RingParameters(NamedTuple):
    """struct ethtool_ringparam: what the rings are, and what the driver could make them."""

    current: RingSizes
    maximum: RingSizes


def pack_driver_request() -> bytes:
    """The request for an interface's driver."""
    return struct.pack("=I", ETHTOOL_GDRVINFO).ljust(_DRIVER_INFO.size, b"\0")


def unpack_driver(answer: bytes) -> str | None:
    """The driver's name, None if the answer leaves it empty. Raises EthtoolError."""
    fields = _unpack(_DRIVER_INFO, ETHTOOL_GDRVINFO, answer)
    name = fields[1].split(b"\0", 1)[0].decode("utf-8", "replace")
    return name or None


def pack_ring_request() -> bytes:
    """The request for an interface's ring sizes."""
    return struct.pack("=I", ETHTOOL_GRINGPARAM).ljust(_RING_PARAMETERS.size, b"\0")


def unpack_rings(answer: bytes) -> RingParameters:
    """The ring sizes of an answer to ETHTOOL_GRINGPARAM. Raises EthtoolError."""
    sizes = _unpack(_RING_PARAMETERS, ETHTOOL_GRINGPARAM, answer)[1:]
    return RingParameters(current=RingSizes(*sizes[4:]), maximum=RingSizes(*sizes[:4]))


def pack_rings(command: int, rings: RingParameters) -> bytes:
    """The structure for a command that carries ring sizes: the reverse of `unpack_rings`."""
    return _RING_PARAMETERS.pack(command, *rings.maximum, *rings.current)


def _unpack(layout: struct.Struct, command: int, answer: bytes) -> tuple:
    if len(answer) != layout.size:
        raise EthtoolError(f"{len(answer)} bytes instead of {layout.size}")
    fields = layout.unpack(answer)
    if fields[0] != command:
        raise EthtoolError(f"command {fields[0]:#x} instead of {command:#x}")
    return fields
