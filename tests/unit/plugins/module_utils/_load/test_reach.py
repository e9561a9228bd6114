# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of our own, to sockets of this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import HostError
from ansible_collections.siptune.linux.plugins.module_utils._load.reach import (
    TCP,
    TLS,
    UDP,
    EndPoint,
    check_reachable,
    exchange,
    free_port,
    local_address,
    register,
    registrars,
    request,
    resolve,
    status_of,
)
from hypothesis import given
from hypothesis import strategies as st

HERE = "127.0.0.1"


@pytest.fixture
def closed_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as free:
        free.bind((HERE, 0))
        return int(free.getsockname()[1])


@pytest.fixture
def answering() -> Iterator[EndPoint]:
    """Who answers one datagram with 404."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind((HERE, 0))

        def answer() -> None:
            _text, caller = daemon.recvfrom(65535)
            daemon.sendto(b"SIP/2.0 404 Not Found\r\n\r\n", caller)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield EndPoint(HERE, daemon.getsockname()[1], UDP)


def test_any_answer_will_do(answering: EndPoint) -> None:
    assert check_reachable(answering, HERE)


def test_the_status_of_an_answer(answering: EndPoint) -> None:
    assert status_of(exchange(answering, request("OPTIONS", answering, HERE))) == 404


@pytest.mark.parametrize("transport", [UDP, TCP, TLS])
def test_a_closed_port_is_said(closed_port: int, transport: str) -> None:
    with pytest.raises(HostError, match="nobody listens on this port"):
        check_reachable(EndPoint(HERE, closed_port, transport), HERE)


def test_who_takes_connections_and_speaks_no_tls() -> None:
    with socket.create_server((HERE, 0)) as server:
        end = EndPoint(HERE, server.getsockname()[1], TLS)

        def answer() -> None:
            with server.accept()[0] as one:
                one.sendall(b"SIP/2.0 400 Bad Request\r\n\r\n")
                one.recv(65535)

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(HostError, match=r"the TLS handshake fails|cannot be reached"):
            check_reachable(end, HERE)


class Registrar:
    """Who asks for credentials, and takes whatever comes then."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HERE, 0))
        self.end = EndPoint(HERE, self.socket.getsockname()[1], UDP)
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        challenge = b'SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm="a", nonce="b"\r\n\r\n'
        while len(self.requests) < 2:
            text, caller = self.socket.recvfrom(65535)
            self.requests.append(text)
            known = b"Authorization: " in text
            self.socket.sendto(b"SIP/2.0 200 OK\r\n\r\n" if known else challenge, caller)


def test_a_callee_registers_with_credentials_if_asked() -> None:
    registrar = Registrar()
    with registrar.socket:
        contact = f"sip:callee@{HERE}:5070"
        assert register(registrar.end, HERE, "callee", contact) == 401
    registrar = Registrar()
    with registrar.socket:
        assert register(registrar.end, HERE, "callee", contact, "alice", "s3cret") == 200
        assert b'username="alice"' in registrar.requests[1]
        assert b"s3cret" not in registrar.requests[1]


def test_a_port_of_ones_own() -> None:
    port = free_port(socket.AF_INET, HERE)
    with socket.create_server((HERE, port)):
        assert free_port(socket.AF_INET, HERE) != port


def test_names_and_addresses() -> None:
    assert resolve(HERE, 5060, UDP) == EndPoint(HERE, 5060, UDP)
    assert str(resolve("::1", 5061, TCP)) == "[::1]:5061"
    assert local_address(EndPoint(HERE, 5060, UDP)) == HERE
    with pytest.raises(HostError, match="has no address here"):
        resolve("no such name", 5060, UDP)


def test_a_request_is_whole() -> None:
    end = EndPoint("::1", 5060, UDP)
    text = request("REGISTER", end, "::1", "alice", "sip:alice@[::1]:5070").decode()
    assert text.startswith("REGISTER sip:[::1]:5060 SIP/2.0\r\n")
    assert text.endswith("\r\n\r\n")
    assert "Expires: 60\r\n" in text
    assert "Expires" not in request("OPTIONS", end, "::1").decode()


@given(st.binary())
def test_anything_may_come_back(answer: bytes) -> None:
    assert status_of(answer) is None or answer.startswith(b"SIP/2.0 ")


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (EndPoint(HERE, 5060, UDP), [("udp", 5060)]),
        (EndPoint(HERE, 5080, TCP), [("tcp", 5080), ("udp", 5080)]),
        (EndPoint("::1", 5061, TLS), [("tls", 5061), ("udp", 5061), ("udp", 5060)]),
    ],
)
def test_a_callee_registers_by_udp_last_as_he_takes_calls(end: EndPoint, expected: list[tuple[str, int]]) -> None:
    found = registrars(end)
    assert [(one.transport, one.port) for one in found] == expected
    assert {one.address for one in found} == {end.address}
