# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit's metrics."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._counters.table import BOOT, COUNTERS, GAUGES, Counter
from ansible_collections.siptune.linux.plugins.module_utils._packets.model import KINDS as PACKET_KINDS
from ansible_collections.siptune.linux.plugins.module_utils._storage.model import KINDS

from .._reports.exposition import Family, Sample, family, text_of, with_former
from .._site.relays import KERNEL, OFF, USER, relay_name
from .document import AUDITED
from .packets import findings_of
from .period import SINCE_WORDS
from .verdict import VERDICTS

TIMESTAMP = "audit_timestamp_seconds"
HOST_TIMESTAMP = "siptune_audit_host_timestamp_seconds"
SINCE_BEGUN = "since the host's boot, in a container since its start"
OLDEST = "When the audit was made, of the host that was audited the longest time ago."
REWRITES = "1 if a run would rewrite files of the layer although none of its items drifts."


def render(document: Mapping[str, Any], former: str = "", others: Collection[str] = ()) -> str:
    """The whole file, a family of samples after the other.

    `others` are hosts that this audit has left out: they keep the samples that they have in the `former` file.
    """
    families = with_former(_families(document), former, lambda labels: labels["host"] in others)
    when = next((one for one in families if one.name == HOST_TIMESTAMP and one.samples), None)
    if when:
        families.insert(0, family(TIMESTAMP, "gauge", OLDEST, [({}, min(when.samples.values()))]))
    return text_of(families)


def _families(document: Mapping[str, Any]) -> Iterator[Family]:
    hosts = document["hosts"]
    generated = int(datetime.fromisoformat(document["generated_at"]).timestamp())
    when = [({"host": host["name"]}, generated) for host in hosts]
    yield family("audit_host_timestamp_seconds", "gauge", "When the host was audited.", when)
    yield family(
        "audit_up",
        "gauge",
        "1 if the whole host was audited, 0 if it failed or could not be reached.",
        [({"host": host["name"]}, int(host["status"] == AUDITED)) for host in hosts],
    )
    yield family("audit_drift", "gauge", "1 if a run would change the host.", _drift(hosts))
    yield family("audit_items", "gauge", "Items of a layer by state; changed is drift.", _items(hosts))
    yield family("audit_verdicts", "gauge", "Items of a layer by what the audit makes of them.", _verdicts(hosts))
    yield family("audit_rewrites", "gauge", REWRITES, _rewrites(hosts))
    yield family("audit_overlaps", "gauge", "Keys that another tuner sets otherwise.", _overlaps(hosts))
    yield family("audit_storage_findings", "gauge", "What is wrong with where daemons write.", _storage(hosts))
    yield family("audit_packet_findings", "gauge", "What is wrong with the way of packets.", _packet_findings(hosts))
    yield from _packets(hosts)
    yield from _sockets(hosts)
    yield from _relays(hosts)
    yield from _counters(hosts)


# --- the samples -----------------------------------------------------------------------------


def _drift(hosts: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    for host in hosts:
        if host["status"] == AUDITED:
            yield {"host": host["name"]}, int(host["would_change"])


def _items(hosts: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    for host in hosts:
        for layer in host["layers"]:
            for state, count in layer["states"].items():
                yield {"host": host["name"], "layer": layer["name"], "state": state}, count


def _verdicts(hosts: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    for host in hosts:
        for layer in host["layers"]:
            verdicts = [item["verdict"] for item in host["items"] if item["layer"] == layer["name"]]
            for verdict in VERDICTS:
                if verdict in verdicts:
                    labels = {"host": host["name"], "layer": layer["name"], "verdict": verdict}
                    yield labels, verdicts.count(verdict)


def _rewrites(hosts: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    for host in hosts:
        for layer in host["layers"]:
            if layer["status"] == AUDITED:
                yield {"host": host["name"], "layer": layer["name"]}, int(layer["would_rewrite"])


def _overlaps(hosts: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    for host in hosts:
        keys: dict[str, int] = {}
        for tuner in host["tuners"]:
            keys[tuner["name"]] = keys.get(tuner["name"], 0) + len(tuner["keys"])
        for name, count in keys.items():
            yield {"host": host["name"], "tuner": name}, count


def _storage(hosts: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    """How many findings of each kind: all kinds of a host that was audited, so that an alert sees one end."""
    for host in hosts:
        kinds = [one["kind"] for one in host["storage"]]
        for kind in KINDS if host["status"] == AUDITED else ():
            yield {"host": host["name"], "kind": kind}, kinds.count(kind)


def _packet_findings(hosts: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    for host in hosts:
        kinds = [one["kind"] for one in findings_of(host)]
        for kind in PACKET_KINDS if host["packets"] else ():
            yield {"host": host["name"], "kind": kind}, kinds.count(kind)


def _packets(hosts: Sequence[Mapping[str, Any]]) -> Iterator[Family]:
    """Softirqs of each processor, and interrupts of each receive queue, since the machine's boot."""
    looked_at = [(host["name"], host["packets"]) for host in hosts if host["packets"]]
    softirqs = [
        ({"host": name, "cpu": str(one["cpu"])}, one.get("net_rx_total"))
        for name, packets in looked_at
        for one in packets.get("processors") or ()
    ]
    yield family("processor_net_rx_total", "counter", "Softirqs of received packets (NET_RX).", softirqs)
    interrupts = [
        ({"host": name, "interface": interface["interface"], "queue": queue["name"]}, queue.get("interrupts_total"))
        for name, packets in looked_at
        for interface in packets.get("interfaces") or ()
        for queue in interface.get("queues") or ()
    ]
    yield family("nic_queue_interrupts_total", "counter", "Interrupts of a receive queue.", interrupts)


# A family of each field of a SIP socket: its name, its kind and its help.
OF_SOCKETS = {
    "buffer_bytes": ("sip_socket_buffer_bytes", "gauge", "Receive buffer of a SIP socket."),
    "holds_messages": ("sip_socket_holds_messages", "gauge", "SIP messages that the socket holds in a stall."),
    "drops_total": ("sip_socket_drops_total", "counter", "Datagrams that the socket has lost since it was opened."),
}


def _sockets(hosts: Sequence[Mapping[str, Any]]) -> Iterator[Family]:
    for field, (name, kind, help_text) in OF_SOCKETS.items():
        samples = [
            ({"host": host["name"], "daemon": one["daemon"], "socket": one["socket"]}, one[field])
            for host in hosts
            for one in host["sip_sockets"]
        ]
        yield family(name, kind, help_text, samples)


def _relays(hosts: Sequence[Mapping[str, Any]]) -> Iterator[Family]:
    """The packets of each rtpengine by where they went, and whether the kernel forwards them now."""
    relays = [({"host": host["name"], "relay": relay_name(one)}, one) for host in hosts for one in host["rtpengine"]]
    paths = {path: f"{path}_packets_total" for path in ("user", "kernel")}
    packets = [({**labels, "path": path}, one[field]) for labels, one in relays for path, field in paths.items()]
    yield family("rtpengine_packets_total", "counter", "Packets relayed since the daemon's start.", packets)
    forwards = [(labels, {KERNEL: 1, USER: 0, OFF: 0}.get(one["forwards"])) for labels, one in relays]
    yield family("rtpengine_in_kernel", "gauge", "1 if the kernel forwards for the relay.", forwards)
    warnings = [(labels, len(one["warnings"])) for labels, one in relays]
    yield family("rtpengine_warnings", "gauge", "What the audit warns of, for now or for the next boot.", warnings)


def _counters(hosts: Sequence[Mapping[str, Any]]) -> Iterator[Family]:
    """A family for each counter, of its total; for each gauge one of what is in use, one of the limit.

    The names, the labels and the help are ours, whatever a host calls its counters.
    """
    found: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for host in hosts:
        for counter in host["counters"]["list"]:
            found.setdefault(counter["name"], []).append((host["name"], counter))
    for known in COUNTERS:
        samples = [({"host": host}, one["total"]) for host, one in found.get(known.name, [])]
        since = SINCE_WORDS[BOOT] if known.of_machine else SINCE_BEGUN
        yield family(f"{snake_case(known.name)}_total", "counter", f"{_described(known)} {since}.", samples)
    for known in GAUGES:
        levels = [level for host, one in found.get(known.name, []) for level in _levels(host, known, one)]
        metric = snake_case(known.name)
        in_use = [(labels, now) for labels, now, _limit in levels]
        yield family(metric, "gauge", f"{_described(known)} in use.", in_use)
        limits = [(labels, limit) for labels, _now, limit in levels]
        yield family(f"{metric}_limit", "gauge", "The most there can be.", limits)


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
