# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.conf import boot_of
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.observe import observe
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.plan import plan
from ansible_collections.siptune.linux.plugins.module_utils._sysctl.writers import later_assignments, writers
from hypothesis import given
from hypothesis import strategies as st
from sysctl_hosts import items, make_tree, request

ENABLED = {"etc/systemd/system/multi-user.target.wants/systemd-networkd.service": ""}
UFW = {
    "etc/ufw/ufw.conf": "# comment\nENABLED=yes\nLOGLEVEL=low\n",
    "etc/ufw/sysctl.conf": "# ufw\nnet/ipv4/conf/all/rp_filter=1\n#net/ipv4/ip_forward=1\nnet/ipv4/tcp_sack=0\n",
}
KEYS = [
    *(f"net/ipv4/conf/{name}/rp_filter" for name in ("all", "default", "lo", "eth0", "eth0.100", "wlan0")),
    *(f"net/ipv6/conf/{name}/accept_ra" for name in ("all", "default", "eth0", "wlan0")),
]


def build(root: Path, files: dict[str, str]) -> Host:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return Host(str(root))


def script(root: Path, name: str, text: str, mode: int = 0o755) -> Host:
    host = build(root, {name: text})
    (root / name).chmod(mode)
    return host


def found(host: Host) -> list[tuple[str, str | None, str]]:
    """What is set at boot: key, value, and file and line."""
    return [(one.path, one.value, f"{one.file} line {one.line}") for one in later_assignments(writers(host), KEYS)]


# --- ufw ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "file"),
    [
        pytest.param(UFW, "/etc/ufw/sysctl.conf", id="its own file"),
        pytest.param(
            {**UFW, "etc/default/ufw": "IPT_SYSCTL=/etc/ufw/sysctl.conf\n"}, "/etc/ufw/sysctl.conf", id="said"
        ),
        pytest.param(
            {**UFW, "etc/default/ufw": 'IPT_SYSCTL="/etc/x.conf"\n', "etc/x.conf": UFW["etc/ufw/sysctl.conf"]},
            "/etc/x.conf",
            id="another file",
        ),
        pytest.param({**UFW, "etc/default/ufw": "IPT_SYSCTL=\n"}, None, id="none"),
        pytest.param({**UFW, "etc/ufw/ufw.conf": "ENABLED=no\n"}, None, id="not enabled"),
        pytest.param({**UFW, "etc/ufw/ufw.conf": "#ENABLED=yes\n"}, None, id="commented out"),
        pytest.param({}, None, id="no ufw"),
    ],
)
def test_ufw_sets_its_keys_where_it_is_enabled(tmp_path: Path, files: dict[str, str], file: str | None) -> None:
    expected = [("net/ipv4/conf/all/rp_filter", "1", f"{file} line 2"), ("net/ipv4/tcp_sack", "0", f"{file} line 4")]
    assert found(build(tmp_path, files)) == (expected if file else [])


def test_what_ufw_sets_shadows_our_line(tmp_path: Path) -> None:
    host = make_tree(tmp_path, UFW)
    wanted = request({"net.ipv4.tcp_sack": 1})
    change = items(plan(wanted, observe(host, wanted)))["net.ipv4.tcp_sack"]
    assert (change.state, change.at_boot) == ("shadowed", "0")
    assert change.reason == "/etc/ufw/sysctl.conf line 4 sets 0"


def test_a_floor_that_ufw_meets_at_boot_needs_no_line(tmp_path: Path) -> None:
    host = make_tree(tmp_path, {**UFW, "etc/ufw/sysctl.conf": "net/core/somaxconn=8192\n"})
    wanted = request({"net.core.somaxconn": {"value": 5000, "rule": "at_least"}})
    done = plan(wanted, observe(host, wanted))
    assert (done.files, [write.text for write in done.writes]) == ([], ["5000"])


# --- systemd-networkd -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (
            "IPForward=yes",
            [
                ("net/ipv4/ip_forward", "1"),
                ("net/ipv4/conf/all/forwarding", "1"),
                ("net/ipv6/conf/all/forwarding", "1"),
            ],
        ),
        ("IPForward=ipv6", [("net/ipv6/conf/all/forwarding", "1")]),
        ("IPForward=no", []),
        ("IPForward=kernel", []),
        ("IPv4Forwarding=true", [("net/ipv4/conf/eth0/forwarding", "1")]),
        ("IPv6Forwarding=0", [("net/ipv6/conf/eth0/forwarding", "0")]),
        ("IPv6AcceptRA=yes", [("net/ipv6/conf/eth0/accept_ra", "0")]),
        ("IPv6PrivacyExtensions=yes", [("net/ipv6/conf/eth0/use_tempaddr", "2")]),
        ("IPv6PrivacyExtensions=prefer-public", [("net/ipv6/conf/eth0/use_tempaddr", "1")]),
        ("IPv6PrivacyExtensions=kernel", []),
        ("IPv4ReversePathFilter=loose", [("net/ipv4/conf/eth0/rp_filter", "2")]),
        ("IPv6HopLimit=64", [("net/ipv6/conf/eth0/hop_limit", "64")]),
        ("DHCP=yes", []),
    ],
)
@pytest.mark.parametrize("place", ["etc", "run", "usr/lib"])
def test_networkd_sets_keys_of_its_interfaces(
    tmp_path: Path, place: str, network: str, expected: list[tuple[str, str]]
) -> None:
    text = f"[Match]\nName=eth0\n\n[Network]\n{network}\n[Route]\nIPForward=yes\n"
    host = build(tmp_path, {**ENABLED, f"{place}/systemd/network/10-x.network": text})
    assert found(host) == [(*one, f"/{place}/systemd/network/10-x.network line 5") for one in expected]


def test_networkd_takes_the_first_file_for_an_interface(tmp_path: Path) -> None:
    files = {
        **ENABLED,
        "etc/systemd/network/10-eth.network": "[Match]\nName=eth*\n[Network]\nIPv4ReversePathFilter=no\n",
        "etc/systemd/network/10-eth.network.d/a.conf": "[Network]\nIPv4ReversePathFilter=strict\n",
        "etc/systemd/network/20-all.network": "[Match]\nName=*\n[Network]\nIPv4ReversePathFilter=loose\n",
        "etc/systemd/network/30-mac.network": "[Match]\nMACAddress=02:00:00:00:00:01\n[Network]\nIPForward=yes\n",
    }
    boot = boot_of([], later_assignments(writers(build(tmp_path, files)), KEYS))
    values = {path.split("/")[3]: boot.assignment(path) for path in KEYS if path.endswith("rp_filter")}
    assert {name: one and one.value for name, one in values.items()} == {
        "all": None,
        "default": None,
        "lo": None,
        "eth0": "1",
        "eth0.100": "1",
        "wlan0": "2",
    }


def test_networkd_sets_forwarding_for_the_whole_host(tmp_path: Path) -> None:
    host = build(tmp_path, {**ENABLED, "etc/systemd/networkd.conf": "[Network]\nIPv6Forwarding=yes\n"})
    assert found(host) == [("net/ipv6/conf/all/forwarding", "1", "/etc/systemd/networkd.conf line 2")]


def test_a_networkd_that_is_not_used_sets_nothing(tmp_path: Path) -> None:
    text = "[Match]\nName=*\n[Network]\nIPForward=yes\n"
    assert found(build(tmp_path, {"etc/systemd/network/1.network": text})) == []


# --- scripts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file", ["etc/rc.local", "etc/rc.d/rc.local", "etc/network/if-up.d/sip", "etc/network/if-pre-up.d/x"]
)
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sysctl -w net.ipv4.tcp_sack=0", [("net/ipv4/tcp_sack", "0")]),
        ("/sbin/sysctl -qw net/ipv4/tcp_sack=0 >/dev/null 2>&1 || true", [("net/ipv4/tcp_sack", "0")]),
        ('[ -x /sbin/sysctl ] && sysctl -w "net.ipv4.tcp_rmem=1 2 3"', [("net/ipv4/tcp_rmem", "1 2 3")]),
        ("sysctl net.ipv4.tcp_rmem='1 2 3' vm.swappiness=1", [("net/ipv4/tcp_rmem", "1 2 3"), ("vm/swappiness", "1")]),
        (
            "sysctl -w net.ipv4.conf.$IFACE.rp_filter=2",
            [(f"net/ipv4/conf/{name}/rp_filter", "2") for name in ("eth0", "eth0.100", "wlan0")],
        ),
        ("echo 0 > /proc/sys/net/ipv4/tcp_sack", [("net/ipv4/tcp_sack", "0")]),
        ('echo "1 2 3" >/proc/sys/net/ipv4/tcp_rmem;', [("net/ipv4/tcp_rmem", "1 2 3")]),
        ("# sysctl -w net.ipv4.tcp_sack=0", []),
        ("sysctl -n net.ipv4.tcp_sack", []),
        ("sysctl -w net.ipv4.tcp_sack=$VALUE", []),
        ("sysctl -w 'net.ipv4.tcp_sack=0", []),
        ("mysysctl -w net.ipv4.tcp_sack=0", []),
    ],
)
def test_a_script_that_calls_sysctl(tmp_path: Path, file: str, line: str, expected: list[tuple[str, str]]) -> None:
    host = script(tmp_path, file, f"#!/bin/sh\n\n{line}\nexit 0\n")
    assert found(host) == [(*one, f"/{file} line 3") for one in expected]
    assert found(script(tmp_path, file, f"#!/bin/sh\n\n{line}\n", mode=0o644)) == []


@pytest.mark.parametrize("words", ["-p /etc/sip.conf", "-qp /etc/sip.conf", "-p/etc/sip.conf", "--load=/etc/sip.conf"])
def test_a_script_that_loads_a_file(tmp_path: Path, words: str) -> None:
    build(tmp_path, {"etc/sip.conf": "\nnet.ipv4.tcp_sack = 0\n", "etc/sysctl.conf": "vm.swappiness=1\n"})
    host = script(tmp_path, "etc/rc.local", f"#!/bin/sh\nsysctl {words}\n")
    assert found(host) == [("net/ipv4/tcp_sack", "0", "/etc/sip.conf line 2")]
    assert found(script(tmp_path, "etc/rc.local", "sysctl -p\n")) == [("vm/swappiness", "1", "/etc/sysctl.conf line 1")]


def test_interfaces_run_commands_as_they_come_up(tmp_path: Path) -> None:
    text = (
        "iface eth0 inet dhcp\n    up sysctl -w net.ipv4.conf.eth0.rp_filter=2\n    down sysctl -w vm.swappiness=1\n"
        "    post-up echo 1 > /proc/sys/net/ipv4/ip_forward\n"
    )
    host = build(tmp_path, {"etc/network/interfaces": text, "etc/network/interfaces.d/b": "up sysctl vm.swappiness=7"})
    assert found(host) == [
        ("net/ipv4/conf/eth0/rp_filter", "2", "/etc/network/interfaces line 2"),
        ("net/ipv4/ip_forward", "1", "/etc/network/interfaces line 4"),
        ("vm/swappiness", "7", "/etc/network/interfaces.d/b line 1"),
    ]


@given(
    text=st.text()
    | st.lists(st.sampled_from(["sysctl ", "-p", "-w ", "a.b=", "'", '"', "$", "\n", "echo "])).map("".join)
)
def test_any_text_is_read(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("host")
    (root / "etc").mkdir()
    (root / "etc/rc.local").write_bytes(f"sysctl {text}".encode("utf-8", "surrogatepass"))
    (root / "etc/rc.local").chmod(0o755)
    writers(Host(str(root)))
