# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of what the modules return from a host. A test holds them against the modules' documentation."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.siptune.linux.plugins.module_utils._core.change import FILE_CHANGES, STATES
from ansible_collections.siptune.linux.plugins.module_utils._core.setting import RULE_WORDS
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import COUNTERS, GAUGES, SINCE
from ansible_collections.siptune.linux.plugins.module_utils._packets.model import KINDS as PACKET_KINDS
from ansible_collections.siptune.linux.plugins.module_utils._packets.model import MOST_FINDINGS as MOST_PACKET_FINDINGS
from ansible_collections.siptune.linux.plugins.module_utils._storage.model import KINDS, MOST_FINDINGS
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import GLOB_CHARACTERS

from .schema import Check, ResultError, flag, integer, line, many, maybe, number, one_of, record, scalar, sentence, text

NAME = line(512)  # of a unit, an interface, a limit: systemd allows 255 characters, and a limit's item has three parts
LONGEST_VALUE = 1 << 19  # a list of all ports, net.ipv4.ip_local_reserved_ports, has 380 kB
COUNT = integer(0, (1 << 64) - 1)  # the kernel's counters have 64 bits
SIZE = integer(0, (1 << 63) - 1)
SECONDS = number(0, 1e11)  # some thousand years
WORDS = sentence(1 << 16)

# How many there may be; each is far above what a large host has.
MOST_ITEMS = 50_000
MOST_CALLS = 32
MOST_WARNINGS = 1000
MOST_DIFFS = 20_000
MOST_THINGS = 20_000  # interfaces, daemons, files
MOST_LINES = 100_000

# --- changing modules ------------------------------------------------------------------------

VALUE = maybe(scalar(LONGEST_VALUE))
ITEM_FIELDS: dict[str, Check] = {
    "wanted": VALUE,
    "before": VALUE,
    "after": VALUE,
    "at_boot": VALUE,
    "at_boot_before": VALUE,
    "why": maybe(WORDS),
    "reason": maybe(WORDS),
}
ITEM_NAMED: dict[str, Check] = {"item": line(), "state": one_of(STATES)}
ITEM = record(ITEM_NAMED, ITEM_FIELDS)
ITEMS = many(ITEM, MOST_ITEMS)
UNDONE = many(line(), MOST_ITEMS)
DIFF = many(
    record(
        {},
        {
            "before_header": line(),
            "after_header": line(),
            "before": text(1 << 24),
            "after": text(1 << 24),
        },
    ),
    MOST_DIFFS,
)
FILES = many(record({"path": line(), "change": one_of(FILE_CHANGES)}, {}), MOST_THINGS)
PAM = many(
    record({}, {"service": NAME, "applies": maybe(flag), "where": maybe(WORDS), "reason": maybe(WORDS)}), MOST_THINGS
)

# --- counters --------------------------------------------------------------------------------

_KIND_OF = {**{one.name: "counter" for one in COUNTERS}, **{one.name: "gauge" for one in GAUGES}}
PART_KINDS = tuple(dict.fromkeys(one.parts for one in (*COUNTERS, *GAUGES) if one.parts))
_COUNTER = record(
    {
        "name": one_of(_KIND_OF),
        "kind": one_of(("counter", "gauge")),
        "unit": NAME,
        "source": NAME,
        "value": maybe(COUNT),
        "total": maybe(COUNT),
        "limit": maybe(COUNT),
        "part_is": maybe(one_of(PART_KINDS)),
        "parts": many(
            record(
                {"part": NAME, "value": COUNT, "total": maybe(COUNT), "limit": maybe(COUNT)}, {"note": maybe(WORDS)}
            ),
            MOST_THINGS,
        ),
    },
    {"reason": maybe(WORDS)},
)


def _counter(value: object, place: str) -> dict[str, object]:
    """A counter that we know, and of the kind that it is."""
    found = _COUNTER(value, place)
    try:
        one_of((_KIND_OF[found["name"]],))(found["kind"], "kind")
    except ResultError as error:
        raise error.inside(place) from None
    return found


SIP_SOCKET = record(
    {"daemon": NAME, "socket": NAME},
    {
        "unit": maybe(NAME),
        "buffer_bytes": maybe(SIZE),
        "holds_messages": maybe(SIZE),
        "holds_small_messages": maybe(SIZE),
        "survives_seconds": maybe(SECONDS),
        "drops": maybe(COUNT),
        "drops_total": maybe(COUNT),
        "reason": maybe(WORDS),
    },
)
RTPENGINE_FIELDS: dict[str, Check] = {
    **dict.fromkeys(("unit", "module", "kernel", "newest_kernel"), maybe(NAME)),
    **dict.fromkeys(
        ("no_fallback", "loaded", "in_use", "rule", "kernel_has_module", "newest_has_module"),
        maybe(flag),
    ),
    "table": maybe(integer(-(1 << 31), 1 << 31)),
    "table_reason": maybe(WORDS),
}
PACKETS = [f"{where}_packets{which}" for where in ("user", "kernel") for which in ("", "_total")]
RTPENGINE = record({"pid": SIZE}, {**RTPENGINE_FIELDS, **dict.fromkeys(PACKETS, maybe(COUNT)), "reason": maybe(WORDS)})
COUNTED_FIELDS: dict[str, Check] = {
    "seconds": maybe(SECONDS),
    "since_boot": flag,
    "counters": many(_counter, len(_KIND_OF), unique="name"),
}
COUNTED_MORE: dict[str, Check] = {
    "uptime_seconds": maybe(SECONDS),
    "since": maybe(one_of(SINCE)),
    "sip_datagrams_per_second": maybe(SIZE),
    "sip_sockets": many(SIP_SOCKET, MOST_THINGS),
    "rtpengine": many(RTPENGINE, MOST_THINGS),
}

# --- load ------------------------------------------------------------------------------------

MOST_PROCESSORS = 8192  # NR_CPUS of distributions' kernels
MOST_STATUSES = 500  # from 200 to 699
PERCENT = number(0, 100)
MILLISECONDS = number(0, 1e9)
_LOSSES = record({}, {one.name: COUNT for one in COUNTERS})
_STATUSES = record({}, {str(status): COUNT for status in range(100, 700)})
WORK = record(
    {},
    {
        "machine": NAME,
        "processors": many(SECONDS, MOST_PROCESSORS),
        "daemons": many(
            record({"daemon": NAME, "pid": SIZE, "seconds": number(0, 1e15)}, {"processes": SIZE}), MOST_THINGS
        ),
        "throttled": many(
            record({"daemon": NAME, "group": WORDS, "periods": COUNT, "seconds": number(0, 1e15)}, {}), MOST_THINGS
        ),
        "traffic": record(
            {},
            dict.fromkeys(
                ("UdpInDatagrams", "UdpNoPorts", "TcpPassiveOpens", "TcpInSegs", "Udp6InDatagrams", "Udp6NoPorts"),
                COUNT,
            ),
        ),
    },
)
COUNTED_MORE["work"] = WORK
LOAD_FIELDS: dict[str, Check] = {
    "version": NAME,
    "machine": NAME,
    **dict.fromkeys(("asked", "sent", "answered", "unanswered", "retransmissions"), COUNT),
    "sent_per_second": number(0, 1e9),
    "statuses": _STATUSES,
    "response_ms": record({}, dict.fromkeys(("p50", "p99", "max"), maybe(MILLISECONDS))),
    "generator_losses": _LOSSES,
    "processors": many(PERCENT, MOST_PROCESSORS),
    "sender_busy": PERCENT,
}
STALL_FIELDS: dict[str, Check] = {"stalled_ms": MILLISECONDS, "processes": SIZE}
RESERVED_FIELDS: dict[str, Check] = {"machine": NAME, "held_by": WORDS}

# --- storage ---------------------------------------------------------------------------------

STORAGE = many(
    record(
        {"path": WORDS, "purpose": NAME, "daemon": NAME, "kind": one_of(KINDS), "finding": WORDS, "advice": WORDS},
        {"mount": maybe(WORDS), "device": maybe(WORDS), "free_bytes": maybe(SIZE)},
    ),
    MOST_FINDINGS,
)

# --- the way of packets ----------------------------------------------------------------------

CPUS = line(1 << 15)  # every other one of 8192, which no list can shorten
CPU = integer(0, 1 << 13)
PERCENT = number(0, 100)
_BANS = record(
    {},
    {
        "processors": maybe(CPUS),
        "interrupts": many(integer(0, 1 << 31), MOST_THINGS),
        "modules": many(NAME, MOST_THINGS),
        "policy_script": WORDS,
        "one_shot": flag,
    },
)
_QUEUE = record(
    {"name": NAME},
    {
        **dict.fromkeys(("queue", "interrupt", "interrupts_total", "packets", "drops"), maybe(COUNT)),
        **dict.fromkeys(("taken_by", "allowed"), maybe(CPUS)),
        "by_processor": many(record({"cpu": CPU, "interrupts": COUNT}), MOST_THINGS),
    },
)
_PACKET_INTERFACE = record(
    {"interface": NAME},
    {
        **dict.fromkeys(("driver", "udp4_hash", "udp6_hash"), maybe(NAME)),
        **dict.fromkeys(("rx_queues", "most_queues", "numa_node"), maybe(SIZE)),
        "virtual": flag,
        "lower": many(NAME, MOST_THINGS),
        "node_processors": maybe(CPUS),
        "hash_reason": WORDS,
        "rps_cpus": many(CPUS, MOST_THINGS),
        "rps_flow_cnt": many(COUNT, MOST_THINGS),
        "xps_cpus": many(CPUS, MOST_THINGS),
        "queues": many(_QUEUE, MOST_THINGS),
    },
)
PACKETS_FOUND = maybe(
    record(
        {},
        {
            **dict.fromkeys(("online", "isolated", "nohz_full"), maybe(CPUS)),
            "rps_sock_flow_entries": maybe(COUNT),
            "steal_percent": maybe(PERCENT),
            "irqbalance": record({"running": flag}, {"now": _BANS, "file": maybe(WORDS), "at_start": _BANS}),
            "processors": many(
                record({"cpu": CPU, "net_rx": COUNT}, {"net_rx_total": COUNT, "steal_percent": maybe(PERCENT)}),
                MOST_THINGS,
            ),
            "interfaces": many(_PACKET_INTERFACE, MOST_THINGS),
            "settings": many(record({"name": NAME, "value": WORDS}), MOST_THINGS),
            "findings": many(
                record({"kind": one_of(PACKET_KINDS), "subject": NAME, "finding": WORDS, "advice": WORDS}),
                MOST_PACKET_FINDINGS,
            ),
        },
    )
)

# --- calls in progress -----------------------------------------------------------------------

CALLS_FIELDS: dict[str, Check] = {
    "idle": flag,
    "summary": WORDS,
    "daemons": many(
        record(
            {},
            {
                "daemon": NAME,
                "in_progress": maybe(COUNT),
                "unit": maybe(NAME),
                "source": maybe(WORDS),
                "reason": maybe(WORDS),
            },
        ),
        MOST_THINGS,
    ),
}
WAITED: dict[str, Check] = {"waited_seconds": SECONDS}

# --- facts -----------------------------------------------------------------------------------

MOST_GLOBS, MOST_STARS = 200, 3
_PART = re.compile("[./]")

NAMES = many(NAME, MOST_THINGS)
_RING = record({}, dict.fromkeys(("rx", "rx_mini", "rx_jumbo", "tx"), maybe(SIZE)))
_SETTING = record(
    {"key": sentence(512), "value": maybe(sentence(LONGEST_VALUE))},
    {"rule": one_of(tuple(RULE_WORDS)), "file": WORDS, "line": integer(0, 1 << 31)},
)
_SETTINGS = many(_SETTING, MOST_LINES)
_WHEN = {"active": maybe(flag), "enabled": maybe(flag)}
_TUNERS = record(
    {},
    {
        "tuned": maybe(
            record(
                {},
                {
                    **_WHEN,
                    "profile": maybe(WORDS),
                    "reapply_sysctl": maybe(flag),
                    "sysctl": maybe(_SETTINGS),
                    "unknown": maybe(many(WORDS, MOST_THINGS)),
                    "not_reapplied": maybe(many(sentence(512), MOST_LINES)),
                },
            )
        ),
        "bpftune": maybe(record({}, _WHEN)),
        "sysctl_files": maybe(
            many(
                record({"file": WORDS, "at_boot": maybe(flag), "sysctl": _SETTINGS}, {"managed_by": maybe(WORDS)}),
                MOST_THINGS,
            )
        ),
    },
)


def tuners(value: object, place: str) -> dict[str, Any]:
    """The tuners, with no more globs than can be matched in a moment: matching tries each of them on each item."""
    found: dict[str, Any] = _TUNERS(value, place)
    files = [found.get("tuned") or {}, *(found.get("sysctl_files") or [])]
    globs = [one["key"] for file in files for one in file.get("sysctl") or [] if GLOB_CHARACTERS & set(one["key"])]
    if len(globs) > MOST_GLOBS or any(part.count("*") > MOST_STARS for glob in globs for part in _PART.split(glob)):
        raise ResultError(place, f"must have at most {MOST_GLOBS} globs, with {MOST_STARS} stars between two dots")
    return found


FACTS_FIELDS: dict[str, Check] = {
    **dict.fromkeys(("memory_bytes", "page_size", "processors", "nr_open", "systemd"), maybe(SIZE)),
    **dict.fromkeys(("systemd_running", "child_network_namespace", "forwarding"), maybe(flag)),
    "udp_mem_pages": maybe(many(SIZE, 3)),
    "kernel": maybe(NAME),
    "virtualization": maybe(record({}, {"kind": maybe(NAME), "technology": maybe(NAME)})),
    "swap": maybe(many(record({}, {"device": maybe(WORDS), "kind": maybe(NAME), "bytes": maybe(SIZE)}), MOST_THINGS)),
    "interfaces": maybe(
        many(
            record(
                {"name": NAME},
                {
                    "driver": maybe(NAME),
                    "virtual": maybe(flag),
                    "up": maybe(flag),
                    "mac": maybe(NAME),
                    "speed_mbps": maybe(SIZE),
                    "addresses": maybe(NAMES),
                    "rps": maybe(flag),
                    "rx_queues": maybe(SIZE),
                    "ring": maybe(_RING),
                    "ring_max": maybe(_RING),
                },
            ),
            MOST_THINGS,
        )
    ),
    "packet_path": maybe(
        record(
            {},
            {
                **dict.fromkeys(("online", "isolated", "nohz_full"), maybe(CPUS)),
                "cards": maybe(
                    many(
                        record(
                            {"interface": NAME},
                            {
                                "driver": maybe(NAME),
                                "rx_queues": maybe(SIZE),
                                "numa_node": maybe(SIZE),
                                "node_processors": maybe(CPUS),
                                "interrupt_processors": maybe(CPUS),
                            },
                        ),
                        MOST_THINGS,
                    )
                ),
            },
        )
    ),
    "default_routes": maybe(record({}, {"ipv4": maybe(NAMES), "ipv6": maybe(NAMES)})),
    "strict_reverse_path": maybe(flag),
    "container_network": maybe(many(WORDS, MOST_THINGS)),
    "sip_alg": maybe(
        record(
            {},
            {
                "modules": maybe(NAMES),
                "built_in": maybe(flag),
                "automatic": maybe(flag),
                "used_by": maybe(many(WORDS, MOST_THINGS)),
            },
        )
    ),
    "control_connection": maybe(record({}, {"family": maybe(NAME), "address": maybe(NAME)})),
    "ipv6_listeners": maybe(NAMES),
    "sip_daemons": maybe(
        many(
            record(
                {"name": NAME},
                {
                    "unit": maybe(NAME),
                    "installed": maybe(flag),
                    "running": maybe(flag),
                    "main_pid": maybe(SIZE),
                    "user": maybe(NAME),
                    "no_unit": maybe(WORDS),
                    "rtp_ports": maybe(NAMES),
                    **dict.fromkeys(
                        ("sip_ports", "udp_ports", "tcp_ports"), maybe(many(integer(1, 65535), MOST_THINGS))
                    ),
                    "ceilings": maybe(
                        many(record({"name": NAME}, {"value": maybe(SIZE), "set_by": maybe(WORDS)}), MOST_THINGS)
                    ),
                    "notes": maybe(many(WORDS, MOST_THINGS)),
                },
            ),
            MOST_THINGS,
        )
    ),
    "sip_daemons_of_users": maybe(many(record({"name": NAME, "pid": SIZE, "user": NAME}, {}), MOST_THINGS)),
    "rtpengine": maybe(many(record({"pid": SIZE}, RTPENGINE_FIELDS), MOST_THINGS)),
    "tuners": maybe(tuners),
}
SIPTUNE_HOST = record({}, FACTS_FIELDS)
