# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of sip_sockets: the request, the observed sockets, the decisions, and the plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .._core.change import Change
from .._engine.originals import Originals, SocketOriginal
from .._host.sockets import Place
from .._sip.receive_buffers import Asked
from .settings import Floor

NO_PRIVILEGE = "more than net.core.rmem_max requires CAP_NET_ADMIN"


class Request(NamedTuple):
    """The buffer to set. Without a `floor` nothing is raised; without `daemons` and `units` all running daemons count.

    `absent`: the sockets that earlier calls have raised go back, as far as they are selected.
    """

    floor: Floor | None = None
    daemons: Sequence[str] = ()
    units: Sequence[str] = ()
    absent: bool = False


class Socket(NamedTuple):
    """A socket on which a daemon listens.

    `item` is its name, `key` that of its record. `bytes` is its receive buffer, None with an `obstacle` where it cannot
    be reached. `asked` and `at_next_start` are what the daemon asks for and gets when it starts, None if not known.
    """

    item: str
    daemon: str
    key: str
    place: Place
    bytes: int | None
    obstacle: str = ""
    asked: Asked | None = None
    at_next_start: int | None = None


class Unreached(NamedTuple):
    """A daemon whose sockets are left alone as a whole: its state, and why."""

    item: str
    state: str
    reason: str


class Recorded(NamedTuple):
    """A socket that an earlier call has raised: without a `place` it is gone, with an `obstacle` it is out of reach.

    `option` is the socket option that gives it back what it had, None if there is none that we may use.
    """

    key: str
    original: SocketOriginal
    place: Place | None
    bytes: int | None = None
    obstacle: str = ""
    option: int | None = None


class Observed(NamedTuple):
    """Everything the plan depends on.

    `option` is the socket option that gives the floor, None if there is none that we may use. `gone` are the keys of
    records whose process has ended. `memory_bytes` is None where it cannot be read.
    """

    originals: Originals
    boot_id: str
    sockets: Sequence[Socket] = ()
    unreached: Sequence[Unreached] = ()
    recorded: Sequence[Recorded] = ()
    gone: Sequence[str] = ()
    option: int | None = None
    memory_bytes: int | None = None


class Decision(NamedTuple):
    """A socket that is set: to `target` by a socket option, from `before`. `key` is that of its record."""

    item: str
    key: str
    place: Place
    before: int
    target: int
    option: int


class Plan(NamedTuple):
    """The changes to make. `originals` is recorded before the first effect; the keys `released` go after the last."""

    changes: list[Change]
    decisions: list[Decision]
    originals: Originals
    released: Sequence[str]
    warnings: list[str]

    @property
    def changed(self) -> bool:
        return bool(self.decisions)
