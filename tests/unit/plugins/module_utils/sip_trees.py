# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees of hosts on which SIP daemons run: their processes, descriptors and sockets as /proc has them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

LOOPBACK, ANY = "0100007F", "00000000"
NETWORK, OTHER_NETWORK = "net:[1]", "net:[2]"
PROGRAM = "/bin/sh"  # one of root's on every machine
LINE = "{:5}: {}:{:04X} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 {} 2 0 0 \n"


def place(path: Path, text: str) -> None:
    """A file with its directories."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def make(root: Path) -> Path:
    """A host without daemons."""
    for pid in ("self", "1"):
        (root / f"proc/{pid}/ns").mkdir(parents=True)
        os.symlink(NETWORK, root / f"proc/{pid}/ns/net")
    place(root / "proc/1/comm", "init\n")
    place(root / "proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n")
    return root


def bind(root: Path, *ends: tuple[str, int, int]) -> None:
    """The sockets of the network namespace, as address, port and inode."""
    text = "".join(LINE.format(slot, *end) for slot, end in enumerate(ends))
    place(root / "proc/self/net/udp", f"  sl  local_address ...\n{text}")


def start(
    root: Path,
    pid: int,
    comm: str,
    inodes: Sequence[int] = (),
    parent: int = 1,
    command_line: str | None = None,
    uid: int = 0,
    cgroup: str = "/",
    network: str = NETWORK,
    nspid: str = "",
    first: int = 3,
    program: str = PROGRAM,
) -> None:
    """A process with these sockets from its descriptor `first` on."""
    proc = root / f"proc/{pid}"
    place(proc / "comm", f"{comm}\n")
    place(proc / "status", f"PPid:\t{parent}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nNSpid:\t{nspid or pid}\n")
    place(proc / "stat", f"{pid} ({comm}) S {parent} " + "0 " * 17 + f"{pid * 100} 0\n")
    place(proc / "cgroup", f"0::{cgroup}\n")
    place(proc / "cmdline", f"/usr/sbin/{comm}\0" if command_line is None else command_line)
    os.symlink(program, proc / "exe")
    (proc / "ns").mkdir()
    os.symlink(network, proc / "ns/net")
    (proc / "fd").mkdir()
    os.symlink("/dev/null", proc / "fd/0")
    for number, inode in enumerate(inodes, first):
        os.symlink(f"socket:[{inode}]", proc / f"fd/{number}")
