# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers of counters, on files of Linux 6.18 that were captured after sockets and accept queues had run over."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._counters import table
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import (
    COUNTERS,
    LINK_STATISTICS,
    MOST_PARTS,
    by_place,
    growth,
    largest,
    names_by_place,
    parse_conntrack,
    parse_link_statistics,
    parse_names,
    parse_pairs,
    parse_socket_drops,
    parse_softnet,
)
from hypothesis import given
from hypothesis import strategies as st

CAPTURED = Path(__file__).parents[1] / "captured"
little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="captured on a little-endian host")


def captured(name: str) -> str:
    return (CAPTURED / f"counters-6.18-{name}.txt").read_text(encoding="ascii")


def test_pairs_of_lines() -> None:
    snmp = parse_pairs(captured("snmp"))
    assert (snmp["UdpRcvbufErrors"], snmp["UdpOutDatagrams"], snmp["UdpMemErrors"], snmp["IpReasmFails"]) == (
        36,
        40,
        0,
        0,
    )
    assert "TcpMaxConn" not in snmp  # -1 stands for no limit: no counter
    netstat = parse_pairs(captured("netstat"))
    assert (netstat["TcpExtListenOverflows"], netstat["TcpExtListenDrops"]) == (12, 12)


def test_a_line_per_counter() -> None:
    assert parse_names(captured("snmp6"))["Udp6RcvbufErrors"] == 26


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("Udp: A B", {}),
        ("Udp: A B\nTcp: 1 2", {}),
        ("Udp: A B\nUdp: 1", {"UdpA": 1}),
        ("Udp: A B\nUdp: 1 x", {"UdpA": 1}),
        ("Udp: A\nUdp: 1\nTcp: A\nTcp: 2\n", {"UdpA": 1, "TcpA": 2}),
    ],
    ids=["empty", "half", "no pair", "short", "no number", "two"],
)
def test_broken_pairs(text: str, expected: dict[str, int]) -> None:
    assert parse_pairs(text) == expected


def test_softnet_with_cpu_numbers() -> None:
    found = parse_softnet(captured("softnet_stat"))
    assert set(found) == {"dropped", "time_squeeze", "received_rps", "flow_limit"}
    assert found["received_rps"] == {"cpu0": 0, "cpu1": 0}
    assert found["dropped"] == {"cpu0": 0, "cpu1": 0}


OLD_SOFTNET = "0001a2b3 000000ff 00000010 00000000 00000000 00000000 00000000 00000000 00000000 00000001 00000002\n"


def test_softnet_of_an_older_kernel_counts_its_lines() -> None:
    assert parse_softnet(OLD_SOFTNET * 2) == {
        "dropped": {"cpu0": 255, "cpu1": 255},
        "time_squeeze": {"cpu0": 16, "cpu1": 16},
        "received_rps": {"cpu0": 1, "cpu1": 1},
        "flow_limit": {"cpu0": 2, "cpu1": 2},
    }


def test_softnet_of_a_host_with_a_cpu_offline() -> None:
    line = "00000001 00000007 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"
    assert parse_softnet(f"{line} 00000002 00000000 00000000\n")["dropped"] == {"cpu2": 7}


CONNTRACK = (
    "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error"
    "  expect_new expect_create expect_delete search_restart\n"
    "00000010  00000000 00000000 00000000 00000003 00000000 00000000 00000002 00000000 0000000a\n"
    "00000010  00000000 00000000 00000000 00000003 00000000 00000000 00000002 00000000 0000000a 0000000b 0000000c"
    " 00000000  00000000 00000000 00000000 00000000\n"
)


def test_conntrack_by_the_names_in_its_header() -> None:
    found = parse_conntrack(CONNTRACK)
    assert (found["insert_failed"], found["drop"], found["early_drop"], found["chainlength"]) == (
        {"cpu1": 10},
        {"cpu1": 11},
        {"cpu1": 12},
        {"cpu1": 2},
    )
    assert parse_conntrack("") == {}


@little_endian
def test_sockets_with_drops() -> None:
    assert parse_socket_drops(captured("udp")) == {"127.0.0.1:5060 732269": 36}
    assert parse_socket_drops(captured("udp6")) == {"[::1]:5061 732271": 26}


def test_sockets_of_one_end_count_together() -> None:
    assert by_place({"0.0.0.0:5060 1": 2, "0.0.0.0:5060 2": 3, "[::]:5060 3": 4}) == {"0.0.0.0:5060": 5, "[::]:5060": 4}
    assert by_place(None) is None


def test_statistics_of_one_card_count_together_and_are_named() -> None:
    found = {"eth0 rx_discards_phy": 2, "eth0 rx_out_of_buffer": 3, "eth0 pkts rx OOB": 0, "eth1 pkts rx OOB": 1}
    assert by_place(found) == {"eth0": 5, "eth1": 1}
    assert names_by_place(found) == {"eth0": "rx_discards_phy 2, rx_out_of_buffer 3", "eth1": "pkts rx OOB 1"}


def test_link_statistics_are_taken_from_their_places() -> None:
    words = struct.pack("=25Q", *range(25))
    assert parse_link_statistics(words) == {"rx_fifo_errors": 14, "rx_missed_errors": 15}
    assert parse_link_statistics(words[: 15 * 8]) == {"rx_fifo_errors": 14}
    assert parse_link_statistics(b"") == {}
    assert set(LINK_STATISTICS) == {counter.field for counter in COUNTERS if counter.source == "rtnetlink"}


@pytest.mark.parametrize(
    ("before", "after", "bits", "expected"),
    [
        ({"a": 0xFFFFFFFE}, {"a": 3}, 32, {"a": 5}),
        (None, {"a": 1}, None, None),
        ({"a": 1}, None, None, None),
    ],
    ids=["known", "no first", "no second"],
)
def test_growth(before: dict | None, after: dict | None, bits: int | None, expected: dict | None) -> None:
    assert growth(before, after, bits) == expected


@given(st.text(alphabet=" \n:0123456789abcdefABCDEFxUdp[]", max_size=300))
def test_no_parser_ever_raises_or_reads_less_than_nothing(text: str) -> None:
    found = [parse_pairs(text), parse_names(text), parse_socket_drops(text)]
    found += [*parse_softnet(text).values(), *parse_conntrack(text).values()]
    assert all(value >= 0 for parts in found for value in parts.values())


@given(st.binary(max_size=300))
def test_link_statistics_never_raise(attribute: bytes) -> None:
    assert set(parse_link_statistics(attribute)) <= set(LINK_STATISTICS)


def test_the_largest_parts_come_first_and_zeros_not_at_all() -> None:
    parts = [{"part": f"cpu{number}", "value": number, "total": number} for number in range(50)]
    assert [part["value"] for part in largest(parts)] == list(range(49, 49 - MOST_PARTS, -1))
    assert largest([{"part": "eth0", "value": 0, "total": 0}]) == []
    assert largest([{"part": "eth0", "value": 0, "total": 9}])  # nothing in the while, but before


def test_counters_have_names_of_their_own() -> None:
    names = [counter.name for counter in COUNTERS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("count", "unit", "expected"),
    [
        (1, "datagrams", "1 datagram"),
        (0, "datagrams", "0 datagrams"),
        (1, "entries", "1 entry"),
        (1, "times", "1 time"),
        (2, "entries", "2 entries"),
    ],
)
def test_an_amount(count: int, unit: str, expected: str) -> None:
    assert table.amount(count, unit) == expected


def test_every_unit_has_a_singular() -> None:
    assert {table.amount(1, one.unit) for one in (*table.COUNTERS, *table.GAUGES)} == {
        *("1 datagram", "1 packet", "1 time", "1 entry", "1 connection", "1 segment", "1 file")
    }
