# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit on a terminal: for each host the items that drift, are shadowed or pending, and the counters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._site.sockets import socket_line
from .._site.summary import wrapped
from .document import AUDITED, COUNTED, NOT_RUN

MOST_LINES = 12  # of one kind for a host; the reports have them all
MOST_KEYS = 6  # of a tuner
REST = "and {} more, which the reports name"
COUNTS = (*COUNTED, "ok")
AS_WANTED = ("ok", "kept")
HELP_STATES = {"changed": "drift", None: "left alone by siptune"}
# Control characters, C0 and C1, which a terminal would obey: values come from hosts.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def render_host(host: Mapping[str, Any]) -> list[str]:
    """The lines of one host of the document."""
    lines = [_heading(host), *_listed("socket", [_socket(one, host["counters"]) for one in host["sip_sockets"]])]
    ran = [layer for layer in host["layers"] if layer["status"] != NOT_RUN]
    if ran:
        lines += _table(ran)
    for field, state in COUNTED.items():
        lines += _listed(field, [_item_line(item) for item in host["items"] if item["state"] == state])
    for layer in ran:
        if layer["would_change"] and not layer["drift"]:
            lines += wrapped("drift", f"{layer['name']}: a run would rewrite its files")
        if layer["status"] != AUDITED and layer["message"] != host["message"]:
            lines += wrapped(layer["status"], f"{layer['name']}: {layer['message']}")
    for tuner in host["tuners"]:
        lines += wrapped("tuner", _tuner_line(tuner))
    lines += _counter_lines(host["counters"])
    return [_CONTROL.sub("?", line) for line in lines]


def render_end(document: Mapping[str, Any], paths: Sequence[str]) -> list[str]:
    """The last lines: the fleet in one, and where the reports are."""
    totals = document["totals"]
    parts = [f"{totals['hosts']} hosts: {totals['hosts_with_drift']} with drift"]
    parts += [f"{totals[status]} {status}" for status in ("unreachable", "failed") if totals[status]]
    return [", ".join(parts), *(f"  {_CONTROL.sub('?', path)}" for path in paths)]


def _heading(host: Mapping[str, Any]) -> str:
    return host["name"] if host["status"] == AUDITED else f"{host['name']}  {host['status']}: {host['message']}"


def _table(layers: Sequence[Mapping[str, Any]]) -> list[str]:
    width = max(len(layer["name"]) for layer in layers)
    lines = ["  ".join([" " * (width + 2), *COUNTS])]
    for layer in layers:
        numbers = [layer[field] for field in COUNTED]
        numbers.append(sum(layer["states"].get(state, 0) for state in AS_WANTED))
        cells = [f"{number or '-':>{len(name)}}" for name, number in zip(COUNTS, numbers, strict=True)]
        mark = "" if layer["status"] == AUDITED else f"  {layer['status']}"
        lines.append("  ".join([f"  {layer['name']:<{width}}", *cells]) + mark)
    return lines


def _socket(socket: Mapping[str, Any], counters: Mapping[str, Any]) -> str:
    """What a SIP socket survives, which is what the host is tuned for."""
    if not socket["drops"]:
        return socket_line(socket)
    since = "since it was opened" if counters["since_boot"] else period(counters)
    return f"{socket_line(socket)}; {socket['drops']:,} datagrams lost {since}"


def _item_line(item: Mapping[str, Any]) -> str:
    if item["drift"] and item["live"] == item["planned"]:
        return f"{item['item']}: is {_shown(item['live'])}, but not written down for the next boot"
    if item["drift"]:
        return f"{item['item']}: is {_shown(item['live'])}, wanted {_shown(item['wanted'])}"
    return f"{item['item']}: {item['reason'] or 'no reason given'}"


def _tuner_line(tuner: Mapping[str, Any]) -> str:
    listed, more = tuner["keys"][:MOST_KEYS], len(tuner["keys"]) - MOST_KEYS
    keys = [f"{key['item']}: {key['theirs']}, wanted {key['wanted']}, {key['wins']} wins" for key in listed]
    keys += [REST.format(more)] if more > 0 else []
    name = f"{tuner['name']}, {tuner['detail']}" if tuner["detail"] else tuner["name"]
    return ": ".join((name, "; ".join(filter(None, (*keys, tuner["effect"], tuner["advice"])))))


def _shown(value: object) -> str:
    return "not set" if value is None or value == "" else str(value)


def _counter_lines(counters: Mapping[str, Any]) -> list[str]:
    concerned = [counter for counter in counters["list"] if counter["concern"]]
    if not concerned:
        return []
    lines = [f"  {period(counters)}"]
    for counter in concerned:
        lines += wrapped(counter["name"], _counter_line(counter), indent=4, label_width=22)
    return lines


def _counter_line(counter: Mapping[str, Any]) -> str:
    amount = f"{counter['value']} {counter['unit']}"
    if counter["kind"] == "gauge":
        amount = f"{counter['value']} of {counter['limit']} {counter['unit']}"
    where = ", ".join(f"{part['part']} {part['value']}" for part in counter["parts"][:3] if part["value"])
    helps = ", ".join(
        f"{one['item']} ({HELP_STATES.get(one['state'], one['state'])})" for one in counter["helps"][:MOST_LINES]
    )
    said = ": ".join(filter(None, (helps, counter["advice"])))
    return f"{amount}{f' ({where})' if where else ''}; {said}"


def period(counters: Mapping[str, Any]) -> str:
    """The period of the counters, in words."""
    if counters["seconds"] is None:
        return "since boot" if counters["since_boot"] else "in an unknown time"
    if not counters["since_boot"]:
        return f"in {counters['seconds']:g} seconds"
    hours = counters["seconds"] / 3600
    return f"since boot, {hours / 24:.0f} days ago" if hours >= 48 else f"since boot, {hours:.1f} hours ago"


def _listed(label: str, texts: Sequence[str]) -> list[str]:
    lines = [line for text in texts[:MOST_LINES] for line in wrapped(label, text)]
    if len(texts) > MOST_LINES:
        lines += wrapped(label, REST.format(len(texts) - MOST_LINES))
    return lines
