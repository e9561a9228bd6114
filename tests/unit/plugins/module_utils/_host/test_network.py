# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network, from netlink dumps and tables of /proc captured on Debian 12.

`two_uplinks` is a network namespace with a veth pair, a multipath default route, a second default
route in table 100, an unreachable one, and a point-to-point address. `virtual_machine` has a
virtio card. Both were dumped by Linux 6.18 on a little-endian machine.
"""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._host.network import (
    TCP_LISTEN,
    UDP_UNCONNECTED,
    ControlConnection,
    Listener,
    advertised_default_routes,
    control_connection,
    ipv6_default_routes,
    ipv6_in_use,
    ipv6_listeners,
    parse_addresses,
    parse_default_routes,
    parse_ipv6_addresses,
    parse_ipv6_default_routes,
    parse_listeners,
    parse_speed_mbps,
    parse_ssh_connection,
    strict_reverse_path,
)
from hypothesis import given
from hypothesis import strategies as st

CAPTURED = Path(__file__).parents[1] / "captured"
DUMP_PARSERS = (parse_addresses, parse_default_routes)

little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the dumps hold little-endian numbers")


def captured(name: str) -> bytes:
    return bytes.fromhex((CAPTURED / f"{name}.hex").read_text())


# --- rtnetlink -------------------------------------------------------------------------------


@little_endian
def test_addresses_of_a_namespace() -> None:
    assert parse_addresses(captured("two_uplinks_addresses")) == {
        1: ["127.0.0.1/8", "::1/128"],
        2: ["198.51.100.5/24", "203.0.113.1/32", "fe80::ff:fe00:11/64"],
        3: ["192.0.2.5/24", "2001:db8::5/64", "fe80::ff:fe00:10/64"],
    }


@little_endian
def test_default_routes_count_every_hop_and_no_unreachable_one() -> None:
    assert parse_default_routes(captured("two_uplinks_routes4")) == [2, 3]


def message(message_type: int, payload: bytes = b"") -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), message_type, 2, 1, 0) + payload + b"\0" * (-len(payload) % 4)


def attribute(number: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), number) + value + b"\0" * (-len(value) % 4)


DONE = message(3, b"\0" * 4)
ROUTE = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 254, 3, 0, 1, 0)
UNREACHABLE = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 254, 3, 0, 7, 0)


@pytest.mark.parametrize(
    ("dump", "expected"),
    [
        (message(24, ROUTE + attribute(4, struct.pack("=i", 7))) + DONE, [7]),
        (message(24, ROUTE + attribute(9, struct.pack("=HBBi", 8, 0, 0, 4) * 2)) + DONE, [4]),
        (message(24, ROUTE + attribute(9, struct.pack("=HBBi", 0, 0, 0, 4) * 2)) + DONE, []),
        (message(24, b"\2\0") + DONE, []),
        (DONE, []),
        (b"", None),
        (message(24, ROUTE), None),
        (message(2, struct.pack("=i", -1)), None),
        (message(2, struct.pack("=i", -1)) + DONE, None),
        (message(24, UNREACHABLE + attribute(4, struct.pack("=i", 7))) + DONE, []),
        (message(24, ROUTE)[:-6], None),
        (message(24, ROUTE)[:10], None),
        (b"\0" * 16, None),
    ],
    ids=[
        "one",
        "a hop twice",
        "hop without a length",
        "too short for a route",
        "none",
        "nothing",
        "no end",
        "refused",
        "refused before the end",
        "unreachable",
        "cut",
        "cut in the header",
        "zeros",
    ],
)
def test_default_routes(dump: bytes, expected: list[int] | None) -> None:
    assert parse_default_routes(dump) == expected


@given(dump=st.binary(max_size=300), message_type=st.sampled_from([20, 24]))
def test_arbitrary_dumps_never_raise(dump: bytes, message_type: int) -> None:
    for parse in DUMP_PARSERS:
        parse(dump)
        parse(message(message_type, dump) + DONE)


@given(name=st.sampled_from(["two_uplinks_addresses", "two_uplinks_routes4"]), data=st.data())
def test_a_damaged_dump_never_raises(name: str, data: st.DataObject) -> None:
    dump = bytearray(captured(name))
    for position in data.draw(st.lists(st.integers(0, len(dump) - 1), max_size=6)):
        dump[position] = data.draw(st.integers(0, 255))
    for parse in DUMP_PARSERS:
        parse(bytes(dump))


# --- interfaces ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("speed", "expected"),
    [("1000\n", 1000), ("100000\n", 100000), ("-1\n", None), ("0\n", None), ("4294967295\n", None), ("", None)],
)
def test_speed(speed: str, expected: int | None) -> None:
    assert parse_speed_mbps(speed) == expected


# --- IPv6 routes and listeners ---------------------------------------------------------------

ZERO = "0" * 32
IPV6_ROUTES = f"""\
20010db8000000000000000000000000 40 {ZERO} 00 {ZERO} 00000100 00000001 00000000 00000001  uplink0
{ZERO} 00 {ZERO} 00 20010db8000000000000000000000001 00000400 00000001 00000000 00000003  uplink0
00000000000000000000000000000001 80 {ZERO} 00 {ZERO} 00000000 00000003 00000000 80200001       lo
ff000000000000000000000000000000 08 {ZERO} 00 {ZERO} 00000100 00000004 00000000 00000001  uplink1
{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 00000001 00000000 00200200       lo
"""
CACHED = f"{ZERO} 00 {ZERO} 00 {ZERO} 00000400 00000001 00000000 01000003     eth9\n"
REJECTED = f"{ZERO} 00 {ZERO} 00 {ZERO} 00000400 00000001 00000000 00200203     eth9\n"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (IPV6_ROUTES, ["uplink0"]),
        (IPV6_ROUTES.replace("uplink0", "eth0.100"), ["eth0.100"]),
        (CACHED + REJECTED, []),
        ("", []),
    ],
    ids=["namespace", "name with a dot", "cached and rejected", "no IPv6"],
)
def test_ipv6_default_routes(table: str, expected: list[str]) -> None:
    assert parse_ipv6_default_routes(table) == expected


HEADING = "  sl  local_address                         remote_address                        st tx_queue rx_queue ...\n"
REST = "00000000:00000000 00:00000000 00000000   100        0 135502 2 00000000a3c62d4c 0"


def kernel_address(address: str) -> str:
    """An IPv6 address as the kernel prints it on this machine."""
    return "".join(f"{word:08X}" for word in struct.unpack("=4I", socket.inet_pton(socket.AF_INET6, address)))


def kernel_socket(address: str, port: int, state: str) -> str:
    """A line as the kernel prints it on this machine."""
    return f" 1265: {kernel_address(address)}:{port:04X} {ZERO}:0000 {state} {REST}\n"


def kernel_connection(local: str, remote: str) -> str:
    """The line of a connection with port 40000 of another host."""
    return f" 7: {kernel_address(local)}:13C4 {kernel_address(remote)}:9C40 01 {REST}\n"


@little_endian
def test_a_line_captured_from_a_kamailio() -> None:
    line = f" 1265: B80D0120000000000000000005000000:13C6 {ZERO}:0000 07 {REST}\n"
    assert line == kernel_socket("2001:db8::5", 5062, "07")
    assert parse_listeners(HEADING + line, "udp", UDP_UNCONNECTED) == {Listener(5062, "2001:db8::5", "udp")}


@pytest.mark.parametrize(
    ("address", "state", "found"),
    [
        ("2001:db8::1", "0A", True),
        ("fd00::1", "0A", True),
        ("2001:db8::1", "01", False),
        ("::", "0A", False),
        ("::1", "0A", False),
        ("fe80::1", "0A", False),
        ("ff0e::1", "0A", False),
        ("::ffff:192.0.2.1", "0A", False),
    ],
    ids=["global", "unique local", "connected", "any", "loopback", "link-local", "multicast", "IPv4-mapped"],
)
def test_listeners(address: str, state: str, found: bool) -> None:
    table = HEADING + kernel_socket(address, 5060, state)
    expected = {Listener(5060, address, "tcp")} if found else set()
    assert parse_listeners(table, "tcp", TCP_LISTEN) == expected


def test_a_listener_reads_as_people_write_it() -> None:
    assert str(Listener(5060, "2001:db8::1", "udp")) == "[2001:db8::1]:5060/udp"


# --- the connection that controls the host ---------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("192.0.2.9 50000 192.0.2.1 22", ControlConnection("ipv4", "192.0.2.1")),
        ("2001:db8::9 50000 2001:db8::5 22", ControlConnection("ipv6", "2001:db8::5")),
        ("::ffff:192.0.2.9 50000 ::ffff:192.0.2.1 22", ControlConnection("ipv4", "192.0.2.1")),
        ("fe80::9%eth0 50000 fe80::5%eth0 22", ControlConnection("ipv6", "fe80::5%eth0")),
        ("UNKNOWN 65535 UNKNOWN 65535", None),
        ("192.0.2.9 50000 22", None),
        ("", None),
    ],
    ids=["IPv4", "IPv6", "mapped", "link-local", "a socket that is not TCP", "SSH_CLIENT's shape", "empty"],
)
def test_ssh_connection(value: str, expected: ControlConnection | None) -> None:
    assert parse_ssh_connection(value) == expected


def tree(root: Path, files: dict[str, str]) -> Host:
    for path, text in files.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return Host(str(root))


def process(parent: int) -> str:
    return f"Name:\tx\nPPid:\t{parent}\nUid:\t0\t0\t0\t0\n"


SSH_OVER_IPV6 = "HOME=/root\0SSH_CONNECTION=2001:db8::9 50000 2001:db8::5 22\0"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"/proc/self/environ": SSH_OVER_IPV6, "/proc/self/status": process(9)}, ("ipv6", "2001:db8::5")),
        (
            {
                "/proc/self/environ": "SUDO_USER=op\0",
                "/proc/self/status": process(9),
                "/proc/9/environ": "",
                "/proc/9/status": process(8),
                "/proc/8/environ": SSH_OVER_IPV6,
                "/proc/8/status": process(1),
            },
            ("ipv6", "2001:db8::5"),
        ),
        ({"/proc/self/environ": "", "/proc/self/status": process(0)}, (None, None)),
        ({"/proc/self/environ": "", "/proc/self/status": process(9)}, (None, None)),
        ({"/proc/self/status": process(9), "/proc/9/status": process(9)}, (None, None)),
        ({}, (None, None)),
    ],
    ids=["our own", "above sudo", "container", "parent not to be seen", "parent of itself", "no /proc"],
)
def test_control_connection(tmp_path: Path, files: dict[str, str], expected: tuple) -> None:
    assert control_connection(tree(tmp_path, files)) == ControlConnection(*expected)


# --- what needs IPv6 -------------------------------------------------------------------------

IPV6_HOST = {
    "/proc/net/dev": "",
    "/proc/net/if_inet6": "",
    "/proc/net/ipv6_route": IPV6_ROUTES,
    "/proc/net/udp6": HEADING + kernel_socket("2001:db8::1", 5060, "07"),
    "/proc/net/tcp6": HEADING + kernel_socket("::", 22, "0A"),
    "/proc/self/environ": SSH_OVER_IPV6,
    "/proc/self/status": process(1),
}


def test_all_reasons_to_keep_ipv6(tmp_path: Path) -> None:
    assert ipv6_in_use(tree(tmp_path, IPV6_HOST)) == [
        "the control connection comes in over IPv6 (2001:db8::5)",
        "the default route of uplink0 is IPv6",
        "a SIP/RTP or other service listens on [2001:db8::1]:5060/udp",
    ]


def test_a_media_relay_does_not_flood_the_reasons(tmp_path: Path) -> None:
    sockets = "".join(kernel_socket("2001:db8::1", port, "07") for port in range(30000, 30012))
    reasons = ipv6_in_use(
        tree(tmp_path, {"/proc/net/udp6": HEADING + sockets, "/proc/net/tcp6": HEADING, "/proc/net/ipv6_route": ""})
    )
    assert len(reasons) == 6
    assert reasons[-1] == "7 more sockets listen on IPv6 addresses of this host"


@pytest.mark.parametrize(
    "changed",
    [
        {"/proc/net/ipv6_route": CACHED + REJECTED, "/proc/net/udp6": HEADING, "/proc/self/environ": ""},
        {
            "/proc/net/ipv6_route": "",
            "/proc/net/udp6": HEADING + kernel_socket("::1", 5060, "07"),
            "/proc/self/environ": "SSH_CONNECTION=192.0.2.9 1 192.0.2.1 22\0",
        },
    ],
    ids=["IPv6 unused", "IPv4 control connection"],
)
def test_no_reason_to_keep_ipv6(tmp_path: Path, changed: dict[str, str]) -> None:
    assert ipv6_in_use(tree(tmp_path, {**IPV6_HOST, **changed})) == []


def test_a_kernel_without_ipv6_has_no_listeners(tmp_path: Path) -> None:
    host = tree(tmp_path, {"/proc/net/dev": ""})
    assert (ipv6_listeners(host), ipv6_default_routes(host)) == ([], [])


def test_unreadable_tables_are_null(tmp_path: Path) -> None:
    host = tree(tmp_path, {"/proc/net/dev": "", "/proc/net/if_inet6": ""})
    assert (ipv6_listeners(host), ipv6_default_routes(host)) == (None, None)


@given(text=st.text() | st.lists(st.text("0123456789ABCDEFabcdef: ", max_size=60), max_size=9).map(" ".join))
def test_arbitrary_text_never_raises(text: str) -> None:
    parse_speed_mbps(text)
    parse_ipv6_default_routes(text)
    parse_ipv6_default_routes(f"{ZERO} 00 {ZERO} 00 {ZERO} 0 0 0 {text} eth0")
    parse_listeners(text, "udp", UDP_UNCONNECTED)
    parse_listeners(f" 1: {text} {ZERO}:0000 07 rest", "udp", UDP_UNCONNECTED)
    parse_ssh_connection(text)
    parse_ssh_connection(f"a 1 {text} 2")


def test_sip_on_any_address_counts_where_there_is_a_global_one(tmp_path: Path) -> None:
    files = {"/proc/net/udp6": HEADING + kernel_socket("::", 5060, "07"), "/proc/net/tcp6": HEADING}
    files["/proc/net/ipv6_route"] = ""
    link_local = "fe80000000000000a8bbccfffeddeeff 02 40 20 80 eth0\n"
    assert ipv6_in_use(tree(tmp_path / "link", {**files, "/proc/net/if_inet6": link_local})) == []
    addressed = link_local + "20010db8000000000000000000000001 02 40 00 80 eth0\n"
    served, address = ipv6_in_use(tree(tmp_path / "global", {**files, "/proc/net/if_inet6": addressed}))
    assert "[::]:5060/udp" in served
    assert address == "the host has the global address 2001:db8::1/64 on eth0"


def test_what_cannot_be_read_counts_as_in_use(tmp_path: Path) -> None:
    (reason,) = ipv6_in_use(tree(tmp_path, {"/proc/net/udp6": HEADING, "/proc/net/tcp6": HEADING}))
    assert "cannot be read" in reason


@pytest.mark.parametrize(
    ("local", "remote", "counts"),
    [
        ("2001:db8::5", "2001:db8::9", True),
        ("fe80::5", "fe80::9", True),
        ("fd00::5", "fd00::9", True),
        ("::1", "::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.9", False),
        ("2001:db8::5", "2001:db8::5", False),
    ],
    ids=["global", "link-local", "unique local", "loopback", "IPv4 in disguise", "the host with itself"],
)
@pytest.mark.parametrize("table", ["udp6", "tcp6"])
def test_a_connection_is_a_reason_to_keep_ipv6(
    tmp_path: Path, table: str, local: str, remote: str, counts: bool
) -> None:
    files = {"/proc/net/ipv6_route": "", "/proc/net/tcp6": HEADING, "/proc/net/udp6": HEADING}
    files[f"/proc/net/{table}"] = HEADING + kernel_connection(local, remote)
    wanted = [f"there is a connection of [{local}]:5060/{table[:3]} with [{remote}]:40000"] if counts else []
    assert ipv6_in_use(tree(tmp_path, files)) == wanted


def test_addresses_of_the_host() -> None:
    table = (
        "00000000000000000000000000000001 01 80 10 80       lo\n"
        "fd000000000000000000000000000005 02 40 00 80  eth0.100\n"
        "fe80000000000000a8bbccfffeddeeff 02 40 20 80     eth0\n"
        "nonsense 02 40 20 80 eth0\nfe80000000000000a8bbccfffeddeeff 02 zz 20 80 eth0\n"
    )
    assert [(str(one), one.is_global) for one in parse_ipv6_addresses(table)] == [
        ("::1/128 on lo", False),
        ("fd00::5/64 on eth0.100", True),
        ("fe80::a8bb:ccff:fedd:eeff/64 on eth0", False),
    ]


# As rt6_info_route() prints them: the router of eth0 advertises itself, the route of eth1 was set by hand.
ADVERTISED = f"{ZERO} 00 {ZERO} 00 fe80000000000000020000fffe000001 00000400 00000001 00000000 00450003     eth0\n"
BY_HAND = f"{ZERO} 00 {ZERO} 00 fe80000000000000020000fffe000002 00000400 00000001 00000000 00000003     eth1\n"


def test_a_default_route_from_a_router_is_told_from_others(tmp_path: Path) -> None:
    host = tree(tmp_path, {"/proc/net/ipv6_route": ADVERTISED + BY_HAND})
    assert (advertised_default_routes(host), ipv6_default_routes(host)) == (["eth0"], ["eth0", "eth1"])


# --- the reverse path ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, None),
        ({"all": "0"}, False),
        ({"all": "1"}, True),
        ({"all": "2", "eth0": "2"}, False),
        ({"all": "0", "eth0": "1"}, True),
        ({"all": "0", "eth1": "1"}, False),
        ({"eth0": "1"}, True),
    ],
)
def test_whether_the_reverse_path_is_strict(tmp_path: Path, values: dict[str, str], expected: bool | None) -> None:
    for name, value in values.items():
        file = tmp_path / f"proc/sys/net/ipv4/conf/{name}/rp_filter"
        file.parent.mkdir(parents=True)
        file.write_text(value + "\n")
    assert strict_reverse_path(Host(str(tmp_path)), ["eth0"]) is expected
