# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import (
    SysctlError,
    display_name,
    glob_matches,
    interface_of,
    is_glob,
    parse_key,
    read_key,
    write_rank,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("spelling", "path"),
    [
        ("net.ipv4.tcp_sack", "net/ipv4/tcp_sack"),
        ("net/ipv4/tcp_sack", "net/ipv4/tcp_sack"),
        ("net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
        ("net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
        ("net.ipv4.conf.*.accept_redirects", "net/ipv4/conf/*/accept_redirects"),
        ("net.ipv4.conf.wg-büro.rp_filter", "net/ipv4/conf/wg-büro/rp_filter"),
        ("kernel.yama.ptrace_scope", "kernel/yama/ptrace_scope"),
    ],
)
def test_both_spellings_name_one_path(spelling: str, path: str) -> None:
    assert parse_key(spelling) == path
    assert read_key(spelling) == path


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="empty"),
        pytest.param("../../etc/passwd", id="traversal"),
        pytest.param("net/../../etc/passwd", id="traversal inside"),
        pytest.param("net.ipv4.//.//.etc.passwd", id="traversal after trading separators"),
        pytest.param("net..ipv4", id="empty part"),
        pytest.param("net.ipv4.", id="empty last part"),
        pytest.param(".net.ipv4", id="leading dot"),
        pytest.param("/proc/sys/net/ipv4/tcp_sack", id="absolute"),
        pytest.param("/etc/passwd", id="absolute elsewhere"),
        pytest.param("net.ipv4.tcp_sack\0", id="NUL"),
        pytest.param("net.ipv4.tcp_sack\nkernel.panic", id="newline"),
        pytest.param("net.ipv4 tcp_sack", id="blank"),
        pytest.param(" net.ipv4.tcp_sack", id="leading blank"),
        pytest.param("net.ipv4.tcp_sack\t", id="tab"),
        pytest.param("net.ipv4.tcp_sack=1", id="assignment"),
        pytest.param("-net.ipv4.tcp_sack", id="systemd's minus"),
        pytest.param("#net.ipv4.tcp_sack", id="comment"),
        pytest.param("net.ipv4.conf.{all,eth0}.rp_filter", id="braces"),
        pytest.param("tcp_sack", id="one part"),
        pytest.param("*.ipv4.tcp_sack", id="glob first"),
        pytest.param("net.ipv4.\udc80", id="undecodable"),
        pytest.param("net." + "x" * 2000, id="far too long"),
        pytest.param(None, id="none"),
        pytest.param(5, id="number"),
        pytest.param(True, id="boolean"),
    ],
)
def test_an_invalid_key_is_refused(key: object) -> None:
    with pytest.raises(SysctlError):
        parse_key(key)


@given(st.text())
def test_any_text_gives_a_path_inside_proc_sys_or_the_domain_error(text: str) -> None:
    try:
        path = parse_key(text)
    except SysctlError:
        return
    assert not path.startswith("/")
    assert not {"", ".", ".."} & set(path.split("/"))
    assert parse_key(display_name(path)) == path == parse_key(path)


@given(st.text())
def test_reading_a_key_from_a_file_never_fails(text: str) -> None:
    assert isinstance(read_key(text), str)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("net/ipv4/conf/*/rp_filter", "net/ipv4/conf/eth0.100/rp_filter", True),
        ("net/ipv4/conf/*/rp_filter", "net/ipv4/conf/all/rp_filter", True),
        ("net/ipv4/conf/eth?/rp_filter", "net/ipv4/conf/eth0/rp_filter", True),
        ("net/ipv4/conf/eth[01]/rp_filter", "net/ipv4/conf/eth2/rp_filter", False),
        ("net/ipv4/*", "net/ipv4/conf/all/rp_filter", False),
        ("net/*/rp_filter", "net/ipv4/conf/all/rp_filter", False),
        ("net/ipv4/conf/[!e]*/rp_filter", "net/ipv4/conf/lo/rp_filter", True),
        ("net/ipv4/conf/[^e]*/rp_filter", "net/ipv4/conf/eth0/rp_filter", False),
        ("net/ipv4/conf/[]x]*/rp_filter", "net/ipv4/conf/]/rp_filter", True),
        ("net/ipv4/conf/{eth0,l?}/rp_filter", "net/ipv4/conf/lo/rp_filter", True),
        ("net/ipv4/conf/{eth0,l?}/rp_filter", "net/ipv4/conf/eth1/rp_filter", False),
        ("net/ipv4/conf/eth\\0*/rp_filter", "net/ipv4/conf/eth0.100/rp_filter", True),
        ("net/ipv4/conf/*/rp_filter", "net/ipv4/conf/.hidden/rp_filter", False),
        ("net/ipv4/conf/eth[0/rp_filter", "net/ipv4/conf/eth[0/rp_filter", True),
    ],
)
def test_a_glob_matches_as_in_glob_7(pattern: str, path: str, matches: bool) -> None:
    assert glob_matches(pattern, path) is matches
    assert is_glob(pattern)


@given(st.text("ab*?[]!^-\\\\{},/."), st.text("ab./"))
def test_no_glob_breaks_the_matching(pattern: str, path: str) -> None:
    assert glob_matches(pattern, path) in (True, False)


@pytest.mark.parametrize("pattern", ["a/" + "{a,b}" * 40 + "*", "a/" + "*" * 60 + "x", "a/{" * 50 + "*"])
def test_no_glob_takes_forever(pattern: str) -> None:
    assert glob_matches(pattern, "a/" + "y" * 60) is False


@pytest.mark.parametrize(
    ("path", "interface"),
    [
        ("net/ipv4/conf/eth0.100/rp_filter", "eth0.100"),
        ("net/ipv6/neigh/default/gc_thresh1", "default"),
        ("net/ipv4/conf/*/rp_filter", "*"),
        ("net/ipv4/tcp_sack", None),
        ("net/ipv4/conf/all", None),
    ],
)
def test_interface_of(path: str, interface: str | None) -> None:
    assert interface_of(path) == interface


def test_no_key_is_written_before_one_that_undoes_it() -> None:
    wanted = [
        "net/ipv6/conf/lo/disable_ipv6",
        "net/ipv6/conf/eth0/forwarding",
        "net/ipv6/conf/all/forwarding",
        "net/ipv6/conf/eth0/accept_ra",
        "net/ipv4/conf/eth0/accept_redirects",
        "net/ipv4/conf/default/accept_redirects",
        "net/ipv4/conf/all/accept_redirects",
        "net/ipv6/conf/eth0/disable_ipv6",
        "net/ipv6/conf/all/disable_ipv6",
        "net/ipv4/ip_forward",
    ]
    assert sorted(wanted, key=write_rank) == [
        "net/ipv4/ip_forward",
        "net/ipv4/conf/all/accept_redirects",
        "net/ipv4/conf/default/accept_redirects",
        "net/ipv6/conf/eth0/accept_ra",
        "net/ipv4/conf/eth0/accept_redirects",
        "net/ipv6/conf/all/forwarding",
        "net/ipv6/conf/eth0/forwarding",
        "net/ipv6/conf/all/disable_ipv6",
        "net/ipv6/conf/eth0/disable_ipv6",
        "net/ipv6/conf/lo/disable_ipv6",
    ]
