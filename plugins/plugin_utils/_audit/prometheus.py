# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit in Prometheus' text format, for the textfile collector of node_exporter.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/, "Text-based format". No line has a timestamp, as
the collector refuses those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from .document import AUDITED

PREFIX = "siptune"
Sample = tuple[dict[str, str], float | int]


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
        for tuner in host["tuners"]:
            yield {"host": host["name"], "tuner": tuner["name"]}, len(tuner["keys"])


def _counters(hosts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A family for each counter, of its total since boot; for each gauge one of what is in use, one of the limit."""
    described: dict[str, Mapping[str, Any]] = {}
    values: dict[str, list[Sample]] = {}
    limits: dict[str, list[Sample]] = {}
    for host in hosts:
        for counter in host["counters"]["list"]:
            name = counter["name"]
            described.setdefault(name, counter)
            for labels, value, limit in _samples(host["name"], counter):
                values.setdefault(name, []).append((labels, value))
                if limit is not None:
                    limits.setdefault(name, []).append((labels, limit))
    for name, counter in described.items():
        metric = snake_case(name)
        if counter["kind"] == "gauge":
            yield from _family(metric, "gauge", f"{_described(counter)} in use.", values.get(name, []))
            yield from _family(f"{metric}_limit", "gauge", "The most there can be.", limits.get(name, []))
        else:
            yield from _family(f"{metric}_total", "counter", f"{_described(counter)} since boot.", values.get(name, []))


def _samples(host: str, counter: Mapping[str, Any]) -> Iterator[tuple[dict[str, str], int, int | None]]:
    """A gauge by its parts, as each has a limit of its own; a counter as a whole, as its parts come and go."""
    parts = counter["parts"] if counter["kind"] == "gauge" else []
    for part in parts:
        yield {"host": host, counter["part_is"]: part["part"]}, part["value"], part["limit"]
    value = counter["value"] if counter["kind"] == "gauge" else counter["total"]
    if not parts and value is not None:
        yield {"host": host}, value, counter["limit"]


def _described(counter: Mapping[str, Any]) -> str:
    return f"{counter['source']}: {counter['unit']}"


def snake_case(name: str) -> str:
    """The name of a counter as Prometheus wants it: udp_rcvbuf_errors of UdpRcvbufErrors, udp6_mem_errors."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*", name)
    return "_".join(words).lower()


def _family(name: str, kind: str, help_text: str, samples: Iterable[Sample]) -> list[str]:
    """A family's lines; none at all where there is no sample."""
    lines = [f"{PREFIX}_{name}{_labels(labels)} {value}" for labels, value in samples]
    escaped = help_text.replace("\\", "\\\\").replace("\n", "\\n")
    return [f"# HELP {PREFIX}_{name} {escaped}", f"# TYPE {PREFIX}_{name} {kind}", *lines] if lines else []


def _labels(labels: Mapping[str, str]) -> str:
    pairs = [f'{name}="{_escaped(value)}"' for name, value in labels.items()]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
