# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of ports as sorted ranges that do not touch: ((5060, 5061), (30000, 40000)). Pure arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Tuple

Range = Tuple[int, int]
Ports = Tuple[Range, ...]
NO_PORTS: Ports = ()
HIGHEST = 65535
ALL_PORTS: Ports = ((0, HIGHEST),)
UDP, TCP = "udp", "tcp"


class Exempt(NamedTuple):
    """The local ports that are exempt from the connection tracking, by protocol."""

    udp: Ports = NO_PORTS
    tcp: Ports = NO_PORTS

    def __bool__(self) -> bool:
        return bool(self.udp or self.tcp)

    def of(self, protocol: str) -> Ports:
        return self.tcp if protocol == TCP else self.udp


NONE_EXEMPT = Exempt()
PROTOCOLS = Exempt._fields


def merged(ranges: Iterable[Range]) -> Ports:
    """The set of all ports in these ranges."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def common(one: Ports, other: Ports) -> Ports:
    """The ports that are in both."""
    found, left, right = [], 0, 0
    while left < len(one) and right < len(other):
        first, last = max(one[left][0], other[right][0]), min(one[left][1], other[right][1])
        if first <= last:
            found.append((first, last))
        if one[left][1] < other[right][1]:
            left += 1
        else:
            right += 1
    return tuple(found)


def inverted(ports: Ports) -> Ports:
    """All other ports."""
    found, start = [], 0
    for first, last in ports:
        if start < first:
            found.append((start, first - 1))
        start = last + 1
    return (*found, *(((start, HIGHEST),) if start <= HIGHEST else ()))


def without(one: Ports, other: Ports) -> Ports:
    """The ports of the first that are not in the second."""
    return common(one, inverted(other))


def render(ports: Ports) -> str:
    """As a person writes them, and nft takes them: `5060-5061, 30000-40000`."""
    return ", ".join(f"{first}-{last}" if first != last else str(first) for first, last in ports)
