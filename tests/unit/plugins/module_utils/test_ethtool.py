# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ethtool structures, against answers captured from virtio_net and veth."""

from __future__ import annotations

import contextlib
import struct

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._ethtool import (
    ETHTOOL_GRINGPARAM,
    EthtoolError,
    RingParameters,
    RingSizes,
    pack_driver_request,
    pack_ring_request,
    pack_rings,
    unpack_driver,
    unpack_rings,
)
from hypothesis import given
from hypothesis import strategies as st

DRIVER_INFO_BYTES = 196
RING_PARAMETERS_BYTES = 36
U32 = st.integers(min_value=0, max_value=2**32 - 1)
RINGS = st.builds(RingSizes, U32, U32, U32, U32)


def driver_answer(name: bytes) -> bytes:
    return (struct.pack("=I", 0x03) + name).ljust(DRIVER_INFO_BYTES, b"\0")


@pytest.mark.parametrize(
    ("name", "expected"),
    [(b"virtio_net", "virtio_net"), (b"v" * 32, "v" * 32), (b"", None), (b"veth\0rest", "veth")],
    ids=["name", "no room for a NUL", "empty", "rubbish after the NUL"],
)
def test_driver(name: bytes, expected: str | None) -> None:
    assert unpack_driver(driver_answer(name)) == expected


def test_rings_of_a_virtio_net() -> None:
    answer = bytes.fromhex("100000000001000000000000000000000001000080000000000000000000000040000000")
    rings = unpack_rings(answer)
    assert rings.maximum == RingSizes(rx=256, rx_mini=0, rx_jumbo=0, tx=256)
    assert rings.current == RingSizes(rx=128, rx_mini=0, rx_jumbo=0, tx=64)


def test_requests_have_the_size_and_the_command_the_kernel_expects() -> None:
    assert (len(pack_driver_request()), pack_driver_request()[0]) == (DRIVER_INFO_BYTES, 0x03)
    assert (len(pack_ring_request()), pack_ring_request()[0]) == (RING_PARAMETERS_BYTES, 0x10)


@given(current=RINGS, maximum=RINGS)
def test_rings_survive_a_round_trip(current: RingSizes, maximum: RingSizes) -> None:
    rings = RingParameters(current, maximum)
    assert unpack_rings(pack_rings(ETHTOOL_GRINGPARAM, rings)) == rings


@pytest.mark.parametrize("unpack", [unpack_driver, unpack_rings])
@pytest.mark.parametrize("answer", [b"", b"\x10", b"\x77" * DRIVER_INFO_BYTES, b"\x77" * RING_PARAMETERS_BYTES])
def test_another_answer_is_an_error(unpack, answer: bytes) -> None:
    with pytest.raises(EthtoolError):
        unpack(answer)


@given(answer=st.binary(max_size=256) | st.binary(min_size=36, max_size=36) | st.binary(min_size=196, max_size=196))
def test_arbitrary_bytes_raise_nothing_but_the_domain_error(answer: bytes) -> None:
    for unpack in (unpack_driver, unpack_rings):
        with contextlib.suppress(EthtoolError):
            unpack(answer)
