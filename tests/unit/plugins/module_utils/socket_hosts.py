# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets as the plan finds them."""

from __future__ import annotations

from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING, SocketOriginal, socket_key
from ansible_collections.siptune.linux.plugins.module_utils._host.sockets import Place
from ansible_collections.siptune.linux.plugins.module_utils._sip.receive_buffers import Asked
from ansible_collections.siptune.linux.plugins.module_utils._sockets.items import buffer_item
from ansible_collections.siptune.linux.plugins.module_utils._sockets.model import Observed, Socket

MIB = 1024**2
STOCK = 212992
BOOT = "3f2b1c00-0000-4000-8000-000000000000"
SO_RCVBUF = 8
CONFIGURATION = "/etc/kamailio/kamailio.cfg"


def socket(port: int = 5060, size: int | None = STOCK, daemon: str = "kamailio", **fields: Any) -> Socket:
    """A socket of a process whose id is its port."""
    item, place = buffer_item(daemon, f"127.0.0.1:{port}"), Place(port, 3, port * 10, port)
    known = {"asked": Asked(262144, "", CONFIGURATION), "at_next_start": 6 * MIB, **fields}
    return Socket(item, daemon, socket_key(port, 7, port * 10), place, size, **known)


def observed(*sockets: Socket, **fields: Any) -> Observed:
    known = {"originals": NOTHING, "boot_id": BOOT, "option": SO_RCVBUF, "memory_bytes": 8192 * MIB, **fields}
    return Observed(sockets=sockets, **known)


def original(one: Socket, found: int = STOCK, written: int = 6 * MIB, left: int | None = 6 * MIB) -> SocketOriginal:
    """The record of a socket."""
    return SocketOriginal(one.item, BOOT, one.place.port, found, written, left)
