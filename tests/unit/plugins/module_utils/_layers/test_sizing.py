# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formulas: tables for the figures, properties for what must never happen."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._layers.sizing import (
    FORMULAS,
    power_of_two_from,
    power_of_two_up_to,
)
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import SysctlError
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.value import parse_ports
from hypothesis import given
from hypothesis import strategies as st

MIB = 1024**2
GIB = 1024**3


def size(name: str, host: dict | None = None, capacity: dict | None = None, options: dict | None = None) -> Any:
    return FORMULAS[name].formula(host or {}, capacity or {}, options or {})


def interface(name: str, *addresses: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "addresses": list(addresses), "driver": None, "rps": None, **more}


LO = interface("lo", "127.0.0.1/8", "::1/128")
ETH0 = interface("eth0", "192.0.2.1/24", "2001:db8::1/64")
ETH1 = interface("eth1", "198.51.100.1/24")


@pytest.mark.parametrize(
    ("memory_bytes", "datagrams_per_second", "wanted"),
    [
        pytest.param(None, None, 4 * MIB, id="nothing known"),
        pytest.param(4 * GIB, None, 4 * MIB, id="small host without a figure"),
        pytest.param(8 * GIB, None, 16 * MIB, id="large host without a figure"),
        pytest.param(8 * GIB - 1, None, 4 * MIB, id="just below a large host"),
        pytest.param(64 * GIB, 0, 4 * MIB, id="no traffic at all"),
        pytest.param(64 * GIB, 1000, 4 * MIB, id="little traffic"),
        pytest.param(64 * GIB, 10_000, 8 * MIB, id="10000/s: 5000 queued, 5.5 MiB, next power of two"),
        pytest.param(64 * GIB, 20_000, 16 * MIB, id="20000/s"),
        pytest.param(64 * GIB, 1_000_000, 64 * MIB, id="never above 64 MiB"),
        pytest.param(2 * GIB, 1_000_000, 8 * MIB, id="never above a 256th of the memory"),
        pytest.param(512 * MIB, 1_000_000, 4 * MIB, id="a tiny host keeps the newest kernels' 4 MiB"),
        pytest.param(None, 1_000_000, 4 * MIB, id="unknown memory counts as small"),
    ],
)
def test_receive_buffer(memory_bytes: int | None, datagrams_per_second: int | None, wanted: int) -> None:
    capacity = {} if datagrams_per_second is None else {"sip_datagrams_per_second": datagrams_per_second}
    assert size("receive_buffer_max_bytes", {"memory_bytes": memory_bytes}, capacity) == wanted


@pytest.mark.parametrize(
    ("interfaces", "wanted"),
    [
        pytest.param(None, None, id="unknown"),
        pytest.param([LO, ETH0], None, id="a network card of its own"),
        pytest.param([LO, interface("eth0", rps=True)], 10000, id="RPS"),
        pytest.param([LO, interface("eth0", rps=False)], None, id="no RPS"),
        pytest.param([LO, interface("veth12", driver="veth")], 10000, id="veth"),
    ],
)
def test_input_queue(interfaces: list | None, wanted: int | None) -> None:
    assert size("input_queue_packets", {"interfaces": interfaces}) == wanted


@pytest.mark.parametrize("key", ["steers_packets", "steers_flows"])
def test_keys_that_go_with_what_the_same_run_sets_on_cards(key: str) -> None:
    found = {name: size(name, {}, {}, {key: True}) for name in ("input_queue_packets", "flow_table_entries")}
    wanted = {"steers_packets": ("input_queue_packets", 10000), "steers_flows": ("flow_table_entries", 32768)}
    assert {name: value for name, value in found.items() if value} == dict([wanted[key]])


@pytest.mark.parametrize(("capacity", "wanted"), [({}, None), ({"call_setups_per_second": 0}, None)])
def test_time_wait_is_left_alone_without_a_figure(capacity: dict, wanted: None) -> None:
    assert size("time_wait_sockets", {}, capacity) is wanted


def test_time_wait_has_room_for_90_seconds() -> None:
    assert size("time_wait_sockets", {}, {"call_setups_per_second": 500}) == 45_000


@pytest.mark.parametrize(
    ("daemons", "own", "wanted"),
    [
        pytest.param(None, [], "5060-5061", id="unknown daemons"),
        pytest.param(["kamailio"], [], "5060-5061", id="no media"),
        pytest.param(["asterisk"], [], "5060-5061,10000-20000", id="asterisk"),
        pytest.param(["rtpengine", "kamailio"], [], "5060-5061,30000-40000", id="rtpengine"),
        pytest.param(["freeswitch"], [], "5060-5061,5080-5081,16384-32768", id="freeswitch"),
        pytest.param(["freeswitch", "rtpengine"], [], "5060-5061,5080-5081,16384-40000", id="overlapping"),
        pytest.param(["newcomer"], [8080, "5062"], "5060-5062,8080", id="own ports, adjacent ones merged"),
        pytest.param(["kamailio"], "8080,20000-29999", "5060-5061,8080,20000-29999", id="own ports as one text"),
    ],
)
def test_reserved_ports(daemons: list | None, own: Any, wanted: str) -> None:
    found = None if daemons is None else [{"name": name, "installed": True, "running": None} for name in daemons]
    assert size("reserved_ports", {"sip_daemons": found}, {}, {"reserved_ports": own}) == wanted


def configured(name: str, rtp_ports: list | None, sip_ports: list | None = None, **fields: Any) -> dict[str, Any]:
    return {"name": name, "installed": True, "running": True, "rtp_ports": rtp_ports, "sip_ports": sip_ports, **fields}


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        pytest.param([configured("rtpengine", ["25000-39000"])], "5060-5061,25000-39000", id="a range of its own"),
        pytest.param([configured("rtpengine", ["20000-21000", "40000-41000"], [2223])],
                     "2223,5060-5061,20000-21000,40000-41000", id="two ranges and a port for control"),
        pytest.param([configured("freeswitch", ["16384-32768"])], "5060-5061,5080-5081,16384-32768",
                     id="sockets unknown"),
        pytest.param([configured("freeswitch", ["16384-32768"], [5070])], "5060-5061,5070,16384-32768", id="known"),
        pytest.param([configured("freeswitch", ["16384-32768"], [])], "5060-5061,16384-32768", id="none"),
        pytest.param([configured("kamailio", [], [5060, 5080])], "5060-5061,5080", id="a proxy"),
        pytest.param([configured("asterisk", None)], "5060-5061,10000-20000", id="unknown"),
        pytest.param([configured("asterisk", ["8000-9000"]), configured("rtpengine", ["8500-10000"])],
                     "5060-5061,8000-10000", id="overlapping"),
        pytest.param([configured("asterisk", ["8000-9000"], installed=False, running=False)], "5060-5061",
                     id="not there"),
    ],
)  # fmt: skip
def test_reserved_ports_as_configured(found: list, wanted: str) -> None:
    assert size("reserved_ports", {"sip_daemons": found}, {}, {}) == wanted


def test_ports_of_an_untrue_fact_are_named() -> None:
    with pytest.raises(SysctlError, match="siptune_host"):
        size("reserved_ports", {"sip_daemons": [configured("asterisk", ["1-"])]}, {}, {})


@pytest.mark.parametrize(
    ("capacity", "ranges", "memory_bytes", "wanted"),
    [
        ({}, [["30000-40000"]], 8 * GIB, 32768),
        ({}, [["30000-40000"], ["10000-49999"]], 8 * GIB, 131072),
        ({}, [["30000-40000"]], None, None),
        ({}, [[]], 8 * GIB, None),
        ({}, [None], 8 * GIB, None),
        ({"concurrent_calls": 10}, [["30000-40000"]], 8 * GIB, 32768),
        ({"concurrent_calls": 9000}, [["30000-40000"]], 8 * GIB, 131072),
        ({}, [["10000-49999"]], GIB // 8, 16384),
    ],
)
def test_conntrack_has_room_for_all_media_ports(
    capacity: dict, ranges: list, memory_bytes: int | None, wanted: int | None
) -> None:
    found = [configured("rtpengine", ports) for ports in ranges]
    assert size("conntrack_entries", {"memory_bytes": memory_bytes, "sip_daemons": found}, capacity) == wanted


@pytest.mark.parametrize("bad", ["70000", "5060-", "20-10", "-1", "sip", "5060 5061"])
def test_a_bad_port_is_named(bad: str) -> None:
    with pytest.raises(SysctlError, match="siptune_network_reserved_ports"):
        size("reserved_ports", {}, {}, {"reserved_ports": [bad]})


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        pytest.param({}, 2, id="unknown interfaces: loose loses nothing"),
        pytest.param({"interfaces": [LO, ETH0], "default_routes": {"ipv4": ["eth0"]}}, 1, id="one way"),
        pytest.param({"interfaces": [LO]}, 1, id="loopback alone"),
        pytest.param({"interfaces": [LO, ETH0, ETH1]}, 2, id="two addressed interfaces"),
        pytest.param({"interfaces": [LO, ETH0, interface("eth1", "fe80::1/64")]}, 1, id="IPv6 does not count"),
        pytest.param({"interfaces": [LO, ETH0], "default_routes": {"ipv4": ["eth0", "ppp0"]}}, 2, id="two uplinks"),
        pytest.param({"interfaces": [LO, ETH0], "forwarding": True}, 2, id="router"),
        pytest.param({"interfaces": [LO, ETH0], "default_routes": None, "forwarding": None}, 1, id="partly unknown"),
    ],
)
def test_a_strict_host_stays_strict_where_there_is_one_way(host: dict, wanted: int) -> None:
    assert size("reverse_path_filter", {**host, "strict_reverse_path": True}) == wanted


@pytest.mark.parametrize("strict", [False, None])
@pytest.mark.parametrize("interfaces", [None, [LO, ETH0], [LO, ETH0, ETH1]], ids=["unknown", "one way", "two"])
def test_the_reverse_path_is_filtered_loosely_elsewhere(interfaces: list | None, strict: bool | None) -> None:
    assert size("reverse_path_filter", {"interfaces": interfaces, "strict_reverse_path": strict}) == 2


@pytest.mark.parametrize("host", [{}, {"interfaces": [LO, ETH0]}, {"strict_reverse_path": True}])
def test_a_container_network_has_its_own_reverse_path_filter(host: dict) -> None:
    assert size("reverse_path_filter", {**host, "container_network": ["the interface cilium_host"]}) is None
    assert size("reverse_path_filter", {**host, "container_network": []}) is not None


CARD = interface("eth0", ring={"rx": 256}, rx_queues=8, virtual=False)


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        pytest.param({"memory_bytes": 64 * GIB, "interfaces": [CARD]}, 4096, id="a large host"),
        pytest.param({"memory_bytes": 64 * GIB, "interfaces": [CARD] * 4}, 4096, id="687 MiB for 32 queues"),
        pytest.param({"memory_bytes": 8 * GIB, "interfaces": [CARD]}, 2048, id="85 MiB for 8 queues"),
        pytest.param({"memory_bytes": 8 * GIB, "interfaces": [CARD, CARD]}, 1024, id="and for 16"),
        pytest.param({"memory_bytes": 8 * GIB, "interfaces": [{**CARD, "virtual": True}]}, 4096, id="no card"),
        pytest.param({"memory_bytes": 8 * GIB, "interfaces": [{**CARD, "ring": None}]}, 4096, id="no rings"),
        pytest.param({"memory_bytes": 64 * GIB, "page_size": 65536, "interfaces": [CARD]}, 1024, id="pages of 64 KiB"),
        pytest.param(
            {"memory_bytes": 8 * GIB, "processors": 64, "interfaces": [{**CARD, "rx_queues": None}]},
            256,
            id="unknown queues: one for each processor",
        ),
        pytest.param({"memory_bytes": 64 * MIB, "interfaces": [{**CARD, "rx_queues": 512}]}, 1, id="tiny"),
        pytest.param({}, 1024, id="nothing known"),
    ],
)
def test_receive_rings_stay_within_a_hundredth_of_the_memory(host: dict, wanted: int) -> None:
    assert size("receive_ring_packets", host) == wanted


@pytest.mark.parametrize(("forwarding", "wanted"), [(False, 0), (True, None), (None, None)])
def test_redirects_are_sent_by_routers_only(forwarding: bool | None, wanted: int | None) -> None:
    assert size("send_redirects", {"forwarding": forwarding}) == wanted


@pytest.mark.parametrize(
    ("memory_bytes", "capacity", "wanted"),
    [
        pytest.param(64 * GIB, {}, None, id="no figure"),
        pytest.param(64 * GIB, {"sip_datagrams_per_second": 9}, None, id="another figure"),
        pytest.param(None, {"concurrent_calls": 5000}, None, id="unknown memory"),
        pytest.param(64 * GIB, {"concurrent_calls": 5000}, 65536, id="2 * 4 * 5000"),
        pytest.param(64 * GIB, {"call_setups_per_second": 100}, 131072, id="2 * 4 * 120 * 100"),
        pytest.param(64 * GIB, {"registrations": 16384}, 32768, id="2 * 16384"),
        pytest.param(
            64 * GIB,
            {"concurrent_calls": 5000, "call_setups_per_second": 100, "registrations": 20000},
            262144,
            id="2 * (4 * (5000 + 12000) + 20000)",
        ),
        pytest.param(GIB, {"concurrent_calls": 1_000_000}, 131072, id="within 5 % of the memory"),
    ],
)
def test_conntrack(memory_bytes: int | None, capacity: dict, wanted: int | None) -> None:
    assert size("conntrack_entries", {"memory_bytes": memory_bytes}, capacity) == wanted


@pytest.mark.parametrize(("systemd", "wanted"), [(None, 500000), (239, 500000), (240, None), (257, None)])
def test_open_files(systemd: int | None, wanted: int | None) -> None:
    assert size("open_files_of_host", {"systemd": systemd}) == wanted


@pytest.mark.parametrize(
    ("kinds", "wanted"),
    [
        (None, None),
        ([], None),
        (["disk"], 10),
        (["file", "disk"], 10),
        (["zram"], None),
        (["zram", "disk"], None),
        (["other"], None),
    ],
)
def test_swappiness(kinds: list | None, wanted: int | None) -> None:
    swap = None if kinds is None else [{"device": "/dev/x", "kind": kind, "bytes": GIB} for kind in kinds]
    assert size("swappiness", {"swap": swap}) == wanted


@pytest.mark.parametrize(
    ("memory_bytes", "disk", "wanted", "background"),
    [
        pytest.param(None, None, None, None, id="unknown memory"),
        pytest.param(512 * MIB, None, None, None, id="small host"),
        pytest.param(512 * MIB, 100_000_000, None, None, id="small host with a figure"),
        pytest.param(GIB, 100_000_000, 51 * MIB, 51 * MIB // 2, id="1 GiB: 5 %"),
        pytest.param(4 * GIB, 100_000_000, 204 * MIB, 64 * MIB, id="4 GiB: 5 %, background at its floor"),
        pytest.param(64 * GIB, None, None, None, id="unknown disk: the host's 20 % are not lowered"),
        pytest.param(64 * GIB, 0, None, None, id="0 is unknown, too"),
        pytest.param(64 * GIB, 100_000_000, 256 * MIB, 64 * MIB, id="slow disk"),
        pytest.param(64 * GIB, 500 * MIB, 1000 * MIB, 250 * MIB, id="two seconds of the disk"),
        pytest.param(64 * GIB, 10 * GIB, 3276 * MIB, 819 * MIB, id="fast disk: 5 %"),
        pytest.param(64 * GIB, "524288000", 1000 * MIB, 250 * MIB, id="a number from the command line"),
    ],
)
def test_dirty_bytes(memory_bytes: int | None, disk: Any, wanted: int | None, background: int | None) -> None:
    host, options = {"memory_bytes": memory_bytes}, {"disk_write_bytes_per_second": disk}
    assert size("dirty_bytes", host, {}, options) == wanted
    assert size("dirty_background_bytes", host, {}, options) == background


@given(st.integers(min_value=1, max_value=2**40))
def test_powers_of_two_enclose(number: int) -> None:
    up, down = power_of_two_from(number), power_of_two_up_to(number)
    assert down <= number <= up < 2 * number + 1
    assert up & (up - 1) == down & (down - 1) == 0


# --- what must never happen -----------------------------------------------------------------

memories = st.none() | st.integers(min_value=0, max_value=2**50)
figures = st.integers(min_value=0, max_value=2**40)
names = st.sampled_from(["lo", "eth0", "eth1", "veth1", None])
interfaces = st.fixed_dictionaries(
    {},
    optional={
        "name": names,
        "driver": st.sampled_from(["veth", "igb", None]),
        "rps": st.none() | st.booleans(),
        "ring": st.none() | st.just({"rx": 256}),
        "virtual": st.none() | st.booleans(),
        "rx_queues": st.none() | st.integers(min_value=0, max_value=4096),
        "addresses": st.none() | st.lists(st.sampled_from(["192.0.2.1/24", "2001:db8::1/64"]), max_size=2),
    },
)
routes = st.none() | st.lists(names.filter(bool), max_size=3)
hosts = st.fixed_dictionaries(
    {},
    optional={
        "memory_bytes": memories,
        "systemd": st.none() | st.integers(min_value=0, max_value=300),
        "forwarding": st.none() | st.booleans(),
        "page_size": st.none() | st.just(4096),
        "udp_mem_pages": st.none() | st.lists(st.integers(min_value=0, max_value=2**40), min_size=3, max_size=3),
        "swap": st.none() | st.lists(st.fixed_dictionaries({"kind": st.sampled_from(["disk", "zram", "other", None])})),
        "interfaces": st.none() | st.lists(interfaces, max_size=4),
        "default_routes": st.none() | st.fixed_dictionaries({}, optional={"ipv4": routes, "ipv6": routes}),
        "sip_daemons": st.none()
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "name": st.sampled_from(["asterisk", "rtpengine", "freeswitch", "other", None]),
                    "installed": st.none() | st.booleans(),
                    "running": st.none() | st.booleans(),
                },
            ),
            max_size=4,
        ),
    },
)
capacities = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ["concurrent_calls", "call_setups_per_second", "sip_datagrams_per_second", "registrations"], figures
    ),
)
speeds = st.fixed_dictionaries({}, optional={"disk_write_bytes_per_second": st.none() | figures})


@given(hosts, capacities, speeds)
def test_no_fact_is_too_strange(host: dict, capacity: dict, options: dict) -> None:
    for name in FORMULAS:
        value = size(name, host, capacity, options)
        assert value is None or isinstance(value, str) or value >= 0


GROWING = ("receive_buffer_max_bytes", "time_wait_sockets", "conntrack_entries")


@given(hosts, capacities, st.sampled_from(sorted({"concurrent_calls", "call_setups_per_second"})), figures)
def test_more_load_never_means_less_room(host: dict, capacity: dict, name: str, more: int) -> None:
    grown = {**capacity, name: capacity.get(name, 0) + more}
    for formula in GROWING:
        assert (size(formula, host, capacity) or 0) <= (size(formula, host, grown) or 0)


def daemons(*names: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"name": name, "installed": True, "running": False, **fields} for name in names]


@pytest.mark.parametrize(
    ("host", "rate", "live", "default"),
    [
        pytest.param({"sip_daemons": None}, None, None, None, id="nothing known"),
        pytest.param({"sip_daemons": []}, 10_000, None, None, id="no SIP daemon"),
        pytest.param({"sip_daemons": daemons("kamailio", installed=None)}, None, None, None, id="none that is there"),
        pytest.param({"sip_daemons": daemons("kamailio")}, None, 6 * MIB, 6 * MIB, id="a proxy without a contract"),
        pytest.param({"sip_daemons": daemons("drachtio")}, None, 6 * MIB, 6 * MIB, id="drachtio signals, too"),
        pytest.param({"sip_daemons": daemons("rtpengine")}, None, 6 * MIB, MIB, id="a media relay"),
        pytest.param({"sip_daemons": daemons("kamailio", "asterisk")}, None, 6 * MIB, MIB, id="both"),
        pytest.param({"sip_daemons": daemons("kamailio")}, 0, 6 * MIB, 6 * MIB, id="no traffic at all"),
        pytest.param({"sip_daemons": daemons("kamailio")}, 2000, 6 * MIB, 6 * MIB, id="2000/s: 4.4 MiB"),
        pytest.param({"sip_daemons": daemons("kamailio")}, 4000, 9_216_000, 9_216_000, id="4000/s: one second"),
        pytest.param({"sip_daemons": daemons("kamailio")}, 20_000, 46_080_000, 16 * MIB, id="20000/s: maxbuffer"),
        pytest.param({"sip_daemons": daemons("kamailio")}, 1_000_000, 64 * MIB, 16 * MIB, id="never above 64 MiB"),
        pytest.param({"sip_daemons": daemons("rtpengine")}, 20_000, 46_080_000, MIB, id="a contract of media"),
        pytest.param({"sip_daemons": daemons("kamailio"), "memory_bytes": GIB}, None, 5_367_808, 5_367_808, id="1 GiB"),
        pytest.param({"sip_daemons": daemons("kamailio"), "memory_bytes": GIB}, 9999, 5_367_808, 5_367_808,
                     id="a contract beyond the memory"),
        pytest.param({"sip_daemons": daemons("kamailio"), "memory_bytes": None}, None, 2_683_904, 2_683_904,
                     id="unknown memory counts as 512 MiB"),
        pytest.param({"sip_daemons": daemons("kamailio"), "memory_bytes": 64 * MIB}, None, None, None, id="tiny"),
        pytest.param({"sip_daemons": daemons("kamailio"), "udp_mem_pages": [1, 2, 8192], "page_size": 4096}, None,
                     4 * MIB, 4 * MIB, id="an eighth of udp_mem"),
        pytest.param({"sip_daemons": daemons("kamailio"), "udp_mem_pages": None, "page_size": 4096}, None, 6 * MIB,
                     6 * MIB, id="udp_mem not shown"),
    ],
)  # fmt: skip
def test_what_a_sip_socket_holds(host: dict, rate: int | None, live: int | None, default: int | None) -> None:
    known = {"memory_bytes": 24 * GIB, **host}
    capacity = {} if rate is None else {"sip_datagrams_per_second": rate}
    assert size("sip_receive_buffer_bytes", known, capacity) == live
    assert size("receive_buffer_default_bytes", known, capacity) == default


def test_without_a_contract_it_is_ten_times_what_a_stock_kernel_gives_a_proxy() -> None:
    wanted = size("sip_receive_buffer_bytes", {"memory_bytes": 2 * GIB, "sip_daemons": daemons("kamailio")})
    assert wanted >= 10 * 524288  # from Linux 6.18 on; 425984 before


@given(hosts, capacities)
def test_the_ceiling_is_never_below_what_sockets_get(host: dict, capacity: dict) -> None:
    names = ("sip_receive_buffer_bytes", "receive_buffer_default_bytes", "receive_buffer_max_bytes")
    live, default, ceiling = (size(name, host, capacity) for name in names)
    assert ceiling >= (live or 0) >= (default or 0)
    assert (live is None) == (default is None)


@given(hosts, figures, figures)
def test_more_datagrams_never_mean_a_smaller_buffer(host: dict, one: int, more: int) -> None:
    less = size("receive_buffer_max_bytes", host, {"sip_datagrams_per_second": one})
    assert (
        4 * MIB <= less <= size("receive_buffer_max_bytes", host, {"sip_datagrams_per_second": one + more}) <= 64 * MIB
    )


@given(figures, figures, capacities, speeds)
def test_more_memory_never_means_less_room(memory: int, more: int, capacity: dict, options: dict) -> None:
    for formula in ("receive_buffer_max_bytes", "conntrack_entries", "dirty_bytes", "dirty_background_bytes"):
        small = size(formula, {"memory_bytes": memory}, capacity, options) or 0
        assert small <= (size(formula, {"memory_bytes": memory + more}, capacity, options) or 0)


@given(st.integers(min_value=0, max_value=2**50), speeds)
def test_waiting_writes_stay_within_their_share(memory_bytes: int, options: dict) -> None:
    limit = size("dirty_bytes", {"memory_bytes": memory_bytes}, {}, options)
    background = size("dirty_background_bytes", {"memory_bytes": memory_bytes}, {}, options)
    if limit is None:
        assert background is None
        assert memory_bytes < GIB or not options.get("disk_write_bytes_per_second")
    else:
        assert 0 < background < limit <= memory_bytes * 5 // 100


@given(hosts, st.lists(st.integers(min_value=1, max_value=65535).map(str), max_size=5))
def test_every_port_asked_for_is_reserved(host: dict, own: list[str]) -> None:
    ranges = parse_ports("x", size("reserved_ports", host, {}, {"reserved_ports": own}))
    assert all(any(low <= int(port) <= high for low, high in ranges) for port in [*own, "5060", "5061"])
