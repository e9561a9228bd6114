# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit in Prometheus' text format, for the textfile collector of node_exporter.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/, "Text-based format". No line has a timestamp, as
the collector refuses those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._counters.table import COUNTERS, GAUGES, Counter

from .document import AUDITED

PREFIX = "siptune"
Sample = tuple[dict[str, str], int | None]


def render(document: Mapping[str, Any]) -> str:
    """The whole file, a family of samples after the other."""
    hosts = document["hosts"]
    generated = datetime.fromisoformat(document["generated_at"]).timestamp()
    lines = [
        *_family("audit_timestamp_seconds", "gauge", "When the audit was made.", [({}, int(generated))]),
        *_family(
            "audit_up",
            "gauge",
            "1 if the whole host was audited, 0 if it failed or could not be reached.",
            [({"host": host["name"]}, int(host["status"] == AUDITED)) for host in hosts],
        ),
        *_family("audit_drift", "gauge", "1 if a run would change the host.", list(_drift(hosts))),
        *_family("audit_items", "gauge", "Items of a layer by state; changed is drift.", list(_items(hosts))),
        *_family("audit_overlaps", "gauge", "Keys that another tuner sets otherwise.", list(_overlaps(hosts))),
        *_sockets(hosts),
        *_counters(hosts),
    ]
    return "".join(f"{line}\n" for line in lines)


def _drift(hosts: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    for host in hosts:
        if host["status"] == AUDITED:
            yield {"host": host["name"]}, int(host["would_change"])


def _items(hosts: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    for host in hosts:
        for layer in host["layers"]:
            for state, count in layer["states"].items():
                yield {"host": host["name"], "layer": layer["name"], "state": state}, count


def _overlaps(hosts: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    for host in hosts:
        keys: dict[str, int] = {}
        for tuner in host["tuners"]:
            keys[tuner["name"]] = keys.get(tuner["name"], 0) + len(tuner["keys"])
        for name, count in keys.items():
            yield {"host": host["name"], "tuner": name}, count


# A family of each field of a SIP socket: its name, its kind and its help.
OF_SOCKETS = {
    "buffer_bytes": ("sip_socket_buffer_bytes", "gauge", "Receive buffer of a SIP socket."),
    "holds_messages": ("sip_socket_holds_messages", "gauge", "SIP messages that the socket holds in a stall."),
    "drops_total": ("sip_socket_drops_total", "counter", "Datagrams that the socket has lost since it was opened."),
}


def _sockets(hosts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for field, (name, kind, help_text) in OF_SOCKETS.items():
        samples = [
            ({"host": host["name"], "daemon": one["daemon"], "socket": one["socket"]}, one[field])
            for host in hosts
            for one in host["sip_sockets"]
        ]
        yield from _family(name, kind, help_text, samples)


def _counters(hosts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A family for each counter, of its total since boot; for each gauge one of what is in use, one of the limit.

    The names, the labels and the help are ours, whatever a host calls its counters.
    """
    found: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for host in hosts:
        for counter in host["counters"]["list"]:
            found.setdefault(counter["name"], []).append((host["name"], counter))
    for known in COUNTERS:
        samples = [({"host": host}, one["total"]) for host, one in found.get(known.name, [])]
        yield from _family(f"{snake_case(known.name)}_total", "counter", f"{_described(known)} since boot.", samples)
    for known in GAUGES:
        levels = [level for host, one in found.get(known.name, []) for level in _levels(host, known, one)]
        metric = snake_case(known.name)
        in_use = [(labels, now) for labels, now, _limit in levels]
        yield from _family(metric, "gauge", f"{_described(known)} in use.", in_use)
        limits = [(labels, limit) for labels, _now, limit in levels]
        yield from _family(f"{metric}_limit", "gauge", "The most there can be.", limits)


def _levels(
    host: str, known: Counter, gauge: Mapping[str, Any]
) -> Iterator[tuple[dict[str, str], int | None, int | None]]:
    """A gauge by its parts, as each has a limit of its own; a counter is told as a whole, as its parts come and go."""
    if known.parts:
        for part in gauge["parts"]:
            yield {"host": host, known.parts: part["part"]}, part["value"], part["limit"]
    else:
        yield {"host": host}, gauge["value"], gauge["limit"]


def _described(known: Counter) -> str:
    return f"{known.source} {known.field}".rstrip() + f": {known.unit}"


def snake_case(name: str) -> str:
    """The name of a counter as Prometheus wants it: udp_rcvbuf_errors of UdpRcvbufErrors, udp6_mem_errors."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*", name)
    return "_".join(words).lower()


def _family(name: str, kind: str, help_text: str, samples: Iterable[Sample]) -> list[str]:
    """A family's lines, without samples whose value is unknown; none at all where there is no sample.

    A sample that comes twice would make the collector refuse the whole file, so that the first one counts.
    """
    values: dict[str, int] = {}
    for labels, value in samples:
        if value is not None:
            values.setdefault(_labels(labels), value)
    lines = [f"{PREFIX}_{name}{labels} {value}" for labels, value in values.items()]
    return [f"# HELP {PREFIX}_{name} {_escaped(help_text)}", f"# TYPE {PREFIX}_{name} {kind}", *lines] if lines else []


def _labels(labels: Mapping[str, str]) -> str:
    pairs = [f'{name}="{_escaped(value, quote=True)}"' for name, value in labels.items()]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(value: str, quote: bool = False) -> str:
    escaped = value.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quote else escaped
