# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sockets that the SIP daemons of a host listen on, as the plan needs them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from .._core.change import ABSENT, PENDING, READONLY
from .._core.text import whole_number
from .._engine.effects import read_originals
from .._engine.originals import Originals, parse_socket_key, socket_key
from .._host import sockets
from .._host.host import Host, HostError
from .._host.machine import memory_bytes
from .._host.processes import start_ticks
from .._host.sockets import Place, SocketGoneError, parse_socket_link, why_out_of_reach
from .._sip.receive_buffers import asked_at_start, at_next_start
from .._sip.sockets import MOST_DESCRIPTORS, SIP_PORTS, Running, read_configuration, sip_sockets
from .items import buffer_item, daemon_item
from .model import Observed, Recorded, Request, Socket, Unreached

BOOT_ID = "/proc/sys/kernel/random/boot_id"
RMEM_DEFAULT = "/proc/sys/net/core/rmem_default"
RMEM_MAX = "/proc/sys/net/core/rmem_max"


def observe(host: Host, request: Request) -> Observed:
    """Everything that the plan for this request depends on. Raises HostError and OriginalsError."""
    originals = read_originals(host)
    boot_id = (host.read_lenient(BOOT_ID) or "").strip()
    ended = _ended(host, originals, boot_id)
    observed = Observed(originals, boot_id, gone=ended)
    if request.absent:
        return observed._replace(recorded=_recorded(host, request, originals, frozenset(ended)))
    if request.floor is None:
        return observed
    running = [one for one in sip_sockets(host, request.daemons) if _is_selected(one, request)]
    found = _with_names(host, running)
    return observed._replace(
        sockets=found,
        unreached=_numbered([*_unreached(host, running), *_not_running(request, running)]),
        option=sockets.option_for(request.floor.bytes) if found else None,
        memory_bytes=memory_bytes(host),
    )


def _is_selected(one: Running, request: Request) -> bool:
    return not request.units or one.unit in request.units


# --- present sockets -----------------------------------------------------------------


def _with_names(host: Host, running: Iterable[Running]) -> list[Socket]:
    """The sockets of all daemons, those of SIP's own ports first. Several on one port are numbered."""
    default, most = (_number(host, path) for path in (RMEM_DEFAULT, RMEM_MAX))
    found: list[Socket] = []
    names: Counter[str] = Counter()
    for one in running:
        asked = asked_at_start(one.daemon, one.words, lambda path: read_configuration(host, path))
        then = at_next_start(one.daemon, asked, default, most)
        for each in one.sockets:
            item = buffer_item(one.daemon, each.socket.end)
            names[item] += 1
            size, obstacle = _size(host, each.place)
            if size is None and not obstacle:
                continue
            item += f" {names[item]}" if names[item] > 1 else ""
            key = socket_key(each.place.pid, each.start, each.place.inode)
            found.append(Socket(item, one.daemon, key, each.place, size, obstacle, asked, then))
    return sorted(found, key=lambda socket: socket.place.port not in SIP_PORTS)


def _size(host: Host, place: Place) -> tuple[int | None, str]:
    """The receive buffer of a socket, or why it cannot be reached; neither for one that is gone."""
    try:
        return sockets.receive_buffer(place), ""
    except SocketGoneError:
        return None, ""
    except HostError as error:
        return None, why_out_of_reach(host, error)


def _number(host: Host, path: str) -> int | None:
    text = (host.read_lenient(path) or "").strip()
    return whole_number(text)


# --- daemons that are left alone ---------------------------------------------------------------------


def _unreached(host: Host, running: Iterable[Running]) -> Iterator[Unreached]:
    for one in running:
        item = daemon_item(one.daemon)
        if one.elsewhere:
            yield Unreached(item, READONLY, one.elsewhere)
        elif one.hidden:
            yield Unreached(item, PENDING, f"process {one.pid}: {one.hidden}")
        elif one.cut:
            reason = f"process {one.pid} has more than {MOST_DESCRIPTORS} descriptors: the others are left alone"
            yield Unreached(item, PENDING, reason)


def _not_running(request: Request, running: Iterable[Running]) -> Iterator[Unreached]:
    """Daemons and units that were asked for and that do not run here."""
    there = {name for one in running for name in (one.daemon, one.unit)}
    for name in (*request.daemons, *request.units):
        if name not in there:
            yield Unreached(daemon_item(name), ABSENT, f"no {name} is running here")


def _numbered(unreached: Iterable[Unreached]) -> list[Unreached]:
    names: Counter[str] = Counter()
    numbered = []
    for one in unreached:
        names[one.item] += 1
        numbered.append(one._replace(item=f"{one.item} {names[one.item]}") if names[one.item] > 1 else one)
    return numbered


# --- recorded sockets --------------------------------------------------------------


def _ended(host: Host, originals: Originals, boot_id: str) -> list[str]:
    """The keys of records whose process has ended, or is one of an earlier boot."""
    ended = []
    for key, original in originals.sockets.items():
        pid, start, _inode = parse_socket_key(key)
        if original.boot != boot_id or start_ticks(host, pid) != start:
            ended.append(key)
    return ended


def _recorded(host: Host, request: Request, originals: Originals, ended: frozenset[str]) -> list[Recorded]:
    """The sockets that earlier calls have raised, as they are now."""
    found = []
    for key, original in originals.sockets.items():
        daemon = original.item.split(" ")[0]
        if key in ended or (request.daemons and daemon not in request.daemons):
            continue
        one = Recorded(key, original, None)
        try:
            place = _place(host, key, original.port)
        except HostError as error:
            found.append(one._replace(obstacle=error.reason))
            continue
        size, obstacle = (None, "") if place is None else _size(host, place)
        if place is not None and (size is not None or obstacle):
            one = Recorded(key, original, place, size, obstacle, sockets.option_for(original.found))
        found.append(one)
    return found


def _place(host: Host, key: str, port: int) -> Place | None:
    """Where a process has a socket, None if it has closed it. Raises HostError."""
    pid, _start, inode = parse_socket_key(key)
    numbers = sorted(int(name) for name in host.list_directory(f"/proc/{pid}/fd") if name.isdecimal())
    for number in numbers[:MOST_DESCRIPTORS]:
        if parse_socket_link(host.read_link(f"/proc/{pid}/fd/{number}")) == inode:
            return Place(pid, number, inode, port)
    return None
