# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.hazards import (
    COUNTERS,
    Resources,
    concerns,
    warning_of,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import SysctlError, parse_key
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from hypothesis import given
from hypothesis import strategies as st
from sysctl_hosts import make_tree, observed, request

GIB = 2**30
HOST = Resources(
    memory_bytes=8 * GIB,
    huge_page_bytes=2 * 2**20,
    in_use={"fs/file-max": 9000, **dict.fromkeys(COUNTERS, 9000)},
    advertised=["eth0"],
    uplinks=["eth0", "eth1"],
)

# A key, a value to warn of with a part of the reason, and one that is fine.
VALUES = [
    ("kernel.pid_max", 17999, "9000 processes and threads now", 18000),
    ("kernel.threads-max", 301, "nobody logs in", 63000),
    ("vm.nr_hugepages", 2049, "4297064448 of 8589934592 bytes", 2048),
    ("vm.min_free_kbytes", 419431, "more than 5% of the host", 419430),
    ("vm.min_free_kbytes", 100, "deadlocks", 67584),
    ("vm.admin_reserve_kbytes", 4194304, "more than 25%", 131072),
    ("vm.user_reserve_kbytes", 8388608, "more than 25%", 131072),
    ("vm.watermark_scale_factor", 3000, "a tenth", 10),
    ("vm.overcommit_memory", 2, "get none", 1),
    ("vm.panic_on_oom", 1, "whole host", 0),
    ("vm.max_map_count", 1000, "ask for memory", 262144),
    ("vm.mmap_min_addr", 4194304, "do not start", 65536),
    ("kernel.pty.max", 1, "terminal", 4096),
    ("kernel.keys.maxkeys", 1, "keyring", 200),
    ("kernel.sched_rt_runtime_us", -1, "real-time", 950000),
    ("fs.file-max", 10000, "9000 open files", 18000),
    ("fs.inotify.max_user_instances", 1, "watch", 128),
    ("net.ipv4.ip_default_ttl", 1, "distant hosts", 64),
    ("net.ipv6.conf.all.hop_limit", 4, "distant hosts", 64),
    ("net.ipv6.conf.eth0/100.hop_limit", 4, "distant hosts", 255),
    ("net.ipv4.conf.eth0.arp_ignore", 8, "no ARP request", 2),
    ("net.ipv4.conf.all.arp_ignore", 8, "nobody in its network", 1),
    ("net.ipv4.route.max_size", 1, "unreachable", 2147483647),
    ("net.ipv6.route.max_size", 16, "unreachable", -1),
    ("net.ipv4.neigh.default.gc_thresh3", 2, "out of reach", 1024),
    ("net.netfilter.nf_conntrack_max", 9001, "new ones are dropped", 0),
    ("net.core.somaxconn", 1, "refused", 128),
    ("net.ipv4.ip_local_port_range", "50000 57998", "leaves 7999 ports", "50000 57999"),
    ("net.ipv4.conf.all.rp_filter", 1, "eth0 and eth1", 2),
    ("net.ipv6.conf.eth0.accept_ra", 0, "ends with its lifetime", 2),
    ("net.ipv6.conf.all.accept_ra", 0, "eth0", 1),
]


@pytest.mark.parametrize(("key", "bad", "words", "good"), VALUES, ids=[f"{one[0]}={one[1]}" for one in VALUES])
def test_a_value_that_would_starve_the_host_or_cut_it_off(key: str, bad: object, words: str, good: object) -> None:
    for value, expected in ((bad, [words]), (good, [])):
        done = plan(request({key: value}), observed({key: "777"}, resources=HOST))
        assert [word for word in expected if word in " ".join(done.warnings)] == expected
        assert len(done.warnings) == len(expected)
        assert all(warning.startswith(f"{key} = {value}: ") for warning in done.warnings)
    assert concerns(parse_key(key))


def test_what_is_not_known_is_not_warned_of() -> None:
    quiet = {"kernel/pid_max": "1", "vm/nr_hugepages": "99999999", "net/ipv6/conf/all/accept_ra": "0"}
    assert [warning_of(path, text, {}, Resources()) for path, text in quiet.items()] == [""] * len(quiet)


RANGE, RESERVED = "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"


def test_reserved_ports_take_from_the_range() -> None:
    live = {RANGE: "32768 60999", RESERVED: "5060-5061"}
    done = plan(request({RESERVED: {"value": "30000-40000,45000-60000", "rule": "at_least"}}), observed(live))
    assert done.warnings[0].startswith(
        f"{RESERVED} = 5060-5061,30000-40000,45000-60000: leaves 5998 ports of {RANGE} (32768-60999) for outgoing "
        "connections, as 32768-40000, 45000-60000 are reserved: fewer than 8000"
    )
    both = {RANGE: "10000 60999", RESERVED: "30000-60000"}
    assert plan(request(both), observed(live)).warnings == []
    inside = {RANGE: "30000 43000"}
    reserved = observed({RANGE: "32768 60999", RESERVED: "38000-60999"})
    assert "leaves 8000 ports" not in " ".join(plan(request(inside), reserved).warnings)
    assert "leaves 7999 ports" in plan(request({RANGE: "30001 43000"}), reserved).warnings[0]


@pytest.mark.parametrize(
    ("live_ports", "settings", "refused"),
    [
        pytest.param("", {RESERVED: "10000-59000"}, "leaves 1999 ports", id="reserved"),
        pytest.param("", {RESERVED: "10000-58999"}, "", id="just enough"),
        pytest.param("", {RANGE: "50000 51998"}, "leaves 1999 ports", id="a narrow range"),
        pytest.param("40000-60999", {RANGE: "38001 60999"}, "leaves 1999 ports", id="with what is reserved already"),
        pytest.param("", {RANGE: "10240 65535", RESERVED: "20000-60000"}, "", id="together with a wider range"),
        pytest.param("30000-60000", {RESERVED: "30000-60000"}, "", id="as it was"),
        pytest.param("30000-60000", {RESERVED: "30000-59500"}, "", id="more than before"),
        pytest.param("30000-60000", {RESERVED: {"value": "5060", "rule": "at_least"}}, "", id="below it, elsewhere"),
        pytest.param("30000-60000", {RESERVED: {"value": "60001", "rule": "at_least"}}, "leaves 998", id="one less"),
    ],
)
def test_too_few_ports_are_refused(live_ports: str, settings: dict[str, object], refused: str) -> None:
    host = observed({RANGE: "32768 60999", RESERVED: live_ports})
    if not refused:
        plan(request(settings), host)
        return
    with pytest.raises(SysctlError) as error:
        plan(request(settings), host)
    words = str(error.value)
    assert refused in words
    assert "fewer than 2000. Widen net.ipv4.ip_local_port_range" in words
    assert "To have the rest, leave the key out" in words


def test_an_unknown_range_refuses_nothing() -> None:
    assert plan(request({RESERVED: "1-65535"}), observed({RESERVED: ""})).warnings == []


def test_a_floor_that_the_host_meets_is_not_warned_of() -> None:
    floor = {"net.core.somaxconn": {"value": 2, "rule": "at_least"}}
    assert plan(request(floor), observed()).warnings == []


@given(st.sampled_from([parse_key(one[0]) for one in VALUES]), st.text("0123456789- x", max_size=30))
def test_any_text_gives_a_reason_or_none(path: str, text: str) -> None:
    assert isinstance(warning_of(path, text, {}, HOST), str)


FILES = {
    "proc/meminfo": "MemTotal:        8388608 kB\nHugepagesize:       2048 kB\n",
    "proc/loadavg": "0.10 0.20 0.30 2/517 12345\n",
    "proc/sys/fs/file-nr": "2464\t0\t9223372036854775807\n",
    "proc/sys/net/netfilter/nf_conntrack_count": "12\n",
    "proc/sys/kernel/pid_max": "4194304\n",
    "proc/net/route": "Iface\tDestination\tGateway\neth1\t00000000\t01\neth0\t00000000\t02\neth0\t0000A8C0\t0\n",
}


def test_the_resources_of_a_host(tmp_path: Path) -> None:
    found = observe(make_tree(tmp_path, FILES), request({"kernel.pid_max": 900})).resources
    assert (found.memory_bytes, found.huge_page_bytes, list(found.uplinks)) == (8 * GIB, 2 * 2**20, ["eth0", "eth1"])
    assert {key.rpartition("/")[2]: used for key, used in found.in_use.items()} == {
        "file-max": 2464,
        "pid_max": 517,
        "threads-max": 517,
        "nf_conntrack_max": 12,
    }


def test_the_resources_are_read_where_they_matter(tmp_path: Path) -> None:
    assert observe(make_tree(tmp_path, FILES), request({"net.ipv4.tcp_sack": 1})).resources == Resources()
    real = observe(Host(), request({"kernel.pid_max": 4194304})).resources
    assert real.memory_bytes
    assert real.in_use["kernel/pid_max"] > 1
