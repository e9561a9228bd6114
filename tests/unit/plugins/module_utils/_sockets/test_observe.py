# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan gets to know: a tree for the processes, and real sockets of this process."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import (
    NOTHING,
    Originals,
    OriginalsError,
    SocketOriginal,
    render,
    socket_key,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._host.sockets import Place, receive_buffer
from ansible_collections.siptune.linux.plugins.module_utils._sockets.model import Observed, Request
from ansible_collections.siptune.linux.plugins.module_utils._sockets.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._sockets.settings import Floor
from sip_trees import LOOPBACK, bind, make, place, start
from socket_hosts import BOOT, MIB, STOCK

PID = os.getpid()
NAME = "kamailio udp 127.0.0.1:5060 receive buffer"
KEEPER = "var/lib/siptune/originals.json"


@pytest.fixture(name="root")
def root_of_a_host(tmp_path: Path) -> Path:
    make(tmp_path)
    place(tmp_path / "proc/sys/kernel/random/boot_id", f"{BOOT}\n")
    place(tmp_path / "proc/sys/net/core/rmem_default", f"{STOCK}\n")
    place(tmp_path / "proc/sys/net/core/rmem_max", f"{4 * MIB}\n")
    place(tmp_path / "proc/meminfo", "MemTotal:        8388608 kB\n")
    place(tmp_path / "etc/kamailio/kamailio.cfg", "")
    return tmp_path


@pytest.fixture(name="own")
def own_socket() -> Iterator[socket.socket]:
    """A socket of this process that pidfd_getfd(2) reaches."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        try:
            receive_buffer(Place(PID, one.fileno(), os.fstat(one.fileno()).st_ino, one.getsockname()[1]))
        except HostError as error:
            pytest.skip(f"pidfd_getfd(2) is not to be had here: {error}")
        yield one


def run_as_kamailio(root: Path, own: socket.socket, port: int | None = None) -> int:
    """Let this process be a Kamailio that listens on this socket of its own. Returns the inode."""
    inode = os.fstat(own.fileno()).st_ino
    bind(root, (LOOPBACK, port or own.getsockname()[1], inode))
    start(root, PID, "kamailio", [inode], first=own.fileno())
    # A port that the kernel has chosen counts for a proxy on one address, so this one does.
    return inode


def look(root: Path, **request: object) -> Observed:
    return observe(Host(str(root)), Request(**{"floor": Floor(6 * MIB), **request}))


def record(root: Path, originals: Originals) -> None:
    place(root / KEEPER, render(originals).decode())
    os.chmod(root / "var/lib/siptune", 0o700)
    os.chmod(root / KEEPER, 0o600)


def original(port: int, boot: str = BOOT) -> SocketOriginal:
    return SocketOriginal(NAME, boot, port, STOCK, 6 * MIB, 6 * MIB)


def test_a_socket_with_its_buffer_and_its_next_start(root: Path, own: socket.socket) -> None:
    inode, port = run_as_kamailio(root, own), own.getsockname()[1]
    (one,) = look(root).sockets
    assert one.item == f"kamailio udp 127.0.0.1:{port} receive buffer"
    assert one.place == (PID, own.fileno(), inode, port)
    assert one.bytes == own.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert one.key == socket_key(PID, PID * 100, inode)
    assert (one.at_next_start, one.obstacle) == (524288, "")


def test_a_socket_that_is_gone_is_not_there(root: Path) -> None:
    bind(root, (LOOPBACK, 5060, 11))
    start(root, 2**22 + 1, "kamailio", [11])  # no process has this id
    found = look(root)
    assert (list(found.sockets), list(found.unreached), found.option) == ([], [], None)


def test_what_was_asked_for_and_does_not_run_is_named(root: Path) -> None:
    start(root, 50, "kamailio", cgroup="/system.slice/kamailio.service")
    found = look(root, daemons=("opensips",), units=("kamailio@edge.service",))
    assert [(one.item, one.state) for one in found.unreached] == [
        ("opensips receive buffers", "absent"),
        ("kamailio@edge.service receive buffers", "absent"),
    ]


def test_copies_that_are_left_alone_are_numbered(root: Path) -> None:
    for pid in (50, 60):
        start(root, pid, "kamailio", nspid=f"{pid}\t7")
    assert [one.item for one in look(root).unreached] == ["kamailio receive buffers", "kamailio receive buffers 2"]
    assert {one.state for one in look(root).unreached} == {"readonly"}


def test_nothing_is_looked_at_where_nothing_is_wanted(root: Path) -> None:
    start(root, 50, "kamailio", nspid="50\t7")
    found = look(root, floor=None)
    assert (found.unreached, found.sockets) == ((), ())


def test_only_the_units_that_are_named(root: Path) -> None:
    for pid, unit in ((50, "kamailio.service"), (60, "kamailio@edge.service")):
        start(root, pid, "kamailio", nspid=f"{pid}\t7", cgroup=f"/system.slice/{unit}")
    assert len(look(root, units=("kamailio@edge.service",)).unreached) == 1


# --- records --------------------------------------------------------------------------------


def test_records_end_with_their_process_and_boot(root: Path) -> None:
    start(root, 50, "kamailio")
    there, ended, older, earlier = "50 5000 11", "51 5100 11", "50 4999 11", "50 5000 12"
    records = {key: original(5060) for key in (there, ended, older)}
    record(root, NOTHING._replace(sockets={**records, earlier: original(5060, "another boot")}))
    assert sorted(look(root, floor=None).gone) == sorted([ended, older, earlier])
    found = look(root, floor=None, absent=True)
    assert [(one.key, one.place) for one in found.recorded] == [(there, None)]


def test_a_recorded_socket_is_found_again(root: Path, own: socket.socket) -> None:
    inode, port = run_as_kamailio(root, own), own.getsockname()[1]
    record(root, NOTHING._replace(sockets={socket_key(PID, PID * 100, inode): original(port)}))
    (one,) = look(root, floor=None, absent=True).recorded
    assert one.place == (PID, own.fileno(), inode, port)
    assert one.bytes == own.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert one.option == socket.SO_RCVBUF
    assert look(root, floor=None, absent=True, daemons=("opensips",)).recorded == []


@pytest.mark.parametrize("field", ["found", "port", "item", "left"])
def test_a_record_edited_by_hand_is_not_trusted(root: Path, field: str) -> None:
    record(root, NOTHING._replace(sockets={"50 5000 11": original(5060)}))
    document = json.loads((root / KEEPER).read_text())
    document["sockets"]["50 5000 11"][field] = [1]
    (root / KEEPER).write_text(json.dumps(document))
    with pytest.raises(OriginalsError, match="damaged"):
        look(root, absent=True)
