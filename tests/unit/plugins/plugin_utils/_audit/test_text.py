# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit as it is printed."""

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.document import document, host_record
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.text import (
    MOST_LINES,
    render_end,
    render_host,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._site.summary import LINE_WIDTH
from socket_results import relay, sip_socket

from .test_document import GONE, NETWORK, SERVICES, SKIPPED, counter, counters, host, item


def lines(**layers: object) -> list[str]:
    return render_host(host_record("sbc1", host(counters(), **layers)))


def test_a_table_then_what_needs_a_look_then_counters() -> None:
    counted = counters(
        counter("UdpRcvbufErrors", 592),
        counter("NicRxMissed", 7, "counter", None, ("eth0", 7, None)),
        counter("Descriptors", 95, "gauge", 100, ("kamailio.service", 95, 100)),
    )
    results = host(counted, network=[NETWORK], service_limits=SERVICES)
    assert render_host(host_record("sbc1", results)) == [
        "sbc1",
        "                  drift  shadowed  pending  refused  unmet  ok",
        "  network             1         1        -        -      -   1",
        "  service_limits      -         -        1        -      -   1",
        "  drift     net.core.rmem_max: is 1, wanted 2",
        "  shadowed  net.core.somaxconn: /etc/sysctl.d/99-x.conf line 1 sets 128",
        "  pending   kamailio.service LimitNOFILE: no reason given",
        "  in 60 seconds",
        "    UdpRcvbufErrors       592 datagrams; net.core.rmem_default (left alone by si"
        "ptune): more workers first, as",
        "                            a socket that is read too slowly fills any buffer; then the buffer that siptune",
        "                            sizes, now by sip_sockets, and at the daemon's next start by",
        "                            net.core.rmem_default. A larger net.core.rmem_max helps no socket that asks for",
        "                            nothing",
        "    NicRxMissed           7 datagrams (eth0 7); eth0 rx (left alone by siptune): a larger ring, and"
        " interrupts",
        "                            spread over more processors: channels (combined) of nic_link, or RPS (rps_cpus)",
        "    Descriptors           95 of 100 datagrams (kamailio.service 95); kamailio.service LimitNOFILE"
        " (pending): a",
        "                            daemon that is out of descriptors takes no more calls; sized for this host:",
        "                            kamailio.service LimitNOFILE 2",
    ]


def test_a_sip_host_begins_with_what_its_sockets_survive() -> None:
    sockets = [sip_socket(), sip_socket("[::1]:5060", 592), sip_socket("10.0.0.6:5060", buffer_bytes=None)]
    counted = {**counters(), "sip_datagrams_per_second": 2000, "sip_sockets": sockets}
    survives = "6,291,456 bytes, holds 2,730 messages: 1.4 s at the contract's 2,000/s"
    found = " ".join(" ".join(render_host(host_record("sbc1", host(counted)))).split())
    assert found.startswith(
        f"sbc1 socket kamailio [::1]:5060: {survives}; 592 datagrams lost in 60 seconds "
        f"socket kamailio 10.0.0.5:5060: {survives} socket kamailio 10.0.0.6:5060: holds"
    )
    since_boot = render_host(host_record("sbc1", host({**counted, "since_boot": True})))
    assert "592 datagrams lost since it was opened" in " ".join(" ".join(since_boot).split())


def test_a_relay_with_what_to_do_about_it() -> None:
    gone = {"loaded": False, "in_use": False, "rule": None, "kernel_has_module": False, "newest_has_module": False}
    relays = [relay(), relay(unit=None, pid=900, **gone)]
    found = " ".join(" ".join(render_host(host_record("sbc1", host({**counters(), "rtpengine": relays})))).split())
    assert (
        "rtpengine rtpengine-daemon.service: forwards in the kernel, by xt_RTPENGINE and table 0: "
        "96.7 % of 125,123 packets rtpengine rtpengine, process 900: forwards in user space: the running kernel "
        "6.1.0-44-amd64 has no module xt_RTPENGINE; each packet then costs a wake-up of the daemon and two system "
        "calls: install rtpengine-kernel-dkms"
    ) in found


def test_a_value_that_is_right_but_not_for_the_next_boot() -> None:
    only_at_boot = item("net.ipv4.tcp_sack", "changed", before="2", at_boot_before=None)
    assert lines(network=[{"changed": True, "items": [only_at_boot]}])[-1] == (
        "  drift     net.ipv4.tcp_sack: is 2, but not written down for the next boot"
    )


def test_a_file_that_would_be_written_anew() -> None:
    assert lines(network=[{"changed": True, "items": [item("a", "ok")]}])[-1] == (
        "  drift     network: a run would rewrite its files"
    )


def test_a_host_that_is_gone_says_so_first() -> None:
    found = lines(network=[NETWORK], memory=[GONE], fs=[SKIPPED])
    assert found[0] == "sbc1  unreachable: Failed to connect to the host via ssh"
    assert found[3] == "  memory       -         -        -        -      -   -  unreachable"
    assert not [line for line in found if line.startswith("  fs")]


def test_it_stays_a_few_lines() -> None:
    many = [item(f"net.ipv4.a{number}", "changed", before="1" * 300) for number in range(100)]
    found = lines(network=[{"changed": True, "items": many}])
    assert found[-1] == f"  drift     and {100 - MOST_LINES} more, which the reports name"
    many = [item(f"net.ipv4.a{number}", "shadowed", reason="a reason " * 40) for number in range(5)]
    assert max(map(len, lines(network=[{"changed": True, "items": many}]))) <= LINE_WIDTH


def test_no_host_can_send_commands_to_the_terminal() -> None:
    evil = item("net.a", "shadowed", reason="\x1b]0;owned\x07 sets \x9b2J")
    assert lines(network=[{"changed": False, "items": [evil]}])[-1] == "  shadowed  net.a: ?]0;owned? sets ?2J"


def test_the_last_lines() -> None:
    audit = document({"a": host(), "b": host(network=[GONE])}, "2026-11-24T03:15:00+00:00", 0, "0.1.0")
    assert render_end(audit, ["/tmp/x.json"]) == ["2 hosts: 1 with drift, 1 unreachable", "  /tmp/x.json"]


def test_a_value_that_is_right_now_and_another_at_the_next_boot() -> None:
    one = item("net.ipv4.tcp_sack", "changed", before="2", at_boot_before="60")
    assert lines(network=[{"changed": True, "items": [one]}])[-1] == (
        "  drift     net.ipv4.tcp_sack: is 2, but the next boot sets 60"
    )


def test_a_value_that_is_not_this_hosts_to_set() -> None:
    one = item("fs.nr_open", "readonly", wanted="at least 2097152", before="1048576", reason="the whole machine's")
    assert lines(fs=[{"changed": False, "items": [one]}])[-1] == (
        "  unmet     fs.nr_open: is 1048576, wanted at least 2097152; the whole machine's"
    )


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        (0, "1 host: 1 with drift"),
        (1, "1 host: 1 with drift; 1 other host of the inventory was not audited"),
        (39, "1 host: 1 with drift; 39 other hosts of the inventory were not audited"),
    ],
)
def test_the_last_line_says_what_was_left_out(left_out: int, said: str) -> None:
    audit = document({"a": host()}, "2026-11-24T03:15:00+00:00", 0, "0.1.0", left_out)
    assert render_end(audit, [], ["a note"]) == [said, "  a note"]
