# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters and open files of a host that is a directory: files of Linux 6.18, and processes as /proc shows them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._counters.reading import as_results, begun, gauges, read
from ansible_collections.siptune.linux.plugins.module_utils._counters.table import COUNTERS
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from sip_trees import PROGRAM

CAPTURED = Path(__file__).parents[1] / "captured"
FILES = ("snmp", "snmp6", "netstat", "softnet_stat", "udp", "udp6")
little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="captured on a little-endian host")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc/net/stat").mkdir(parents=True)
    for name in FILES:
        shutil.copy(CAPTURED / f"counters-6.18-{name}.txt", tmp_path / "proc/net" / name)
    write(tmp_path, "/proc/uptime", "1234.50 2000.00\n")
    return tmp_path


def write(root: Path, path: str, text: str) -> None:
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="ascii")


def edit(root: Path, path: str, old: str, new: str) -> None:
    file = root / path.lstrip("/")
    text = file.read_text(encoding="ascii")
    assert old in text
    file.write_text(text.replace(old, new), encoding="ascii")


def by_name(results: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {result["name"]: result for result in results}


@little_endian
def test_one_reading_is_since_boot(root: Path) -> None:
    readings = read(Host(str(root)), 0)
    counters = by_name(as_results(readings))
    assert (readings.before, readings.seconds) == (None, 1234.5)
    assert list(counters) == [counter.name for counter in COUNTERS]
    assert counters["UdpRcvbufErrors"] == {
        "name": "UdpRcvbufErrors",
        "kind": "counter",
        "unit": "datagrams",
        "source": "/proc/net/snmp UdpRcvbufErrors",
        "value": 36,
        "total": 36,
        "limit": None,
        "part_is": None,
        "parts": [],
        "reason": "",
    }
    assert counters["UdpSocketDrops"]["value"] == 62
    assert [(part["part"], part["value"]) for part in counters["UdpSocketDrops"]["parts"]] == [
        ("127.0.0.1:5060", 36),
        ("[::1]:5061", 26),
    ]


@little_endian
def test_two_readings_show_what_lies_between(root: Path) -> None:
    def meanwhile(seconds: float) -> None:
        assert seconds == 5
        edit(root, "/proc/net/snmp", "Udp: 0 0 36 40 36", "Udp: 0 0 41 45 41")
        edit(root, "/proc/net/udp", "00000000277247d7 36", "00000000277247d7 41")

    counters = by_name(as_results(read(Host(str(root)), 5, meanwhile)))
    assert (counters["UdpRcvbufErrors"]["value"], counters["UdpRcvbufErrors"]["total"]) == (5, 41)
    assert (counters["Udp6RcvbufErrors"]["value"], counters["Udp6RcvbufErrors"]["total"]) == (0, 26)
    assert [(part["part"], part["value"], part["total"]) for part in counters["UdpSocketDrops"]["parts"]] == [
        ("127.0.0.1:5060", 5, 41),
        ("[::1]:5061", 0, 26),
    ]


def test_what_is_not_there_is_null_with_a_reason(root: Path) -> None:
    edit(root, "/proc/net/snmp", "RcvbufErrors", "SomethingElse")
    (root / "proc/net/snmp6").unlink()
    counters = by_name(as_results(read(Host(str(root)), 0)))
    assert (counters["UdpRcvbufErrors"]["value"], counters["UdpRcvbufErrors"]["reason"]) == (
        None,
        "this kernel does not count it",
    )
    assert (counters["Udp6RcvbufErrors"]["total"], counters["Udp6RcvbufErrors"]["reason"]) == (
        None,
        "cannot be read from here",
    )
    assert counters["ConntrackDrop"]["reason"] == "connection tracking is not in use"


def test_a_counter_that_goes_away_between_two_readings_is_null(root: Path) -> None:
    counters = by_name(as_results(read(Host(str(root)), 1, lambda _seconds: (root / "proc/net/snmp").unlink())))
    assert counters["UdpRcvbufErrors"]["value"] is None
    assert counters["UdpRcvbufErrors"]["reason"] == "cannot be read from here"
    assert counters["ListenOverflows"]["value"] == 0


def test_an_empty_host_has_no_counters_and_no_errors(tmp_path: Path) -> None:
    host = Host(str(tmp_path))
    readings = read(host, 0)
    assert readings.seconds is None
    of_files = [result for result in as_results(readings) if not result["source"].startswith(("rtnetlink", "ethtool"))]
    results = of_files + gauges(host)
    assert all(result["value"] is None and result["reason"] for result in results)


def test_conntrack_entries_and_their_limit(root: Path) -> None:
    write(root, "/proc/sys/net/netfilter/nf_conntrack_count", "130000\n")
    write(root, "/proc/sys/net/netfilter/nf_conntrack_max", "131072\n")
    gauge = by_name(gauges(Host(str(root))))["ConntrackEntries"]
    assert (gauge["value"], gauge["limit"], gauge["reason"]) == (130000, 131072, "")


# --- open files ------------------------------------------------------------------------------


def make_process(
    root: Path, pid: int, name: str, files: int, limit: int, unit: str = "", words: str = "", program: str = PROGRAM
) -> None:
    process = f"/proc/{pid}"
    write(root, f"{process}/comm", f"{name}\n")
    write(root, f"{process}/status", f"Name:\t{name}\nPPid:\t1\nUid:\t0\t0\t0\t0\nNSpid:\t{pid}\n")
    write(root, f"{process}/cmdline", f"/usr/sbin/{name}\0{words}")
    write(root, f"{process}/cgroup", f"0::/system.slice/{unit}\n" if unit else "0::/\n")
    write(root, f"{process}/limits", f"Max open files            {limit}            524288            files     \n")
    (root / f"proc/{pid}/exe").symlink_to(program)
    for number in range(files):
        write(root, f"{process}/fd/{number}", "")


@pytest.fixture
def daemons(root: Path) -> Path:
    make_process(root, 1, "systemd", 3, 1024)
    make_process(root, 10, "kamailio", 20, 100, "kamailio.service")
    make_process(root, 11, "kamailio", 95, 100, "kamailio.service")
    make_process(root, 12, "kamailio", 30, 100, "kamailio.service")
    make_process(root, 20, "asterisk", 5, 1000)
    make_process(root, 21, "asterisk", 99, 100, words="-rx\0core show channels\0")
    return root


def test_the_fullest_process_of_each_daemon_counts(daemons: Path) -> None:
    gauge = by_name(gauges(Host(str(daemons))))["Descriptors"]
    assert (gauge["value"], gauge["limit"], gauge["part_is"]) == (95, 100, "unit")
    assert gauge["parts"] == [
        {
            "part": "kamailio.service",
            "value": 95,
            "total": None,
            "limit": 100,
            "note": "kamailio, process 11, the fullest of 3",
        },
        {"part": "asterisk", "value": 5, "total": None, "limit": 1000, "note": "asterisk, process 20"},
    ]


def test_a_process_of_a_container_does_not_bear_a_unit_of_ours(daemons: Path) -> None:
    edit(daemons, "/proc/11/status", "NSpid:\t11", "NSpid:\t11\t7")
    parts = by_name(gauges(Host(str(daemons))))["Descriptors"]["parts"]
    assert [part["part"] for part in parts] == ["kamailio", "kamailio.service", "asterisk"]


def test_processes_that_the_system_has_not_started_do_not_fill_the_gauge(daemons: Path) -> None:
    for pid in (30, 31):
        make_process(daemons, pid, "kamailio", 99, 100)
        write(daemons, f"/proc/{pid}/status", f"PPid:\t1\nUid:\t65534\t65534\t65534\t65534\nNSpid:\t{pid}\n")
    gauge = by_name(gauges(Host(str(daemons))))["Descriptors"]
    assert (gauge["value"], [part["part"] for part in gauge["parts"]]) == (95, ["kamailio.service", "asterisk"])


def test_without_a_daemon_there_is_nothing_to_say(root: Path) -> None:
    make_process(root, 1, "systemd", 3, 1024)
    gauge = by_name(gauges(Host(str(root))))["Descriptors"]
    assert (gauge["value"], gauge["parts"], gauge["reason"]) == (None, [], "no SIP daemon is running")


def test_a_daemon_whose_limits_are_hidden_is_null(root: Path) -> None:
    make_process(root, 10, "kamailio", 20, 100)
    (root / "proc/10/limits").unlink()
    assert by_name(gauges(Host(str(root))))["Descriptors"]["reason"] == "cannot be read from here, which takes root"


# --- what the counters are since -------------------------------------------------------------

STAT = "1 (init) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 {ticks} 1 2\n"


def namespaces(root: Path, first: bool, ours: str, of_first: str | None, ticks: int = 100000) -> Host:
    """A host in the first network namespace or another, and its process 1, which began so many ticks after boot."""
    write(root, "/proc/sys/net/core/somaxconn", "4096\n")
    if first:
        write(root, "/proc/sys/net/core/netdev_max_backlog", "1000\n")
    for pid, name in (("self", ours), ("1", of_first)):
        (root / f"proc/{pid}/ns").mkdir(parents=True)
        if name is not None:
            (root / f"proc/{pid}/ns/net").symlink_to(name)
    write(root, "/proc/1/stat", STAT.format(ticks=ticks))
    return Host(str(root))


TICKS = os.sysconf("SC_CLK_TCK")
BEGUN: dict[str, tuple[tuple[Any, ...], tuple[str, float | None]]] = {
    "a machine": ((True, "net:[1]", "net:[1]"), ("boot", 1234.5)),
    "a container in the host's network": ((True, "net:[1]", "net:[1]", 90 * TICKS), ("boot", 1234.5)),
    "a container": ((False, "net:[2]", "net:[2]", 900 * TICKS), ("container", 100.0)),
    "a container as old as the machine": ((False, "net:[2]", "net:[2]", 0), ("container", 1000.0)),
    "a clock that is behind": ((False, "net:[2]", "net:[2]", 1001 * TICKS), ("container", None)),
    "another namespace": ((False, "net:[3]", "net:[2]"), ("namespace", None)),
    "a first process that is hidden": ((False, "net:[3]", None), ("namespace", None)),
}


@pytest.mark.parametrize(("tree", "expected"), BEGUN.values(), ids=BEGUN.keys())
def test_what_the_counters_are_since(root: Path, tree: tuple[Any, ...], expected: tuple[str, float | None]) -> None:
    """The clock of start times is at 1000 seconds; /proc/uptime has another, as lxcfs gives a container."""
    assert begun(namespaces(root, *tree), lambda: 1000.0) == expected
