# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunes and reverts a host, key by key and all keys at once, on the real kernel."""

from __future__ import annotations

import pytest
from calls import FILE, ORIGINALS, apply, predict, put_back
from sandbox import difference, dump, kernel_value, read, write

# Every key of the sources that a network or IPC namespace can have of its own, with two values: whichever the
# kernel has as its default, the other one is a change.
KEYS = {
    "net.ipv6.conf.all.disable_ipv6": (1, 0),
    "net.ipv6.conf.default.disable_ipv6": (1, 0),
    "net.ipv6.conf.lo.disable_ipv6": (1, 0),
    "net.core.optmem_max": (65536, 20480),
    "net.core.somaxconn": (65535, 300000),
    "net.ipv4.tcp_rmem": ("10240 87380 10485760", "8192 131072 6291456"),
    "net.ipv4.tcp_wmem": ("10240 87380 10485760", "8192 16384 4194304"),
    "net.ipv4.udp_rmem_min": (131072, 8192),
    "net.ipv4.udp_wmem_min": (131072, 8192),
    "net.ipv4.ip_nonlocal_bind": (1, 0),
    "net.ipv4.tcp_timestamps": (0, 1),
    "net.ipv4.tcp_window_scaling": (0, 1),
    "net.ipv4.tcp_sack": (0, 1),
    "net.ipv4.tcp_no_metrics_save": (1, 0),
    "net.ipv4.tcp_max_syn_backlog": (300000, 4096),
    "net.ipv4.tcp_max_tw_buckets": (1440000, 2000000),
    "net.ipv4.tcp_tw_reuse": (1, 2),
    "net.ipv4.tcp_keepalive_time": (60, 7200),
    "net.ipv4.tcp_keepalive_probes": (5, 9),
    "net.ipv4.tcp_keepalive_intvl": (60, 75),
    "net.ipv4.tcp_retries2": (5, 15),
    "net.ipv4.tcp_syn_retries": (5, 6),
    "net.ipv4.tcp_fin_timeout": (15, 60),
    "net.ipv4.ip_local_port_range": ("1024 65535", "32768 60999"),
    "net.ipv4.tcp_syncookies": (2, 1),
    "net.ipv4.ip_forward": (1, 0),
    "net.ipv4.tcp_rfc1337": (1, 0),
    "net.ipv4.conf.all.accept_source_route": (1, 0),
    "net.ipv4.conf.default.accept_source_route": (0, 1),
    "net.ipv4.conf.all.accept_redirects": (0, 1),
    "net.ipv4.conf.default.accept_redirects": (0, 1),
    "net.ipv4.conf.all.secure_redirects": (0, 1),
    "net.ipv4.conf.default.secure_redirects": (0, 1),
    "net.ipv4.conf.all.send_redirects": (0, 1),
    "net.ipv4.conf.default.send_redirects": (0, 1),
    "net.ipv4.conf.all.rp_filter": (1, 2),
    "net.ipv4.conf.default.rp_filter": (1, 2),
    "net.ipv4.icmp_echo_ignore_broadcasts": (0, 1),
    "net.ipv4.icmp_ignore_bogus_error_responses": (0, 1),
    "net.ipv4.conf.all.log_martians": (1, 0),
    "net.ipv4.conf.default.log_martians": (1, 0),
    "kernel.shmmax": (1073741824, 2147483648),
    "kernel.shmall": (262144, 524288),
    "kernel.sem": ("250 32000 100 128", "500 64000 200 256"),
    # What the sources lack and the collection sets.
    "net.ipv4.ip_local_reserved_ports": ("5060-5061,30000-40000", "5060"),
    "net.ipv4.conf.all.forwarding": (1, 0),
    "net.ipv4.conf.rtp0/200.rp_filter": (2, 1),
    "net.ipv6.conf.all.accept_redirects": (0, 1),
    "net.ipv6.conf.all.forwarding": (1, 0),
    "net.netfilter.nf_conntrack_udp_timeout": (45, 30),
    "net.netfilter.nf_conntrack_udp_timeout_stream": (240, 120),
}

# Keys that read otherwise than they were written.
NORMALISED = [
    pytest.param(
        "net.ipv4.ip_local_reserved_ports", "5060-5061,10000-20000,5062", "5060-5062,10000-20000", id="merged"
    ),
    pytest.param("net.ipv4.ip_local_reserved_ports", "7,5, 6 ,5-6", "5-7", id="unordered"),
    pytest.param("net.ipv4.ip_local_reserved_ports", ["5060", "8088"], "5060,8088", id="list-of-ports"),
    pytest.param("net.ipv4.tcp_rmem", "8192 87380", "8192 87380 {2}", id="two-of-three"),
    pytest.param("net.ipv4.tcp_wmem", 8192, "8192 {1} {2}", id="one-of-three"),
    pytest.param("net.ipv4.tcp_wmem", [8192, 16384, 4194304], "8192 16384 4194304", id="list-of-numbers"),
    pytest.param("net.ipv4.tcp_rmem", "  8192\t 87380   10485760 ", "8192 87380 10485760", id="blanks"),
    pytest.param("net.ipv4.ip_local_port_range", "20000", "20000 {1}", id="low-port-only"),
    pytest.param("net.ipv4.tcp_fin_timeout", "0x14", "20", id="hexadecimal"),
    pytest.param("kernel.sem", "250 32000", "250 32000 {2} {3}", id="two-of-four", marks=pytest.mark.own_ipc),
]

RULES = [
    pytest.param("net.core.somaxconn", "at_least", 5000, "4096", "5000", "changed", id="floor-above"),
    pytest.param("net.core.somaxconn", "at_least", 4000, "4096", "4096", "kept", id="floor-below"),
    pytest.param("net.core.somaxconn", "at_most", 4000, "4096", "4000", "changed", id="ceiling-below"),
    pytest.param("net.core.somaxconn", "at_most", 5000, "4096", "4096", "kept", id="ceiling-above"),
    pytest.param(
        "net.ipv4.tcp_rmem",
        "at_least",
        "8192 65536 99999999",
        "4096 131072 6291456",
        "8192 131072 99999999",
        "changed",
        id="floor-of-each-field",
    ),
    pytest.param(
        "net.ipv4.ip_local_reserved_ports",
        "at_least",
        "5060-5061",
        "8088",
        "5060-5061,8088",
        "changed",
        id="ports-added",
    ),
    pytest.param(
        "net.ipv4.ip_local_reserved_ports", "at_least", "5061", "5060-5062", "5060-5062", "kept", id="ports-there"
    ),
]


def path_of(key: str) -> str:
    return key.translate(str.maketrans("./", "/."))


def other_value(key: str) -> object:
    """The value of the table that differs from the live one."""
    now = read(path_of(key))
    return next(value for value in KEYS[key] if str(value) != now)


def exists(key: str) -> bool:
    return not kernel_value(f"/proc/sys/{path_of(key)}").startswith("unreadable")


def check_round_trip(settings: dict[str, object], expected: dict[str, str]) -> None:
    """A run predicts, changes and reads back; a second run changes nothing; a revert leaves no trace."""
    start = dump()
    predicted = predict(settings)
    assert difference(start, dump()) == {}, "a prediction changed something"

    first = apply(settings)
    assert first.changed
    assert first.items == predicted.items
    assert {key: read(path_of(key)) for key in expected} == expected

    tuned = dump()
    second = apply(settings)
    assert not second.changed, second.states()
    assert set(second.states().values()) == {"ok"}
    assert difference(tuned, dump()) == {}

    assert put_back().changed
    assert difference(start, dump()) == {}
    assert not put_back().changed


def keys_with_marks() -> list[object]:
    return [pytest.param(key, marks=[pytest.mark.own_ipc] * key.startswith("kernel.")) for key in KEYS]


@pytest.mark.parametrize("key", keys_with_marks())
def test_each_key_round_trips(key: str) -> None:
    if not exists(key):  # a key of a module that is not loaded, or one that this kernel's namespaces do not have
        start = dump()
        assert set(predict({key: KEYS[key][0]}).states().values()) <= {"absent", "pending"}
        assert difference(start, dump()) == {}
        return
    value = other_value(key)
    check_round_trip({key: value}, {key: str(value)})


@pytest.mark.own_ipc
def test_nearly_all_keys_are_there() -> None:
    missing = [key for key in KEYS if not exists(key)]
    assert all(key.startswith(("net.netfilter.", "net.ipv6.", "net.core.optmem_max")) for key in missing), missing


@pytest.mark.own_ipc
def test_all_keys_round_trip_together() -> None:
    settings = {key: other_value(key) for key in KEYS if exists(key)}
    check_round_trip(settings, {key: str(value) for key, value in settings.items()})


@pytest.mark.parametrize(("key", "value", "stored"), NORMALISED)
def test_normalised_values_converge(key: str, value: object, stored: str) -> None:
    expected = stored.format(*read(path_of(key)).split(), "", "", "", "")
    check_round_trip({key: value}, {key: expected})


@pytest.mark.parametrize(("key", "rule", "bound", "before", "after", "state"), RULES)
def test_bounds(key: str, rule: str, bound: object, before: str, after: str, state: str) -> None:
    write(path_of(key), before)
    start = dump()
    first = apply({key: {"value": bound, "rule": rule}})
    assert (read(path_of(key)), first.states()) == (after, {key: state})
    tuned = dump()
    assert not apply({key: {"value": bound, "rule": rule}}).changed
    assert difference(tuned, dump()) == {}
    put_back()
    assert difference(start, dump()) == {}


def test_bound_falls_back_but_never_below_the_original() -> None:
    write("net/core/somaxconn", 3000)
    for bound, expected in ((9000, "9000"), (5000, "5000"), (1000, "3000")):
        apply({"net.core.somaxconn": {"value": bound, "rule": "at_least"}})
        assert read("net/core/somaxconn") == expected
    assert not dump().keys() & {FILE, ORIGINALS}


def test_key_that_is_not_wanted_any_more_goes_back() -> None:
    start = dump()
    apply({"net.core.somaxconn": 9000, "net.ipv4.tcp_sack": 0})
    tuned = apply({"net.core.somaxconn": 9000})
    assert tuned.items["net.ipv4.tcp_sack"].state == "changed"
    assert (read("net/core/somaxconn"), read("net/ipv4/tcp_sack")) == ("9000", "1")
    put_back()
    assert difference(start, dump()) == {}


def test_what_somebody_else_has_set_since_is_left_alone() -> None:
    apply({"net.core.somaxconn": 9000, "net.ipv4.tcp_sack": 0})
    write("net/core/somaxconn", 7777)
    result = put_back()
    assert result.states() == {"net.core.somaxconn": "kept", "net.ipv4.tcp_sack": "changed"}
    assert (read("net/core/somaxconn"), read("net/ipv4/tcp_sack")) == ("7777", "1")


def test_two_files_share_a_key_and_the_last_one_puts_it_back() -> None:
    other = "/etc/sysctl.d/91-test.conf"
    start = dump()
    apply({"net.core.somaxconn": 8000})
    apply({"net.core.somaxconn": 9000}, other)
    put_back(FILE)
    assert read("net/core/somaxconn") == "9000"
    put_back(other)
    assert difference(start, dump()) == {}


@pytest.mark.parametrize(("when", "expected"), [("boot", (True, False)), ("now", (False, True))])
def test_now_leaves_the_file_alone_and_boot_the_kernel(when: str, expected: tuple[bool, bool]) -> None:
    start = dump()
    apply({"net.core.somaxconn": 9000}, when=when)
    changed = difference(start, dump())
    assert (FILE in changed, "/proc/sys/net/core/somaxconn" in changed) == expected
    put_back()
    assert difference(start, dump()) == {}


def test_key_of_the_machine_is_readonly_and_stays() -> None:
    start = dump()
    result = apply({"vm.swappiness": 11, "fs.protected_symlinks": 0, "net.core.somaxconn": 9000})
    assert result.states() == {
        "vm.swappiness": "readonly",
        "fs.protected_symlinks": "readonly",
        "net.core.somaxconn": "changed",
    }
    put_back()
    assert difference(start, dump()) == {}


def test_key_that_no_kernel_has_is_absent() -> None:
    start = dump()
    result = apply({"net.ipv4.tcp_tw_recycle": 1})
    assert (result.changed, result.states()) == (False, {"net.ipv4.tcp_tw_recycle": "absent"})
    assert difference(start, dump()) == {}


def test_file_that_was_there_before_comes_back() -> None:
    with open(FILE, "w", encoding="utf-8") as stream:
        stream.write("# by hand\nnet.ipv4.tcp_sack = 1\n")
    start = dump()
    apply({"net.core.somaxconn": 9000})
    apply({"net.core.somaxconn": 9001})
    put_back()
    assert difference(start, dump()) == {}
