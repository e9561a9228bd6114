# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook siptune.linux.audit as users run it: hosts that are well, that fail, and that go away half-way."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from calls import write_file
from controller import HERE, PLAIN, playbook
from sandbox import difference, dump, mount, write
from stand_ins import held_in_a_stall, running
from test_sip_counters_info import BURST, deaf_socket, flood

REPORTS = "/run/reports"
# Stands for ssh: runs the command here, and after so many calls finds the host gone.
SSH = """\
#!/bin/sh
for last; do :; done
calls=$(($(cat /run/calls 2>/dev/null || echo 0) + 1))
echo $calls >/run/calls
[ $calls -le $(cat /run/calls-answered) ] || { echo "ssh: connect to host: No route to host" >&2; exit 255; }
exec sh -c "$last"
"""
OVER_SSH = {**PLAIN, "ansible_connection": "ssh", "ansible_ssh_executable": "/run/ssh", "ansible_pipelining": True}


class Run(NamedTuple):
    status: int
    output: str

    @property
    def audit(self) -> dict[str, Any]:
        return json.loads(Path(REPORTS, "siptune-audit.json").read_text(encoding="utf-8"))

    def host(self, name: str) -> dict[str, Any]:
        return next(host for host in self.audit["hosts"] if host["name"] == name)


def play(name: str, hosts: dict[str, dict[str, Any]], *words: str, **variables: Any) -> Run:
    return Run(*playbook(f"siptune.linux.{name}", hosts, *words, "-e", json.dumps(variables)))


def audit(hosts: dict[str, dict[str, Any]], *words: str, **variables: Any) -> Run:
    os.makedirs(REPORTS, exist_ok=True)
    return play("audit", hosts, *words, **{"siptune_audit_directory": REPORTS, **variables})


def answers(calls: int) -> None:
    """Have the ssh that is none find the host gone after so many calls."""
    write_file("/run/ssh", SSH)
    os.chmod("/run/ssh", 0o755)
    write_file("/run/calls-answered", str(calls))


def test_it_finds_drift_and_losses_and_changes_nothing() -> None:
    write("net/core/somaxconn", 128)
    with deaf_socket(socket.AF_INET, "127.0.0.1"):
        flood(socket.AF_INET, "127.0.0.1")
    start = dump()
    run = audit({"sbc1": HERE}, siptune_audit_query="hosts[?drift>`0`].name", siptune_audit_prometheus=REPORTS)
    assert run.status == 0, run.output
    assert difference(start, dump()) == {}
    assert not os.path.exists("/run/siptune.lock")

    host = run.host("sbc1")
    assert host["status"] == "audited", host["message"]
    assert {layer["status"] for layer in host["layers"]} == {"audited"}
    drifting = {item["item"]: item for item in host["items"] if item["drift"]}
    assert drifting["net.core.somaxconn"]["live"] == "128"
    (lost,) = [one for one in host["counters"]["list"] if one["name"] == "UdpRcvbufErrors"]
    assert lost["value"] > 0
    assert lost["helps"][0]["item"] == "net.core.rmem_default"

    assert "net.core.somaxconn: is 128, wanted at least 4096" in run.output
    assert f"UdpRcvbufErrors       {lost['value']} datagrams; net.core.rmem_default" in run.output
    assert '[\n  "sbc1"\n]' in run.output
    assert sorted(os.listdir(REPORTS)) == ["siptune-audit.html", "siptune-audit.json", "siptune-audit.prom"]
    prometheus = Path(REPORTS, "siptune-audit.prom").read_text(encoding="utf-8")
    assert f'siptune_udp_rcvbuf_errors_total{{host="sbc1"}} {lost["total"]}\n' in prometheus


@pytest.mark.own_processes
def test_a_sip_host_begins_with_what_its_sockets_survive() -> None:
    contract = {"siptune_capacity": {"sip_datagrams_per_second": 2000}}
    with running("kamailio", ["127.0.0.1 5060"]) as daemon:
        dropped = BURST - held_in_a_stall(daemon, ("127.0.0.1", 5060), BURST)
        run = audit({"sbc1": HERE}, **contract)
        stock, *_ = run.host("sbc1")["sip_sockets"]
        (lost,) = [one for one in run.host("sbc1")["counters"]["list"] if one["name"] == "UdpRcvbufErrors"]
        assert (stock["daemon"], stock["socket"], stock["drops"]) == ("kamailio", "127.0.0.1:5060", dropped)
        assert [(part["part"], part["value"]) for part in lost["parts"]] == [("kamailio 127.0.0.1:5060", dropped)]
        item = "kamailio udp 127.0.0.1:5060 receive buffer"
        assert lost["helps"][0] == {"item": item, "state": "changed"}
        lines = [line for line in run.output.splitlines() if line.startswith("  socket ")]
        size = f"{stock['buffer_bytes']:,} bytes"
        assert lines[0].startswith(f"  socket    kamailio 127.0.0.1:5060: {size}, {stock['summary']}")

        assert play("site", {"sbc1": HERE}, **contract).status == 0
        tuned, *_ = audit({"sbc1": HERE}, **contract).host("sbc1")["sip_sockets"]
        assert tuned["holds_messages"] >= 10 * stock["holds_messages"]
        assert tuned["survives_seconds"] >= 1
        assert tuned["summary"].endswith(" s at the contract's 2,000/s")


def test_after_site_there_is_no_drift_and_strict_is_content() -> None:
    assert audit({"sbc1": HERE}, siptune_audit_strict=True).status == 2
    done = play("site", {"sbc1": HERE})
    assert done.status == 0, done.output
    run = audit({"sbc1": HERE}, "--check", siptune_audit_strict=True)  # --check makes no difference
    assert run.status == 0, run.output
    assert (run.host("sbc1")["drift"], run.host("sbc1")["would_change"]) == (0, False)
    write("net/core/somaxconn", 128)
    run = audit({"sbc1": HERE, "sbc2": HERE}, siptune_audit_strict=True)
    assert run.status == 2
    assert "1 item drifts: net.core.somaxconn" in run.output


def test_a_host_that_goes_away_is_in_the_report_beside_the_others() -> None:
    answers(0)
    run = audit({"well": HERE, "gone": OVER_SSH, "fine": HERE}, "-f", "3")
    assert run.status != 0
    assert {host["name"]: host["status"] for host in run.audit["hosts"]} == {
        "well": "audited",
        "gone": "unreachable",
        "fine": "audited",
    }
    gone = run.host("gone")
    # What ssh says; or, where it has ended before it was given anything, that nothing could be sent.
    assert "No route to host" in gone["message"] or "Broken pipe" in gone["message"]
    assert {layer["status"] for layer in gone["layers"]} == {"unreachable"}
    # Nobody waits for it a second time.
    assert Path("/run/calls").read_text(encoding="ascii").strip() == "1"


def test_all_hosts_gone_is_still_a_report() -> None:
    answers(0)
    run = audit({"gone": OVER_SSH})
    assert run.status != 0
    assert run.audit["totals"]["unreachable"] == 1


def test_a_host_whose_variables_are_wrong_is_in_the_report_beside_the_others() -> None:
    run = audit({"well": HERE, "odd": {**HERE, "siptune_profile": "fast"}})
    assert run.status == 2
    assert run.host("well")["status"] == "audited"
    assert run.host("odd")["status"] == "failed"
    assert "siptune_profile" in run.host("odd")["message"]


def test_in_batches_and_for_a_part_of_the_fleet() -> None:
    hosts = {f"sbc{number}": HERE for number in range(4)}
    run = audit(hosts, "--tags", "fs", siptune_serial=2)
    assert [host["name"] for host in run.audit["hosts"]] == list(hosts)
    assert {layer["name"] for layer in run.host("sbc3")["layers"] if layer["status"] == "audited"} == {"fs"}
    run = audit(hosts, "--limit", "sbc2", "--tags", "fs")
    assert [host["name"] for host in run.audit["hosts"]] == ["sbc2"]


FS = "/etc/sysctl.d/90-siptune-network.conf"
QUERY = """\
siptune_audit_query: |
  hosts[?drift>`0`].{host: name, items: items[?verdict=='drift' && item=='net.core.somaxconn'].item}
"""


def metrics() -> dict[str, str]:
    lines = Path(REPORTS, "siptune-audit.prom").read_text(encoding="utf-8").splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_a_question_from_a_file_needs_no_quotes_of_the_shell() -> None:
    write("net/core/somaxconn", 128)
    write_file("/run/query.yml", QUERY)
    run = audit({"sbc1": HERE}, "-e", "@/run/query.yml")
    assert run.status == 0, run.output
    answer = json.loads(run.output[run.output.index("\n[\n") : run.output.index("\n]\n") + 2])
    assert answer == [{"host": "sbc1", "items": ["net.core.somaxconn"]}]


def test_a_part_of_the_fleet_keeps_the_metrics_of_the_others() -> None:
    hosts = dict.fromkeys(("edge1", "edge2", "edge3"), HERE)
    write("net/core/somaxconn", 128)
    assert audit(hosts, siptune_audit_prometheus=REPORTS).status == 0
    night = metrics()
    write("net/core/somaxconn", 8192)
    left = dict.fromkeys(("edge1", "edge2"), HERE)
    run = audit(left, "--limit", "edge1", siptune_audit_prometheus=REPORTS)
    assert run.status == 0, run.output
    assert "1 host: 1 with drift; 1 other host of the inventory was not audited" in run.output
    assert "siptune-audit.prom keeps the samples of 1 other host from an earlier audit" in run.output
    assert run.audit["left_out"] == 1
    noon = metrics()
    assert not [name for name in noon if 'host="edge3"' in name]  # has left the inventory
    edge2 = {name for name in night if 'host="edge2"' in name}
    assert {name: noon[name] for name in edge2} == {name: night[name] for name in edge2}
    drift = 'siptune_audit_verdicts{host="%s",layer="network",verdict="drift"}'
    assert int(noon[drift % "edge1"]) == int(noon[drift % "edge2"]) - 1
    assert noon["siptune_audit_timestamp_seconds"] == night["siptune_audit_timestamp_seconds"]
    # An audit of one layer does not know whether a host drifts.
    run = audit(hosts, "--tags", "fs", siptune_audit_prometheus=REPORTS)
    assert run.status == 0, run.output
    assert "siptune-audit.prom is left as it was, as only these layers were audited: fs" in run.output
    assert metrics() == noon


def test_a_file_that_would_be_rewritten_and_what_a_boot_brings_now() -> None:
    assert play("site", {"sbc1": HERE}).status == 0
    done = audit({"sbc1": HERE})
    assert "changed=0" in done.output
    text = Path(FS).read_text(encoding="utf-8")
    write_file(FS, text.replace("\n\n", "\n# A comment of somebody's.\n\n", 1))
    run = audit({"sbc1": HERE})
    network = next(layer for layer in run.host("sbc1")["layers"] if layer["name"] == "network")
    assert (network["verdict"], network["would_rewrite"], network["drift"]) == ("drift", True, 0)
    assert network["files"] == [FS]
    assert f"  drift     network: a run would rewrite {FS}" in run.output
    assert "changed=0" in run.output
    assert "changed=1" not in run.output
    os.unlink(FS)
    items = [item for item in audit({"sbc1": HERE}).host("sbc1")["items"] if item["layer"] == "network"]
    drifting = [item for item in items if item["drift"]]
    assert drifting
    assert {item["live"] == item["planned"] for item in drifting} == {True}
    assert all(item["boot"] != item["boot_planned"] for item in drifting)


def test_counters_of_a_while() -> None:
    run = audit({"sbc1": HERE}, "--tags", "fs", siptune_audit_seconds=1)
    counters = run.host("sbc1")["counters"]
    assert not counters["since_boot"]
    assert counters["seconds"] >= 1
    assert run.audit["window_seconds"] == 1


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"siptune_audit_query": "hosts[?"}, "siptune_audit_query: 'hosts[?' is not JMESPath: "),
        ({"siptune_audit_directory": "/run/missing"}, "siptune_audit_directory: no report can be written to /run/m"),
        ({"siptune_audit_directory": "/proc"}, "siptune_audit_directory: no report can be written to /proc"),
        ({"siptune_audit_prometheus": "/run/missing"}, "siptune_audit_prometheus: no report can be written"),
        ({"siptune_audit_seconds": -1}, "siptune_audit_seconds: must be from 0 to 3600, not -1"),
    ],
    ids=["query", "no directory", "unwritable directory", "prometheus", "seconds"],
)
def test_bad_input_is_told_before_any_host_is_asked(variables: dict[str, Any], message: str) -> None:
    start = dump()
    answers(0)
    run = audit({"sbc1": OVER_SSH}, **variables)
    assert run.status == 2
    assert message in run.output.replace("\n", " ")
    assert "Nothing was changed on any host." in " ".join(run.output.split())
    assert not os.path.exists("/run/calls")
    assert os.listdir(REPORTS) == []
    assert difference(start, dump()) == {}


# --- other tuners ----------------------------------------------------------------------------

PROFILE = "/etc/tuned/siptest/tuned.conf"


def tuned_is_there(reapply: int) -> None:
    """TuneD as it is on a host where it is enabled, and a file of another tool's."""
    wants = "/etc/systemd/system/multi-user.target.wants"
    os.makedirs(wants)
    os.symlink("/lib/systemd/system/tuned.service", f"{wants}/tuned.service")
    write_file("/etc/tuned/active_profile", "siptest\n")
    write_file("/etc/tuned/tuned-main.conf", f"reapply_sysctl = {reapply}\n")
    write_file(PROFILE, "[main]\ninclude=base\n[sysctl]\nnet.core.somaxconn=128\n")
    write_file("/etc/tuned/base/tuned.conf", "[sysctl]\nnet.core.somaxconn=64\nnet.ipv4.tcp_sack=1\n")
    write_file("/etc/sysctl.d/99-puppet.conf", "# This file is managed by Puppet.\nnet.ipv4.tcp_timestamps = 0\n")


@pytest.mark.parametrize(("reapply", "word"), [(1, "siptune wins"), (0, "TuneD wins")])
def test_other_tuners_are_found_and_named(reapply: int, word: str) -> None:
    tuned_is_there(reapply)
    write("net/core/somaxconn", 128)
    start = dump()
    run = audit({"sbc1": HERE}, siptune_audit_prometheus=REPORTS)
    assert run.status == 0, run.output
    assert difference(start, dump()) == {}
    tuned, puppet = run.host("sbc1")["tuners"]
    assert (tuned["name"], tuned["active"], tuned["at_boot"]) == ("TuneD", False, True)
    assert [(key["item"], key["theirs"]) for key in tuned["keys"]] == [("net.core.somaxconn", "128")]
    assert (puppet["name"], puppet["detail"]) == ("/etc/sysctl.d/99-puppet.conf", "written by Puppet")
    assert puppet["keys"][0]["wins"] == puppet["name"]
    said = " ".join(run.output.split())
    assert f"net.core.somaxconn: 128, wanted at least 4096, {word}" in said
    assert "TuneD, profile siptest" in said
    assert ("reapply_sysctl = 1 in /etc/tuned/tuned-main.conf" in said) is (reapply == 0)
    prometheus = Path(REPORTS, "siptune-audit.prom").read_text(encoding="utf-8")
    assert 'siptune_audit_overlaps{host="sbc1",tuner="TuneD"} 1' in prometheus


def test_a_run_warns_of_tuned_and_an_audit_leaves_that_to_its_report() -> None:
    tuned_is_there(0)
    warned = "[WARNING]: sbc1: TuneD, profile siptest, does not run and is started at boot"
    run = play("site", {"sbc1": HERE}, "--check")
    assert warned in " ".join(run.output.split()), run.output
    assert warned not in " ".join(audit({"sbc1": HERE}).output.split())
    assert warned not in play("site", {"sbc1": HERE}, "--check", siptune_state="absent").output


# --- the way of packets ------------------------------------------------------------------------


def test_the_way_of_packets_is_looked_at_and_left_alone() -> None:
    mount("sysfs", "/sys", "sysfs")  # of this network namespace
    for words in (
        "add veth7 type veth peer name veth8",
        "add br7 type bridge",
        "set veth7 up master br7",
        "set br7 up",
    ):
        subprocess.run(["ip", "link", *words.split()], check=True)
    start = dump()
    run = audit({"sbc1": HERE}, siptune_audit_seconds=1, siptune_audit_prometheus=REPORTS)
    assert run.status == 0, run.output
    assert difference(start, dump()) == {}
    packets = run.host("sbc1")["packets"]
    online = len(os.sched_getaffinity(0))
    assert len(packets["processors"]) >= online
    assert all(0 <= one["net_rx"] <= one["net_rx_total"] for one in packets["processors"])
    assert packets["irqbalance"]["running"] is False
    lower = {one["interface"]: one["lower"] for one in packets["interfaces"] if one["virtual"]}
    assert (lower["veth7"], lower["br7"]) == ([], ["veth7"])
    prometheus = Path(REPORTS, "siptune-audit.prom").read_text(encoding="utf-8")
    assert 'siptune_audit_packet_findings{host="sbc1",kind="few_queues"} 0' in prometheus
    assert 'siptune_processor_net_rx_total{host="sbc1",cpu="0"}' in prometheus


# --- storage -----------------------------------------------------------------------------------

DISK_BYTES = 24 * 1024 * 1024


def mount_disk(image: str, place: str, options: str) -> None:
    """A disk of ext4, mounted with these options; the kernel lets the loop device go with the mount."""
    with open(image, "wb") as disk:
        disk.truncate(DISK_BYTES)
    os.makedirs(place)
    for words in (["mkfs.ext4", "-q", image], ["mount", "-o", f"loop,{options}", image, place]):
        if subprocess.run(words, check=False, stderr=subprocess.DEVNULL).returncode:
            pytest.skip(f"this machine does not let us run {words[0]}")


def test_where_daemons_write_is_looked_at_and_left_alone() -> None:
    write_file("/etc/systemd/system/asterisk.service", "[Service]\nExecStart=/usr/sbin/asterisk -f\n")
    write_file(
        "/etc/asterisk/asterisk.conf",
        "[directories]\nastspooldir => /run/pbx/spool\nastlogdir => /run/pbx/log\nastdbdir => /run/memory\n",
    )
    mount_disk("/run/disk", "/run/pbx", "sync,strictatime,data=journal")
    os.makedirs("/run/memory")
    for directory in ("/run/pbx/spool/monitor", "/run/pbx/log"):
        os.makedirs(directory)
    write_file("/run/pbx/log/full", "")
    mounted = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    start = dump()
    run = audit({"sbc1": HERE}, siptune_audit_prometheus=REPORTS)
    assert run.status == 0, run.output
    assert difference(start, dump()) == {}
    assert Path("/proc/self/mountinfo").read_text(encoding="utf-8") == mounted
    found = [one for one in run.host("sbc1")["storage"] if one["daemon"] == "asterisk" and one["kind"] != "full"]
    on_disk = {(one["path"], one["purpose"], one["kind"]) for one in found if one["mount"] == "/run/pbx"}
    assert on_disk == {
        *(
            (path, purpose, kind)
            for path, purpose in (
                ("/run/pbx/spool/monitor", "recordings"),
                ("/run/pbx/spool", "spool"),
                ("/run/pbx/log", "logs"),
            )
            for kind in ("sync", "strictatime", "data_journal")
        ),
        ("/run/pbx/log/full", "logs", "no_cap"),
    }
    assert [(one["path"], one["kind"]) for one in found if one["mount"] != "/run/pbx"] == [("/run/memory", "tmpfs")]
    said = " ".join(run.output.split())
    assert "mounted sync: each write waits for the disk; mount it without sync" in said
    prometheus = Path(REPORTS, "siptune-audit.prom").read_text(encoding="utf-8")
    assert 'siptune_audit_storage_findings{host="sbc1",kind="sync"} 3' in prometheus


def test_the_journal_is_bounded_only_if_asked_to() -> None:
    file = Path("/etc/systemd/journald.conf.d/90-siptune.conf")
    start = dump()
    assert play("site", {"sbc1": HERE}).status == 0
    assert not file.exists()
    bounded = play("site", {"sbc1": HERE}, siptune_fs_journal_max_use="1G")
    assert bounded.status == 0, bounded.output
    assert "SystemMaxUse=1G" in file.read_text(encoding="utf-8")
    again = play("site", {"sbc1": HERE}, siptune_fs_journal_max_use="1G")
    assert "changed=0" in again.output
    wrong = play("site", {"sbc1": HERE}, siptune_fs_journal_max_use="much")
    assert "siptune_fs_journal_max_use: journald SystemMaxUse: must be a size" in " ".join(wrong.output.split())
    assert play("rollback", {"sbc1": HERE}).status == 0
    assert difference(start, dump()) == {}
    assert not file.parent.exists()
