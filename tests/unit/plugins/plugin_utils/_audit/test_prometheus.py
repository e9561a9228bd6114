# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text format, read back by a reader of its grammar."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._counters.reading import CONNTRACK_ENTRIES, DESCRIPTORS
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import COUNTERS
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.document import document
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.prometheus import HOST_TIMESTAMP, render, snake_case
from ansible_collections.siptune.linux.plugins.plugin_utils._reports.exposition import hosts_in
from hypothesis import given
from hypothesis import strategies as st
from socket_results import relay, sip_socket

from .test_document import GONE, counter, counters, host

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'({NAME})(?:\{{((?:{NAME}="(?:[^"\\\n]|\\["\\n])*",?)*)\}})? (-?[0-9]+(?:\.[0-9]+)?)')
LABEL = re.compile(rf'({NAME})="((?:[^"\\\n]|\\["\\n])*)"')
UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def read(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """The samples of a file; asserts that each belongs to the family declared above it, and comes once."""
    assert text.endswith("\n")
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    family, families = "", []
    for line in text[:-1].split("\n"):
        if line.startswith("# "):
            _, what, family, _ = line.split(" ", 3)
            families += [family] if what == "TYPE" else []
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        assert match.group(1) == family
        labels = {
            name: re.sub(r'\\["\\n]', lambda escape: UNESCAPED[escape.group()], value)
            for name, value in LABEL.findall(match.group(2) or "")
        }
        key = (family, frozenset(labels.items()))
        assert key not in found
        found[key] = float(match.group(3))
    assert len(families) == len(set(families))
    return found


def sample(found: dict[Any, float], name: str, **labels: str) -> float:
    return found[(name, frozenset(labels.items()))]


UNITS = (("kamailio.service", 90, 100), ("asterisk", 5, 10))


def audit(*names: str) -> dict[str, Any]:
    counted = counters(
        {**counter("UdpRcvbufErrors", 5), "total": 905},
        counter("UdpMemErrors", None),
        {**counter("NicRxMissed", 7, "counter", None, ("eth0", 7, None)), "total": 8},
        {**counter("Descriptors", 90, "gauge", 100, *UNITS), "part_is": "unit"},
        counter("ConntrackEntries", 12, "gauge", 65536),
    )
    counted = {**counted, "sip_sockets": [sip_socket(drops=7), sip_socket("[::1]:5060", buffer_bytes=None)]}
    relays = [relay(user=5, kernel=95), relay(user=None, unit=None, rule=False)]
    counted = {**counted, "rtpengine": relays}
    results = {name: host(counted) for name in names}
    results["gone"] = host(network=[GONE])
    return document(results, "2026-11-24T03:15:00+00:00", 60, "0.1.0")


def test_samples() -> None:
    found = read(render(audit("sbc1")))
    assert sample(found, "siptune_audit_timestamp_seconds") == 1795490100
    assert sample(found, "siptune_audit_up", host="sbc1") == 1
    assert sample(found, "siptune_audit_up", host="gone") == 0
    assert sample(found, "siptune_audit_drift", host="sbc1") == 1
    assert sample(found, "siptune_audit_items", host="sbc1", layer="network", state="changed") == 1
    assert sample(found, "siptune_udp_rcvbuf_errors_total", host="sbc1") == 905  # a counter only grows
    assert sample(found, "siptune_nic_rx_missed_total", host="sbc1") == 8
    assert sample(found, "siptune_descriptors", host="sbc1", unit="kamailio.service") == 90
    assert sample(found, "siptune_descriptors_limit", host="sbc1", unit="asterisk") == 10
    assert sample(found, "siptune_conntrack_entries_limit", host="sbc1") == 65536
    socket = {"host": "sbc1", "daemon": "kamailio", "socket": "10.0.0.5:5060"}
    assert sample(found, "siptune_sip_socket_buffer_bytes", **socket) == 6291456
    assert sample(found, "siptune_sip_socket_holds_messages", **socket) == 2730
    assert sample(found, "siptune_sip_socket_drops_total", **socket) == 7
    first, second = ({"host": "sbc1", "relay": name} for name in ("rtpengine-daemon.service", "rtpengine, process 812"))
    assert sample(found, "siptune_rtpengine_packets_total", path="user", **first) == 5
    assert sample(found, "siptune_rtpengine_packets_total", path="kernel", **first) == 95
    assert ("siptune_rtpengine_packets_total", frozenset({**second, "path": "user"}.items())) not in found
    assert [sample(found, "siptune_rtpengine_in_kernel", **one) for one in (first, second)] == [1, 0]
    assert [sample(found, "siptune_rtpengine_warnings", **one) for one in (first, second)] == [0, 1]
    names = {name for name, _ in found}
    assert "siptune_udp_mem_errors_total" not in names  # unknown is not zero


def test_a_host_that_was_not_audited_neither_drifts_nor_not() -> None:
    found = read(render(audit("sbc1")))
    assert ("siptune_audit_drift", frozenset({("host", "gone")})) not in found


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20))
def test_any_name_survives(name: str) -> None:
    assert sample(read(render(audit(name))), "siptune_audit_up", host=name) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("UdpRcvbufErrors", "udp_rcvbuf_errors"),
        ("Udp6MemErrors", "udp6_mem_errors"),
        ("TCPTimeWaitOverflow", "tcp_time_wait_overflow"),
        ("TCPReqQFullDoCookies", "tcp_req_q_full_do_cookies"),
        ("NicRxMissed", "nic_rx_missed"),
        ("Ip6ReasmFails", "ip6_reasm_fails"),
    ],
)
def test_names(name: str, expected: str) -> None:
    assert snake_case(name) == expected


def test_every_counter_has_a_name_of_its_own() -> None:
    names = [snake_case(name) for name in (*(one.name for one in COUNTERS), DESCRIPTORS, CONNTRACK_ENTRIES)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)


# --- other readers ---------------------------------------------------------------------------

PROMTOOL = Path(__file__).resolve().parents[5] / ".build" / "promtool"
STRANGE = (
    'quote"',
    "back\\slash",
    "line\nbreak",
    "carriage\rreturn",
    "übel",
    "{}",
    "\\n",
    'x"} 1\nsiptune_audit_up{host="y',
)


def test_the_parser_of_prometheus_finds_the_same_samples() -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    text = render(audit(*STRANGE))
    families = list(parser.text_string_to_metric_families(text))
    found = {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}
    assert found == read(text)
    up = {dict(labels)["host"]: value for (name, labels), value in found.items() if name == "siptune_audit_up"}
    assert up == {**dict.fromkeys(STRANGE, 1), "gone": 0}


def test_promtool_has_nothing_to_say() -> None:
    program = shutil.which("promtool") or (str(PROMTOOL) if PROMTOOL.exists() else None)
    if program is None:
        pytest.skip("there is no promtool; make .build/promtool fetches it")
    text = render(audit(*STRANGE))
    done = subprocess.run([program, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_sample_that_comes_twice_does_not_spoil_the_file() -> None:
    twice = (("kamailio.service", 90, 100), ("kamailio.service", 5, 10))
    gauge = {**counter("Descriptors", 90, "gauge", 100, *twice), "part_is": "unit"}
    found = read(render(document({"sbc1": host(counters(gauge))}, "2026-11-24T03:15:00+00:00", 0, "0.1.0")))
    assert sample(found, "siptune_descriptors", host="sbc1", unit="kamailio.service") == 90


def test_the_help_is_ours() -> None:
    forged = {**counter("UdpRcvbufErrors", 5), "unit": "lies", "source": "nowhere"}
    text = render(document({"sbc1": host(counters(forged))}, "2026-11-24T03:15:00+00:00", 0, "0.1.0"))
    said = "/proc/net/snmp UdpRcvbufErrors: datagrams since the host's boot, in a container since its start."
    assert f"# HELP siptune_udp_rcvbuf_errors_total {said}\n" in text
    assert "lies" not in text


# --- a part of the fleet ---------------------------------------------------------------------

NIGHT, NOON = "2026-11-24T03:15:00+00:00", "2026-11-24T12:00:00+00:00"


def made(when: str, *names: str, value: int = 5) -> dict[str, Any]:
    return document({name: host(counters(counter("UdpRcvbufErrors", value))) for name in names}, when, 0, "0.1.0")


def test_hosts_that_were_not_audited_keep_their_samples() -> None:
    night = render(made(NIGHT, *STRANGE, "edge1", "retired"))
    assert hosts_in(night, HOST_TIMESTAMP) == {*STRANGE, "edge1", "retired"}
    text = render(made(NOON, "edge1", value=9), night, STRANGE)
    before, after = read(night), read(text)
    assert hosts_in(text, HOST_TIMESTAMP) == {*STRANGE, "edge1"}
    for (name, labels), value in before.items():
        if dict(labels).get("host") in STRANGE:
            assert after[name, labels] == value
    assert sample(after, "siptune_udp_rcvbuf_errors_total", host="edge1") == 9
    then = sample(before, "siptune_audit_timestamp_seconds")
    assert sample(after, "siptune_audit_timestamp_seconds") == then  # as old as the oldest of them
    assert sample(after, "siptune_audit_host_timestamp_seconds", host="edge1") == then + 8.75 * 3600
    # Once all are audited, the file is as if it had never been in parts.
    assert render(made(NIGHT, *STRANGE, "edge1"), text, []) == render(made(NIGHT, *STRANGE, "edge1"))


def test_a_metric_that_only_other_hosts_have_stays() -> None:
    night = render(audit("sbc1"))
    text = render(made(NOON, "edge1"), night, ["sbc1"])
    found = read(text)
    assert sample(found, "siptune_nic_rx_missed_total", host="sbc1") == 8
    assert sample(found, "siptune_descriptors", host="sbc1", unit="asterisk") == 5
    assert [line for line in night.split("\n") if line.startswith("# ") and "nic_rx_missed" in line] == [
        line for line in text.split("\n") if line.startswith("# ") and "nic_rx_missed" in line
    ]


@pytest.mark.parametrize(
    "former",
    [
        "",
        "no metrics at all\n",
        'siptune_audit_up{host="old"} 1\n',  # without a type, of nobody knows what
        '# TYPE siptune_audit_up gauge\nsiptune_audit_up{host="old"} 1 1700000000\n',
        '# TYPE other gauge\nother{host="old"} 1\n',
        '# TYPE siptune_audit_up histogram\nsiptune_audit_up{host="old"} 1\n',
    ],
)
def test_what_is_not_ours_is_not_kept(former: str) -> None:
    assert render(made(NOON, "edge1"), former, ["old"]) == render(made(NOON, "edge1"))


@given(st.text(max_size=300))
def test_any_former_file_leads_to_a_sound_one(former: str) -> None:
    read(render(made(NOON, "edge1"), former, hosts_in(former, HOST_TIMESTAMP)))
