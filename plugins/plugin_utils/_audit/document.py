# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit as one document: the items of every host and its counters. Schema: docs/audit.md.

Pure: from the registered results of playbooks/audit.yml to plain data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from ansible_collections.siptune.linux.plugins.module_utils._core.change import REFUSED, STATES
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._core.text import plural

from .._results.answers import (
    checked_counters,
    checked_daemons,
    checked_layer,
    checked_packets,
    checked_storage,
    checked_tuners,
)
from .._results.schema import ResultError
from .._site.overlaps import overlaps
from .._site.relays import relay_records
from .._site.sockets import name_of, socket_records
from .advice import Advice, advice, concerns
from .ceilings import ceiling_records
from .packets import packet_record
from .period import period, since_of
from .verdict import DRIFT, OK, TROUBLES, rewrites, verdict, worst

SCHEMA = "siptune-audit"
SCHEMA_VERSION = 2  # goes up when a field changes its meaning or goes away, not when one is added

AUDITED = "audited"
FAILED = "failed"
UNREACHABLE = "unreachable"
NOT_RUN = "not run"
HOST_STATUSES = (AUDITED, FAILED, UNREACHABLE)

NOT_LOOKED_AT = "not looked at"  # the live value of an item of an image

MOST_NAMED = 6  # of the items that drift, in a message

Result = Mapping[str, Any]


class HostResults(NamedTuple):
    """The registered results of one host; None for a task that did not run.

    `layers` has the results of each layer's calls in their order, `tuners` and `sip_daemons` are the facts of these
    names, `storage` and `packets` what siptune.linux.tune has found. `boot_only` says that the host is an image, of
    which nothing live was looked at.
    """

    layers: Mapping[str, Sequence[Result | None]]
    counters: Result | None
    tuners: Mapping[str, Any] = MappingProxyType({})
    sip_daemons: Sequence[Mapping[str, Any]] = ()
    boot_only: bool = False
    storage: Sequence[Result] = ()
    packets: Result | None = None


def document(
    hosts: Mapping[str, HostResults], generated_at: str, window_seconds: int, collection_version: str, left_out: int = 0
) -> dict[str, Any]:
    """The whole audit. `generated_at` is a UTC time in ISO 8601; hosts keep their order.

    `left_out` is how many hosts of the inventory were not asked for.
    """
    records = [host_record(name, results) for name, results in hosts.items()]
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "generated_at": generated_at,
        "collection_version": collection_version,
        "window_seconds": window_seconds,
        "left_out": left_out,
        "totals": _totals(records),
        "hosts": records,
    }


def _totals(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "hosts": len(records),
        **{status: sum(record["status"] == status for record in records) for status in HOST_STATUSES},
        "hosts_with_drift": sum(record["would_change"] for record in records),
        "items": sum(len(record["items"]) for record in records),
        **{trouble: sum(record[trouble] for record in records) for trouble in TROUBLES},
    }


# --- a host ----------------------------------------------------------------------------------


def host_record(name: str, results: HostResults) -> dict[str, Any]:
    """One host of the document; a host whose results are not as they must be has failed, and has nothing else."""
    try:
        checked = HostResults(
            layers={layer: checked_layer(layer, parts) for layer, parts in results.layers.items()},
            counters=checked_counters(results.counters),
            tuners=checked_tuners(results.tuners),
            sip_daemons=checked_daemons(results.sip_daemons),
            boot_only=results.boot_only,
            storage=checked_storage(results.storage),
            packets=checked_packets(results.packets),
        )
        return _record(name, checked)
    except (ResultError, TuningError) as error:
        failed = {"failed": True, "msg": f"its results cannot be used: {error}"}
        return _record(name, HostResults({layer: [failed] for layer in results.layers}, None))


def _record(name: str, results: HostResults) -> dict[str, Any]:
    """One host of the document, whose results have the right shape."""
    everything = [part for parts in results.layers.values() for part in parts]
    status, message = _status([*everything, results.counters])
    layers = [_layer(layer, parts) for layer, parts in results.layers.items()]
    items = [item for layer, parts in results.layers.items() for part in parts for item in _items(layer, part)]
    if results.boot_only:
        items = [{**item, "live": NOT_LOOKED_AT, "planned": NOT_LOOKED_AT} for item in items]
    sockets = socket_records(results.counters)
    return {
        "name": name,
        "status": status,
        "message": message,
        "boot_only": results.boot_only,
        "verdict": status if status != AUDITED else worst(layer["verdict"] for layer in layers if layer["verdict"]),
        "sip_sockets": sockets,
        "rtpengine": relay_records(results.counters),
        **_counts(items),
        # More than drift: a run may rewrite a file although no item differs.
        "would_change": any(layer["would_change"] for layer in layers),
        "layers": layers,
        "items": items,
        "tuners": overlaps(results.tuners, items),
        "ceilings": ceiling_records(results.sip_daemons, items),
        "storage": list(results.storage),
        "packets": packet_record(results.packets),
        "counters": _counters(results.counters, items, sockets),
    }


def _status(results: Iterable[Result | None]) -> tuple[str, str | None]:
    """The worst status of a host's tasks, and its message."""
    ran = [result for result in results if result and not _skipped(result)]
    for result in ran:
        if result.get("unreachable"):
            return UNREACHABLE, _message(result)
    for result in ran:
        if result.get("failed"):
            return FAILED, _message(result)
    return (AUDITED, None) if ran else (FAILED, "it was not audited, as the play ended before")


def _skipped(result: Result) -> bool:
    return bool(result.get("skipped"))


def _message(result: Result) -> str:
    """The message on one line, without the prefix of ansible-core 2.19 and later."""
    return " ".join(str(result.get("msg") or "no message").split()).removeprefix("Task failed: ")


def _layer(name: str, parts: Iterable[Result | None]) -> dict[str, Any]:
    ran = [part for part in parts if part and not _skipped(part)]
    status, message = _status(ran) if ran else (NOT_RUN, None)
    whole = [part for part in ran if not part.get("failed") and not part.get("unreachable")]
    items = [item for part in ran for item in _items(name, part)]
    would_change, counts = any(bool(part.get("changed")) for part in whole), _counts(items)
    found = [item["verdict"] for item in items] + [DRIFT] * would_change
    return {
        "name": name,
        "status": status,
        "message": message,
        "verdict": {AUDITED: worst(found), NOT_RUN: None}.get(status, status),
        "would_change": would_change,
        "would_rewrite": would_change and not counts[DRIFT],
        "files": [file["path"] for part in whole for file in part.get("files") or ()],
        **counts,
    }


def _counts(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    states, verdicts = ([item[field] for item in items] for field in ("state", "verdict"))
    return {
        **{word: verdicts.count(word) for word in (*TROUBLES, OK)},
        "states": {state: states.count(state) for state in STATES if state in states},
    }


def _items(layer: str, result: Result | None) -> list[dict[str, Any]]:
    """The items of a result. A failed call would change nothing, so that only what was refused counts."""
    if not result:
        return []
    failed = bool(result.get("failed"))
    return [_item(layer, item) for item in result.get("items") or [] if not failed or item["state"] == REFUSED]


def _item(layer: str, item: Mapping[str, Any]) -> dict[str, Any]:
    said = verdict(item)
    return {
        "layer": layer,
        "item": item["item"],
        "state": item["state"],
        "verdict": said,
        "drift": said == DRIFT,
        "wanted": item.get("wanted"),
        "live": item.get("before"),
        "planned": item.get("after"),
        "boot": item.get("at_boot_before"),
        "boot_planned": item.get("at_boot"),
        "reason": item.get("reason") or "",
        "why": item.get("why") or "",
    }


# --- counters --------------------------------------------------------------------------------


def _counters(
    result: Result | None, items: Sequence[Mapping[str, Any]], sockets: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    if not result or not isinstance(result.get("counters"), Sequence):
        return {"seconds": None, "since_boot": None, "since": None, "period": period({}), "list": []}
    known = {item["item"]: item for item in items}
    return {
        "seconds": result.get("seconds"),
        "since_boot": result.get("since_boot"),
        "since": result.get("since"),
        "period": period(result),
        "list": [
            {**_counter(counter, known, sockets), "since": since_of(counter["name"], result)}
            for counter in result["counters"]
        ],
    }


# The counters of datagrams that found a full buffer, and the words that such a socket's address may begin with. A
# socket of any address of IPv6 takes IPv4 as well.
RECEIVE_COUNTERS = {"UdpRcvbufErrors": (*"0123456789", "[::]:"), "Udp6RcvbufErrors": ("[",)}


def _counter(
    counter: Mapping[str, Any], items: Mapping[str, Mapping[str, Any]], sockets: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A counter with what would help, given the items by name; the state of one that siptune leaves alone is null.

    The kernel does not say which socket has lost a datagram; the sockets' own counts do.
    """
    concern = concerns(counter)
    lossy = [one for one in sockets if one["drops"]]
    help_ = advice(counter, [name_of(one) for one in lossy]) if concern else None
    attributed = counter
    if counter["name"] in RECEIVE_COUNTERS:
        attributed = {
            **counter,
            "part_is": "socket",
            "parts": [_lost(one) for one in lossy if _counts_in(one, counter)],
        }
    return {
        **attributed,
        "concern": concern,
        "advice": _with_sizes(help_, items) if help_ else "",
        "helps": [{"item": item, "state": items.get(item, {}).get("state")} for item in help_.items] if help_ else [],
    }


def _with_sizes(help_: Advice, items: Mapping[str, Mapping[str, Any]]) -> str:
    """The advice with the value that siptune has sized for each item on this host."""
    sizes = [f"{item} {items[item]['wanted']}" for item in help_.items if items.get(item, {}).get("wanted")]
    return f"{help_.text}; sized for this host: {', '.join(sizes)}" if sizes else help_.text


def _counts_in(socket: Mapping[str, Any], counter: Mapping[str, Any]) -> bool:
    """Whether the losses of a socket are in a counter of RECEIVE_COUNTERS."""
    return str(socket["socket"]).startswith(RECEIVE_COUNTERS[counter["name"]])


def _lost(socket: Mapping[str, Any]) -> dict[str, Any]:
    """The losses of a socket as a part of a counter."""
    part = f"{socket['daemon']} {socket['socket']}"
    return {"part": part, "value": socket["drops"], "total": socket["drops_total"], "limit": None, "note": ""}


# --- the verdict -----------------------------------------------------------------------------


def failures(audit: Mapping[str, Any], strict: bool) -> dict[str, str]:
    """The hosts that the audit fails for, and why: those it could not look at and, if `strict`, those that drift."""
    found = {}
    for host in audit["hosts"]:
        if host["status"] != AUDITED:
            found[host["name"]] = f"{host['status']}: {host['message']}"
        elif strict and host["would_change"]:
            found[host["name"]] = _drift_message(host)
    return found


def _drift_message(host: Mapping[str, Any]) -> str:
    names = [item["item"] for item in host["items"] if item["drift"]]
    if not names:
        changing = [layer for layer in host["layers"] if layer["would_change"]]
        return "; ".join(f"{layer['name']}: {rewrites(layer)}" for layer in changing)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    drift = plural(len(names), "item drifts", "items drift")
    return f"{len(names)} {drift}: {', '.join(names[:MOST_NAMED])}{more}"
