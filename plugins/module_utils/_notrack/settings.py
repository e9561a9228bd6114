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
from .ports import HIGHEST, NO_PORTS, Ports, merged

ITEM = "untracked UDP ports"
MOST_RANGES = 256  # a host has a few dozen; nft takes far more, and nobody could read them
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")


class NotrackError(ItemError):
    """The ports cannot be exempt from connection tracking on this host."""


class Request(NamedTuple):
    """The local UDP ports to be exempt; none to put back what was there."""

    ports: Ports


def build_request(params: Mapping[str, Any]) -> Request:
    """The request of the module's parameters. Raises NotrackError."""
    return Request(parse_ports(params["ports"] or []) if params["state"] == "present" else NO_PORTS)


def parse_ports(given: Sequence[object]) -> Ports:
    """The ports of a list of numbers and ranges such as `10000-20000`. Raises NotrackError."""
    found = []
    for one in given:
        words = _RANGE.fullmatch(str(one).strip())
        first = int(words.group(1)) if words else 0
        last = int(words.group(2) or first) if words else 0
        if isinstance(one, bool) or not 0 < first <= last <= HIGHEST:
            raise NotrackError(ITEM, f"{shown(one)} is no port, and no range of ports such as 10000-20000")
        found.append((first, last))
    ports = merged(found)
    if len(ports) > MOST_RANGES:
        raise NotrackError(ITEM, f"{len(ports)} separate ranges are more than the {MOST_RANGES} that one table gets")
    return ports
