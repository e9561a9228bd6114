# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit on a terminal: for each host the items that drift, are shadowed or pending, and the counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.text import plural, printable
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import amount

from .._site.relays import relay_lines, relay_name
from .._site.sockets import socket_line
from .._site.summary import wrapped
from .ceilings import worth_a_line
from .document import AUDITED, NOT_LOOKED_AT, NOT_RUN
from .packets import findings_of, packet_lines
from .period import other_start
from .storage import storage_lines
from .verdict import DRIFT, OK, PENDING, REFUSED, SHADOWED, UNMET, rewrites

MOST_LINES = 12  # of one kind for a host; the reports have them all
MOST_KEYS = 6  # of a tuner
REST = "and {} more, which the reports name"
COLUMNS = (DRIFT, SHADOWED, PENDING, REFUSED, UNMET, OK)
HELP_STATES = {"changed": "drift", None: "left alone by siptune"}


def render_host(host: Mapping[str, Any]) -> list[str]:
    """The lines of one host of the document."""
    lines = [_heading(host), *_listed("socket", [_socket(one, host["counters"]) for one in host["sip_sockets"]])]
    relays = [f"{relay_name(one)}: {line}" for one in host["rtpengine"] for line in relay_lines(one)]
    lines += _listed("rtpengine", relays)
    ran = [layer for layer in host["layers"] if layer["status"] != NOT_RUN]
    if ran:
        lines += _table(ran)
    for verdict in COLUMNS[:-1]:
        lines += _listed(verdict, [_item_line(item) for item in host["items"] if item["verdict"] == verdict])
    for layer in ran:
        if layer["would_rewrite"]:
            lines += wrapped("drift", f"{layer['name']}: {rewrites(layer)}")
        if layer["status"] != AUDITED and layer["message"] != host["message"]:
            lines += wrapped(layer["status"], f"{layer['name']}: {layer['message']}")
    for tuner in host["tuners"]:
        lines += wrapped("tuner", _tuner_line(tuner))
    ceilings = [f"{one['unit'] or one['daemon']}: {one['summary']}" for one in host["ceilings"] if worth_a_line(one)]
    lines += _listed("ceiling", ceilings)
    lines += _listed("storage", [f"{what}: {said}" for what, said in storage_lines(host["storage"])])
    lines += _listed("packets", [f"{what}: {said}" for what, said in packet_lines(findings_of(host))])
    lines += _counter_lines(host["counters"])
    return list(map(printable, lines))  # values come from hosts


def render_end(document: Mapping[str, Any], paths: Sequence[str], notes: Sequence[str] = ()) -> list[str]:
    """The last lines: the fleet in one, where the reports are, and notes on them."""
    totals = document["totals"]
    parts = [f"{totals['hosts']} {plural(totals['hosts'], 'host')}: {totals['hosts_with_drift']} with drift"]
    parts += [f"{totals[status]} {status}" for status in ("unreachable", "failed") if totals[status]]
    whole, left_out = ", ".join(parts), document["left_out"]
    if left_out:
        were = plural(left_out, "other host of the inventory was", "other hosts of the inventory were")
        whole += f"; {left_out} {were} not audited"
    return [whole, *(f"  {printable(line)}" for line in (*paths, *notes))]


def _heading(host: Mapping[str, Any]) -> str:
    name = f"{host['name']}  (an image: files for the next boot alone)" if host["boot_only"] else host["name"]
    return name if host["status"] == AUDITED else f"{host['name']}  {host['status']}: {host['message']}"


def _table(layers: Sequence[Mapping[str, Any]]) -> list[str]:
    width = max(len(layer["name"]) for layer in layers)
    lines = ["  ".join([" " * (width + 2), *COLUMNS])]
    for layer in layers:
        cells = [f"{layer[verdict] or '-':>{len(verdict)}}" for verdict in COLUMNS]
        mark = "" if layer["status"] == AUDITED else f"  {layer['status']}"
        lines.append("  ".join([f"  {layer['name']:<{width}}", *cells]) + mark)
    return lines


def _socket(socket: Mapping[str, Any], counters: Mapping[str, Any]) -> str:
    """What a SIP socket survives, which is what the host is tuned for."""
    if not socket["drops"]:
        return socket_line(socket)
    since = "since it was opened" if counters["since_boot"] else counters["period"]
    return f"{socket_line(socket)}; {socket['drops']:,} {plural(socket['drops'], 'datagram')} lost {since}"


def _item_line(item: Mapping[str, Any]) -> str:
    live, boot = _shown(item["live"]), item["boot"]
    if item["drift"] and live == NOT_LOOKED_AT:
        return f"{item['item']}: {_at_boot(boot)}, wanted {_shown(item['wanted'])}"
    if item["drift"] and item["live"] == item["planned"]:
        return f"{item['item']}: is {live}, but {_at_boot(boot)}"
    if item["drift"]:
        return f"{item['item']}: is {live}, wanted {_shown(item['wanted'])}"
    if item["verdict"] == UNMET:
        return f"{item['item']}: is {live}, wanted {_shown(item['wanted'])}; {item['reason'] or 'no reason given'}"
    return f"{item['item']}: {item['reason'] or 'no reason given'}"


def _at_boot(boot: object) -> str:
    return "not written down for the next boot" if boot is None else f"the next boot sets {boot}"


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
    lines = [f"  {counters['period']}"]
    for counter in concerned:
        said = _counter_line(counter, other_start(counter, counters))
        lines += wrapped(counter["name"], said, indent=4, label_width=22)
    return lines


def _counter_line(counter: Mapping[str, Any], since: str) -> str:
    used = amount(counter["value"], counter["unit"])
    if counter["kind"] == "gauge":
        used = f"{counter['value']} of {amount(counter['limit'], counter['unit'])}"
    where = ", ".join(f"{part['part']} {part['value']}" for part in counter["parts"][:3] if part["value"])
    helps = ", ".join(
        f"{one['item']} ({HELP_STATES.get(one['state'], one['state'])})" for one in counter["helps"][:MOST_LINES]
    )
    said = ": ".join(filter(None, (helps, counter["advice"])))
    return f"{used}{f' {since}' if since else ''}{f' ({where})' if where else ''}; {said}"


def _listed(label: str, texts: Sequence[str]) -> list[str]:
    lines = [line for text in texts[:MOST_LINES] for line in wrapped(label, text)]
    if len(texts) > MOST_LINES:
        lines += wrapped(label, REST.format(len(texts) - MOST_LINES))
    return lines
