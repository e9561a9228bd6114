# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sockets of daemons hold and have lost: a tree for the processes, and a real socket of this one."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._counters.sip_sockets import DROPS, socket_results
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._host.sockets import Place, receive_buffer
from sip_trees import LOOPBACK, bind, make, start

PID = os.getpid()
SIZE = 65536


def results(
    root: Path, before: dict[str, int] | None, after: dict[str, int] | None, rate: int | None = None
) -> list[dict[str, Any]]:
    first = None if before is None else {DROPS: before}
    return socket_results(Host(str(root)), first, {DROPS: after}, rate)


def test_a_socket_with_what_it_holds_and_has_lost(tmp_path: Path) -> None:
    make(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SIZE // 2)
        inode, port = os.fstat(own.fileno()).st_ino, own.getsockname()[1]
        try:
            receive_buffer(Place(PID, own.fileno(), inode, port))
        except HostError as error:
            pytest.skip(f"pidfd_getfd(2) is not to be had here: {error}")
        bind(tmp_path, (LOOPBACK, port, inode))
        start(tmp_path, PID, "kamailio", [inode], first=own.fileno(), cgroup="/system.slice/kamailio.service")
        end = f"127.0.0.1:{port}"
        other = f"{end} 99"
        found = results(tmp_path, {f"{end} {inode}": 5, other: 9}, {f"{end} {inode}": 12}, 8)
        assert found == [
            {
                "daemon": "kamailio",
                "unit": "kamailio.service",
                "socket": end,
                "buffer_bytes": SIZE,
                "holds_messages": 28,
                "holds_small_messages": 51,
                "drops": 7,
                "drops_total": 12,
                "reason": "",
                "survives_seconds": 3.5,
            }
        ]
        (one,) = results(tmp_path, None, {f"{end} {inode}": 12})
        assert (one["drops"], one["drops_total"]) == (12, 12)
        (one,) = results(tmp_path, None, None)
        assert (one["drops"], one["drops_total"], one["survives_seconds"]) == (0, 0, None)


def test_a_socket_that_is_gone_is_left_out(tmp_path: Path) -> None:
    make(tmp_path)
    bind(tmp_path, (LOOPBACK, 5060, 11))
    start(tmp_path, 2**22 + 1, "kamailio", [11])  # no process has this id
    assert results(tmp_path, None, {}) == []
