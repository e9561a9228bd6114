# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of a fleet that does not exist: keys, values and reasons of the real catalogues, the same on each run.

`python tests/browser/fleet.py HOSTS ITEMS FILE.html` writes its page, to be looked at.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import checkout  # noqa: F401 - before anything that imports the collection
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import COUNTERS
from ansible_collections.siptune.linux.plugins.module_utils._layers.layer import (
    LAYERS,
    PARTS,
    SERVICE_LAYER,
    SYSCTL_LAYERS,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._audit import html
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.document import HostResults, document
from ansible_collections.siptune.linux.plugins.plugin_utils._site.layers import load_layer

GENERATED_AT = "2026-11-24T03:15:00+00:00"
SITES = ("ams1", "fra2", "lon1", "nyc3", "sin1")
ROLES = ("sbc", "proxy", "media", "pbx", "edge")
DAEMON_OF_ROLE = {"sbc": "kamailio", "proxy": "opensips", "media": "rtpengine", "pbx": "asterisk", "edge": "freeswitch"}
REASONS = {
    "shadowed": "/etc/sysctl.d/99-local.conf line {line} sets {value}",
    "pending": "in force when the service is restarted: process {line} has {value}",
    "absent": "this kernel has no such key",
    "readonly": "belongs to the whole machine, not to this container",
    "kept": "",
}
Item = dict[str, Any]


def fleet(hosts: int, items: int) -> dict[str, Any]:
    """The document of so many hosts with so many items each; 1 in 50 is unreachable or has failed."""
    dice = random.Random(2026)
    templates = [list(_templates(role)) for role in ROLES]
    results = {}
    for number in range(hosts):
        role = number % len(ROLES)
        name = f"{ROLES[role]}{number:03d}.{dice.choice(SITES)}.voip.example.net"
        results[name] = _host(dice, _exactly(templates[role], items), number)
    return document(results, GENERATED_AT, 0, "0.1.0")


def _templates(role: str) -> Iterator[tuple[str, str, str, str]]:
    """Layer, item, wanted value and why of each entry of the catalogues."""
    for name in SYSCTL_LAYERS:
        for key, entry in load_layer(name).catalogue.items():
            choice = entry["modern"] or entry["classic"] or {"value": 1, "rule": "exact"}
            value = choice.get("value", 262144)
            yield name, key, f"at least {value}" if choice["rule"] == "at_least" else str(value), entry["why"]
    daemon = DAEMON_OF_ROLE[role]
    for directive, entry in load_layer(SERVICE_LAYER).catalogue["units"][daemon].items():
        for unit in (f"{daemon}.service", f"{daemon}@trunk.service", f"{daemon}@access.service"):
            yield SERVICE_LAYER, f"{unit} {directive}", "at least 65536", entry["why"]


def _exactly(templates: list[tuple[str, str, str, str]], count: int) -> list[tuple[str, str, str, str]]:
    """So many of them, with interfaces' own keys where the catalogues have too few."""
    more = [
        ("network", f"net.ipv4.conf.eth{number}.accept_redirects", "0", "A SIP host takes its routes from nobody.")
        for number in range(max(0, count - len(templates)))
    ]
    service = [entry for entry in templates if entry[0] == SERVICE_LAYER]
    rest = [entry for entry in templates if entry[0] != SERVICE_LAYER] + more
    return [*rest[: count - len(service)], *service][:count]


def _host(dice: random.Random, templates: list[tuple[str, str, str, str]], number: int) -> HostResults:
    layers: dict[str, list[Any]] = {name: [] for name in LAYERS}
    trouble = dice.random() < 0.3
    for layer, item, wanted, why in templates:
        layers[layer].append(_item(dice, item, wanted, why, trouble))
    parts = {name: [{"changed": _changes(items), "items": items}] for name, items in layers.items()}
    full = {name: [*given, *[None] * (len(PARTS[name]) - 1)] for name, given in parts.items()}
    if number % 100 == 41:
        gone = {"unreachable": True, "msg": "Failed to connect to the host via ssh: connect to port 22: timed out"}
        return HostResults({**{name: [None] for name in LAYERS}, "network": [gone]}, None)
    if number % 100 == 73:
        message = "/etc/sysctl.d/90-siptune-security.conf: is a symbolic link, which is never followed (ELOOP)"
        full["security"] = [{"failed": True, "msg": f"{message}. Nothing was changed."}]
    return HostResults(
        full, _counters(dice, trouble), _tuners(number), storage=_storage(number), packets=_packets(number)
    )


def _storage(number: int) -> list[dict[str, Any]]:
    """What is found about the storage of every fifth host."""
    if number % 5:
        return []
    place = {"daemon": "asterisk", "mount": "/var/spool", "device": "/dev/sdb1", "free_bytes": 40 << 30}
    sync = {"kind": "sync", "finding": "on /dev/sdb1 mounted sync: each write waits for the disk"}
    return [
        {"path": path, "purpose": purpose, **place, **sync, "advice": "mount it without sync"}
        for path, purpose in (("/var/spool/asterisk/monitor", "recordings"), ("/var/spool/asterisk", "spool"))
    ]


def _packets(number: int) -> dict[str, Any]:
    """The way of packets: every fourth host has one queue, and one processor that takes it; others have eight."""
    processors, queues = 8, 1 if number % 4 == 0 else 8
    taken = [{"cpu": queue % processors, "interrupts": 90_000 - 5_000 * queue} for queue in range(queues)]
    one = {"kind": "few_queues", "subject": "eth0", "finding": "1 receive queue for 8 processors, and no RPS"}
    return {
        "online": f"0-{processors - 1}",
        "isolated": "6-7" if number % 8 == 1 else "",
        "nohz_full": "",
        "irqbalance": {"running": False},
        "processors": [
            {"cpu": cpu, "net_rx": 100_000 if cpu < queues else 400, "net_rx_total": 100_000}
            for cpu in range(processors)
        ],
        "interfaces": [
            {
                "interface": "eth0",
                "driver": "igb",
                "rx_queues": queues,
                "queues": [
                    {"name": f"eth0-TxRx-{queue}", "queue": queue, "interrupt": 40 + queue, "by_processor": [share]}
                    for queue, share in enumerate(taken)
                ],
            }
        ],
        "settings": [{"name": "cpufreq governor", "value": "powersave"}],
        "findings": [{**one, "advice": "RPS, rps_cpus of nic_link"}] if queues == 1 else [],
    }


def _tuners(number: int) -> dict[str, Any]:
    """What host_facts says of other tuners: on every third host there is one that wants something else."""
    tuners: dict[str, Any] = {"tuned": {"active": False}, "bpftune": {"active": number % 9 == 0}, "sysctl_files": []}
    if number % 3 == 0:
        file = "/usr/lib/tuned/throughput-performance/tuned.conf"
        sets = [("vm.swappiness", "60"), ("net.core.somaxconn", "128"), ("vm.dirty_ratio", "40")]
        state: dict[str, Any] = {"active": True, "enabled": True, "profile": "throughput-performance"}
        state["reapply_sysctl"] = number % 2 == 0
        settings = [{"key": key, "value": value, "rule": "exact", "file": file} for key, value in sets]
        tuners["tuned"] = {**state, "sysctl": settings, "unknown": []}
        line = {"key": "net.ipv4.tcp_rmem", "value": "4096 8192 16384", "line": 7}
        theirs = {"file": "/etc/sysctl.d/99-local.conf", "managed_by": "Puppet", "at_boot": True, "sysctl": [line]}
        tuners["sysctl_files"] = [theirs]
    return tuners


def _changes(items: list[Item]) -> bool:
    return any(item["state"] == "changed" for item in items)


def _item(dice: random.Random, item: str, wanted: str, why: str, trouble: bool) -> Item:
    states = ["ok"] * 70 + ["kept"] * 20 + ["absent"] * 4
    states += ["changed"] * 6 + ["shadowed"] * 2 + ["pending"] * 2 if trouble else []
    state = dice.choice(states)
    plain = wanted.removeprefix("at least ")
    live = str(dice.randrange(1000) * 4096) if state in ("changed", "shadowed", "pending") else plain
    reason = REASONS.get(state, "").format(line=dice.randrange(1, 40), value=live)
    planned = plain if state == "changed" else live
    boot = None if state == "kept" else live if state == "shadowed" else plain
    if state == "absent":
        live, planned, boot = None, None, None
    return {
        "item": item,
        "wanted": wanted,
        "before": live,
        "after": planned,
        "at_boot": boot,
        "at_boot_before": live if state == "changed" else boot,
        "state": state,
        "why": why,
        "reason": reason,
    }


LOSSES: Mapping[str, tuple[int, str | None]] = {
    "UdpRcvbufErrors": (40000, None),
    "UdpSocketDrops": (40000, "0.0.0.0:5060"),
    "SoftnetTimeSqueeze": (900, "cpu1"),
    "SoftnetDropped": (300, "cpu0"),
    "NicRxMissed": (6000, "eth0"),
    "NicRxNoBuffer": (900, "eth0"),
    "QdiscDrops": (400, "eth0"),
    "ListenOverflows": (250, None),
    "ListenDrops": (260, None),
    "ConntrackInsertFailed": (90, "cpu3"),
    "IpReasmFails": (40, None),
    "TCPTimeWaitOverflow": (12, None),
}


def _counters(dice: random.Random, trouble: bool) -> dict[str, Any]:
    listed = []
    for counter in COUNTERS:
        most, part = LOSSES.get(counter.name, (0, None))
        value = dice.randrange(most) if most and trouble and dice.random() < 0.5 else 0
        parts = [{"part": part, "value": value, "total": value, "limit": None, "note": ""}] if part and value else []
        source = f"{counter.source} {counter.field}"
        listed.append(_counter(counter.name, "counter", counter.unit, source, value, parts))
    files = dice.randrange(100, 62000)
    unit = {"part": "kamailio.service", "value": files, "total": None, "limit": 65536, "note": "process 812"}
    levels = _counter("Descriptors", "gauge", "files", "/proc/PID/fd and /proc/PID/limits", files, [unit])
    listed.append({**levels, "total": None, "limit": 65536, "part_is": "unit"})
    return {
        "seconds": 86400.0 * dice.randrange(1, 90),
        "since_boot": True,
        "counters": listed,
        "sip_datagrams_per_second": 2000,
        "sip_sockets": [_sip_socket(dice.randrange(400) if trouble else 0)],
        "rtpengine": [_relay(trouble)],
    }


def _relay(trouble: bool) -> dict[str, Any]:
    """An rtpengine, in trouble one whose module is not built for the newest kernel."""
    packets = {f"{path}_packets{which}": 50_000 for path in ("user", "kernel") for which in ("", "_total")}
    return {
        **packets,
        "unit": "rtpengine-daemon.service",
        "pid": 900,
        "table": 0,
        "module": "xt_RTPENGINE",
        **dict.fromkeys(("loaded", "in_use", "rule", "kernel_has_module"), True),
        "kernel": "6.1.0-44-amd64",
        "newest_kernel": "6.1.0-45-amd64",
        "newest_has_module": not trouble,
    }


def _sip_socket(drops: int) -> dict[str, Any]:
    return {
        "daemon": "kamailio",
        "unit": "kamailio.service",
        "socket": "10.0.0.5:5060",
        "buffer_bytes": 6291456,
        "holds_messages": 2730,
        "holds_small_messages": 4915,
        "survives_seconds": 1.37,
        "drops": drops,
        "drops_total": drops,
        "reason": "",
    }


def _counter(name: str, kind: str, unit: str, source: str, value: int, parts: list[Item]) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "unit": unit,
        "source": source,
        "value": value,
        "total": value,
        "limit": None,
        "part_is": None,
        "parts": parts,
        "reason": "",
    }


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(html.render(fleet(int(sys.argv[1]), int(sys.argv[2]))), encoding="utf-8")
