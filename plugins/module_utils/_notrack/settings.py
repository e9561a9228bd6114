# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports that are exempt from connection tracking, as users give them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .._core.errors import ItemError
from .._core.setting import shown
from .ports import HIGHEST, NONE_EXEMPT, PROTOCOLS, TCP, UDP, Exempt, Ports, merged

ITEMS = {protocol: f"untracked {protocol.upper()} ports" for protocol in PROTOCOLS}
MOST_RANGES = 256  # a host has a few dozen; nft takes far more, and nobody could read them
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/(udp|tcp))?")


class NotrackError(ItemError):
    """The ports cannot be exempt from connection tracking on this host."""


class Request(NamedTuple):
    """The local ports to be exempt; none to put back what was there."""

    ports: Exempt


def item_of(ports: Exempt) -> str:
    """The item that has a reason that all these ports share."""
    return ITEMS[UDP if ports.udp or not ports.tcp else TCP]


def build_request(params: Mapping[str, Any]) -> Request:
    """The request of the module's parameters. Raises NotrackError."""
    return Request(parse_ports(params["ports"] or []) if params["state"] == "present" else NONE_EXEMPT)


def parse_ports(given: Sequence[object]) -> Exempt:
    """The ports of a list of numbers and ranges such as `10000-20000` and `5060/tcp`. Raises NotrackError."""
    found: dict[str, list[tuple[int, int]]] = {protocol: [] for protocol in PROTOCOLS}
    for one in given:
        words = _RANGE.fullmatch(str(one).strip())
        first = int(words.group(1)) if words else 0
        last = int(words.group(2) or first) if words else 0
        if isinstance(one, bool) or not 0 < first <= last <= HIGHEST:
            item = ITEMS[TCP if str(one).strip().endswith(f"/{TCP}") else UDP]
            raise NotrackError(item, f"{shown(one)} is no port, and no range of ports such as 10000-20000 or 5060/tcp")
        found[(words and words.group(3)) or UDP].append((first, last))
    return Exempt(**{protocol: _bounded(merged(ranges), protocol) for protocol, ranges in found.items()})


def _bounded(ports: Ports, protocol: str) -> Ports:
    if len(ports) > MOST_RANGES:
        reason = f"{len(ports)} separate ranges are more than the {MOST_RANGES} that one table gets"
        raise NotrackError(ITEMS[protocol], reason)
    return ports
