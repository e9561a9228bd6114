# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of packets in the audit: words, document, page, picture, metrics, and what a host may not say."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._facts.gather import gather
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._packets.model import KINDS, SETTINGS
from ansible_collections.siptune.linux.plugins.module_utils._packets.observe import look, sample
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.document import FAILED, document, host_record
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.html import pack
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.packets import (
    WORTH,
    Picture,
    Row,
    packet_record,
    picture,
    setting_lines,
)
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.prometheus import render as render_prometheus
from ansible_collections.siptune.linux.plugins.plugin_utils._audit.text import render_host
from ansible_collections.siptune.linux.plugins.plugin_utils._results.answers import checked_packets

from .test_document import GONE, host

FINDING = {
    "kind": "few_queues",
    "subject": "eth0",
    "finding": "1 receive queue for 4 processors, and no RPS",
    "advice": "RPS, rps_cpus of nic_link",
}
QUEUES = [
    {"name": "eth0-TxRx-0", "interrupt": 41, "interrupts_total": 900, "by_processor": [{"cpu": 0, "interrupts": 70}]},
    {"name": "virtio2-input.0", "interrupt": 42, "by_processor": [{"cpu": 9, "interrupts": 5}]},
    {"name": "rx-2"},
]


def packets(**more: Any) -> dict[str, Any]:
    return {
        "online": "0,2",
        "isolated": "2",
        "nohz_full": None,
        "irqbalance": {"running": False},
        "processors": [
            {"cpu": 0, "net_rx": 90, "net_rx_total": 900, "steal_percent": None},
            {"cpu": 2, "net_rx": 10, "net_rx_total": 100, "steal_percent": 0.5},
        ],
        "interfaces": [{"interface": "eth0", "queues": QUEUES}],
        "settings": [{"name": "kamailio.service scheduling", "value": "fifo 10"}],
        "findings": [FINDING],
        **more,
    }


def audited(found: Any) -> Any:
    return host()._replace(packets=found)


def audit(**hosts: Any) -> dict[str, Any]:
    return document(hosts, "2026-11-24T03:15:00+00:00", 0, "0.1.0")


def test_it_is_known_of_every_setting_what_it_costs() -> None:
    assert set(SETTINGS) == set(WORTH)


def test_what_this_machine_says_gets_through() -> None:
    facts = gather(Host())
    found = look(Host(), facts, sample(Host(), facts))
    assert checked_packets(found) == found
    assert picture(found) is not None


def test_on_the_terminal_only_what_is_wrong() -> None:
    told = " ".join(" ".join(render_host(host_record("sbc", audited(packets())))).split())
    assert "packets eth0: 1 receive queue for 4 processors, and no RPS; RPS, rps_cpus of nic_link" in told
    assert "scheduling" not in told
    assert "packets" not in " ".join(render_host(host_record("sbc", audited(packets(findings=[])))))


def test_in_the_document_settings_say_what_they_cost_and_bring() -> None:
    record = audit(sbc=audited(packets()))["hosts"][0]["packets"]
    assert record["findings"] == [FINDING]
    (setting,) = record["settings"]
    assert "fifo or rr" in setting["brings"]
    assert "starves" in setting["costs"]
    [(what, said)] = setting_lines(record)
    assert what == "kamailio.service scheduling: fifo 10"
    assert said.startswith("brings: fifo or rr")
    assert "; costs: a daemon that spins" in said


def test_a_setting_that_nobody_knows_costs_nothing() -> None:
    record = packet_record(packets(settings=[{"name": "hum", "value": "loud"}]))
    assert record is not None
    assert record["settings"] == [{"name": "hum", "value": "loud", "brings": "", "costs": ""}]


def test_a_host_that_was_not_asked() -> None:
    record = host_record("sbc", audited(None))
    assert record["packets"] is None
    assert pack(audit(sbc=audited(None)))["hosts"][0][-1] == [[], [], None]


def test_the_picture_has_the_processors_and_queues_that_there_are() -> None:
    assert picture(packets()) == Picture(
        [0, 2], [90, 10], [1], [Row("eth0-TxRx-0", 70, [(0, 70)]), Row("eth0 virtio2-input.0", 5, [])]
    )
    assert picture(packets(processors=[])) is None


def test_on_the_page() -> None:
    page = pack(audit(sbc=audited(packets())))
    [[[what, said]], [[_setting, _worth]], [processors, net_rx, apart, rows]] = page["hosts"][0][-1]
    assert page["strings"][what] == "eth0"
    assert page["strings"][said].endswith("no RPS; RPS, rps_cpus of nic_link")
    assert (processors, net_rx, apart) == ([0, 2], [90, 10], [1])
    assert [page["strings"][row[0]] for row in rows] == ["eth0-TxRx-0", "eth0 virtio2-input.0"]
    assert pack(audit(sbc=audited(packets(processors=[]))))["hosts"][0][-1][2] is None


def test_metrics_of_all_kinds_so_that_an_alert_ends() -> None:
    metrics = render_prometheus(audit(sbc=audited(packets()), gone=host(network=[GONE])))
    assert 'siptune_audit_packet_findings{host="sbc",kind="few_queues"} 1' in metrics
    for kind in set(KINDS) - {"few_queues"}:
        assert f'siptune_audit_packet_findings{{host="sbc",kind="{kind}"}} 0' in metrics
    assert 'siptune_audit_packet_findings{host="gone"' not in metrics
    assert 'siptune_processor_net_rx_total{host="sbc",cpu="2"} 100' in metrics
    assert 'siptune_nic_queue_interrupts_total{host="sbc",interface="eth0",queue="eth0-TxRx-0"} 900' in metrics
    assert 'queue="rx-2"' not in metrics


@pytest.mark.parametrize(
    "evil",
    [
        [],
        "packets",
        packets(findings=[{**FINDING, "kind": "harmless"}]),
        packets(findings=[FINDING] * 501),
        packets(processors=[{"cpu": 1 << 40, "net_rx": 1}]),
        packets(processors=[{"cpu": 0, "net_rx": -1}]),
        packets(interfaces=[{"interface": "eth0", "queues": [{"name": "x", "by_processor": [{"cpu": 0}]}]}]),
        packets(steal_percent=101),
        packets(isolated="1\n2"),
    ],
)
def test_a_host_may_not_say_anything_else(evil: Any) -> None:
    record = host_record("sbc", audited(evil))
    assert record["status"] == FAILED
    assert "its results cannot be used: packets" in record["message"]
    assert record["packets"] is None


def test_what_a_host_says_more_is_left_out() -> None:
    record = host_record("sbc", audited(packets(ansible_become=True)))
    assert "ansible_become" not in record["packets"]


def test_a_list_of_processors_that_is_none_draws_no_column() -> None:
    found = picture(packets(isolated="rubbish"))
    assert found is not None
    assert found.apart == []
