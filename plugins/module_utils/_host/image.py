# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to an image: the files of a host that does not run, such as a chroot or a container that is being built.

The kernel, the processes, the interfaces and the systemd that can be seen from there are those of the machine that
builds the image. None of them is the host's, so this door is shut to all of them: whoever asks finds nothing there.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator, Sequence

from .host import KERNEL_TREES, READ_FLAGS, CommandResult, Host, HostError

# Of the machine that builds the image: its kernel, and what its programs keep while they run. A chroot often has these
# mounted, and a container always.
SHUT = ("/proc", "/sys", "/run", "/var/run")
LOCKED = "/etc"  # a lock below /run would be of the other machine, and a file of its own would stay in the image
NOT_HERE = "is not asked for: this is an image, and what runs here is the machine that builds it (siptune_boot_only)"


class Image(Host):
    """The files of a host that does not run: everything else is not there, and nothing can be changed in it."""

    boot_only = True
    lock_path = LOCKED

    def _real(self, path: str) -> bytes:
        if any(path == tree or path.startswith(f"{tree}/") for tree in SHUT):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return super()._real(path)

    def _open_unpinned(self, path: str, status: os.stat_result) -> int:
        """The file once more by its path, as a chroot often has no /proc; nobody else works in an image."""
        real = self._real(path)
        if os.path.realpath(os.fsdecode(real)).startswith(KERNEL_TREES):
            raise HostError(path, "leads to a file of the kernel, which is no configuration", errno.EINVAL)
        descriptor = os.open(real, READ_FLAGS)
        found = os.fstat(descriptor)
        if (found.st_dev, found.st_ino) != (status.st_dev, status.st_ino):
            os.close(descriptor)
            raise HostError(path, "was replaced while it was read", errno.EAGAIN)
        return descriptor

    def _open_lock(self) -> int:
        return os.open(self._real(self.lock_path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def ethtool(self, interface: str, request: bytes) -> bytes:
        raise HostError(interface, NOT_HERE, errno.ENODEV)

    def set_tx_queue_length(self, interface: str, frames: int) -> None:
        raise HostError(interface, NOT_HERE, errno.ENODEV)

    def route_dump(self, message_type: int, family: int = socket.AF_UNSPEC, body_bytes: int = 4) -> bytes:
        raise HostError("rtnetlink", NOT_HERE, errno.ENODEV)

    def netlink_dump(self, protocol: int, message_type: int, body: bytes, most_bytes: int) -> Iterator[bytes]:
        raise HostError("netlink", NOT_HERE, errno.ENODEV)

    def netlink_send(self, protocol: int, messages: bytes) -> None:
        raise HostError("netlink", NOT_HERE, errno.ENODEV)

    def ask_udp(self, address: tuple[str, int], request: bytes, timeout_seconds: float) -> bytes:
        raise HostError(f"{address[0]} port {address[1]}", NOT_HERE, errno.ENODEV)

    def ask_socket(self, path: str, request: bytes, timeout_seconds: float) -> bytes:
        raise HostError(path, NOT_HERE, errno.ENOENT)

    def run(
        self, arguments: Sequence[str], timeout_seconds: float | None = None, text: str | None = None
    ) -> CommandResult | None:
        raise HostError(arguments[0], NOT_HERE, errno.ENODEV)

    @staticmethod
    def uname() -> str:
        return ""
