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
from .digest import credentials
from .scenarios import REGISTERED_SECONDS

UDP, TCP, TLS = "udp", "tcp", "tls"
TRANSPORTS = (UDP, TCP, TLS)
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 0.5  # T1 of RFC 3261, after which the request is sent again
ATTEMPTS = 4
MOST_BYTES = 65535
SIP_PORT = 5060  # RFC 3261, section 19.1.2; that of TLS is another one
CHALLENGES = (401, 407)


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


def free_port(family: int, here: str) -> int:
    """A port of TCP that nobody has. SIPps that begin at once would take one and the same, of which all but one end."""
    with socket.socket(family, socket.SOCK_STREAM) as asking:
        asking.bind((here, 0))
        return int(asking.getsockname()[1])


def check_reachable(end: EndPoint, here: str) -> bool:
    """Whether a request was answered. Raises HostError where nobody listens there, or nobody lets us in.

    Any answer will do. A host that drops requests is told by the load itself, and the counters of both sides.
    """
    try:
        return status_of(exchange(end, request("OPTIONS", end, here))) is not None
    except ssl.SSLError as error:
        raise HostError(f"{end.transport} {end}", f"the TLS handshake fails: {error.reason or error}") from error
    except socket.timeout as error:
        reason = "no connection within 5 s: a firewall that drops, or a host that is not there"
        raise HostError(f"{end.transport} {end}", reason) from error
    except OSError as error:
        refused = error.errno == errno.ECONNREFUSED
        why = "nobody listens on this port: give siptune_prove_port, and siptune_prove_transport" if refused else ""
        raise HostError(f"{end.transport} {end}", why or f"cannot be reached: {error.strerror or error}") from error


def registrars(end: EndPoint) -> list[EndPoint]:
    """Where a callee registers who takes calls over UDP, whatever the load that goes to `end` has: the last one counts.

    OpenSIPS calls by the transport that a registration has come over, and not by the one that its Contact names.
    """
    ports = (end.port, SIP_PORT) if end.transport == TLS else (end.port,)
    return list(dict.fromkeys((end, *(EndPoint(end.address, port, UDP) for port in ports))))


def register(end: EndPoint, here: str, callee: str, contact: str, user: str = "", password: str = "") -> int | None:
    """Register where a callee is, as this user if need be; returns the status. Raises OSError where nobody is there."""
    answer = exchange(end, request("REGISTER", end, here, callee, contact))
    if status_of(answer) in CHALLENGES and user:
        proof = credentials(answer, "REGISTER", f"sip:{end}", user, password)
        if proof is not None:
            answer = exchange(end, request("REGISTER", end, here, callee, contact, proof))
    return status_of(answer)


def exchange(end: EndPoint, text: bytes) -> bytes:
    """The answer to a request, empty without one. Raises OSError where nobody is there."""
    return _over_udp(end, text) if end.transport == UDP else _over_stream(end, text)


def _over_udp(end: EndPoint, text: bytes) -> bytes:
    with socket.socket(end.family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(ANSWER_SECONDS)
        asking.connect((end.address, end.port))
        text = text.replace(b"{port}", str(asking.getsockname()[1]).encode())
        for _attempt in range(ATTEMPTS):
            asking.send(text)
            try:
                return asking.recv(MOST_BYTES)
            except socket.timeout:
                continue
    return b""


def _over_stream(end: EndPoint, text: bytes) -> bytes:
    with socket.create_connection((end.address, end.port), timeout=CONNECT_SECONDS) as plain:
        text = text.replace(b"{port}", str(plain.getsockname()[1]).encode())
        if end.transport == TCP:
            return _ask(plain, text)
        # The certificate is the target's own affair: what is measured here is its speed, and no secret is said in full.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with context.wrap_socket(plain) as connection:
            return _ask(connection, text)


def _ask(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    connection.settimeout(ANSWER_SECONDS * ATTEMPTS)
    try:
        return connection.recv(MOST_BYTES)
    except socket.timeout:
        return b""


def status_of(answer: bytes) -> int | None:
    """The status of a response; None of anything else."""
    found = re.match(rb"SIP/2\.0 ([1-6][0-9]{2}) ", answer)
    return int(found.group(1)) if found else None


def request(
    method: str, end: EndPoint, here: str, user: str = "siptune-prove", contact: str = "", proof: str = ""
) -> bytes:
    """A request to this end point; `{port}` stands for the port that it is sent from.

    `contact` is for REGISTER, `proof` a header that answers a challenge.
    """
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
        *([proof] if proof else []),
        "Max-Forwards: 70",
        "Content-Length: 0",
        "",
        "",
    ]
    return "\r\n".join(lines).encode()
