# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.setting import AT_LEAST, AT_MOST, EXACT
from ansible_collections.siptune.linux.plugins.module_utils._sysctl import kernel
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import SysctlError
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.value import (
    check_rule,
    may_read_as,
    parse_ports,
    parse_value,
    raised,
    render_ports,
    same,
    satisfied,
    stored,
    wanted_from,
)
from hypothesis import given
from hypothesis import strategies as st

RMEM = "net/ipv4/tcp_rmem"
PORTS = "net/ipv4/ip_local_reserved_ports"


@pytest.mark.parametrize(
    ("path", "given_value", "text"),
    [
        pytest.param("net/core/rmem_max", 67108864, "67108864", id="integer"),
        pytest.param("net/core/rmem_max", "67108864", "67108864", id="quoted integer"),
        pytest.param("net/core/rmem_max", " 67108864 ", "67108864", id="blanks around"),
        pytest.param("net/core/rmem_max", "0x4000000", "67108864", id="hexadecimal, as the kernel reads it"),
        pytest.param(RMEM, "4096\t131072   6291456", "4096 131072 6291456", id="vector"),
        pytest.param(RMEM, [4096, 131072, 6291456], "4096 131072 6291456", id="vector as a list"),
        pytest.param(RMEM, "4096 131072", "4096 131072", id="short vector"),
        pytest.param(PORTS, "5060-5061,10000-20000,5062", "5060-5062,10000-20000", id="ports merge"),
        pytest.param(PORTS, ["5060-5061", 8080], "5060-5061,8080", id="ports as a list"),
        pytest.param(PORTS, "", "", id="no ports"),
        pytest.param("kernel/core_pattern", "|/usr/bin/core %P  %u", "|/usr/bin/core %P  %u", id="text as written"),
        pytest.param("kernel/shmmax", 18446744073692774399, "18446744073692774399", id="unsigned long"),
        pytest.param("user/max_user_namespaces", "15000", "15000", id="unknown key"),
        pytest.param("kernel/panic", -1, "-1", id="restart at once"),
        pytest.param("kernel/panic", "-30", "-30", id="restart at once, in another way"),
        pytest.param("kernel/perf_event_paranoid", -1, "-1", id="no paranoia"),
        pytest.param("net/ipv4/tcp_max_tw_buckets", 0, "0", id="no buckets"),
        pytest.param("net/ipv4/tcp_max_syn_backlog", 0, "0", id="cookies alone"),
        pytest.param("net/ipv4/tcp_fin_timeout", 0, "0", id="no wait"),
        pytest.param("net/netfilter/nf_conntrack_udp_timeout", 0, "0", id="no tracking"),
        pytest.param("net/core/netdev_budget_usecs", 0, "0", id="one poll at a time"),
        pytest.param(RMEM, "1024 87380 6291456", "1024 87380 6291456", id="little memory under pressure"),
        pytest.param("net/core/rps_default_mask", "01", "01", id="mask with a leading zero"),
        pytest.param("net/core/rps_default_mask", "3 \t", "3", id="mask with blanks after it"),
    ],
)
def test_a_valid_value_is_parsed(path: str, given_value: object, text: str) -> None:
    assert parse_value(path, given_value) == text


@pytest.mark.parametrize(
    ("path", "given_value", "complaint"),
    [
        pytest.param("net/ipv4/tcp_sack", True, "write 1 or 0", id="yes is a boolean to YAML"),
        pytest.param("net/ipv4/tcp_sack", 1.0, "whole number", id="fraction"),
        pytest.param("net/core/rmem_max", "6.7e7", "whole number", id="exponent"),
        pytest.param("net/core/rmem_max", "64M", "without unit", id="unit"),
        pytest.param("net/core/somaxconn", "010", "octal", id="leading zero"),
        pytest.param("user/max_user_namespaces", "007", "octal", id="leading zero of an unknown key"),
        pytest.param("net/ipv4/tcp_sack", None, "no value", id="none"),
        pytest.param("net/ipv4/tcp_sack", "", "empty", id="empty"),
        pytest.param("net/ipv4/tcp_sack", [1], "one value", id="list for a scalar"),
        pytest.param("user/max_user_namespaces", [1], "one value", id="list for an unknown key"),
        pytest.param(RMEM, ["4096 131072", 6291456], "several values", id="vector within a list"),
        pytest.param("net/ipv4/tcp_sack", {"a": 1}, "not a dict", id="dictionary"),
        pytest.param("net/ipv4/tcp_sack", "1\n0", "line break", id="newline"),
        pytest.param("kernel/core_pattern", "core\0", "control character", id="NUL"),
        pytest.param("kernel/core_pattern", "\ud800", "invalid character", id="lone surrogate"),
        pytest.param("kernel/core_pattern", "x" * 5000, "longer than", id="too long for the kernel"),
        pytest.param(RMEM, "1 2 3 4", "3 numbers", id="too many fields"),
        pytest.param(RMEM, "131072 4096 6291456", "rise", id="falling vector"),
        pytest.param("net/ipv4/tcp_fin_timeout", -5, "outside", id="negative, which the kernel accepts"),
        pytest.param("net/ipv4/tcp_max_tw_buckets", -1, "outside", id="negative buckets"),
        pytest.param("net/core/netdev_max_backlog", 0, "outside", id="no backlog at all"),
        pytest.param("net/ipv4/tcp_timestamps", 7, "outside", id="unchecked flag"),
        pytest.param("net/ipv4/conf/eth0/rp_filter", 7, "outside", id="unchecked interface flag"),
        pytest.param("net/ipv4/conf/*/rp_filter", 7, "outside", id="unchecked interface flag by glob"),
        pytest.param("kernel/perf_event_paranoid", 9, "outside", id="unchecked paranoia"),
        pytest.param("kernel/perf_event_paranoid", -2, "outside", id="negative paranoia"),
        pytest.param("kernel/randomize_va_space", 5, "outside", id="unchecked randomization"),
        pytest.param("kernel/panic", -(2**31) - 1, "outside", id="panic below an int"),
        pytest.param("net/ipv4/udp_mem", "-1 0 0", "outside", id="negative pages"),
        pytest.param("kernel/sem", "250 32000 100 40000", "outside", id="more semaphore sets than the kernel has"),
        pytest.param("net/core/rmem_max", 2**31, "outside", id="over an int"),
        pytest.param("net/ipv4/ip_local_port_range", "65535 1024", "rise", id="range upside down"),
        pytest.param(PORTS, "5060-70000", "not a port", id="port too high"),
        pytest.param(PORTS, "5061-5060", "not a port", id="port range upside down"),
    ],
)
def test_an_ambiguous_or_harmful_value_is_refused(path: str, given_value: object, complaint: str) -> None:
    with pytest.raises(SysctlError, match=complaint):
        parse_value(path, given_value)


@given(st.sampled_from(["net/core/somaxconn", RMEM, PORTS, "kernel/core_pattern", "dev/unknown"]), st.text())
def test_any_text_gives_a_value_for_one_line_or_the_domain_error(path: str, text: str) -> None:
    try:
        value = parse_value(path, text)
    except SysctlError:
        return
    assert "\n" not in value
    assert "\0" not in value
    assert parse_value(path, value) == value
    assert same(path, value, value)


@pytest.mark.parametrize(
    ("path", "one", "other", "equal"),
    [
        (RMEM, "4096 131072 6291456", "4096\t131072\t6291456", True),
        (RMEM, "4096 131072 6291456", "4096 131072", False),
        ("net/core/rmem_max", "67108864", "0x4000000", True),
        (PORTS, "5060-5061,5062", "5060-5062", True),
        (PORTS, "", "", True),
        (PORTS, "5060", "nonsense", False),
        ("kernel/core_pattern", "core 0x10", "core 16", False),
        ("dev/unknown", "on  off", "on off", True),
        ("net/core/rmem_max", "9" * 5000, "9", False),
        ("net/core/rps_default_mask", "00000001", "1", True),
        ("net/core/rps_default_mask", "0,0000000F", "f", True),
        ("net/core/rps_default_mask", "10", "1", False),
        ("net/core/rps_default_mask", "1,00000000", "1", False),
        ("net/core/flow_limit_cpu_bitmap", "0", "00", True),
        ("net/core/flow_limit_cpu_bitmap", "0-1", "nonsense", False),
        ("net/ipv4/tcp_fastopen_key", "ABC-0-0-1", "00000abc-00000000-00000000-00000001", True),
        ("net/ipv4/tcp_fastopen_key", "1-2-3-4,5-6-7-8", "1-2-3-4", False),
    ],
)
def test_values_are_compared_as_the_kernel_stores_them(path: str, one: str, other: str, equal: bool) -> None:
    assert same(path, one, other) is equal


@pytest.mark.parametrize(
    ("path", "written", "before", "after"),
    [
        pytest.param("net/ipv4/udp_mem", "1", "19 20 21", "1 20 21", id="a short vector keeps its tail"),
        pytest.param("net/core/rps_sock_flow_entries", "30000", "0", "32768", id="power of two"),
        pytest.param("net/core/rps_sock_flow_entries", "32768", "0", "32768", id="power of two already"),
        pytest.param("net/core/rps_sock_flow_entries", "0", "32768", "0", id="off"),
        pytest.param("net/ipv4/tcp_rmem", "4096 131072 6291456", None, "4096 131072 6291456", id="nothing known"),
    ],
)
def test_the_value_that_the_kernel_stores(path: str, written: str, before: str | None, after: str) -> None:
    assert stored(path, written, before) == after


@pytest.mark.parametrize(("page_bytes", "after"), [(4096, "100352"), (16384, "100352"), (65536, "106496")])
def test_buckets_fill_whole_pages(monkeypatch: pytest.MonkeyPatch, page_bytes: int, after: str) -> None:
    # 4 KiB nearly everywhere, 64 KiB on kernels of arm64 such as kernel-64k of EL 9 and 10
    monkeypatch.setattr(kernel, "HASH_BUCKETS_PER_PAGE", page_bytes // 8)
    assert stored("net/netfilter/nf_conntrack_buckets", "100000", "65536") == after


@pytest.mark.parametrize(
    ("path", "rule", "wanted", "live", "after"),
    [
        ("net/core/rmem_max", AT_LEAST, "4194304", "212992", "4194304"),
        ("net/core/rmem_max", AT_LEAST, "4194304", "33554432", "33554432"),
        (RMEM, AT_LEAST, "10240 87380 10485760", "4096 131072 6291456", "10240 131072 10485760"),
        (RMEM, AT_LEAST, "10240", "4096 131072 6291456", "10240 131072 6291456"),
        ("kernel/sem", AT_LEAST, "250 32000 100 128", "32000 1024000000 500 32000", "32000 1024000000 500 32000"),
        ("net/netfilter/nf_conntrack_max", AT_LEAST, "131072", "0", "0"),
        ("net/netfilter/nf_conntrack_max", AT_LEAST, "131072", "65536", "131072"),
        ("net/netfilter/nf_conntrack_max", AT_MOST, "131072", "0", "131072"),
        ("net/netfilter/nf_conntrack_max", AT_MOST, "131072", "65536", "65536"),
        ("vm/swappiness", AT_MOST, "10", "60", "10"),
        ("vm/swappiness", AT_MOST, "10", "1", "1"),
        (PORTS, AT_LEAST, "5060-5061", "8080,5062", "5060-5062,8080"),
        (PORTS, AT_LEAST, "5060-5061", "", "5060-5061"),
        (RMEM, EXACT, "4096", "8192 131072 6291456", "4096 131072 6291456"),
    ],
)
def test_floors_and_ceilings_go_field_by_field(path: str, rule: str, wanted: str, live: str, after: str) -> None:
    assert wanted_from(path, rule, wanted, live) == after
    assert satisfied(path, rule, wanted, after)


vectors = st.lists(st.integers(0, 2**31 - 1), min_size=3, max_size=3).map(lambda xs: " ".join(map(str, xs)))


@given(vectors, vectors)
def test_a_floor_never_lowers_a_field(floor: str, live: str) -> None:
    after = raised("net/ipv4/tcp_mem", floor, live).split()
    assert all(int(new) >= int(old) for new, old in zip(after, live.split()))
    assert raised("net/ipv4/tcp_mem", floor, " ".join(after)) == " ".join(after)


def test_a_floor_that_does_not_fit_the_key_is_refused() -> None:
    with pytest.raises(SysctlError, match="has 1 field, but 2 were given"):
        raised("dev/unknown", "1 2", "1")
    with pytest.raises(SysctlError, match="kernel's value"):
        raised("dev/unknown", "1", "cubic")


@pytest.mark.parametrize(
    ("path", "rule", "value"),
    [
        ("kernel/core_pattern", AT_LEAST, "core"),
        ("dev/unknown", AT_MOST, "cubic"),
        (PORTS, AT_MOST, "5060"),
    ],
)
def test_a_bound_on_text_is_refused(path: str, rule: str, value: str) -> None:
    with pytest.raises(SysctlError):
        check_rule(path, rule, value)


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(lambda pair: tuple(sorted(pair)))))
def test_ports_survive_a_round_trip(ranges: list[tuple[int, int]]) -> None:
    merged = parse_ports("ports", render_ports(ranges))
    assert parse_ports("ports", render_ports(merged)) == merged
    assert all(high + 1 < low for (_, high), (low, _) in zip(merged, merged[1:]))
    assert all(any(low <= port <= high for low, high in merged) for pair in ranges for port in pair)


@pytest.mark.parametrize(
    ("path", "written", "value", "possible"),
    [
        pytest.param("net/core/somaxconn", "9000", "4096", False, id="numbers speak for themselves"),
        pytest.param("dev/unknown", "1 2", "1 3", False, id="vectors, too"),
        pytest.param("net/ipv4/tcp_allowed_congestion_control", "bbr reno", "reno bbr", True, id="names in any order"),
        pytest.param("net/core/rps_default_mask", "5", "1", True, id="processors that are not there"),
        pytest.param("net/ipv6/conf/eth0/stable_secret", "::1", "0000:0000:0000:0000:0000:0000:0000:0001", True),
        pytest.param("net/ipv4/neigh/default/retrans_time_ms", "1001", "1004", True, id="whole jiffies"),
        pytest.param("net/ipv4/neigh/default/retrans_time_ms", "500", "1000", False, id="another time"),
    ],
)
def test_a_value_in_a_form_of_the_kernels_own_was_taken(path: str, written: str, value: str, possible: bool) -> None:
    assert may_read_as(path, written, value) is possible
