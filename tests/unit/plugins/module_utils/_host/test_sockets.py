# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""UDP sockets: the kernel's tables as captured, and real sockets of this very process."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host import sockets
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._host.sockets import (
    SO_RCVBUFFORCE,
    Place,
    SocketGoneError,
    UdpSocket,
    option_for,
    parse_address,
    parse_socket_link,
    parse_tcp_listeners,
    parse_udp_sockets,
    receive_buffer,
    set_receive_buffer,
    why_out_of_reach,
)
from hypothesis import given
from hypothesis import strategies as st

CAPTURED = Path(__file__).parents[1] / "captured"
SMALL_BYTES = 65536
HEADER = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref ...\n"
LINE = "{:5}: {}:{:04X} {}:{:04X} {} 00000000:00000000 00:00000000 00000000 {:5}        0 {} 2 {:016x} {}      \n"


def line(digits: str, port: int, inode: int, drops: int = 0, state: str = "07", remote: str = "", slot: int = 7) -> str:
    """A line as net/ipv4/udp.c prints it."""
    there = remote or "0" * len(digits)
    return LINE.format(slot, digits, port, there, 0, state, 0, inode, 0, drops)


# --- parsers --------------------------------------------------------------------------------


def captured(name: str) -> list[UdpSocket]:
    return parse_udp_sockets((CAPTURED / f"counters-6.18-{name}.txt").read_text(encoding="ascii"))


def test_the_tables_as_a_kernel_prints_them() -> None:
    four, six = captured("udp"), captured("udp6")
    assert UdpSocket(732269, "0100007F", 5060, 36) in four
    assert UdpSocket(732271, "0" * 24 + "01000000", 5061, 26) in six
    assert [one.end for one in (*four, *six) if one.port in (5060, 5061)] == ["127.0.0.1:5060", "[::1]:5061"]


TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:13C4 00000000:0000 0A 00000000:00000000 00:00000000 00000000   103        0 1594 1 000000001375674e 100 0 0 10 0
   1: 0100007F:13C4 0100007F:D431 01 00000000:00000000 00:00000000 00000000   103        0 1600 1 000000001375674e 20 4 30 10 -1
   2: 0100007F:D432 0100007F:13C4 06 00000000:00000000 03:00001722 00000000     0        0 0 3 000000001375674e
"""  # noqa: E501 - as the kernel prints it
TCP6 = "   0: 00000000000000000000000000000000:13C5 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 0 100 0 0 10 0\n"  # noqa: E501


def test_tcp_sockets_that_listen() -> None:
    assert parse_tcp_listeners(TCP) == [(1594, "0100007F", 5060)]
    assert parse_tcp_listeners(TCP6) == [(77, "0" * 32, 5061)]
    assert [one.loopback for table in (TCP, TCP6) for one in parse_tcp_listeners(table)] == [True, False]
    assert parse_tcp_listeners("nonsense 0A") == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="no table"),
        pytest.param(HEADER, id="nothing in it"),
        pytest.param(line("0100007F", 5060, 5, state="01", remote="0200007F"), id="a peer"),
        pytest.param(line("0100007F", 5060, 5)[:60], id="cut off"),
        pytest.param(line("0100007", 5060, 5), id="an address of seven digits"),
        pytest.param(" x: y z\n", id="no table at all"),
    ],
)
def test_what_is_no_listening_socket_is_left_out(text: str) -> None:
    assert parse_udp_sockets(text) == []


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_no_text_is_too_strange(text: str) -> None:
    assert isinstance(parse_udp_sockets(HEADER + text), list)


PORTS, INODES, DROPS, SLOTS = (st.integers(0, most) for most in (2**16 - 1, 2**64 - 1, 2**32 - 1, 99999))


@given(st.lists(st.tuples(st.ip_addresses(), PORTS, INODES, DROPS, SLOTS)))
def test_every_socket_is_found_as_it_is(given_sockets: list) -> None:
    text, expected = HEADER, []
    for address, port, inode, drops, slot in given_sockets:
        words = struct.unpack(f"={len(address.packed) // 4}I", address.packed)
        digits = "".join(f"{word:08X}" for word in words)
        text += line(digits, port, inode, drops, slot=slot)
        expected.append((inode, str(address), port, drops))
    found = parse_udp_sockets(text)
    assert [(one.inode, parse_address(one.digits), one.port, one.drops) for one in found] == expected
    assert [one.loopback for one in found] == [one.end.startswith(("127.", "[::1]")) for one in found]
    assert [one.any_address for one in found] == [int(address) == 0 for address, *_ in given_sockets]


@pytest.mark.parametrize(
    ("link", "inode"),
    [
        ("socket:[4711]", 4711),
        ("socket:[]", None),
        ("pipe:[4711]", None),
        ("/tmp/socket:[4711]", None),  # a file may be called so
        ("socket:[4711] (deleted)", None),
        (None, None),
    ],
)
def test_the_inode_of_a_link(link: str | None, inode: int | None) -> None:
    assert parse_socket_link(link) == inode


# --- receive buffers ------------------------------------------------------------------------


def place_of(one: socket.socket, inode: int | None = None, port: int | None = None) -> Place:
    found = os.fstat(one.fileno()).st_ino
    return Place(os.getpid(), one.fileno(), inode or found, port or one.getsockname()[1])


@pytest.fixture(name="bound", params=[socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def bound_socket(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A socket of ours, bound to a port, where this machine lets us duplicate it."""
    address = "127.0.0.1" if request.param == socket.AF_INET else "::1"
    with socket.socket(request.param, socket.SOCK_DGRAM) as one:
        try:
            one.bind((address, 0))
            receive_buffer(place_of(one))
        except OSError:
            pytest.skip("there is no IPv6 here")
        except HostError as error:
            pytest.skip(f"pidfd_getfd(2) is not to be had here: {error}")
        yield one


def test_a_buffer_is_read_and_set_and_nothing_else_changes(bound: socket.socket) -> None:
    bound.setblocking(False)
    place, open_now = place_of(bound), len(os.listdir("/proc/self/fd"))
    flags = fcntl.fcntl(bound, fcntl.F_GETFL)
    assert receive_buffer(place) == bound.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert set_receive_buffer(place, SMALL_BYTES, socket.SO_RCVBUF) == SMALL_BYTES
    assert bound.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == SMALL_BYTES
    assert set_receive_buffer(place, SMALL_BYTES + 1, socket.SO_RCVBUF) == SMALL_BYTES + 2  # never less than asked
    assert len(os.listdir("/proc/self/fd")) == open_now
    assert fcntl.fcntl(bound, fcntl.F_GETFL) == flags


def test_another_socket_in_its_place_is_never_touched(bound: socket.socket) -> None:
    place, open_now = place_of(bound), len(os.listdir("/proc/self/fd"))
    before = bound.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    others = [
        place._replace(inode=place.inode + 1),
        place._replace(port=place.port + 1),
        place._replace(descriptor=9999),
        place._replace(pid=2**22 + 1),  # above PID_MAX_LIMIT, linux/threads.h
    ]
    for other in others:
        with pytest.raises(SocketGoneError):
            set_receive_buffer(other, SMALL_BYTES, socket.SO_RCVBUF)
    assert bound.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == before
    assert len(os.listdir("/proc/self/fd")) == open_now


def test_what_is_no_udp_socket_is_never_touched(bound: socket.socket) -> None:
    with socket.socket(bound.family, socket.SOCK_STREAM) as stream, open("/dev/null", "rb") as file:
        stream.bind(bound.getsockname())
        with pytest.raises(SocketGoneError, match="another port"):
            receive_buffer(place_of(stream))
        status = os.fstat(file.fileno())
        with pytest.raises(SocketGoneError, match="closed the socket"):
            receive_buffer(Place(os.getpid(), file.fileno(), status.st_ino, 5060))


def test_the_option_for_a_buffer_is_tried() -> None:
    assert option_for(SMALL_BYTES) == socket.SO_RCVBUF
    # More than any ceiling: only SO_RCVBUFFORCE can, for whom may.
    assert option_for(2**31 - 2) in (SO_RCVBUFFORCE, None, socket.SO_RCVBUF)


@pytest.mark.parametrize(
    ("number", "scope", "reason"),
    [
        (errno.ENOSYS, "", "requires Linux 5.6"),
        (errno.EPERM, "3\n", "kernel.yama.ptrace_scope is 3"),
        (errno.EPERM, "1\n", "requires CAP_SYS_PTRACE"),
        (errno.EPERM, "", "requires CAP_SYS_PTRACE"),
        (errno.EMFILE, "", "too many"),
    ],
)
def test_why_a_socket_is_out_of_reach(tmp_path: Path, number: int, scope: str, reason: str) -> None:
    yama = tmp_path / "proc/sys/kernel/yama"
    yama.mkdir(parents=True)
    (yama / "ptrace_scope").write_text(scope)
    assert reason in why_out_of_reach(Host(str(tmp_path)), HostError("process 1", "too many", number))


def test_an_unknown_machine_has_no_such_system_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "MACHINES", ())
    with pytest.raises(HostError) as failed:
        receive_buffer(Place(os.getpid(), 0, 1, 1))
    assert failed.value.errno == errno.ENOSYS
