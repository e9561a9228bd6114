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
import itertools
import os
import pwd
import selectors
import signal
import socket
import stat
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from .._core.errors import ItemError
from .._core.text import decoded, encoded
from .attributes import Attributes, flag_of, obstacle, read_attributes, write_attributes

LOCK_PATH = "/run/siptune.lock"
LOCK_POLL_SECONDS = 0.1
MOMENT_SECONDS = 0.001  # what is left of a time that is over: none would mean to wait without an end
LOCK_MODE = 0o600
OPEN_TO_OTHERS = 0o077
COMMAND_TIMEOUT_SECONDS = 30
KERNEL_READ_BYTES = 65536
DATAGRAM_BYTES = 65535  # the most that a UDP datagram can have, RFC 768
MEBIBYTE = 1024 * 1024

# No read is without an end: whoever owns a file, a process or a program may make it as long as he likes.
MOST_CONFIGURATION_BYTES = 4 * MEBIBYTE  # 10,000 kernel parameters with their reasons; a daemon's has a tenth of that
MOST_RECORD_BYTES = 64 * MEBIBYTE  # of our record of originals, which holds many files
MOST_KERNEL_BYTES = 32 * MEBIBYTE  # of a file of /proc or /sys: 250,000 sockets of /proc/net/udp
MOST_DUMP_BYTES = 256 * MEBIBYTE  # of an answer of rtnetlink: the Internet's routes, twice
MOST_OUTPUT_BYTES = 64 * MEBIBYTE  # of a program: systemctl shows 3 KiB of a unit
LONGEST_COMPLAINT = 2000  # characters of a program that fails, in a message
LONGEST_COMMAND = 200  # characters of a command line, in a message
MOST_ENTRIES = 65536  # of a directory
MOST_KERNEL_ENTRIES = 1 << 22  # of a directory of /proc: PID_MAX_LIMIT, linux/threads.h
# What a process says of itself can be terabytes (PR_SET_MM_MAP, prctl(2)); it is cut, as its first words are what
# counts: a word of execve(2) has 128 KiB at most, and an environment 2 MiB under the usual limit on the stack.
CUT_KERNEL_FILES = {"cmdline": 128 * 1024, "environ": 2 * MEBIBYTE}

KERNEL_TREES = ("/proc/", "/sys/")
RECORD_TREE = "/var/lib/siptune/"
NULL_DEVICE = os.makedev(1, 3)  # Documentation/admin-guide/devices.txt
# A path is pinned first, which opens nothing: to open a device may start it, and a pipe would wait for its other end.
PIN_FLAGS = os.O_PATH | os.O_CLOEXEC
READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY

SIOCETHTOOL = 0x8946  # linux/sockios.h
SIOCSIFTXQLEN = 0x8943  # linux/sockios.h
IFREQ_NAME_BYTES = 16  # IFNAMSIZ, linux/if.h
IFREQ_BYTES = 40  # struct ifreq on 64-bit Linux: the name and a 24-byte union

NETLINK_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
NETLINK_SOCKET = socket.SOCK_RAW | socket.SOCK_CLOEXEC
NLM_F_REQUEST, NLM_F_REQUEST_DUMP = 0x1, 0x301  # NLM_F_REQUEST | NLM_F_DUMP, linux/netlink.h
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

    def __init__(self, host: Host, path: str, directory: int, temporary: bytes) -> None:
        self.path = path
        self._host = host
        self._directory = directory
        self._temporary = temporary

    def commit(self) -> None:
        """Give the staged content its name. Raises HostError."""
        try:
            os.rename(self._temporary, _name(self.path), src_dir_fd=self._directory, dst_dir_fd=self._directory)
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
    """The machine, or with `root` the tree below a directory that stands for one.

    `boot_only` is True for a tree that no kernel of its own runs: _host/image.py.
    """

    boot_only = False
    lock_path = LOCK_PATH

    def __init__(self, root: str = "/") -> None:
        self._root = root.rstrip("/")

    def _real(self, path: str) -> bytes:
        """The path as the kernel takes it, whatever the locale. Raises FileNotFoundError for one that no file has."""
        try:
            real = encoded(self._root + path)
        except UnicodeEncodeError:
            real = b""
        if not real or path[:1] != "/" or b"\0" in real:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return real

    # --- reading -----------------------------------------------------------------------------

    def read_bytes(self, path: str) -> bytes | None:
        """The content of a file of /proc or /sys, or of a regular file of a disk; None where there is none.

        Raises HostError, also for a file that is longer than any of its kind; CUT_KERNEL_FILES are cut.
        """
        if not path.startswith(KERNEL_TREES):
            return self._read_configuration(path)
        with _refusals(path):
            try:
                descriptor = os.open(self._real(path), READ_FLAGS)
            except (FileNotFoundError, NotADirectoryError):
                return None
            return _read_all(descriptor, path)

    def read_text(self, path: str) -> str | None:
        """As `read_bytes`, decoded; bytes that are not UTF-8 survive a round trip."""
        content = self.read_bytes(path)
        return None if content is None else decoded(content)

    def read_lenient(self, path: str) -> str | None:
        """As `read_text`, for facts and messages: None also where the host refuses."""
        return unless_refused(self.read_text, path)

    def read_decisive(self, path: str) -> str:
        """The text of a file that systemd, PAM or the boot reads; '' where there is none, or none that they could read.

        Raises HostError for one that is too long to be read here, as it may decide.
        """
        try:
            return self.read_text(path) or ""
        except HostError as error:
            if error.errno == errno.EFBIG:
                raise
            return ""

    def read_foreign(self, path: str) -> str | None:
        """As `read_lenient`, for a path that somebody else has chosen, such as a daemon's configuration.

        It may name a pipe, a device or a file of the kernel, none of which is opened.
        """
        content = unless_refused(self._read_configuration, path)
        return None if content is None else decoded(content)

    def _read_configuration(self, path: str) -> bytes | None:
        """The content of a regular file of a disk, None where there is none. Raises HostError."""
        with _refusals(path):
            try:
                pin = os.open(self._real(path), PIN_FLAGS)
            except (FileNotFoundError, NotADirectoryError):
                return None
            try:
                status = os.fstat(pin)
                if stat.S_ISCHR(status.st_mode) and status.st_rdev == NULL_DEVICE:
                    return b""
                return _read_all(self._open_pinned(pin, path, status), path)
            finally:
                os.close(pin)

    def list_directory(self, path: str) -> list[str]:
        """The sorted names in a directory; empty where there is none. Raises HostError."""
        most = MOST_KERNEL_ENTRIES if path.startswith(KERNEL_TREES) or path == "/proc" else MOST_ENTRIES
        with _refusals(path):
            try:
                with os.scandir(self._real(path)) as entries:
                    names = sorted(decoded(entry.name) for entry in itertools.islice(entries, most + 1))
            except (FileNotFoundError, NotADirectoryError):
                return []
        if len(names) > most:
            raise HostError(path, f"has more than {most} entries, which are not looked at", errno.E2BIG)
        return names

    def exists(self, path: str) -> bool:
        """Whether anything has this path, a dangling link included."""
        try:
            return os.path.lexists(self._real(path))
        except OSError:
            return False

    def read_link(self, path: str) -> str | None:
        """The target of a symbolic link as it is written; None if it is no link."""
        try:
            return decoded(os.readlink(self._real(path)))
        except OSError:
            return None

    def resolves_to_null_device(self, path: str) -> bool:
        """Whether the path leads to /dev/null, which masks a configuration file."""
        try:
            return os.path.realpath(self._real(path)) == b"/dev/null"
        except OSError:
            return False

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

    def file_system(self, path: str) -> os.statvfs_result:
        """The size of the file system that holds a path, and what is free there: statvfs(3). Raises HostError.

        Waits for a server that is away: ask only for a file system of this machine.
        """
        with _refusals(path):
            return os.statvfs(self._real(path))

    def writable(self, path: str) -> bool:
        """Whether a write would be let through. For /proc/sys the kernel's answer is exact, root or not."""
        try:
            return os.access(self._real(path), os.W_OK)
        except OSError:
            return False

    def snapshot(self, path: str) -> FileRecord | None:
        """A regular file with its owner and mode; None if nothing is there.

        Raises HostError for a symbolic link or anything else that is not a regular file, also
        where a directory on the way is a link: such a path is never written.
        """
        try:
            with self._parent(path) as directory:
                pin = os.open(_name(path), PIN_FLAGS | os.O_NOFOLLOW, dir_fd=directory)
                try:
                    status = os.fstat(pin)
                    descriptor = self._open_pinned(pin, path, status)
                finally:
                    os.close(pin)
                attributes, fault = read_attributes(descriptor)
                fault = fault or obstacle(descriptor, directory)
                content = _read_all(descriptor, path)
                owner = (status.st_uid, status.st_gid)
                return FileRecord(content, stat.S_IMODE(status.st_mode), *owner, attributes, fault)
        except HostError as error:
            if error.errno == errno.ENOENT:
                return None
            raise

    def _open_pinned(self, pin: int, path: str, status: os.stat_result) -> int:
        """The regular file behind a descriptor of PIN_FLAGS, opened for reading. Raises HostError and OSError."""
        _check_regular(path, status)
        place = f"/proc/self/fd/{pin}"
        if not os.path.lexists(place):
            return self._open_unpinned(path, status)
        if os.readlink(place).startswith(KERNEL_TREES):
            raise HostError(path, "leads to a file of the kernel, which is no configuration", errno.EINVAL)
        return os.open(place, READ_FLAGS)

    def _open_unpinned(self, path: str, status: os.stat_result) -> int:
        """A regular file that no /proc shows as pinned. Raises HostError."""
        raise HostError(path, "cannot be read safely while /proc is not mounted: mount it", errno.ENOSYS)

    # --- writing -----------------------------------------------------------------------------

    def write_kernel(self, path: str, text: str) -> None:
        """Write a value to a file of /proc or /sys, in one write(2), as the kernel requires. Raises HostError."""
        with _refusals(path):
            descriptor = os.open(self._real(path), os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                os.write(descriptor, encoded(text) + b"\n")
            finally:
                os.close(descriptor)

    def stage(self, path: str, record: FileRecord) -> StagedFile:
        """Write a file's new content beside it, synced to the disk, without touching the file. Raises HostError.

        A full disk, a read-only file system and a missing directory show here, before anything
        has changed. The temporary name is fixed, so that the next run overwrites the file of a
        killed one, and has a suffix that no program reads.
        """
        size, most = len(record.content), _bound(path)[0]
        if size > most:
            raise HostError(path, f"would have {size} bytes, and no later run reads more than {most}", errno.EFBIG)
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
            os.unlink(_name(path), dir_fd=directory)
            os.fsync(directory)

    def make_directory(self, path: str, mode: int) -> bool:
        """Create one directory with this mode; False if it is there already. Raises HostError."""
        with self._parent(path) as directory:
            try:
                os.mkdir(_name(path), mode, dir_fd=directory)
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
        with _refusals(path):
            self._real(path)  # one that no file can have is refused as one that is not there
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        directory = os.open(self._root or "/", flags)
        for part in os.path.dirname(path).split("/"):
            if not part:
                continue
            try:
                below = os.open(encoded(part), flags | os.O_NOFOLLOW, dir_fd=directory)
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
        with _refusals(self.lock_path):
            descriptor = self._open_lock()
        try:
            self._wait_for_lock(descriptor, time.monotonic() + timeout_seconds)
            yield
        finally:
            os.close(descriptor)

    def _open_lock(self) -> int:
        """A descriptor of the file to lock. Raises HostError and OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(self._real(self.lock_path), flags, LOCK_MODE)
        try:
            _keep_lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _wait_for_lock(self, descriptor: int, deadline: float) -> None:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    message = f"another siptune run holds this host's lock, {self._lock_holder(descriptor)}"
                    raise HostError(self.lock_path, f"{message}; try again when it has ended", error.errno) from error
                time.sleep(LOCK_POLL_SECONDS)

    def _lock_holder(self, descriptor: int) -> str:
        """The process that holds the lock of an open file, in words."""
        pid = lock_holder(self.read_lenient("/proc/locks") or "", os.fstat(descriptor))
        if pid is None:
            return "a process that cannot be seen from here, for one of another container"
        command = " ".join((self.read_lenient(f"/proc/{pid}/cmdline") or "").split("\0")).strip()
        if not command:
            return f"process {pid}, or one that it has started before it ended"
        return f"process {pid} ({command[:LONGEST_COMMAND]})"

    # --- kernel interfaces -------------------------------------------------------------------

    def ethtool(self, interface: str, request: bytes) -> bytes:
        """One SIOCETHTOOL call: the request structure as it comes back from the driver. Raises HostError.

        Source: linux/ethtool.h; netdevice(7) for struct ifreq.
        """
        buffer = array.array("B", request)
        head = struct.pack(f"={IFREQ_NAME_BYTES}s", encoded(interface)) + struct.pack("@P", buffer.buffer_info()[0])
        _interface_call(interface, SIOCETHTOOL, head)
        return buffer.tobytes()

    def set_tx_queue_length(self, interface: str, frames: int) -> None:
        """Give an interface's transmit queue this length. Raises HostError. Source: netdevice(7), SIOCSIFTXQLEN."""
        request = struct.pack(f"={IFREQ_NAME_BYTES}si", encoded(interface), frames)
        _interface_call(interface, SIOCSIFTXQLEN, request)

    def route_dump(self, message_type: int, family: int = socket.AF_UNSPEC, body_bytes: int = 4) -> bytes:
        """The messages of a whole rtnetlink dump, headers included. Raises HostError. Source: rtnetlink(7).

        `body_bytes` is the size of the kind's own header, where the kernel insists on it.
        """
        body = struct.pack("=B", family).ljust(body_bytes, b"\0")
        return b"".join(self.netlink_dump(socket.NETLINK_ROUTE, message_type, body, MOST_DUMP_BYTES))

    def netlink_dump(self, protocol: int, message_type: int, body: bytes, most_bytes: int) -> Iterator[bytes]:
        """The datagrams of a whole dump, headers included. Raises HostError. Source: netlink(7)."""
        header = NETLINK_HEADER.pack(NETLINK_HEADER.size + len(body), message_type, NLM_F_REQUEST_DUMP, 1, 0)
        item, left = _netlink_name(protocol), most_bytes
        with _refusals(item), socket.socket(socket.AF_NETLINK, NETLINK_SOCKET, protocol) as netlink:
            netlink.bind((0, 0))
            netlink.send(header + body)
            while left > 0:
                datagram = netlink.recv(KERNEL_READ_BYTES)
                yield datagram
                if _ends_dump(datagram):
                    return
                left -= len(datagram)
        raise HostError(item, f"answers with more than {most_bytes} bytes", errno.EFBIG)

    def netlink_send(self, protocol: int, messages: bytes) -> None:
        """Send messages that nobody waits for an answer to. Raises HostError. Source: netlink(7)."""
        item = _netlink_name(protocol)
        with _refusals(item), socket.socket(socket.AF_NETLINK, NETLINK_SOCKET, protocol) as netlink:
            netlink.send(messages)

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

    def ask_socket(self, path: str, request: bytes, timeout_seconds: float) -> bytes:
        """What a daemon answers at a socket of the file system until it hangs up. Raises HostError.

        It is told who asks, as unix(7) says of SCM_CREDENTIALS. Of an answer that is too long, DATAGRAM_BYTES count.
        """
        asker = struct.pack("3i", os.getpid(), os.geteuid(), os.getegid())
        deadline = time.monotonic() + timeout_seconds
        answer = b""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as endpoint:
                endpoint.settimeout(timeout_seconds)
                endpoint.connect(self._real(path))
                endpoint.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, asker)])
                while len(answer) < DATAGRAM_BYTES:
                    endpoint.settimeout(max(deadline - time.monotonic(), MOMENT_SECONDS))
                    part = endpoint.recv(DATAGRAM_BYTES - len(answer))
                    if not part:
                        break
                    answer += part
        except socket.timeout as error:
            raise HostError(path, f"no answer within {timeout_seconds:g} s") from error
        except OSError as error:
            raise _refusal(path, error) from error
        return answer

    # --- processes ---------------------------------------------------------------------------

    def run(
        self, arguments: Sequence[str], timeout_seconds: float | None = None, text: str | None = None
    ) -> CommandResult | None:
        """Run a program by its words, never through a shell; None if it is not installed. Raises HostError.

        `text` is its standard input. One that does not end in time, or writes more than MOST_OUTPUT_BYTES, is killed
        with all that it has started.
        """
        timeout = COMMAND_TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds
        try:
            process = _started(arguments, text)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _refusal(arguments[0], error) from error
        with process:
            try:
                return _ended(process, arguments[0], timeout)
            except BaseException:
                # Nobody has waited for it yet, so its number is still its own.
                with contextlib.suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise

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


def lock_holder(locks: str, status: os.stat_result) -> int | None:
    """The process that has locked this file with flock(2), by a /proc/locks.

    None if the process is in no namespace of ours, and so has no number here. Source: proc_locks(5), fs/locks.c.
    """
    file = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in locks.splitlines():
        words = line.split()  # 1: FLOCK  ADVISORY  WRITE 4711 00:1a:1234 0 EOF; with -> after 1: it still waits
        if len(words) > 5 and (words[1], words[5]) == ("FLOCK", file) and words[4].isdecimal():
            return int(words[4]) or None
    return None


def _bound(path: str) -> tuple[int, bool]:
    """The most bytes that are read of a file, and whether one that is longer is cut."""
    if path.startswith(KERNEL_TREES):
        cut = CUT_KERNEL_FILES.get(path.rsplit("/", 1)[1])
        return (MOST_KERNEL_BYTES, False) if cut is None else (cut, True)
    return (MOST_RECORD_BYTES if path.startswith(RECORD_TREE) else MOST_CONFIGURATION_BYTES), False


def _check_regular(path: str, status: os.stat_result) -> None:
    """Raises HostError for anything that is no regular file."""
    if stat.S_ISLNK(status.st_mode):
        raise HostError(path, "is a symbolic link, which is never followed", errno.ELOOP)
    if stat.S_ISDIR(status.st_mode):
        raise HostError(path, "is a directory", errno.EISDIR)
    if not stat.S_ISREG(status.st_mode):
        raise HostError(path, "is not a regular file", errno.EINVAL)


def _read_all(descriptor: int, path: str) -> bytes:
    """All that a file holds, up to its bound; the descriptor is closed. Raises HostError and OSError."""
    most, cut = _bound(path)
    chunks: list[bytes] = []
    left = most + 1
    try:
        while left > 0:
            chunk = os.read(descriptor, min(KERNEL_READ_BYTES, left))
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
            left -= len(chunk)
    finally:
        os.close(descriptor)
    if cut:
        return b"".join(chunks)[:most]
    raise HostError(path, f"has more than {most} bytes, the most that is read of such a file", errno.EFBIG)


def _started(arguments: Sequence[str], text: str | None) -> subprocess.Popen[bytes]:
    """A program that reads this text, from memory and not from a pipe, so that nobody waits for it. Raises OSError."""
    with contextlib.ExitStack() as stack:
        given = subprocess.DEVNULL
        if text is not None:
            given = os.memfd_create(arguments[0].rsplit("/", 1)[-1])
            stack.callback(os.close, given)
            os.write(given, encoded(text))
            os.lseek(given, 0, os.SEEK_SET)
        return subprocess.Popen(
            [encoded(word) for word in arguments],
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ, LC_ALL="C", SYSTEMD_PAGER="", SYSTEMD_COLORS="0"),
            start_new_session=True,
        )


def _ended(process: subprocess.Popen[bytes], item: str, timeout_seconds: float) -> CommandResult:
    """The result of a program once it has closed its output and ended. Raises HostError."""
    late = HostError(item, f"did not end within {timeout_seconds:g} s")
    deadline, left = time.monotonic() + timeout_seconds, MOST_OUTPUT_BYTES
    chunks: dict[Any, list[bytes]] = {process.stdout: [], process.stderr: []}
    with selectors.DefaultSelector() as selector:
        for pipe in chunks:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready or time.monotonic() > deadline:
                raise late
            for key, _events in ready:
                chunk = os.read(key.fd, KERNEL_READ_BYTES)
                if not chunk:
                    selector.unregister(key.fileobj)
                chunks[key.fileobj].append(chunk)
                left -= len(chunk)
            if left < 0:
                raise HostError(item, f"wrote more than {MOST_OUTPUT_BYTES} bytes, and was stopped", errno.EFBIG)
    try:
        status = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise late from error
    stdout, stderr = (decoded(b"".join(parts)) for parts in chunks.values())
    return CommandResult(status, stdout, stderr)


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


def _name(path: str) -> bytes:
    """The last part of a path, as the kernel takes it."""
    return encoded(os.path.basename(path))


def _temporary_name(path: str) -> bytes:
    return b".%b.siptune-new" % _name(path)


def _netlink_name(protocol: int) -> str:
    return "rtnetlink" if protocol == socket.NETLINK_ROUTE else "netlink"


def _ends_dump(datagram: bytes) -> bool:
    """Whether a datagram of a netlink dump holds its last message."""
    offset = 0
    while offset + NETLINK_HEADER.size <= len(datagram):
        length, kind = NETLINK_HEADER.unpack_from(datagram, offset)[:2]
        if kind in (NLMSG_DONE, NLMSG_ERROR) or length < NETLINK_HEADER.size:
            return True
        offset += (length + 3) & ~3
    return False
