# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the SIP daemons of a host are configured to take: media ports, the ports they listen on, their own ceilings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from .._host.host import Host
from .ceilings import Ceiling, ceilings
from .config_files import Read, files_of
from .daemons import DAEMONS, Process, SipDaemon
from .rtp_ports import rtp_ports
from .sockets import Running, SocketFinder

MOST_PORTS = 64  # on which a daemon listens
# Asterisk opens these for a fax, and closes them with it: udptlstart and udptlend of configs/samples/udptl.conf.sample.
FAX_PORTS = range(4000, 5000)
IAX_PORT = 4569  # RFC 5456, among them


def with_configuration(
    host: Host, records: Sequence[SipDaemon], running: Mapping[str, Sequence[Process]], read: Read | None = None
) -> list[SipDaemon]:
    """The records with what their command lines, configurations and sockets say, by the first processes of each daemon.

    An overlap of the media ports of two of them is in the notes of one. `read` reads a table of sockets.
    """
    finder = SocketFinder(host, read or host.read_lenient)
    completed, sharing = [], []
    for number, record in enumerate(records):
        processes = [one for one in running[record.name] if _is_of(record, one)]
        found = [finder.look_at(record.name, one) for one in processes]
        completed.append(_completed(host, record, [copy for copy in found if copy is not None]))
        if record.running is not False and not any(map(finder.has_own_network, processes)):
            sharing.append(number)
    return _with_overlaps(completed, sharing)


def _is_of(record: SipDaemon, process: Process) -> bool:
    return process.pid == record.main_pid or (record.unit is not None and process.group.unit == record.unit)


def _completed(host: Host, record: SipDaemon, copies: Sequence[Running]) -> SipDaemon:
    """A record with what its processes are configured to take. Without one, by the files where packages have them."""
    media: dict[str, None] = {}
    bounds: dict[str, Ceiling] = {}
    notes: dict[str, None] = {}
    for copy in copies or [_not_running(host, record.name)]:
        for one in ceilings(record.name, copy.words, copy.files):
            bounds.setdefault(one.name, one)
        media.update((ports.text, None) for ports in copy.media)
        notes.update(dict.fromkeys(copy.files.notes))
    ports = _listening(copies)
    return record._replace(
        rtp_ports=list(media),
        sip_ports=ports[0],
        udp_ports=ports[1],
        tcp_ports=ports[2],
        ceilings=list(bounds.values()),
        notes=list(notes),
    )


def _not_running(host: Host, name: str) -> Running:
    """A daemon as its program would start without options."""
    programs = next(one.binaries for one in DAEMONS if one.name == name)
    words = [next(filter(host.exists, programs), name)]
    files = files_of(host)
    return Running(name, 0, "", words, files, rtp_ports(name, words, files))


def _listening(copies: Sequence[Running]) -> Sequence[list[int] | None]:
    """The ports on which a daemon listens on this host, but for its media; those of UDP, and of TCP, that others reach.

    None where they are unknown.
    """
    if not copies or any(copy.hidden or copy.elsewhere for copy in copies):
        return None, None, None
    ports: set[int] = set()
    udp: set[int] = set()
    tcp: set[int] = set()
    for copy in copies:
        for one in copy.sockets:
            port = one.socket.port
            if copy.daemon != "asterisk" or port not in FAX_PORTS or port == IAX_PORT:
                ports.add(port)
                udp.update([] if one.socket.loopback else [port])
        tcp.update(one.port for one in copy.listeners if not one.loopback)
        ports.update(one.port for one in copy.listeners)
    return [sorted(found)[:MOST_PORTS] for found in (ports, udp, tcp)]


def _with_overlaps(records: Sequence[SipDaemon], sharing: Sequence[int]) -> list[SipDaemon]:
    """The records, with a note for each pair that takes the same ports for media.

    `sharing` are the numbers of those that run, and share this host's ports.
    """
    notes = [list(record.notes) for record in records]
    for one, other in combinations(sharing, 2):
        for low, high in _common(*(_ranges(records[number]) for number in (one, other))):
            names = " and ".join(records[number].unit or records[number].name for number in (one, other))
            notes[one].append(
                f"{names} both take the ports {low}-{high} for media, and whichever is first keeps the other from "
                "them: give each a range of its own"
            )
    return [record._replace(notes=said) for record, said in zip(records, notes)]


def _ranges(record: SipDaemon) -> list[tuple[int, int]]:
    pairs = (text.partition("-") for text in record.rtp_ports or ())
    return [(int(first), int(last)) for first, _to, last in pairs]


def _common(ranges: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    both = [(max(one[0], other[0]), min(one[1], other[1])) for one in ranges for other in others]
    return [(low, high) for low, high in both if low <= high]
