# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UDP sockets on which the SIP daemons of a host listen for signalling and control, those of media left out.

Everything is bounded: a media relay has thousands of descriptors and sockets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .._host.host import Host, HostError
from .._host.processes import process_names, start_ticks
from .._host.sockets import (
    TCP_TABLES,
    UDP_TABLES,
    Place,
    TcpListener,
    UdpSocket,
    parse_socket_link,
    parse_tcp_listeners,
    parse_udp_sockets,
)
from .config_files import ConfigFiles, Read, container_files, files_of
from .daemons import DAEMONS_IN_CALLS, MOST_OF_USERS, Daemon, Process, find_processes, unit_stem
from .rtp_ports import BY_DEFAULT, DEFAULT_PORTS, PortRange, rtp_ports

SIP_PORTS = (5060, 5061)  # RFC 3261, section 19.1.2
MOST_DESCRIPTORS = 8192  # of a daemon are looked at, lowest numbers first: it opens what it listens on when it starts
TCP_COUNTS = "/proc/net/sockstat"
OWN_NETWORK = "/proc/self/ns/net"
LOCAL_PORT_RANGE = "/proc/sys/net/ipv4/ip_local_port_range"
RESERVED_PORTS = "/proc/sys/net/ipv4/ip_local_reserved_ports"


class SipSocket(NamedTuple):
    """A socket that a daemon listens on, and where it is found. `start` is when the process there began."""

    socket: UdpSocket
    place: Place
    start: int


class Running(NamedTuple):
    """A running copy of a daemon with its sockets.

    `unit` is empty where none is known. `files` is its configuration, and `media` are its media ports. `listeners` are
    those of TCP, where they were asked for. `elsewhere` says why the copy is none of this host's, and
    `hidden` why its sockets cannot be found; both are empty otherwise. `cut` tells that it has more descriptors than
    are looked at.
    """

    daemon: str
    pid: int
    unit: str
    words: Sequence[str]
    files: ConfigFiles
    media: Sequence[PortRange] = ()
    sockets: Sequence[SipSocket] = ()
    listeners: Sequence[TcpListener] = ()
    elsewhere: str = ""
    hidden: str = ""
    cut: bool = False

    @property
    def has_media(self) -> bool:
        return self.daemon in DEFAULT_PORTS


def read_configuration(host: Host, path: str) -> str | None:
    """A daemon's configuration; None where it cannot be read, is no regular file, or is longer than any."""
    return host.read_foreign(path)


def sip_sockets(host: Host, daemons: Iterable[str] = ()) -> list[Running]:
    """Every running copy of these daemons, or of all of them, by name and process id."""
    names = process_names(host)
    finder = SocketFinder(host)
    wanted = frozenset(daemons)
    found: list[Running | None] = []
    for daemon in DAEMONS_IN_CALLS:
        if not wanted or daemon.name in wanted:
            processes = find_processes(host, daemon, names)
            found += [finder.look_at(daemon.name, process) for process in processes.daemons]
            found += [_of_a_user(daemon, process) for process in processes.others[:MOST_OF_USERS]]
    return [running for running in found if running is not None]


def _of_a_user(daemon: Daemon, process: Process) -> Running:
    reason = f"process {process.pid} is one that user {process.status.uid} has started, and no service"
    return Running(daemon.name, process.pid, "", (), container_files(), elsewhere=reason)


class SocketFinder:
    """Looks for sockets, and reads what all daemons have in common only once.

    With `read_tcp`, which reads a table of them, for those of TCP as well.
    """

    def __init__(self, host: Host, read_tcp: Read | None = None) -> None:
        self._host = host
        self._read_tcp = read_tcp
        self._listeners: dict[int, TcpListener] | None = None  # all TCP sockets that listen, by inode
        self._network = host.read_link(OWN_NETWORK)
        self._chosen: tuple[range, list[range]] | None = None
        self._bound: dict[int, UdpSocket] | None = None  # all those of the network namespace, by inode

    def look_at(self, daemon: str, process: Process) -> Running | None:
        """A copy with its sockets; None for one that has ended, of which nobody has taken notice yet."""
        words = (self._host.read_lenient(f"/proc/{process.pid}/cmdline") or "").rstrip("\0").split("\0")
        if not any(words):
            return None
        if not words[0].startswith("/"):  # found by PATH, which the directory of its configuration may go by
            words[0] = self._host.read_link(f"/proc/{process.pid}/exe") or words[0]
        unit = process.group.unit if unit_stem(process.group.unit) else ""
        files = container_files() if process.status.in_child_namespace else files_of(self._host)
        media = rtp_ports(daemon, words, files)
        if files.closed and any(ports.place == BY_DEFAULT for ports in media):
            files.note("it runs in a container, whose configuration is not read")
        running = Running(daemon, process.pid, unit, words, files, media, elsewhere=self._elsewhere(process))
        if running.elsewhere:
            return running
        try:
            return self._with_sockets(running, process)
        except HostError as error:
            return running._replace(hidden=error.reason)

    def _elsewhere(self, process: Process) -> str:
        if process.status.in_child_namespace:
            return f"process {process.pid} runs in a container: tune it there"
        if self.has_own_network(process):
            return f"process {process.pid} is in a network namespace of its own: tune it there"
        return ""

    def has_own_network(self, process: Process) -> bool:
        """Whether a process is in another network namespace, so that its ports are none of this host's."""
        network = self._host.read_link(f"/proc/{process.pid}/ns/net")
        return network is not None and network != self._network

    def _with_sockets(self, running: Running, process: Process) -> Running:
        """Raises HostError where the process does not let us look."""
        left = [MOST_DESCRIPTORS]
        listeners: set[TcpListener] = set()
        found = dict(self._held(running, process.pid, left, listeners))
        for worker in process.workers:
            # A worker has sockets of its own where each has one on the port that all of them serve.
            ports = {one.socket.port for one in found.values()}
            missing = any(one.port in ports and inode not in found for inode, one in self._bound_sockets().items())
            if found and not missing:
                break
            for inode, one in self._held(running, worker, left, listeners):
                found.setdefault(inode, one)
        in_order = sorted(found.values(), key=lambda one: _order(one.socket))
        return running._replace(sockets=in_order, listeners=sorted(listeners), cut=left[0] < 0)

    def _held(
        self, running: Running, pid: int, left: list[int], listening: set[TcpListener]
    ) -> Iterator[tuple[int, SipSocket]]:
        """The sockets on which the daemon listens that a process has open. Raises HostError.

        `left` counts what may still be looked at. Its TCP sockets that listen are added to `listening`.
        """
        start = start_ticks(self._host, pid)
        numbers = sorted(int(name) for name in self._host.list_directory(f"/proc/{pid}/fd") if name.isdecimal())
        if start is None:
            return
        seen = numbers[: max(0, left[0])]
        links = [self._host.read_link(f"/proc/{pid}/fd/{number}") for number in seen]
        if links and not any(links):
            raise HostError(f"process {pid}", "its descriptors cannot be read, which requires CAP_SYS_PTRACE")
        bound, listeners = self._bound_sockets(), self._tcp_listeners()
        for number, link in zip(seen, links):
            inode = parse_socket_link(link)
            if inode is None:
                continue
            socket = bound.get(inode)
            if socket is not None and self._listens(running, socket):
                yield inode, SipSocket(socket, Place(pid, number, inode, socket.port), start)
            elif inode in listeners:
                listening.add(listeners[inode])
        left[0] -= len(numbers)

    def _listens(self, running: Running, one: UdpSocket) -> bool:
        """Whether such a daemon may listen on a socket of its own.

        Nobody listens on a port that the kernel has chosen: one counts for a proxy alone, and bound to an address.
        """
        if one.port not in SIP_PORTS and any(one.port in ports for ports in running.media):
            return False
        return not self._is_chosen(one.port) or not (running.has_media or one.any_address)

    def _is_chosen(self, port: int) -> bool:
        """Whether the kernel gives a port to who asks for none in particular."""
        if self._chosen is None:
            reserved = parse_reserved_ports(self._host.read_lenient(RESERVED_PORTS) or "")
            self._chosen = parse_port_range(self._host.read_lenient(LOCAL_PORT_RANGE) or ""), reserved
        chosen, reserved = self._chosen
        return port in chosen and not any(port in ports for ports in reserved)

    def _bound_sockets(self) -> dict[int, UdpSocket]:
        """The UDP sockets of our network namespace, which is the daemon's, by inode."""
        if self._bound is None:
            tables = (self._host.read_lenient(path) or "" for path in UDP_TABLES)
            self._bound = {socket.inode: socket for table in tables for socket in parse_udp_sockets(table)}
        return self._bound

    def _tcp_listeners(self) -> dict[int, TcpListener]:
        if self._listeners is None:
            read = self._read_tcp
            # The kernel goes through all of a large hash for a table, which takes milliseconds also where it is empty.
            used = _used_tcp_tables(read(TCP_COUNTS) or "") if read else ()
            tables = [read(path) or "" for path in used] if read else []
            self._listeners = {one.inode: one for table in tables for one in parse_tcp_listeners(table)}
        return self._listeners


def _used_tcp_tables(counts: str) -> Sequence[str]:
    """The tables that have sockets by /proc/net/sockstat, which counts those of IPv4. Source: net/ipv4/proc.c"""
    return TCP_TABLES[1:] if re.search(r"^TCP: inuse 0 ", counts, re.MULTILINE) else TCP_TABLES


def parse_port_range(text: str) -> range:
    """The ports of net.ipv4.ip_local_port_range, empty if it cannot be read."""
    found = re.fullmatch(r"([0-9]{1,5})\s+([0-9]{1,5})\s*", text)
    return range(int(found.group(1)), int(found.group(2)) + 1) if found else range(0)


def parse_reserved_ports(text: str) -> list[range]:
    """The ports of net.ipv4.ip_local_reserved_ports, as the kernel prints them: `5060-5061,8080`."""
    found = re.findall(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    return [range(int(first), int(last or first) + 1) for first, last in found]


def _order(socket: UdpSocket) -> tuple[bool, int, int, str, int]:
    """SIP's own ports first, then by number."""
    return socket.port not in SIP_PORTS, socket.port, len(socket.digits), socket.digits, socket.inode
