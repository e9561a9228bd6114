# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only door to the host: files, /proc and /sys, ioctl, netlink, commands.

Everything that reads or changes the machine goes through `Host`. The rest of the collection is
functions over values. A `Host` can be rooted at a directory: so tests give it a file system of
its own.
"""

from __future__ import annotations

import array
import contextlib
import errno
import fcntl
import os
import pwd
import socket
import stat
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from .._core.errors import ItemError
from .attributes import Attributes, flag_of, obstacle, read_attributes, write_attributes

LOCK_PATH = "/run/siptune.lock"
LOCK_POLL_SECONDS = 0.1
LOCK_MODE = 0o600
OPEN_TO_OTHERS = 0o077
COMMAND_TIMEOUT_SECONDS = 30
KERNEL_READ_BYTES = 65536
DATAGRAM_BYTES = 65535  # the most that a UDP datagram can have, RFC 768

SIOCETHTOOL = 0x8946  # linux/sockios.h
SIOCSIFTXQLEN = 0x8943  # linux/sockios.h
IFREQ_NAME_BYTES = 16  # IFNAMSIZ, linux/if.h
IFREQ_BYTES = 40  # struct ifreq on 64-bit Linux: the name and a 24-byte union

NETLINK_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
NLM_F_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP, linux/netlink.h
NLMSG_ERROR = 2
NLMSG_DONE = 3


T = TypeVar("T")


class HostError(ItemError):
    """The host refused. The item is a path, an interface or another object; the reason is the system's."""

    def __init__(self, item: str, reason: str, number: int | None = None) -> None:
        super().__init__(item, reason)
        self.errno = number


def _refusal(item: str, error: OSError) -> HostError:
    name = errno.errorcode.get(error.errno or 0, "")
    reason = f"{error.strerror} ({name})" if name else str(error)
    return HostError(item, reason, error.errno)


@contextlib.contextmanager
def _refusals(item: str) -> Iterator[None]:
    """Raises HostError of this item for the system's refusals."""
    try:
        yield
    except OSError as error:
        raise _refusal(item, error) from error


class FileRecord(NamedTuple):
    """A regular file as it is: enough to put it back exactly.

    `obstacle` says why the file cannot be replaced, '' if it can.
    """

    content: bytes
    mode: int
    uid: int
    gid: int
    attributes: Attributes = ()
    obstacle: str = ""


class CommandResult(NamedTuple):
    status: int
    stdout: str
    stderr: str


class StagedFile:
    """New content for a file, already on the disk beside it and waiting for its name.

    Until `commit` the old file stands untouched, and afterwards the new one is whole: rename(2) is
    atomic, so a reader, or the next boot after a power cut, sees the old text or the new one.
    """

    def __init__(self, host: Host, path: str, directory: int, temporary: str) -> None:
        self.path = path
        self._host = host
        self._directory = directory
        self._temporary = temporary

    def commit(self) -> None:
        """Give the staged content its name. Raises HostError."""
        try:
            os.rename(
                self._temporary, os.path.basename(self.path), src_dir_fd=self._directory, dst_dir_fd=self._directory
            )
            os.fsync(self._directory)
        except OSError as error:
            self.discard()
            raise _refusal(self.path, error) from error
        self._close()

    def discard(self) -> None:
        """Forget the staged content. Does nothing after `commit`."""
        if self._directory < 0:
            return
        with contextlib.suppress(OSError):
            os.unlink(self._temporary, dir_fd=self._directory)
        self._close()

    def _close(self) -> None:
        os.close(self._directory)
        self._directory = -1


class Host:
    """The machine, or with `root` the tree below a directory that stands for one."""

    def __init__(self, root: str = "/") -> None:
        self._root = root.rstrip("/")

    def _real(self, path: str) -> str:
        return self._root + path

    # --- reading -----------------------------------------------------------------------------

    def read_bytes(self, path: str) -> bytes | None:
        """The content of a file of /proc, /sys or the disk; None where there is none. Raises HostError."""
        with _refusals(path):
            try:
                descriptor = os.open(self._real(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            except (FileNotFoundError, NotADirectoryError):
                return None
            try:
                chunks: list[bytes] = []
                while True:
                    chunk = os.read(descriptor, KERNEL_READ_BYTES)
                    if not chunk:
                        return b"".join(chunks)
                    chunks.append(chunk)
            finally:
                os.close(descriptor)

    def read_text(self, path: str) -> str | None:
        """As `read_bytes`, decoded; bytes that are not UTF-8 survive a round trip (surrogateescape)."""
        content = self.read_bytes(path)
        return None if content is None else content.decode("utf-8", "surrogateescape")

    def read_regular(self, path: str, most_bytes: int) -> str | None:
        """The text of a regular file, for facts and messages: None where there is none, or nothing so short.

        For paths that somebody else has chosen, as a daemon's configuration may name a pipe or a device.
        """
        with contextlib.suppress(OSError, ValueError):
            descriptor = os.open(self._real(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as stream:
                if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    content = stream.read(most_bytes + 1)
                    return content.decode("utf-8", "replace") if len(content) <= most_bytes else None
        return None

    def list_directory(self, path: str) -> list[str]:
        """The sorted names in a directory; empty where there is none. Raises HostError."""
        try:
            return sorted(os.listdir(self._real(path)))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise _refusal(path, error) from error

    def exists(self, path: str) -> bool:
        """Whether anything has this path, a dangling link included."""
        return os.path.lexists(self._real(path))

    def read_link(self, path: str) -> str | None:
        """The target of a symbolic link as it is written; None if it is no link."""
        try:
            return os.readlink(self._real(path))
        except OSError:
            return None

    def resolves_to_null_device(self, path: str) -> bool:
        """Whether the path leads to /dev/null, which masks a configuration file."""
        return os.path.realpath(self._real(path)) == "/dev/null"

    def modified_at(self, path: str) -> float | None:
        """When a file was last written, in seconds of the wall clock; None if there is none."""
        try:
            return os.stat(self._real(path), follow_symlinks=False).st_mtime
        except OSError:
            return None

    def owner_and_mode(self, path: str) -> tuple[int, int, int] | None:
        """The user and group that a file or directory belongs to, and its permission bits; None if there is none."""
        with _refusals(path):
            try:
                status = os.stat(self._real(path), follow_symlinks=False)
            except (FileNotFoundError, NotADirectoryError):
                return None
        return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)

    def target_status(self, path: str) -> os.stat_result:
        """What a link leads to, such as the program behind /proc/PID/exe, also once it is deleted. Raises HostError."""
        with _refusals(path):
            return os.stat(self._real(path))

    def writable(self, path: str) -> bool:
        """Whether a write would be let through. For /proc/sys the kernel's answer is exact, root or not."""
        return os.access(self._real(path), os.W_OK)

    def snapshot(self, path: str) -> FileRecord | None:
        """A regular file with its owner and mode; None if nothing is there.

        Raises HostError for a symbolic link or anything else that is not a regular file, also
        where a directory on the way is a link: such a path is never written.
        """
        try:
            with self._parent(path) as directory:
                name = os.path.basename(path)
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if stat.S_ISLNK(status.st_mode):
                    raise HostError(path, "is a symbolic link, which is never followed", errno.ELOOP)
                if stat.S_ISDIR(status.st_mode):
                    raise HostError(path, "is a directory", errno.EISDIR)
                if not stat.S_ISREG(status.st_mode):
                    raise HostError(path, "is not a regular file", errno.EINVAL)
                descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=directory)
                with os.fdopen(descriptor, "rb") as stream:
                    attributes, fault = read_attributes(descriptor)
                    owner = (status.st_uid, status.st_gid)
                    fault = fault or obstacle(descriptor, directory)
                    return FileRecord(stream.read(), stat.S_IMODE(status.st_mode), *owner, attributes, fault)
        except HostError as error:
            if error.errno == errno.ENOENT:
                return None
            raise

    def read_lenient(self, path: str) -> str | None:
        """The text of a file for facts and messages: None also where the host refuses, and printable always."""
        content = unless_refused(self.read_bytes, path)
        return None if content is None else content.decode("utf-8", "replace")

    # --- writing -----------------------------------------------------------------------------

    def write_kernel(self, path: str, text: str) -> None:
        """Write a value to a file of /proc or /sys, in one write(2), as the kernel requires. Raises HostError."""
        with _refusals(path):
            descriptor = os.open(self._real(path), os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                os.write(descriptor, text.encode("utf-8", "surrogateescape") + b"\n")
            finally:
                os.close(descriptor)

    def stage(self, path: str, record: FileRecord) -> StagedFile:
        """Write a file's new content beside it, synced to the disk, without touching the file. Raises HostError.

        A full disk, a read-only file system and a missing directory show here, before anything
        has changed. The temporary name is fixed, so that the next run overwrites the file of a
        killed one, and has a suffix that no program reads.
        """
        directory = self._open_parent(path)
        temporary = _temporary_name(path)
        staged = StagedFile(self, path, directory, temporary)
        try:
            _check_flag(directory)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=directory)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(temporary, flags, 0o600, dir_fd=directory)
            with os.fdopen(descriptor, "wb") as stream:
                made = os.fstat(stream.fileno())  # a set-group-ID directory gives its files its own group
                if (record.uid, record.gid) != (made.st_uid, made.st_gid):
                    os.fchown(stream.fileno(), record.uid, record.gid)
                stream.write(record.content)
                stream.flush()
                write_attributes(stream.fileno(), record.attributes)  # last, as chown and write take capabilities away
                os.fchmod(stream.fileno(), record.mode)
                os.fsync(stream.fileno())
        except OSError as error:
            staged.discard()
            raise _refusal(path, error) from error
        return staged

    def remove_leftover(self, path: str) -> None:
        """Remove the temporary file that a killed run may have left beside this file. Never raises."""
        with contextlib.suppress(OSError, HostError), self._parent(path) as directory:
            os.unlink(_temporary_name(path), dir_fd=directory)

    def remove(self, path: str) -> None:
        """Unlink a file, durably. Raises HostError."""
        with self._parent(path) as directory:
            _check_flag(directory)
            os.unlink(os.path.basename(path), dir_fd=directory)
            os.fsync(directory)

    def make_directory(self, path: str, mode: int) -> bool:
        """Create one directory with this mode; False if it is there already. Raises HostError."""
        with self._parent(path) as directory:
            try:
                os.mkdir(os.path.basename(path), mode, dir_fd=directory)
            except FileExistsError:
                return False
            os.fsync(directory)
            return True

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory. Raises HostError."""
        with _refusals(path):
            os.rmdir(self._real(path))

    @contextlib.contextmanager
    def _parent(self, path: str) -> Iterator[int]:
        """The descriptor of `_open_parent`, closed in the end. Raises HostError, also for refusals while it is open."""
        directory = self._open_parent(path)
        try:
            with _refusals(path):
                yield directory
        finally:
            os.close(directory)

    def _open_parent(self, path: str) -> int:
        """A descriptor of the directory that holds `path`, walked without following a single link."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        directory = os.open(self._root or "/", flags)
        for part in os.path.dirname(path).split("/"):
            if not part:
                continue
            try:
                below = os.open(part, flags | os.O_NOFOLLOW, dir_fd=directory)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise HostError(path, f"{part!r} on the way is no plain directory", error.errno) from error
                raise _refusal(path, error) from error
            finally:
                os.close(directory)
            directory = below
        return directory

    # --- one run at a time -------------------------------------------------------------------

    @contextlib.contextmanager
    def lock(self, timeout_seconds: float) -> Iterator[None]:
        """Hold this host's siptune lock. Raises HostError when another run keeps it past the limit."""
        with _refusals(LOCK_PATH):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(self._real(LOCK_PATH), flags, LOCK_MODE)
        try:
            _keep_lock(descriptor)
            self._wait_for_lock(descriptor, time.monotonic() + timeout_seconds)
            yield
        finally:
            os.close(descriptor)

    def _wait_for_lock(self, descriptor: int, deadline: float) -> None:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    message = "another siptune run holds this host's lock; try again when it has ended"
                    raise HostError(LOCK_PATH, message, error.errno) from error
                time.sleep(LOCK_POLL_SECONDS)

    # --- kernel interfaces -------------------------------------------------------------------

    def ethtool(self, interface: str, request: bytes) -> bytes:
        """One SIOCETHTOOL call: the request structure as it comes back from the driver. Raises HostError.

        Source: linux/ethtool.h; netdevice(7) for struct ifreq.
        """
        buffer = array.array("B", request)
        head = struct.pack(f"={IFREQ_NAME_BYTES}s", interface.encode()) + struct.pack("@P", buffer.buffer_info()[0])
        _interface_call(interface, SIOCETHTOOL, head)
        return buffer.tobytes()

    def set_tx_queue_length(self, interface: str, frames: int) -> None:
        """Give an interface's transmit queue this length. Raises HostError. Source: netdevice(7), SIOCSIFTXQLEN."""
        request = struct.pack(f"={IFREQ_NAME_BYTES}si", interface.encode(), frames)
        _interface_call(interface, SIOCSIFTXQLEN, request)

    def route_dump(self, message_type: int, family: int = socket.AF_UNSPEC, body_bytes: int = 4) -> bytes:
        """The messages of a whole rtnetlink dump, headers included. Raises HostError. Source: rtnetlink(7).

        `body_bytes` is the size of the kind's own header, where the kernel insists on it.
        """
        body = struct.pack("=B", family).ljust(body_bytes, b"\0")
        header = NETLINK_HEADER.pack(NETLINK_HEADER.size + len(body), message_type, NLM_F_REQUEST_DUMP, 1, 0)
        messages = []
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        with _refusals("rtnetlink"), socket.socket(socket.AF_NETLINK, kind) as netlink:
            netlink.bind((0, 0))
            netlink.send(header + body)
            while True:
                datagram = netlink.recv(KERNEL_READ_BYTES)
                messages.append(datagram)
                if _ends_dump(datagram):
                    return b"".join(messages)

    # --- daemons -----------------------------------------------------------------------------

    def ask_udp(self, address: tuple[str, int], request: bytes, timeout_seconds: float) -> bytes:
        """The datagram that answers a datagram, from the address that it was sent to. Raises HostError."""
        item = f"{address[0]} port {address[1]}"
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as endpoint:
                endpoint.settimeout(timeout_seconds)
                endpoint.connect(address)
                endpoint.send(request)
                return endpoint.recv(DATAGRAM_BYTES)
        except socket.timeout as error:
            raise HostError(item, f"no answer within {timeout_seconds:g} s") from error
        except OSError as error:
            raise _refusal(item, error) from error

    # --- processes ---------------------------------------------------------------------------

    def run(self, arguments: Sequence[str], timeout_seconds: float | None = None) -> CommandResult | None:
        """Run a program by its words, never through a shell; None if it is not installed. Raises HostError."""
        timeout = COMMAND_TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds
        environment = dict(os.environ, LC_ALL="C", SYSTEMD_PAGER="", SYSTEMD_COLORS="0")
        try:
            done = subprocess.run(
                list(arguments),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=environment,
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError:
            return None
        except subprocess.TimeoutExpired as error:
            raise HostError(arguments[0], f"did not end within {timeout:g} s") from error
        except OSError as error:
            raise _refusal(arguments[0], error) from error
        return CommandResult(
            done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        )

    @staticmethod
    def uname() -> str:
        """The answer of uname(2), in one line."""
        return " ".join(os.uname())

    def user_name(self, uid: int) -> str | None:
        """The name of the account with this number, by the system's name service; None if there is none."""
        try:
            return pwd.getpwuid(uid).pw_name
        except (KeyError, OverflowError):
            return None


def unless_refused(read: Callable[..., T], *arguments: Any) -> T | None:
    """The result of a read of the host, or None where the host refuses: for facts, where that is null."""
    try:
        return read(*arguments)
    except HostError:
        return None


def _interface_call(interface: str, number: int, request: bytes) -> None:
    """An ioctl(2) of an interface, with its struct ifreq but for the padding. Raises HostError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control, _refusals(interface):
        fcntl.ioctl(control, number, request.ljust(IFREQ_BYTES, b"\0"))


def _check_flag(directory: int) -> None:
    """Raises OSError where a flag of the open directory keeps its files as they are."""
    flag = flag_of(directory)
    if flag:
        raise OSError(errno.EPERM, f"its directory is {flag}: take the flag away, and run again")


def _keep_lock(descriptor: int) -> None:
    """Raises HostError for a lock that is not root's; who else may open it can hold it, and so keep every run out."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_uid not in (0, os.geteuid()):
        raise HostError(LOCK_PATH, "is no file of root's: remove it, and run again")
    if status.st_mode & OPEN_TO_OTHERS:
        os.fchmod(descriptor, LOCK_MODE)


def _temporary_name(path: str) -> str:
    return f".{os.path.basename(path)}.siptune-new"


def _ends_dump(datagram: bytes) -> bool:
    """Whether a datagram of a netlink dump holds its last message."""
    offset = 0
    while offset + NETLINK_HEADER.size <= len(datagram):
        length, kind = NETLINK_HEADER.unpack_from(datagram, offset)[:2]
        if kind in (NLMSG_DONE, NLMSG_ERROR) or length < NETLINK_HEADER.size:
            return True
        offset += (length + 3) & ~3
    return False
