# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIPp's own program: whether it is there, and the words it is started with. Source: SIPp reference documentation."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .._core.errors import TuningError
from .._host.host import Host, HostError
from .reach import TLS, UDP, EndPoint
from .scenarios import REGISTER, WITH_CALLEE
from .statistics import parse_version

PROGRAM = "sipp"
OS_RELEASE = "/etc/os-release"
# The package of the program, by ID or ID_LIKE of os-release(5).
PACKAGES = {
    "debian": "sip-tester (apt install sip-tester)",
    "fedora": "sipp (dnf install sipp; on Enterprise Linux it is in EPEL)",
    "rhel": "sipp (dnf install epel-release, then dnf install sipp)",
    "suse": "sipp (zypper install sipp)",
}
ANY_PACKAGE = "sip-tester on Debian and Ubuntu, sipp on Fedora and in EPEL"

# SIPp would give a call up on the first message that comes twice, or out of order; a telephone passes over it.
LENIENT = ("-default_behaviors", "all,-abortunexp")
SCENARIO_FILE, USERS_FILE, STATISTICS_FILE = "load.xml", "users.csv", "statistics.csv"
CALLEE_FILE = "callee.xml"
CERTIFICATE_FILE, KEY_FILE = "cacert.pem", "cakey.pem"
OWN_BUFFER_BYTES = 16 << 20  # of a SIPp with one socket, so that it does not lose what the target does not
MOST_OPEN_SOCKETS = 20_000  # of the 28,232 ports that the kernel gives: ip_local_port_range
SPARE_FILES = 1000  # SIPp asks for more files than sockets
MOST_FILES = MOST_OPEN_SOCKETS + SPARE_FILES
SHARE_OF_ONE = 2000  # calls a second that one SIPp, which has one thread, begins without effort
CONNECTIONS = 4  # of TCP or TLS, each from a SIPp of its own: a daemon's worker serves one connection
MOST_PROCESSES = 16
WRITES = 100  # of response times a second; those since the last one are lost at the end
HIGHEST_PORT = 65535
LONGEST_PROGRAM = 64 << 20  # SIPp has some 1 MiB


class Load(NamedTuple):
    """What is asked of SIPp."""

    end: EndPoint
    scenario: str
    rate: int
    seconds: int
    patience_ms: int  # how long a call may wait for a message
    callee: str
    callee_port: int
    accepted: Sequence[int]
    user: str = ""
    password: str = ""

    @property
    def calls(self) -> int:
        return self.rate * self.seconds

    @property
    def has_callee(self) -> bool:
        return self.scenario in WITH_CALLEE


HIGHEST_RATE = 20_000  # a second; more takes more than one generator
LONGEST_SECONDS = 120
BOUNDS = {
    "rate": (1, HIGHEST_RATE),
    "seconds": (1, LONGEST_SECONDS),
    "patience_ms": (100, 60_000),
    "callee_port": (1, HIGHEST_PORT),
}
MOST_CALLS = 1_000_000  # whose response times are read
_USER = re.compile(r"[A-Za-z0-9_.!~*'()+-]{1,64}")  # a user of RFC 3261, of what needs no escape there, nor in XML
_SECRET = re.compile(r"[^;\n\r\[\]\0]{1,128}")  # what has a meaning in an injection file, or in a scenario


def check_load(load: Load) -> None:
    """Raises TuningError for what SIPp would not do, or would take for something else."""
    for name, (least, most) in BOUNDS.items():
        if not least <= getattr(load, name) <= most:
            raise TuningError(f"{name}: must be from {least} to {most}, not {getattr(load, name)}")
    if not 1 <= load.end.port <= HIGHEST_PORT:
        raise TuningError(f"port: must be from 1 to {HIGHEST_PORT}, not {load.end.port}")
    if load.calls > MOST_CALLS:
        raise TuningError(
            f"rate: {load.rate} for {load.seconds} s are more than {MOST_CALLS} calls: take fewer seconds"
        )
    for name, value in (("callee", load.callee), ("user", load.user or "none")):
        if not _USER.fullmatch(value):
            raise TuningError(f"{name}: must be letters, digits and -_.!~*'()+, not {value!r}")
    if load.password and not _SECRET.fullmatch(load.password):
        raise TuningError("password: SIPp takes none with a semicolon, a bracket or a line break")
    if not all(200 <= status <= 699 for status in load.accepted):
        raise TuningError(f"accepted: must be final statuses, from 200 to 699, not {load.accepted!r}")


def check_program(host: Host, with_tls: bool) -> str:
    """The version of SIPp. Raises TuningError where it is not installed, or cannot do TLS."""
    found = host.run([PROGRAM, "-v"]) if shutil.which(PROGRAM) else None
    if found is None:
        package = package_of(host.read_lenient(OS_RELEASE) or "")
        raise TuningError(
            f"SIPp is not installed on this host, and siptune installs nothing unasked: it is in {package}"
        )
    version = parse_version(found.stdout + found.stderr)
    if version is None:
        raise HostError(PROGRAM, "does not say its version; is it SIPp?")
    if with_tls and not version[1]:
        raise TuningError(
            f"SIPp {version[0]} of this host has been built without TLS: use another generator, or another transport"
        )
    return version[0]


def check_heard(end: EndPoint, result: Mapping[str, Any]) -> None:
    """Raises TuningError for a SIPp that says nothing, after a request of our own to this end point was answered.

    One that was built with wolfSSL makes the connection of TLS, and then sends nothing: 3.7.3 of Debian 13.
    """
    if end.transport == TLS and not result["statuses"] and _is_built_with(b"libwolfssl"):
        raise TuningError(
            "SIPp of this host has been built with wolfSSL, and sends nothing over TLS, where a request of our own was "
            "answered: use a generator whose SIPp was built with OpenSSL, as that of Debian 14 is, or another transport"
        )


def _is_built_with(library: bytes) -> bool:
    path = shutil.which(PROGRAM)
    if path is None:
        return False
    with open(path, "rb") as program:
        return library in program.read(LONGEST_PROGRAM)


def package_of(os_release: str) -> str:
    """The package that has SIPp on a host with this /etc/os-release."""
    ids = re.findall(r'^ID(?:_LIKE)?="?([a-z0-9._ -]*)', os_release, re.MULTILINE)
    words = [word for line in ids for word in line.split()]
    return next((PACKAGES[word] for word in words if word in PACKAGES), ANY_PACKAGE)


def rates(load: Load) -> list[int]:
    """The share of the rate of each SIPp that runs: several where one would not do."""
    wanted = -(-load.rate // SHARE_OF_ONE)
    wanted = min(wanted, os.cpu_count() or 1) if load.end.transport == UDP else max(wanted, CONNECTIONS)
    number = max(1, min(wanted, load.rate, MOST_PROCESSES))
    return [load.rate // number + (place < load.rate % number) for place in range(number)]


def caller_words(
    load: Load, rate: int, here: str, limit_seconds: int, most_files: int, port: int | None = None
) -> list[str]:
    """The command of a SIPp that makes calls at this rate, with a connection from this port.

    Each call of UDP comes from a port of its own. That is how telephones are spread: over queues of a card, workers of
    a daemon and entries of connection tracking.
    """
    count = rate * load.seconds
    transport = {UDP: "un", TLS: "l1"}.get(load.end.transport, "t1")
    words = [PROGRAM, "-sf", SCENARIO_FILE, "-s", load.callee, "-i", here, "-t", transport, "-nostdin", *LENIENT]
    words += ["-r", str(rate), "-m", str(count), "-l", str(count), "-recv_timeout", str(load.patience_ms)]
    words += ["-timeout", f"{limit_seconds}s", "-trace_stat", "-stf", STATISTICS_FILE, "-fd", "1"]
    words += ["-trace_rtt", "-rtt_freq", str(max(1, rate // WRITES)), "-trace_error_codes"]
    if transport == "un":
        words += ["-max_socket", str(max(1, min(MOST_OPEN_SOCKETS, most_files - SPARE_FILES)))]
    else:
        words += ["-buff_size", str(OWN_BUFFER_BYTES), *(["-p", str(port)] if port else [])]
    if transport == "l1":
        words += ["-tls_cert", CERTIFICATE_FILE, "-tls_key", KEY_FILE]
    if load.scenario == REGISTER or load.user:
        words += ["-inf", USERS_FILE]
    return [*words, str(load.end)]


def callee_words(load: Load, here: str, limit_seconds: int) -> list[str]:
    """The command of the SIPp that takes the calls, by UDP whatever the caller has, and echoes their media."""
    words = [PROGRAM, "-sf", CALLEE_FILE, "-i", here, "-p", str(load.callee_port), "-nostdin", *LENIENT]
    words += ["-timeout", f"{limit_seconds}s", "-buff_size", str(OWN_BUFFER_BYTES)]
    return [*words, "-rtp_echo"]
