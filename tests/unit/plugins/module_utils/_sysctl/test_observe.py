# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import NOTHING, KeyOriginal, Originals
from ansible_collections.siptune.linux.plugins.module_utils._engine.originals import render as render_originals
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.key import SysctlError
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.model import LiveKey
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.observe import keys_to_observe, observe
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.settings import parse_settings
from sysctl_hosts import LIVE, METAL, PATH, make_tree, request


def test_an_untouched_host_is_read_into_what_the_plan_needs(tmp_path: Path) -> None:
    host = make_tree(tmp_path, {"etc/sysctl.d/99-admin.conf": "vm.swappiness = 1\n"})
    found = observe(host, request({"net.core.somaxconn": 4096, "net.ipv4.tcp_tw_recycle": 1}))
    assert found.live == {"net/core/somaxconn": LiveKey(LIVE["net.core.somaxconn"], True)}
    assert (found.own, found.own_rules, found.originals) == (None, None, NOTHING)
    assert found.others == [("/etc/sysctl.d/99-admin.conf", "vm.swappiness = 1\n"), ("/etc/sysctl.conf", "")]
    assert (found.surroundings, found.loaded_modules) == (METAL, frozenset())
    assert (found.systemd_sysctl, found.glob_lines, found.udev) == (None, False, True)
    assert (found.ipv6_reasons, found.highest_nofile) == ((), None)
    assert found.owner == (os.geteuid(), os.getegid())


def test_our_own_files_are_read_apart_from_the_others(tmp_path: Path) -> None:
    ours = {PATH[1:]: "net.ipv4.tcp_sack = 1\n", "etc/udev/rules.d/90-test.rules": "# rules\n"}
    found = observe(make_tree(tmp_path, ours), request({}))
    assert found.own is not None
    assert found.own_rules is not None
    assert (found.own.content, found.own_rules.content) == (b"net.ipv4.tcp_sack = 1\n", b"# rules\n")
    assert [path for path, _ in found.others] == ["/etc/sysctl.conf"]


@pytest.mark.parametrize(
    ("pattern", "interfaces"),
    [
        ("net.ipv4.conf.*.forwarding", ["all", "default", "eth0"]),
        ("net.ipv4.conf.eth*.accept_redirects", ["eth0", "eth0.100"]),
        ("net.ipv4.conf.[ad]*.accept_redirects", ["all", "default"]),
        ("net.ipv4.conf.ppp*.accept_redirects", []),
    ],
)
def test_a_glob_is_expanded_to_the_keys_there_are(tmp_path: Path, pattern: str, interfaces: list[str]) -> None:
    wanted = request({pattern: 0})
    path = wanted.settings[0].path
    found = observe(make_tree(tmp_path), wanted)
    expected = [path.replace(path.split("/")[3], interface) for interface in interfaces]
    assert found.matches[path] == expected
    assert set(expected) <= found.live.keys()


@pytest.mark.parametrize("key", ["net.ipv4", "net.ipv4.conf.eth0"])
def test_a_directory_of_keys_is_no_key(tmp_path: Path, key: str) -> None:
    with pytest.raises(SysctlError, match=f"^{key}: is a directory of keys"):
        observe(make_tree(tmp_path), request({key: 1}))


def test_a_vector_is_read_with_single_blanks(tmp_path: Path) -> None:
    host = make_tree(tmp_path, {"proc/sys/net/ipv4/tcp_mem": "19\t25\t38\n"})
    assert observe(host, request({"net.ipv4.tcp_mem": "1 2 3"})).live["net/ipv4/tcp_mem"].value == "19 25 38"


def test_modules_are_looked_up_for_the_key_of_a_module(tmp_path: Path) -> None:
    host = make_tree(tmp_path, {"proc/modules": "nf_conntrack 172032 1 nf_nat, Live 0x0\nsctp 1 0 - Live 0x0\n"})
    found = observe(host, request({"net.netfilter.nf_conntrack_max": 1}))
    assert found.loaded_modules == {"nf_conntrack", "sctp"}


@pytest.mark.parametrize(("library", "globs"), [("244", False), ("245", True), ("257.1-1", True)])
def test_systemd_reads_globs_since_245(tmp_path: Path, library: str, globs: bool) -> None:
    programs = ("systemd", "systemd-sysctl", f"libsystemd-shared-{library}.so")
    found = observe(make_tree(tmp_path, {f"usr/lib/systemd/{name}": "" for name in programs}), request({}))
    assert (found.systemd_sysctl, found.glob_lines) == ("/usr/lib/systemd/systemd-sysctl", globs)


LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max open files            1024                 {:<20} files
"""


def test_the_highest_limit_of_open_files_is_looked_up_where_nr_open_may_fall(tmp_path: Path) -> None:
    host = make_tree(tmp_path, {f"proc/{pid}/limits": LIMITS.format(pid * 1000) for pid in (1, 77, 5)})
    assert observe(host, request({"fs.nr_open": 1048576})).highest_nofile == 77000
    assert observe(host, request({"fs.nr_open": {"value": 1048576, "rule": "at_least"}})).highest_nofile is None


def test_reasons_for_ipv6_are_looked_up_where_it_may_be_switched_off(tmp_path: Path) -> None:
    host = make_tree(tmp_path)
    (tmp_path / "proc/net/tcp6").mkdir(parents=True)  # it cannot be read, which is a reason
    assert observe(host, request({"net.ipv6.conf.all.disable_ipv6": 1})).ipv6_reasons
    assert not observe(host, request({"net.ipv6.conf.all.forwarding": 1})).ipv6_reasons


def test_keys_of_an_earlier_run_are_read_too(tmp_path: Path) -> None:
    ours = Originals({"net/core/rmem_max": KeyOriginal("1", "2", "2", (PATH,))}, {})
    host = make_tree(tmp_path, {"var/lib/siptune/originals.json": render_originals(ours).decode()})
    (tmp_path / "var/lib/siptune").chmod(0o700)
    (tmp_path / "var/lib/siptune/originals.json").chmod(0o600)
    found = observe(host, request({}))
    assert found.originals == ours
    assert list(found.live) == ["net/core/rmem_max"]


def test_the_keys_to_observe_are_the_wanted_ones_ours_and_those_they_affect() -> None:
    ours = {
        "vm/dirty_ratio": KeyOriginal("20", "5", "5", (PATH,)),
        "net/core/rmem_max": KeyOriginal("1", "2", "2", ("/etc/sysctl.d/80-other.conf",)),
    }
    settings = parse_settings({"net.core.somaxconn": 1, "net.ipv4.conf.ppp0.rp_filter": 1})
    assert keys_to_observe(settings, Originals(ours, {}), PATH) == [
        "net/core/somaxconn",
        "net/ipv4/conf/ppp0/rp_filter",
        "vm/dirty_ratio",
        "vm/dirty_bytes",
        "net/ipv4/conf/default/rp_filter",
    ]
