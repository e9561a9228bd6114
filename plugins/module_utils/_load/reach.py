# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A SIP request or two of our own, before SIPp begins: whether the port can be reached, and where the callee is."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from typing import NamedTuple

from .._host.host import HostError
from .scenarios import REGISTERED_SECONDS

UDP, TCP, TLS = "udp", "tcp", "tls"
TRANSPORTS = (UDP, TCP, TLS)
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 0.5  # T1 of RFC 3261, after which the request is sent again
ATTEMPTS = 4
MOST_BYTES = 65535


class EndPoint(NamedTuple):
    """Where the load goes: a numeric address, and the transport."""

    address: str
    port: int
    transport: str

    @property
    def family(self) -> int:
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


def resolve(name: str, port: int, transport: str) -> EndPoint:
    """The end point with the first address of a name. Raises HostError."""
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise HostError(name, f"has no address here: {getattr(error, 'strerror', None) or error}") from error
    return EndPoint(str(found[0][4][0]).partition("%")[0], port, transport)


def local_address(end: EndPoint) -> str:
    """The address that this host sends from. Raises HostError."""
    with socket.socket(end.family, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect((end.address, end.port))
        except OSError as error:
            raise HostError(str(end), f"cannot be reached from here: {error.strerror}") from error
        return str(asking.getsockname()[0])


def check_reachable(end: EndPoint, here: str) -> None:
    """Raises HostError where nobody listens there, or nobody lets us in; without an answer to a datagram all is open.

    Any answer will do. A host that drops requests is told by the load itself, and the counters of both sides.
    """
    try:
        exchange(end, request("OPTIONS", end, here))
    except ssl.SSLError as error:
        raise HostError(f"{end.transport} {end}", f"the TLS handshake fails: {error.reason or error}") from error
    except socket.timeout as error:
        reason = "no connection within 5 s: a firewall that drops, or a host that is not there"
        raise HostError(f"{end.transport} {end}", reason) from error
    except OSError as error:
        refused = error.errno == errno.ECONNREFUSED
        why = "nobody listens on this port: give siptune_prove_port, and siptune_prove_transport" if refused else ""
        raise HostError(f"{end.transport} {end}", why or f"cannot be reached: {error.strerror or error}") from error


def exchange(end: EndPoint, text: bytes) -> int | None:
    """The status of the answer to a request; None without an answer. Raises OSError where nobody is there."""
    return _over_udp(end, text) if end.transport == UDP else _over_stream(end, text)


def _over_udp(end: EndPoint, text: bytes) -> int | None:
    with socket.socket(end.family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(ANSWER_SECONDS)
        asking.connect((end.address, end.port))
        text = text.replace(b"{port}", str(asking.getsockname()[1]).encode())
        for _attempt in range(ATTEMPTS):
            asking.send(text)
            try:
                return status_of(asking.recv(MOST_BYTES))
            except socket.timeout:
                continue
    return None


def _over_stream(end: EndPoint, text: bytes) -> int | None:
    with socket.create_connection((end.address, end.port), timeout=CONNECT_SECONDS) as plain:
        text = text.replace(b"{port}", str(plain.getsockname()[1]).encode())
        if end.transport == TCP:
            return _ask(plain, text)
        # The certificate is the target's own affair: what is measured here is its speed, and nothing secret is said.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with context.wrap_socket(plain) as connection:
            return _ask(connection, text)


def _ask(connection: socket.socket, text: bytes) -> int | None:
    connection.sendall(text)
    connection.settimeout(ANSWER_SECONDS * ATTEMPTS)
    try:
        return status_of(connection.recv(MOST_BYTES))
    except socket.timeout:
        return None


def status_of(answer: bytes) -> int | None:
    """The status of a response; None of anything else."""
    found = re.match(rb"SIP/2\.0 ([1-6][0-9]{2}) ", answer)
    return int(found.group(1)) if found else None


def request(method: str, end: EndPoint, here: str, user: str = "siptune-prove", contact: str = "") -> bytes:
    """A request to this end point; `{port}` stands for the port that it is sent from. `contact` is for REGISTER."""
    mark = os.urandom(8).hex()
    local = f"[{here}]" if ":" in here else here
    uri = f"sip:{end}" if contact else f"sip:{user}@{end}"
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/{end.transport.upper()} {local}:{{port}};rport;branch=z9hG4bK{mark}",
        f"From: <sip:{user}@{end}>;tag={mark}",
        f"To: <sip:{user}@{end}>",
        f"Call-ID: {mark}@{local}",
        f"CSeq: 1 {method}",
        f"Contact: <{contact or f'sip:{user}@{local}:{{port}}'}>",
        *([f"Expires: {REGISTERED_SECONDS}"] if contact else []),
        "Max-Forwards: 70",
        "Content-Length: 0",
        "",
        "",
    ]
    return "\r\n".join(lines).encode()
