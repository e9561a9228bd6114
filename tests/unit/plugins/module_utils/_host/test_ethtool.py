# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ethtool structures, against answers captured from virtio_net and veth."""

from __future__ import annotations

import contextlib
import struct
import sys
from collections.abc import Callable

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.ethtool import (
    CHANNELS,
    COALESCE,
    ETHTOOL_SLINKSETTINGS,
    PAUSE,
    RINGS,
    SPARE_STATISTICS,
    UDP_V6_FLOW,
    EthtoolError,
    Structure,
    pack_address_request,
    pack_driver_request,
    pack_get,
    pack_hash_request,
    pack_link,
    pack_link_request,
    pack_set,
    pack_statistics_request,
    pack_strings_request,
    unpack_address,
    unpack_driver,
    unpack_hash,
    unpack_link,
    unpack_link_words,
    unpack_numbers,
    unpack_statistics,
    unpack_statistics_count,
    unpack_strings,
)
from hypothesis import given
from hypothesis import strategies as st

DRIVER_INFO_BYTES = 196
RING_PARAMETERS_BYTES = 36
U32 = st.integers(min_value=0, max_value=2**32 - 1)


def driver_answer(name: bytes) -> bytes:
    return (struct.pack("=I", 0x03) + name).ljust(DRIVER_INFO_BYTES, b"\0")


@pytest.mark.parametrize(
    ("name", "expected"),
    [(b"virtio_net", "virtio_net"), (b"v" * 32, "v" * 32), (b"", None), (b"veth\0rest", "veth")],
    ids=["name", "no room for a NUL", "empty", "rubbish after the NUL"],
)
def test_driver(name: bytes, expected: str | None) -> None:
    assert unpack_driver(driver_answer(name)) == expected


def test_the_request_for_the_driver_has_the_size_and_the_command_the_kernel_expects() -> None:
    assert (len(pack_driver_request()), pack_driver_request()[0]) == (DRIVER_INFO_BYTES, 0x03)


def _unpack_rings(answer: bytes) -> object:
    return unpack_numbers(RINGS, answer)


@pytest.mark.parametrize("unpack", [unpack_driver, _unpack_rings])
@pytest.mark.parametrize("answer", [b"", b"\x10", b"\x77" * DRIVER_INFO_BYTES, b"\x77" * RING_PARAMETERS_BYTES])
def test_another_answer_is_an_error(unpack, answer: bytes) -> None:
    with pytest.raises(EthtoolError):
        unpack(answer)


@given(answer=st.binary(max_size=256) | st.binary(min_size=36, max_size=36) | st.binary(min_size=196, max_size=196))
def test_arbitrary_bytes_raise_nothing_but_the_domain_error(answer: bytes) -> None:
    for unpack in (unpack_driver, _unpack_rings):
        with contextlib.suppress(EthtoolError):
            unpack(answer)


# --- all numbers -----------------------------------------------------------------------------

STRUCTURES = [RINGS, COALESCE, PAUSE, CHANNELS]
STRUCTURE_NAMES = ["rings", "coalescing", "pause frames", "channels"]

# Answers of Linux 6.18.
VIRTIO_RINGS = "100000000001000000000000000000000001000000010000000000000000000000010000"
VIRTIO_RINGS_SET = "100000000001000000000000000000000001000080000000000000000000000040000000"
VIRTIO_COALESCING = (
    "0e000000000000000100000000000000000000000000000001000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
)
VETH_CHANNELS = "3c0000000200000002000000000000000000000001000000010000000000000000000000"
VIRTIO_CHANNELS = "3c0000000000000000000000000000000100000000000000000000000000000001000000"


@pytest.mark.skipif(sys.byteorder != "little", reason="the answers hold little-endian numbers")
@pytest.mark.parametrize(
    ("structure", "answer", "expected"),
    [
        (RINGS, VIRTIO_RINGS, {"rx_max": 256, "tx_max": 256, "rx": 256, "tx": 256}),
        (RINGS, VIRTIO_RINGS_SET, {"rx_max": 256, "tx_max": 256, "rx": 128, "tx": 64}),
        (COALESCE, VIRTIO_COALESCING, {"rx_frames": 1, "tx_frames": 1}),
        (CHANNELS, VETH_CHANNELS, {"rx_max": 2, "tx_max": 2, "rx": 1, "tx": 1}),
        (CHANNELS, VIRTIO_CHANNELS, {"combined_max": 1, "combined": 1}),
    ],
)
def test_numbers_of_real_answers(structure: Structure, answer: str, expected: dict[str, int]) -> None:
    numbers = unpack_numbers(structure, bytes.fromhex(answer))
    assert {field: number for field, number in numbers.items() if number} == expected


@pytest.mark.parametrize(("structure", "size"), list(zip(STRUCTURES, (36, 92, 16, 36))), ids=STRUCTURE_NAMES)
def test_sizes_are_the_kernel_s(structure: Structure, size: int) -> None:
    assert len(pack_get(structure)) == size
    assert struct.unpack_from("=I", pack_get(structure))[0] == structure.get == structure.set - 1


@pytest.mark.parametrize("structure", STRUCTURES, ids=STRUCTURE_NAMES)
@given(data=st.data())
def test_a_change_leaves_the_other_fields_alone(structure: Structure, data: st.DataObject) -> None:
    numbers = {field: data.draw(U32) for field in structure.fields}
    changes = data.draw(st.dictionaries(st.sampled_from(structure.fields), U32))
    answer = structure.layout.pack(structure.get, *numbers.values())
    assert unpack_numbers(structure, answer) == numbers
    request = pack_set(structure, answer, changes)
    assert struct.unpack_from("=I", request)[0] == structure.set
    assert unpack_numbers(structure, struct.pack("=I", structure.get) + request[4:]) == {**numbers, **changes}


@pytest.mark.parametrize("structure", STRUCTURES, ids=STRUCTURE_NAMES)
@given(answer=st.binary(max_size=120))
def test_another_structure_is_an_error(structure: Structure, answer: bytes) -> None:
    with pytest.raises(EthtoolError):
        unpack_numbers(structure, b"\xff" + answer)


# --- the permanent address -------------------------------------------------------------------


@pytest.mark.skipif(sys.byteorder != "little", reason="the answers hold little-endian numbers")
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("200000000600000002fc00000001" + "00" * 26, "02:fc:00:00:00:01"),
        ("2000000006000000" + "00" * 32, None),
        ("20000000140000008000004afe80" + "00" * 13 + "99" + "00" * 12, "80:00:00:4a:fe:80" + ":00" * 13 + ":99"),
    ],
    ids=["a card", "veth", "InfiniBand"],
)
def test_permanent_address(answer: str, expected: str | None) -> None:
    assert len(pack_address_request()) == len(bytes.fromhex(answer)) == 40
    assert unpack_address(bytes.fromhex(answer)) == expected


@given(answer=st.binary(max_size=64))
def test_no_answer_becomes_an_address_by_mistake(answer: bytes) -> None:
    with pytest.raises(EthtoolError):
        unpack_address(b"\xff" + answer)


# --- the link --------------------------------------------------------------------------------


@pytest.mark.skipif(sys.byteorder != "little", reason="the answers hold little-endian numbers")
def test_a_link_is_asked_for_twice() -> None:
    """What Linux 6.18 answers of a veth: first how many words its masks have, then all."""
    assert unpack_link_words(bytes.fromhex("4c0000000000000000000000000000fc" + "00" * 32)) == 4
    full = bytes.fromhex("4c000000102700000100000000000004" + "00" * 80)
    assert len(pack_link_request(4)) == len(full)
    link = unpack_link(full)
    assert (link.speed_mbps, link.duplex, link.autoneg, link.supported) == (10000, 1, 0, 0)


MASK = st.integers(min_value=0, max_value=2**96 - 1)


@given(MASK, MASK, U32, st.integers(0, 255), st.integers(0, 1))
def test_a_link_survives_a_round_trip(supported: int, advertising: int, speed: int, duplex: int, autoneg: int) -> None:
    empty = unpack_link(pack_link_request(3))
    link = empty._replace(
        supported=supported, advertising=advertising, speed_mbps=speed, duplex=duplex, autoneg=autoneg
    )
    request = pack_link(link)
    assert struct.unpack_from("=I", request)[0] == ETHTOOL_SLINKSETTINGS
    taken = unpack_link(pack_link_request(3)[:4] + request[4:])
    assert taken._replace(head=link.head) == link


@given(answer=st.binary(max_size=200))
def test_damaged_links_are_the_domain_error(answer: bytes) -> None:
    for unpack in (unpack_link, unpack_link_words):
        with pytest.raises(EthtoolError):
            unpack(b"\xff" + answer)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [(0x30, "sd"), (0xF0, "sdfn"), (0, ""), (0x80000000, "r"), (0xFE, "mvtsdfn"), (1 << 40, "")],
)
def test_the_fields_that_choose_a_queue(fields: int, expected: str) -> None:
    request = pack_hash_request(UDP_V6_FLOW)
    assert request == struct.pack("=IIQ", 0x29, 6, 0)
    assert unpack_hash(struct.pack("=IIQ", 0x29, 6, fields)) == expected
    for wrong in (b"", request[:8], struct.pack("=IIQ", 0x2A, 6, 0)):
        with pytest.raises(EthtoolError):
            unpack_hash(wrong)


# --- the driver's own statistics -------------------------------------------------------------

NAMES = ("rx_no_buffer_count", "  pkts rx OOB", "n" * 32)


def strings_answer(names: tuple[str, ...]) -> bytes:
    packed = b"".join(name.encode().ljust(32, b"\0") for name in names)
    return struct.pack("=III", 0x1B, 1, len(names)) + packed + bytes(SPARE_STATISTICS * 32)


def test_statistics_and_their_names() -> None:
    assert unpack_strings(strings_answer(NAMES)) == ["rx_no_buffer_count", "pkts rx OOB", "n" * 32]
    answer = struct.pack("=II3Q", 0x1D, 3, 7, 2**64 - 1, 0) + bytes(SPARE_STATISTICS * 8)
    assert unpack_statistics(answer) == [7, 2**64 - 1, 0]
    head = driver_answer(b"igb")
    assert unpack_statistics_count(head[:180] + struct.pack("=I", 96) + head[184:]) == 96


def test_there_is_room_for_statistics_that_come_while_they_are_asked_for() -> None:
    """The kernel writes as many as there are by then, and does not look at how many were asked for."""
    assert len(pack_strings_request(3)) == 12 + (3 + SPARE_STATISTICS) * 32
    assert len(pack_statistics_request(3)) == 8 + (3 + SPARE_STATISTICS) * 8


@given(st.binary(max_size=100))
def test_statistics_are_whole_or_the_domain_error(answer: bytes) -> None:
    for unpack in (unpack_strings, unpack_statistics, unpack_statistics_count):
        with contextlib.suppress(EthtoolError):
            unpack(answer)


@pytest.mark.parametrize("unpack", [unpack_strings, unpack_statistics])
def test_an_answer_with_fewer_statistics_than_it_says_is_refused(unpack: Callable[[bytes], object]) -> None:
    command = 0x1B if unpack is unpack_strings else 0x1D
    head = struct.pack("=III", command, 1, 5) if unpack is unpack_strings else struct.pack("=II", command, 5)
    with pytest.raises(EthtoolError, match="instead of"):
        unpack(head + bytes(20))
    with pytest.raises(EthtoolError, match="command"):
        unpack(struct.pack("=II", 0x7, 0) + bytes(2000))
