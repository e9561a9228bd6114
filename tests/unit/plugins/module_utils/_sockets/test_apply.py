# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out a plan: real sockets of this process, and records in a tree."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import Outcome
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import UndoLog
from ansible_collections.siptune.linux.plugins.module_utils._engine.effects import read_originals
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING, socket_key
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._host.sockets import Place, receive_buffer
from ansible_collections.siptune.linux.plugins.module_utils._sockets.apply import apply
from ansible_collections.siptune.linux.plugins.module_utils._sockets.items import buffer_item
from ansible_collections.siptune.linux.plugins.module_utils._sockets.model import (
    Observed,
    Recorded,
    Request,
    Socket,
)
from ansible_collections.siptune.linux.plugins.module_utils._sockets.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._sockets.settings import Floor
from socket_hosts import BOOT, MIB, observed

SMALL, LARGE = 65536, 131072  # within net.core.rmem_max on every kernel
SO_RCVBUF = socket.SO_RCVBUF
NOBODY = 2**22 + 1  # no process has this id: PID_MAX_LIMIT, linux/threads.h


@pytest.fixture(name="host")
def host_of_a_tree(tmp_path: Path) -> Host:
    (tmp_path / "var/lib").mkdir(parents=True)
    return Host(str(tmp_path))


@pytest.fixture(name="own")
def own_socket() -> Iterator[socket.socket]:
    """A socket of this process with a small buffer, that pidfd_getfd(2) reaches."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        one.setsockopt(socket.SOL_SOCKET, SO_RCVBUF, SMALL // 2)
        try:
            receive_buffer(place_of(one))
        except HostError as error:
            pytest.skip(f"pidfd_getfd(2) is not to be had here: {error}")
        yield one


def place_of(own: socket.socket) -> Place:
    return Place(os.getpid(), own.fileno(), os.fstat(own.fileno()).st_ino, own.getsockname()[1])


def size(own: socket.socket) -> int:
    return own.getsockopt(socket.SOL_SOCKET, SO_RCVBUF)


def described(place: Place, daemon: str = "kamailio") -> Socket:
    key = socket_key(place.pid, 7, place.inode)
    return Socket(buffer_item(daemon, f"127.0.0.1:{place.port}"), daemon, key, place, SMALL)


def run(host: Host, seen: Observed, request: Request, log: UndoLog | None = None) -> Outcome:
    return apply(host, request, seen, plan(request, seen), log or UndoLog())


RAISE, BACK = Request(Floor(LARGE)), Request(absent=True)


def test_a_socket_is_raised_and_put_back(host: Host, own: socket.socket) -> None:
    one = described(place_of(own))
    outcome = run(host, observed(one, option=SO_RCVBUF), RAISE)
    assert outcome.changed
    assert [(change.state, change.after) for change in outcome.changes] == [("changed", str(LARGE))]
    assert size(own) == LARGE
    records = read_originals(host)
    record = records.sockets[one.key]
    assert (record.found, record.written, record.left, record.boot) == (SMALL, LARGE, LARGE, BOOT)

    seen = Observed(records, BOOT, recorded=[Recorded(one.key, record, one.place, LARGE, "", SO_RCVBUF)])
    assert run(host, seen, BACK).changed
    assert size(own) == SMALL
    assert read_originals(host) == NOTHING
    assert not host.exists("/var/lib/siptune")


def test_what_is_gone_meanwhile_is_absent_and_not_on_record(host: Host, own: socket.socket) -> None:
    gone, there = described(Place(NOBODY, 3, 4, 5060), "opensips"), described(place_of(own))
    outcome = run(host, observed(gone, there, option=SO_RCVBUF), RAISE)
    assert [(change.state, change.after) for change in outcome.changes] == [("absent", None), ("changed", str(LARGE))]
    assert "meanwhile" in outcome.changes[0].reason
    assert list(read_originals(host).sockets) == [there.key]


def test_where_all_are_gone_nothing_has_changed(host: Host) -> None:
    outcome = run(host, observed(described(Place(NOBODY, 3, 4, 5060)), option=SO_RCVBUF), RAISE)
    assert not outcome.changed
    assert not host.exists("/var/lib/siptune")


def test_a_buffer_that_the_kernel_does_not_give_is_said(host: Host, own: socket.socket) -> None:
    """An ordinary SO_RCVBUF is cut off at net.core.rmem_max without a word."""
    seen = observed(described(place_of(own)), option=SO_RCVBUF, memory_bytes=2**50)
    outcome = run(host, seen, Request(Floor(2**31 - 2)))
    (change,) = outcome.changes
    assert change.state == "pending"
    assert change.reason == f"the kernel was asked for {2**31 - 2}, and gave {size(own)}"
    assert read_originals(host).sockets[described(place_of(own)).key].found == SMALL


def test_a_failed_transaction_undoes_it(host: Host, own: socket.socket) -> None:
    log = UndoLog()
    run(host, observed(described(place_of(own)), option=SO_RCVBUF), RAISE, log)
    undone, failed = log.undo()
    assert (undone, failed) == ([buffer_item("kamailio", f"127.0.0.1:{own.getsockname()[1]}")], [])
    assert size(own) == SMALL
    assert not host.exists("/var/lib/siptune")


def test_undoing_passes_over_a_socket_that_is_gone(host: Host, own: socket.socket) -> None:
    log = UndoLog()
    run(host, observed(described(place_of(own)), option=SO_RCVBUF), RAISE, log)
    own.close()
    assert log.undo()[1] == []


def test_records_of_what_has_ended_are_dropped(host: Host, own: socket.socket) -> None:
    one = described(place_of(own))
    run(host, observed(one, option=SO_RCVBUF), RAISE)
    seen = observed(memory_bytes=8192 * MIB, originals=read_originals(host), gone=[one.key])
    assert not run(host, seen, RAISE).changed
    assert read_originals(host) == NOTHING
