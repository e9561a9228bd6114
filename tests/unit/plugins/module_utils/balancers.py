# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An irqbalance that answers on its socket as the real one does: sock_handle() of irqbalance.c, 1.7 to 1.9."""

from __future__ import annotations

import os
import socket
import struct
import threading
from pathlib import Path
from types import TracebackType

UNIT = """[Service]
EnvironmentFile=-/etc/default/irqbalance
ExecStart=/usr/sbin/irqbalance --foreground $IRQBALANCE_ARGS
"""
PID = 77


class FakeBalancer:
    """It runs as process 77 below a root, with a unit of its own, until the block ends."""

    def __init__(self, root: Path, *arguments: str, unit: str = UNIT, banned: tuple[int, ...] = ()) -> None:
        self.banned = set(banned)
        self.asked: list[str] = []
        self.deaf = False
        self._process(root / f"proc/{PID}", *arguments)
        if unit:
            (root / "usr/lib/systemd/system").mkdir(parents=True, exist_ok=True)
            (root / "usr/lib/systemd/system/irqbalance.service").write_text(unit)
        self.path = root / f"run/irqbalance/irqbalance{PID}.sock"
        self.path.parent.mkdir(parents=True, exist_ok=True)

    @staticmethod
    def _process(process: Path, *arguments: str) -> None:
        process.mkdir(parents=True, exist_ok=True)
        (process / "comm").write_text("irqbalance\n")
        (process / "cmdline").write_bytes(
            b"".join(f"{word}\0".encode() for word in ("/usr/sbin/irqbalance", *arguments))
        )
        (process / "status").write_text(f"Name:\tirqbalance\nState:\tS\nPPid:\t1\nUid:\t0\t0\t0\t0\nNSpid:\t{PID}\n")
        if not (process / "exe").is_symlink():
            (process / "exe").symlink_to("/usr/sbin/irqbalance")

    def __enter__(self) -> FakeBalancer:
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # A path of a test can be longer than the 107 bytes that an address has.
        directory = os.open(self.path.parent, os.O_PATH)
        self.server.bind(f"/proc/self/fd/{directory}/{self.path.name}")
        os.close(directory)
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.server.listen(1)
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        return self

    def __exit__(self, *_how: TracebackType | object) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.server.close()
        self.path.unlink()

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self.server.accept()
            except OSError:
                return
            with connection:
                data, ancillary, _flags, _peer = connection.recvmsg(16384, socket.CMSG_SPACE(12))
                _pid, uid, _gid = struct.unpack("3i", ancillary[0][2])
                if uid == os.geteuid():
                    connection.sendall(self._answer(data.decode()))

    def _answer(self, request: str) -> bytes:
        self.asked.append(request)
        if request == "setup":
            bans = "".join(f"IRQ {number} LOAD 0 DIFF 0 CLASS 0 " for number in sorted(self.banned))
            return f"SLEEP 10 {bans}BANNED 00000000".encode()
        if request.startswith("settings ban irqs ") and not self.deaf:
            self.banned = {int(word) for word in request.split()[3:] if word != "NONE"}
        return b""
