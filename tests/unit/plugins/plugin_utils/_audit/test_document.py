# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit's document, from results as the playbook's tasks register them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.document import (
    AUDITED,
    FAILED,
    NOT_RUN,
    UNREACHABLE,
    HostResults,
    document,
    failures,
    host_record,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.html import render as render_page
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.prometheus import render as render_prometheus
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.text import render_end, render_host
from hypothesis import given
from hypothesis import strategies as st
from socket_results import relay, sip_socket


def item(name: str, state: str, **more: Any) -> dict[str, Any]:
    plain = {"wanted": "2", "before": "1", "after": "2", "at_boot": "2", "at_boot_before": "2", "why": "w"}
    return {"item": name, "state": state, **plain, **more}


NETWORK = {
    "changed": True,
    "items": [
        item("net.core.rmem_max", "changed", at_boot_before=None),
        item("net.core.somaxconn", "shadowed", reason="/etc/sysctl.d/99-x.conf line 1 sets 128"),
        item("net.ipv4.tcp_sack", "kept", wanted="at least 1"),
    ],
}
SERVICES = [
    {"changed": False, "items": [item("asterisk soft nofile", "ok")]},
    {"changed": False, "items": [item("kamailio.service LimitNOFILE", "pending")]},
    {"changed": False, "items": []},
]
SKIPPED = {"changed": False, "skipped": True}
GONE = {"unreachable": True, "changed": False, "msg": "Task failed: Failed to connect\nto the host via ssh"}


def counter(
    name: str, value: int | None, kind: str = "counter", limit: int | None = None, *parts: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "unit": "datagrams",
        "source": "/proc/net/snmp",
        "value": value,
        "total": value,
        "limit": limit,
        "part_is": "interface" if parts else None,
        "parts": [{"part": part, "value": of, "total": of, "limit": most, "note": ""} for part, of, most in parts],
        "reason": "",
    }


def counters(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"changed": False, "seconds": 60.0, "since_boot": False, "counters": list(listed)}


def host(counted: Any = None, **layers: Any) -> HostResults:
    usual = {"network": [NETWORK], "service_limits": SERVICES}
    return HostResults(layers or usual, counted or counters())


def test_a_host_in_full() -> None:
    record = host_record("sbc1", host())
    assert (record["name"], record["status"], record["message"]) == ("sbc1", AUDITED, None)
    assert [record[field] for field in ("drift", "shadowed", "pending", "refused")] == [1, 1, 1, 0]
    assert record["would_change"]
    assert record["states"] == {"ok": 1, "changed": 1, "kept": 1, "shadowed": 1, "pending": 1}
    assert [(layer["name"], layer["status"], layer["drift"], layer["would_change"]) for layer in record["layers"]] == [
        ("network", AUDITED, 1, True),
        ("service_limits", AUDITED, 0, False),
    ]
    assert record["items"][0] == {
        "layer": "network",
        "item": "net.core.rmem_max",
        "state": "changed",
        "verdict": "drift",
        "drift": True,
        "wanted": "2",
        "live": "1",
        "planned": "2",
        "boot": None,
        "boot_planned": "2",
        "reason": "",
        "why": "w",
    }


def test_a_host_that_goes_away_half_way_keeps_what_was_learned() -> None:
    record = host_record("sbc1", host(network=[NETWORK], memory=[GONE], fs=[SKIPPED], security=[None]))
    assert (record["status"], record["message"]) == (UNREACHABLE, "Failed to connect to the host via ssh")
    assert [layer["status"] for layer in record["layers"]] == [AUDITED, UNREACHABLE, NOT_RUN, NOT_RUN]
    assert record["drift"] == 1


def test_a_layer_that_fails_does_not_hide_the_others() -> None:
    refused = {"failed": True, "msg": "no", "items": [item("a", "changed"), item("b", "refused")]}
    record = host_record("sbc1", host(network=[refused], fs=[{"changed": False, "items": [item("c", "ok")]}]))
    assert (record["status"], record["message"]) == (FAILED, "no")
    assert [entry["item"] for entry in record["items"]] == ["b", "c"]
    assert (record["drift"], record["refused"], record["would_change"]) == (0, 1, False)


@pytest.mark.parametrize(
    ("results", "status", "message"),
    [
        (host(SKIPPED, network=[GONE]), UNREACHABLE, "Failed to connect to the host via ssh"),
        (host(SKIPPED, network=[{"failed": True, "msg": "bad variable"}]), FAILED, "bad variable"),
        (host({"failed": True, "msg": "no python"}), FAILED, "no python"),
        (host(SKIPPED, network=[None]), FAILED, "it was not audited, as the play ended before"),
    ],
    ids=["unreachable from the start", "variables", "counters", "never begun"],
)
def test_what_can_happen_to_a_host(results: HostResults, status: str, message: str) -> None:
    record = host_record("sbc1", results)
    assert (record["status"], record["message"]) == (status, message)


def test_a_file_that_would_be_written_anew_is_no_drift_of_an_item_but_a_change() -> None:
    record = host_record("sbc1", host(network=[{"changed": True, "items": [item("a", "shadowed")]}]))
    assert (record["drift"], record["would_change"]) == (0, True)
    assert failures({"hosts": [record]}, strict=True) == {"sbc1": "network: a run would rewrite its files"}


def test_counters_say_what_would_help_and_what_siptune_makes_of_it() -> None:
    counted = counters(
        counter("UdpRcvbufErrors", 592),
        counter("UdpMemErrors", 0),
        counter("ConntrackDrop", None),
        counter("NicRxMissed", 7, "counter", None, ("eth0", 7, None)),
        counter("Descriptors", 90, "gauge", 100, ("kamailio.service", 90, 100), ("asterisk.service", 5, 100)),
    )
    found = {one["name"]: one for one in host_record("sbc1", host(counted=counted))["counters"]["list"]}
    assert [name for name, one in found.items() if one["concern"]] == ["UdpRcvbufErrors", "NicRxMissed", "Descriptors"]
    assert found["UdpRcvbufErrors"]["helps"] == [{"item": "net.core.rmem_default", "state": None}]
    assert found["NicRxMissed"]["helps"] == [{"item": "eth0 rx", "state": None}]
    assert found["Descriptors"]["helps"] == [{"item": "kamailio.service LimitNOFILE", "state": "pending"}]
    assert found["UdpMemErrors"]["helps"] == []


def test_the_document_adds_up() -> None:
    audit = document(
        {"sbc2": host(), "sbc1": host(network=[GONE]), "sbc3": host(network=[{"failed": True, "msg": "x"}])},
        "2026-11-24T03:15:00+00:00",
        60,
        "0.1.0",
    )
    assert (audit["schema"], audit["schema_version"], audit["window_seconds"]) == ("siptune-audit", 2, 60)
    assert [entry["name"] for entry in audit["hosts"]] == ["sbc2", "sbc1", "sbc3"]
    assert audit["totals"] == {
        "hosts": 3,
        "audited": 1,
        "failed": 1,
        "unreachable": 1,
        "hosts_with_drift": 1,
        "items": 5,
        "drift": 1,
        "shadowed": 1,
        "pending": 1,
        "refused": 0,
        "unmet": 0,
    }
    assert set(failures(audit, strict=False)) == {"sbc1", "sbc3"}
    assert failures(audit, strict=True)["sbc2"] == "1 item drifts: net.core.rmem_max"


def test_every_field_of_the_document_is_documented() -> None:
    page = (Path(__file__).resolve().parents[5] / "docs" / "audit.md").read_text(encoding="utf-8")
    counted = {**counters(counter("UdpRcvbufErrors", 1)), "sip_sockets": [sip_socket()], "rtpengine": [relay()]}
    ceiling = {"name": "tcp_max_connections", "value": 2048, "set_by": "default"}
    found = host(counted)._replace(sip_daemons=[{"name": "kamailio", "ceilings": [ceiling]}])
    audit = document({"sbc1": found}, "2026-11-24T03:15:00+00:00", 0, "0.1.0")
    entry = audit["hosts"][0]
    parts = (entry[field][0] for field in ("layers", "items", "sip_sockets", "ceilings", "rtpengine"))
    records = [audit, audit["totals"], entry, *parts, entry["counters"]["list"][0]]
    fields = {field for record in records for field in record}
    assert {field for field in fields if f"`{field}`" not in page} == set()


# --- SIP sockets ------------------------------------------------------------------------------


def test_losses_are_attributed_to_sockets_and_their_daemons() -> None:
    counted = counters(counter("UdpRcvbufErrors", 592), counter("Udp6RcvbufErrors", 7), counter("UdpMemErrors", 0))
    sockets = [sip_socket(), sip_socket("[::1]:5060", 7), sip_socket("10.0.0.6:5060", 592), sip_socket("[::]:5062", 1)]
    raised = item("kamailio udp 10.0.0.6:5060 receive buffer", "changed")
    record = host_record(
        "sbc1", host({**counted, "sip_sockets": sockets}, network=[{"changed": True, "items": [raised]}])
    )
    assert [one["socket"] for one in record["sip_sockets"]] == [
        "10.0.0.6:5060",
        "[::1]:5060",
        "[::]:5062",
        "10.0.0.5:5060",
    ]
    ipv4, ipv6, memory = record["counters"]["list"]
    assert [(part["part"], part["value"]) for part in ipv4["parts"]] == [
        ("kamailio 10.0.0.6:5060", 592),
        ("kamailio [::]:5062", 1),
    ]
    assert [part["part"] for part in ipv6["parts"]] == ["kamailio [::1]:5060", "kamailio [::]:5062"]
    assert memory["parts"] == []
    assert ipv4["advice"].endswith("; sized for this host: kamailio udp 10.0.0.6:5060 receive buffer 2")
    assert "maxbuffer" not in ipv4["advice"]
    assert ipv4["helps"] == [
        {"item": "kamailio udp 10.0.0.6:5060 receive buffer", "state": "changed"},
        {"item": "kamailio udp [::1]:5060 receive buffer", "state": None},
        {"item": "kamailio udp [::]:5062 receive buffer", "state": None},
        {"item": "net.core.rmem_default", "state": None},
    ]


@pytest.mark.parametrize("counted", [None, {"failed": True}, counters()], ids=["none", "failed", "an older host"])
def test_a_host_without_sip_sockets(counted: Any) -> None:
    assert host_record("sbc1", HostResults({"network": [NETWORK]}, counted))["sip_sockets"] == []


def test_a_relay_that_the_next_boot_would_take_out_of_the_kernel() -> None:
    kernels = {"newest_kernel": "6.1.0-45-amd64", "newest_has_module": False}
    record = host_record("sbc1", host({**counters(), "rtpengine": [relay(**kernels)]}))
    (found,) = record["rtpengine"]
    assert (found["forwards"], found["kernel_share"], len(found["warnings"])) == ("kernel", 96.7, 1)
    assert host_record("sbc1", host(counters()))["rtpengine"] == []
    assert record["would_change"]  # of the network layer: a relay is no drift
    assert failures({"hosts": [{**record, "would_change": False}]}, strict=True) == {}


# --- hosts that answer what they like ----------------------------------------------------------

RATE = counter("UdpRcvbufErrors", 5)
BAD = {
    "state": ({"network": [{"items": [item("a", "pwned")]}]}, None, {}, "network[0].items[0].state: must be one of"),
    "item": ({"network": [{"items": ["a"]}]}, None, {}, "network[0].items[0]: must be a dictionary, not 'a'"),
    "lines": ({"network": [{"items": [item("a\nb", "ok")]}]}, None, {}, "items[0].item: must be a text of one line"),
    "layer": ({"network": ["x"]}, None, {}, "network[0]: must be a dictionary"),
    "counter": ({}, counters({**RATE, "name": "host"}), {}, "counters.counters[0].name: must be one of"),
    "gauge": ({}, counters({**RATE, "kind": "gauge"}), {}, "counters.counters[0].kind: must be one of counter, not"),
    "label": ({}, counters({**RATE, "part_is": "host"}), {}, "counters.counters[0].part_is: must be one of socket"),
    "number": ({}, counters({**RATE, "total": "1\nx 2"}), {}, "counters.counters[0].total: must be a whole number"),
    "twice": ({}, counters(RATE, RATE), {}, "counters.counters: must not have the same name twice"),
    "tuner": ({}, None, {"tuned": {"active": True, "sysctl": [7]}}, "tuners.tuned.sysctl[0]: must be a dictionary"),
}


@pytest.mark.parametrize(("layers", "counted", "tuners", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_result_is_its_hosts_own_failure(layers: Any, counted: Any, tuners: Any, message: str) -> None:
    bad = HostResults({"network": [], "fs": [], **layers}, counted, tuners)
    liar, sound = document({"liar": bad, "sound": host()}, "2026-11-24T03:15:00+00:00", 0, "0.1.0")["hosts"]
    assert (liar["status"], liar["items"], liar["counters"]["list"], liar["tuners"]) == (FAILED, [], [], [])
    assert message in liar["message"]
    assert [layer["status"] for layer in liar["layers"]] == [FAILED, FAILED]
    assert sound == host_record("sound", host())


WORDS = st.sampled_from(["ok", "a.b", "a.[z-a]*", "*.*", "at least 7", "net.ipv4.tcp_rmem"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["ok", "a.b", "a.*"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["item", "state"]), inner, max_size=2),
    max_leaves=8,
)
SETTING = {"key": "net.core.rmem_max", "value": "1", "rule": "at_least", "file": "/a", "line": 1}
TUNED = {"active": True, "enabled": True, "profile": "p", "reapply_sysctl": True, "sysctl": [SETTING], "unknown": []}
SETTINGS_FILE = {"file": "/etc/sysctl.d/x.conf", "managed_by": None, "at_boot": True, "sysctl": [SETTING]}


@given(st.data())
def test_whatever_a_host_answers_there_is_a_document_and_every_report(data: st.DataObject) -> None:
    """One value of a whole result is replaced, at any depth."""
    results: Any = {
        "layers": {"network": [NETWORK]},
        "counters": {**counters(RATE, counter("Descriptors", 9, "gauge", 10)), "sip_sockets": [sip_socket()]},
        "tuners": {"tuned": TUNED, "bpftune": {"active": True, "enabled": True}, "sysctl_files": [SETTINGS_FILE]},
    }
    results = copy.deepcopy(results)
    place = results
    while True:
        step = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[step], (dict, list)) or not place[step] or data.draw(st.booleans()):
            break
        place = place[step]
    if place is not results and place is not results["layers"]:
        place[step] = data.draw(JSON)
    audit = document({"liar": HostResults(**results), "sound": host()}, "2026-11-24T03:15:00+00:00", 0, "0.1.0")
    assert audit["hosts"][1] == host_record("sound", host())
    json.dumps(audit, allow_nan=False).encode("utf-8")
    render_page(audit)
    render_prometheus(audit)
    lines = [*render_host(audit["hosts"][0]), *render_end(audit, [])]
    assert all(line.isprintable() for line in lines)
