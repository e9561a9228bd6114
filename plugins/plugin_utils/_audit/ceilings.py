# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemons' own ceilings beside the limits that they make moot.

Pure: from the fact sip_daemons and the items of an audit to plain data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._layers.sizing_services import (
    FILES_OF_MEDIA_SERVER,
    FILES_PER_CONNECTION,
    FILES_PER_PROCESS,
    FILES_PER_SERVED_CALL,
    PROCESSES_OF_PROXY,
    SOCKETS_OF_PROXY,
)

FILES = "LimitNOFILE"
BACKLOG = "net.core.somaxconn"
SESSIONS_OF_CALL = 2  # FreeSWITCH counts each leg
NAMES = {"asterisk": "Asterisk", "freeswitch": "FreeSWITCH", "kamailio": "Kamailio", "opensips": "OpenSIPS"}


class Meaning(NamedTuple):
    """What a ceiling bounds, in words with its {value}; the limit that has no use beyond it, and how much it has."""

    words: str
    limit: str = ""
    needs: Callable[[int], int] = lambda value: value


def _of_connections(value: int) -> int:
    return FILES_PER_CONNECTION * value + SOCKETS_OF_PROXY + FILES_PER_PROCESS * PROCESSES_OF_PROXY


def _of_calls(value: int) -> int:
    return FILES_PER_SERVED_CALL * value + FILES_OF_MEDIA_SERVER


MEANINGS = {
    "tcp_max_connections": Meaning("takes {value} TCP connections", FILES, _of_connections),
    "tcp_listen_backlog": Meaning("lets {value} TCP connections wait", BACKLOG),
    "tcp_socket_backlog": Meaning("lets {value} TCP connections wait", BACKLOG),
    "children": Meaning("reads each UDP socket with {value} processes"),
    "udp_workers": Meaning("reads each UDP socket with {value} processes"),
    "tcp_children": Meaning("reads TCP with {value} processes"),
    "tcp_workers": Meaning("reads TCP with {value} processes"),
    "open_files_limit": Meaning("limits itself to {value} open files", FILES),
    "max-sessions": Meaning("takes {value} sessions", FILES, lambda value: _of_calls(value // SESSIONS_OF_CALL)),
    "sessions-per-second": Meaning("takes {value} new sessions a second"),
    "maxcalls": Meaning("takes {value} calls", FILES, _of_calls),
    "maxfiles": Meaning("limits itself to {value} open files", FILES),
}
# Worth a line on a terminal even where no limit is known that they make moot: calls are refused beyond them.
REFUSING = ("tcp_max_connections", "max-sessions", "sessions-per-second", "maxcalls")


def ceiling_records(daemons: Iterable[Mapping[str, Any]], items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The ceilings of the daemons in a host's facts, each with the item that it makes moot, null where it does not."""
    values = {item["item"]: item.get("planned") or item.get("live") for item in items}
    return [
        _record(daemon, ceiling, values)
        for daemon in daemons
        for ceiling in daemon.get("ceilings") or ()
        if ceiling["name"] in MEANINGS
    ]


def _record(daemon: Mapping[str, Any], ceiling: Mapping[str, Any], values: Mapping[str, str | None]) -> dict[str, Any]:
    name, value = ceiling["name"], ceiling.get("value")
    meaning = MEANINGS[name]
    item = f"{daemon.get('unit')} {FILES}" if meaning.limit == FILES else meaning.limit
    limit = values.get(item)
    moot = value is not None and limit is not None and _exceeds(limit, meaning.needs(value))
    return {
        "daemon": daemon["name"],
        "unit": daemon.get("unit"),
        "name": name,
        "value": value,
        "set_by": ceiling.get("set_by") or "",
        "item": item if moot else None,
        "limit": limit if moot else None,
        "summary": _summary(daemon, ceiling, meaning, limit if moot else None),
    }


def _exceeds(limit: str, needed: int) -> bool:
    """Whether a limit, `65536`, `1024:65536` or `infinity`, is above what the daemon has a use for."""
    first = re.match(r"[0-9]{1,19}(?![0-9])", str(limit))
    return str(limit).startswith("infinity") or (first is not None and int(first.group()) > needed)


def _summary(daemon: Mapping[str, Any], ceiling: Mapping[str, Any], meaning: Meaning, limit: str | None) -> str:
    """What a ceiling does, for a reader who has the name of the unit before it."""
    who = NAMES.get(str(daemon["name"]), str(daemon["name"]))
    value, place = ceiling.get("value"), f"{ceiling['name']}, {ceiling.get('set_by') or 'unknown'}"
    if value is None:
        return f"{who} is not known to be bounded by {place}"
    said = f"{who} {meaning.words.format(value=value)}: {place}"
    return f"{meaning.limit} is {limit}, but {said}" if limit is not None else said


def worth_a_line(record: Mapping[str, Any]) -> bool:
    """Whether a ceiling makes a limit moot, or has the daemon refuse calls."""
    return record["value"] is not None and (record["limit"] is not None or record["name"] in REFUSING)
