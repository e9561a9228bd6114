# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit as one page that needs nothing else: style, script and data in it, and no network.

Most hosts of a fleet share most of their settings and states, so the data name each text, setting, state and list of
settings once, and the hosts point to them by number. page/page.js reads what `pack` writes.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.change import STATES
from ansible_collections.siptune.linux.plugins.module_utils._core.text import plural
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import amount

from .._reports.page import render as render_page
from .._site.relays import relay_lines, relay_name
from .ceilings import worth_a_line
from .period import other_start
from .storage import storage_lines
from .verdict import OF_STATE, SHOWN, TROUBLES, rewrites, shown

STATE_OF = {verdict: state for state, verdict in OF_STATE.items()}
PAGE = Path(__file__).resolve().parent / "page"
MOST_PLACES = 5  # of a counter's interfaces, processors or sockets are on the page


def render(document: Mapping[str, Any]) -> str:
    """The whole page as text."""
    body, style, script = (_part(name) for name in ("page.html", "page.css", "page.js"))
    return render_page("siptune audit", body, style, script, pack(document))


def _part(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")


class _Interned:
    """A list without repetitions: `number` gives the place of a value in it."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, value: Hashable) -> int:
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self.values)
            self.values.append(value)
        return found


class _Tables:
    """What hosts have in common."""

    def __init__(self, layers: Sequence[str]) -> None:
        self.layers = layers
        self.strings = _Interned()
        self.settings = _Interned()
        self.conditions = _Interned()
        self.sequences = _Interned()
        self.counters = _Interned()

    def text(self, value: object) -> int:
        return self.strings.number(None if value is None else str(value))

    def setting(self, item: Mapping[str, Any]) -> int:
        """The fields of an item that many hosts share: layer, item, wanted value and why."""
        layer = self.layers.index(item["layer"])
        return self.settings.number((layer, *(self.text(item[name]) for name in ("item", "wanted", "why"))))

    def condition(self, item: Mapping[str, Any]) -> int:
        """What became of it: what is shown of it, the values now and at boot, both after a run, and the reason."""
        texts = (self.text(item[name]) for name in ("live", "planned", "boot", "boot_planned", "reason"))
        return self.conditions.number((SHOWN.index(shown(item["verdict"], item["state"])), *texts))

    def counter(self, counter: Mapping[str, Any]) -> int:
        one = amount(1, counter["unit"]).partition(" ")[2]
        return self.counters.number((*(counter[name] for name in ("name", "kind", "unit", "source")), one))


def pack(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as the page's script takes it."""
    layers = list(dict.fromkeys(layer["name"] for host in document["hosts"] for layer in host["layers"]))
    tables = _Tables(layers)
    hosts = [_host(tables, host) for host in document["hosts"]]
    return {
        "generated_at": document["generated_at"],
        "collection_version": document["collection_version"],
        "window_seconds": document["window_seconds"],
        "left_out": document["left_out"],
        "totals": _totals(document["totals"]),
        "layers": layers,
        "states": SHOWN,
        "troubles": [STATE_OF.get(verdict, verdict) for verdict in TROUBLES],
        "strings": tables.strings.values,
        "settings": tables.settings.values,
        "conditions": tables.conditions.values,
        "sequences": tables.sequences.values,
        "counters": tables.counters.values,
        "hosts": hosts,
    }


def _totals(totals: Mapping[str, int]) -> list[tuple[str, int]]:
    """The figures at the head of the page; what could go wrong is shown where it has."""
    hosts, drift = totals["hosts"], totals["drift"]
    always = [
        (plural(hosts, "host"), hosts),
        ("with drift", totals["hosts_with_drift"]),
        (plural(drift, "item drifts", "items drift"), drift),
    ]
    often = [(name, totals[name]) for name in ("shadowed", "pending", "refused", "unmet", "unreachable", "failed")]
    return always + [(name, count) for name, count in often if count]


def _host(tables: _Tables, host: Mapping[str, Any]) -> list[Any]:
    sequence = tables.sequences.number(tuple(tables.setting(item) for item in host["items"]))
    return [
        host["name"],
        host["status"],
        tables.text(host["message"]),
        sequence,
        [tables.condition(item) for item in host["items"]],
        [layer["status"] for layer in host["layers"]],
        [
            [number, tables.text(rewrites(layer))]
            for number, layer in enumerate(host["layers"])
            if layer["would_rewrite"]
        ],
        tables.text(host["counters"]["period"]),
        [_counter(tables, one, host["counters"]) for one in host["counters"]["list"] if _worth_showing(one)],
        [_tuner(tables, tuner) for tuner in host["tuners"]],
        [_socket(tables, socket) for socket in host["sip_sockets"]],
        [_ceiling(tables, ceiling) for ceiling in host["ceilings"] if worth_a_line(ceiling)],
        [_relay(tables, relay) for relay in host["rtpengine"]],
        [[tables.text(what), tables.text(said)] for what, said in storage_lines(host["storage"])],
    ]


def _socket(tables: _Tables, socket: Mapping[str, Any]) -> list[Any]:
    name = tables.text(f"{socket['daemon']} {socket['socket']}")
    return [name, socket["buffer_bytes"], tables.text(socket["summary"]), socket["drops"]]


def _ceiling(tables: _Tables, ceiling: Mapping[str, Any]) -> list[int]:
    return [tables.text(ceiling["unit"] or ceiling["daemon"]), tables.text(ceiling["summary"])]


def _relay(tables: _Tables, relay: Mapping[str, Any]) -> list[Any]:
    lines = [tables.text(line) for line in relay_lines(relay)]
    return [tables.text(relay_name(relay)), lines, len(relay["warnings"])]


def _tuner(tables: _Tables, tuner: Mapping[str, Any]) -> list[Any]:
    return [
        tables.text(tuner["name"]),
        tables.text(tuner["detail"]),
        tables.text(tuner["effect"]),
        tables.text(tuner["advice"]),
        [[tables.text(key[name]) for name in ("item", "theirs", "wanted", "wins")] for key in tuner["keys"]],
    ]


def _worth_showing(counter: Mapping[str, Any]) -> bool:
    """Whether a counter has counted anything, or a gauge has a value and a limit."""
    if counter["kind"] == "gauge":
        return counter["value"] is not None and bool(counter["limit"])
    return bool(counter["value"])


def _counter(tables: _Tables, counter: Mapping[str, Any], counters: Mapping[str, Any]) -> list[Any]:
    return [
        tables.counter(counter),
        counter["value"],
        counter["limit"],
        int(counter["concern"]),
        [[tables.text(part["part"]), part["value"]] for part in counter["parts"][:MOST_PLACES] if part["value"]],
        tables.text(counter["advice"]),
        [
            [tables.text(one["item"]), None if one["state"] is None else STATES.index(one["state"])]
            for one in counter["helps"]
        ],
        tables.text(other_start(counter, counters)),
    ]
