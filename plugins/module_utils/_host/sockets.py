# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""UDP sockets of running processes: where /proc shows them, and the receive buffers that they have.

A socket of another process is duplicated with pidfd_open(2) and pidfd_getfd(2), and the duplicate is closed at once:
an open one would hold the port. All descriptors share one socket, so one setsockopt(2) reaches every process that has
it. The process need not run: one that is stopped is reached, too.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import ipaddress
import os
import re
import socket
import stat
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from .host import Host, HostError

# The numbers of the system calls are the same on both: arch/x86/entry/syscalls/syscall_64.tbl and
# include/uapi/asm-generic/unistd.h. Python names pidfd_open from 3.9 on, and pidfd_getfd not at all.
MACHINES = ("x86_64", "aarch64")
SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = 434, 438
FIRST_KERNEL = "5.6"  # with pidfd_getfd(2)

SO_RCVBUFFORCE = 33  # asm-generic/socket.h; Python does not name it
DOUBLING = 2  # socket(7): the kernel doubles what SO_RCVBUF asks for, and getsockopt(2) returns the double

YAMA_SCOPE = "/proc/sys/kernel/yama/ptrace_scope"
YAMA_NO_ATTACH = "3"  # Documentation/admin-guide/LSM/Yama.rst

UDP_TABLES = ("/proc/self/net/udp", "/proc/self/net/udp6")
TCP_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
LISTENING = "0A"  # TCP_LISTEN of include/net/tcp_states.h
UNCONNECTED = "07"  # TCP_CLOSE of include/net/tcp_states.h: a UDP socket without a peer

# A line of /proc/net/udp: slot, local and remote end, state, queues, timer, retransmits, uid, timeout, inode,
# references, address of the socket, drops. Source: net/ipv4/udp.c, udp4_format_sock()
_LINE = re.compile(
    rf"^ *[0-9]+: ([0-9A-F]{{8}}|[0-9A-F]{{32}}):([0-9A-F]{{4}}) [0-9A-F]+:[0-9A-F]{{4}} {UNCONNECTED} "
    r"\S+ \S+ \S+ +[0-9]+ +[0-9]+ ([0-9]{1,20}) [0-9]+ \S+ ([0-9]{1,10}) *$",
    re.MULTILINE,
)
# A line of /proc/net/tcp for a socket that listens. Source: net/ipv4/tcp_ipv4.c, get_tcp4_sock()
_TCP_LINE = re.compile(
    rf" *[0-9]+: ([0-9A-F]{{8}}|[0-9A-F]{{32}}):([0-9A-F]{{4}}) [0-9A-F]+:0000 {LISTENING} "
    r"\S+ \S+ \S+ +[0-9]+ +[0-9]+ ([0-9]{1,20}) "
)


class SocketGoneError(HostError):
    """The process has ended, or has closed the socket."""


class UdpSocket(NamedTuple):
    """A socket that is bound to a port and has no peer. `drops` are the datagrams that it had no room for."""

    inode: int
    digits: str  # of the address, as the kernel prints them: most of a media relay's thousands are never looked at
    port: int
    drops: int

    @property
    def any_address(self) -> bool:
        return not self.digits.strip("0")

    @property
    def loopback(self) -> bool:
        """Whether it is bound to an address that only this host reaches."""
        return is_loopback(self.digits)

    @property
    def end(self) -> str:
        """Address and port as a person would write them."""
        return end_point(parse_address(self.digits), self.port)


class TcpListener(NamedTuple):
    """A socket that listens, by its inode, with the digits of its address as the kernel prints them, and its port."""

    inode: int
    digits: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether it is bound to an address that only this host reaches."""
        return is_loopback(self.digits)


class Place(NamedTuple):
    """Where a socket is found: a descriptor of a process. `inode` and `port` say which socket has to be there."""

    pid: int
    descriptor: int
    inode: int
    port: int


# --- parsers --------------------------------------------------------------------------------


def parse_udp_sockets(table: str) -> list[UdpSocket]:
    """The bound sockets without a peer of a /proc/net/udp or udp6. Source: proc_net(5)."""
    found = _LINE.findall(table)
    return [UdpSocket(int(inode), digits, int(port, 16), int(drops)) for digits, port, inode, drops in found]


def parse_tcp_listeners(table: str) -> list[TcpListener]:
    """The sockets that listen of a /proc/net/tcp or tcp6. Source: proc_net(5)."""
    # A host has a few of them among thousands of connections, which the expression need not look at.
    found = (_TCP_LINE.match(line) for line in table.split("\n") if f" {LISTENING} " in line)
    return [TcpListener(int(one.group(3)), one.group(1), int(one.group(2), 16)) for one in found if one]


def parse_address(digits: str) -> str:
    """An address of /proc/net: 32-bit words, each printed as a number of the host's byte order."""
    words = [int(digits[start : start + 8], 16) for start in range(0, len(digits), 8)]
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words)))


def is_loopback(digits: str) -> bool:
    """Whether an address of /proc/net is one that only its host reaches, IPv4's in IPv6 included."""
    address = ipaddress.ip_address(parse_address(digits))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def end_point(address: str, port: int) -> str:
    """`10.0.0.5:5060` or `[::1]:5060`."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def parse_socket_link(link: str | None) -> int | None:
    """The inode of a socket in the target of a /proc/PID/fd link, None if it is no socket. Source: proc_pid_fd(5)."""
    found = re.fullmatch(r"socket:\[([0-9]{1,20})\]", link or "")
    return int(found.group(1)) if found else None


# --- receive buffers ------------------------------------------------------------------------


def receive_buffer(place: Place) -> int:
    """The receive buffer of a socket in bytes, as the kernel charges datagrams to it.

    Raises SocketGoneError, and HostError where the socket cannot be reached.
    """
    with _borrowed(place) as duplicate:
        return duplicate.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def set_receive_buffer(place: Place, buffer_bytes: int, option: int) -> int:
    """Give a socket this buffer by one of the options of `option_for`; returns the buffer that it has then.

    Raises SocketGoneError, and HostError where the kernel refuses.
    """
    with _borrowed(place) as duplicate:
        try:
            duplicate.setsockopt(socket.SOL_SOCKET, option, _request(buffer_bytes))
        except OSError as error:
            raise HostError(f"process {place.pid}", f"setsockopt: {error.strerror}", error.errno) from error
        return duplicate.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def option_for(buffer_bytes: int) -> int | None:
    """The socket option by which we can give a buffer of this size, None if we cannot; tried on a socket of our own.

    SO_RCVBUF goes up to net.core.rmem_max, SO_RCVBUFFORCE beyond, which requires CAP_NET_ADMIN. Source: socket(7).
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as own:
        for option in (socket.SO_RCVBUF, SO_RCVBUFFORCE):
            with contextlib.suppress(OSError):
                own.setsockopt(socket.SOL_SOCKET, option, _request(buffer_bytes))
                if own.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= buffer_bytes:
                    return option
    return None


def _request(buffer_bytes: int) -> int:
    """What to ask for, so that the doubled value is not below this."""
    return -(-buffer_bytes // DOUBLING)


@contextlib.contextmanager
def _borrowed(place: Place) -> Iterator[socket.socket]:
    """A duplicate of the very socket that was found there. Raises SocketGoneError, HostError."""
    descriptor = _duplicate(place)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISSOCK(status.st_mode) or status.st_ino != place.inode:
            raise SocketGoneError(f"process {place.pid}", "has closed the socket", errno.EBADF)
    except BaseException:
        os.close(descriptor)
        raise
    # Without a default timeout, which nobody sets here, this leaves the flags alone that both descriptors share.
    with socket.socket(fileno=descriptor) as duplicate:
        if not _is_bound_udp(duplicate, place.port):
            raise SocketGoneError(f"process {place.pid}", "has bound the socket to another port", errno.EBADF)
        yield duplicate


def _is_bound_udp(duplicate: socket.socket, port: int) -> bool:
    options = (socket.SO_DOMAIN, socket.SO_TYPE, socket.SO_PROTOCOL)
    domain, kind, protocol = (duplicate.getsockopt(socket.SOL_SOCKET, option) for option in options)
    is_udp = domain in (socket.AF_INET, socket.AF_INET6) and (kind, protocol) == (socket.SOCK_DGRAM, socket.IPPROTO_UDP)
    return is_udp and duplicate.getsockname()[1] == port


def _duplicate(place: Place) -> int:
    item = f"process {place.pid}"
    try:
        process = _system_call(SYS_PIDFD_OPEN, place.pid, 0)
        try:
            return _system_call(SYS_PIDFD_GETFD, process, place.descriptor, 0)
        finally:
            os.close(process)
    except OSError as error:
        if error.errno in (errno.ESRCH, errno.EBADF):
            raise SocketGoneError(item, "has ended or closed the socket", error.errno) from error
        name = errno.errorcode.get(error.errno or 0, "")
        raise HostError(item, f"its sockets cannot be reached ({name})", error.errno) from error


def _system_call(number: int, *arguments: int) -> int:
    """The result of a system call that returns a descriptor. Raises OSError."""
    if os.uname().machine not in MACHINES:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    result = _syscall()(*(ctypes.c_long(value) for value in (number, *arguments)))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


@functools.lru_cache(maxsize=None)
def _syscall() -> Callable[..., int]:
    return ctypes.CDLL(None, use_errno=True).syscall


def why_out_of_reach(host: Host, error: HostError) -> str:
    """Why the socket of a process cannot be reached from here, in words. Source: pidfd_getfd(2), ptrace(2)."""
    if error.errno == errno.ENOSYS:
        return f"pidfd_getfd(2) requires Linux {FIRST_KERNEL} on one of {', '.join(MACHINES)}, and no filter against it"
    if error.errno != errno.EPERM:
        return error.reason
    if (host.read_lenient(YAMA_SCOPE) or "").strip() == YAMA_NO_ATTACH:
        return f"kernel.yama.ptrace_scope is {YAMA_NO_ATTACH}, so that nobody may reach into another process"
    return "pidfd_getfd(2) is refused (EPERM): requires CAP_SYS_PTRACE, and no container, seccomp or SELinux against it"
