# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queueing disciplines of interfaces, from rtnetlink: their kinds, and their drops.

Parsers never raise. Sources: linux/rtnetlink.h, linux/pkt_sched.h, linux/gen_stats.h
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .host import Host, unless_refused
from .netlink import attributes, messages, text

RTM_NEWQDISC, RTM_GETQDISC = 36, 38
TC_H_ROOT = 0xFFFFFFFF
TCA_KIND = 1
TCA_STATS2 = 7
TCA_STATS_QUEUE = 3

_HEADER = struct.Struct("=BxxxiIII")  # struct tcmsg: family, index, handle, parent, info
_QUEUE_STATISTICS = struct.Struct("=5I")  # struct gnet_stats_queue: qlen, backlog, drops, requeues, overlimits


def dump(host: Host) -> bytes | None:
    """The kernel's dump of all queueing disciplines of our network namespace; None where it refuses."""
    return unless_refused(host.route_dump, RTM_GETQDISC, 0, _HEADER.size)


def parse_kinds(dumped: bytes) -> dict[int, tuple[str, ...]]:
    """The kinds of queueing disciplines by interface index; {} if the dump is broken."""
    found: dict[int, list[str]] = {}
    for ifindex, _parent, values in _messages(dumped):
        found.setdefault(ifindex, []).append(text(values.get(TCA_KIND, b"")))
    return {ifindex: tuple(dict.fromkeys(kinds)) for ifindex, kinds in found.items()}


def parse_drops(dumped: bytes) -> dict[int, int]:
    """The drops of the root of each interface's queueing disciplines, by index; {} if the dump is broken.

    Those below it are left out: a root's count includes theirs. Source: mq_dump() of net/sched/sch_mq.c,
    qdisc_tree_reduce_backlog() of net/sched/sch_api.c
    """
    found: dict[int, int] = {}
    for ifindex, parent, values in _messages(dumped):
        queue = attributes(values.get(TCA_STATS2, b""), 0).get(TCA_STATS_QUEUE, b"")
        if parent == TC_H_ROOT and len(queue) >= _QUEUE_STATISTICS.size:
            found[ifindex] = _QUEUE_STATISTICS.unpack_from(queue)[2]
    return found


def _messages(dumped: bytes) -> Iterator[tuple[int, int, dict[int, bytes]]]:
    """The index, the parent and the attributes of each queueing discipline."""
    for payload, values in messages(dumped, RTM_NEWQDISC, _HEADER) or []:
        _family, ifindex, _handle, parent, _info = _HEADER.unpack_from(payload)
        yield ifindex, parent, values
