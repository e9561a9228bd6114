# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All facts at once: a whole host, hosts that tell little, and the documentation held against both."""

from __future__ import annotations

import ast
import json
import socket
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._facts.gather import gather
from ansible_collections.siptune.linux.plugins.module_utils._host.ethtool import (
    ETHTOOL_GDRVINFO,
    RINGS,
)
from ansible_collections.siptune.linux.plugins.module_utils._host.host import CommandResult, Host, HostError
from ansible_collections.siptune.linux.plugins.module_utils._host.machine import FIRST_NAMESPACES
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import RTM_GETLINK
from ansible_collections.siptune.linux.plugins.module_utils._host.network import RTM_GETADDR, RTM_GETROUTE
from sip_trees import start

CAPTURED = Path(__file__).parents[1] / "captured"
MODULE = Path(__file__).resolve().parents[5] / "plugins" / "modules" / "host_facts.py"

RING_SIZES = RINGS.layout.pack(RINGS.get, *(4096, 0, 0, 4096), *(256, 0, 0, 256))
DRIVER = (struct.pack("=I", ETHTOOL_GDRVINFO) + b"igb").ljust(196, b"\0")
SHOWN = (
    "MainPID=36\nId=asterisk.service\nNames=asterisk.service\nLoadState=loaded\nActiveState=active\nSubState=running\n"
)

pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="the dumps hold little-endian numbers")


class CapturedHost(Host):
    """A tree for a file system, and captured answers for what does not come from files."""

    def __init__(self, root: Path, dumps: dict[int, bytes], ethtool: dict[tuple[str, int], bytes]) -> None:
        super().__init__(str(root))
        self.dumps = dumps
        self.answers = ethtool

    def route_dump(self, message_type: int, family: int = socket.AF_UNSPEC) -> bytes:
        if message_type not in self.dumps:
            raise HostError("rtnetlink", "Operation not permitted (EPERM)")
        return self.dumps[message_type]

    def ethtool(self, interface: str, request: bytes) -> bytes:
        answer = self.answers.get((interface, struct.unpack_from("=I", request)[0]))
        if answer is None:
            raise HostError(interface, "Operation not supported (EOPNOTSUPP)")
        return answer

    def run(self, arguments):
        return CommandResult(0, SHOWN, "")


def place(root: Path, path: str, text: str = "") -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def dump(name: str) -> bytes:
    return bytes.fromhex((CAPTURED / f"{name}.hex").read_text())


FILES = {
    "/proc/meminfo": "MemTotal:       24684092 kB\n",
    "/sys/devices/system/cpu/online": "0-7\n",
    "/sys/devices/system/cpu/modalias": "cpu:type:x86,ven0000fam0006mod009E:feature:,0000,0001\n",
    "/proc/sys/fs/nr_open": "1048576\n",
    "/proc/sys/net/ipv4/udp_mem": "188082\t250779\t376164\n",
    "/proc/sys/kernel/osrelease": "6.1.0-28-amd64\n",
    "/proc/sys/net/core/netdev_max_backlog": "1000\n",
    "/proc/sys/net/ipv4/ip_forward": "0\n",
    "/proc/sys/net/ipv4/conf/all/rp_filter": "0\n",
    "/proc/swaps": "Filename Type Size Used Priority\n/dev/sda2 partition 999420 0 -2\n",
    "/usr/lib/systemd/systemd": "",
    "/usr/lib/systemd/libsystemd-shared-252.so": "",
    "/run/systemd/system/.here": "",
    "/lib/systemd/system/asterisk.service": "",
    "/proc/1/comm": "systemd\n",
    "/proc/36/comm": "asterisk\n",
    "/proc/36/status": "PPid:\t1\nUid:\t0\t0\t0\t0\nNSpid:\t36\n",
    "/proc/36/cgroup": "0::/system.slice/asterisk.service\n",
    "/proc/self/environ": "SSH_CONNECTION=192.0.2.9 50000 192.0.2.1 22\0",
    "/proc/self/status": "PPid:\t1\nUid:\t0\t0\t0\t0\n",
    "/proc/net/dev": "",
    "/sys/class/net/eth0/ifindex": "4\n",
    "/sys/class/net/eth0/address": "02:fc:00:00:00:01\n",
    "/sys/class/net/eth0/speed": "1000\n",
    "/sys/class/net/eth0/device/vendor": "",
    "/sys/class/net/eth0/queues/rx-0/rps_cpus": "00\n",
    "/sys/class/net/eth0/queues/rx-1/rps_cpus": "0f\n",
    "/sys/class/net/eth0/queues/tx-0/xps_cpus": "ff\n",
}


@pytest.fixture(name="host")
def whole_host(tmp_path: Path) -> CapturedHost:
    for path, text in FILES.items():
        place(tmp_path, path, text)
    namespaces = tmp_path / "proc/self/ns"
    namespaces.mkdir()
    for name, inode in FIRST_NAMESPACES.items():
        (namespaces / name).symlink_to(f"{name}:[{inode}]")
    dumps = {
        RTM_GETLINK: dump("virtual_machine_links"),
        RTM_GETADDR: dump("two_uplinks_addresses"),
        RTM_GETROUTE: dump("two_uplinks_routes4"),
    }
    ethtool = {
        ("eth0", ETHTOOL_GDRVINFO): DRIVER,
        ("eth0", RINGS.get): RING_SIZES,
    }
    return CapturedHost(tmp_path, dumps, ethtool)


NO_TUNERS = {
    "tuned": {
        "active": False,
        "enabled": False,
        "profile": None,
        "reapply_sysctl": True,
        "sysctl": [],
        "unknown": [],
        "not_reapplied": [],
    },
    "bpftune": {"active": False, "enabled": False},
    "sysctl_files": [],
}


def test_a_whole_host(host: CapturedHost) -> None:
    facts = gather(host)
    assert facts.pop("page_size") in (4096, 16384, 65536)
    interfaces = facts.pop("interfaces")
    assert facts == {
        "memory_bytes": 24684092 * 1024,
        "processors": 8,
        "nr_open": 1048576,
        "udp_mem_pages": [188082, 250779, 376164],
        "kernel": "6.1.0-28-amd64",
        "systemd": 252,
        "systemd_running": True,
        "virtualization": {"kind": "metal", "technology": None},
        "child_network_namespace": False,
        "forwarding": False,
        "swap": [{"device": "/dev/sda2", "kind": "disk", "bytes": 999420 * 1024}],
        "packet_path": {
            "online": "0-7",
            "isolated": None,
            "nohz_full": None,
            "cards": [
                {
                    "interface": "eth0",
                    "driver": "igb",
                    "rx_queues": 2,
                    "numa_node": None,
                    "node_processors": "0-7",
                    "interrupt_processors": None,
                }
            ],
        },
        "default_routes": {"ipv4": [], "ipv6": []},
        "strict_reverse_path": False,
        "container_network": [],
        "sip_alg": {"modules": [], "built_in": False, "automatic": None, "used_by": []},
        "control_connection": {"family": "ipv4", "address": "192.0.2.1"},
        "ipv6_listeners": [],
        "sip_daemons": [
            {
                "name": "asterisk",
                "unit": "asterisk.service",
                "installed": True,
                "running": True,
                "main_pid": 36,
                "user": "root",
                "no_unit": "",
                "rtp_ports": ["10000-20000"],
                "sip_ports": None,
                "udp_ports": None,
                "tcp_ports": None,
                "ceilings": [
                    {"name": "maxcalls", "value": None, "set_by": "default"},
                    {"name": "maxfiles", "value": None, "set_by": "default"},
                ],
                "notes": [],
            }
        ],
        "sip_daemons_of_users": [],
        "rtpengine": [],
        "tuners": NO_TUNERS,
    }
    assert [interface["name"] for interface in interfaces] == ["eth0", "lo"]
    assert interfaces[0] == {
        "name": "eth0",
        "driver": "igb",
        "virtual": False,
        "up": True,
        "mac": "02:fc:00:00:00:01",
        "speed_mbps": 1000,
        "addresses": [],
        "rps": True,
        "rx_queues": 2,
        "ring": {"rx": 256, "rx_mini": 0, "rx_jumbo": 0, "tx": 256},
        "ring_max": {"rx": 4096, "rx_mini": 0, "rx_jumbo": 0, "tx": 4096},
    }


def test_two_uplinks(host: CapturedHost) -> None:
    host.dumps[RTM_GETLINK] = dump("two_uplinks_links")
    facts = gather(host)
    assert facts["default_routes"]["ipv4"] == ["uplink0", "uplink1"]
    assert {interface["name"]: interface["addresses"] for interface in facts["interfaces"]} == {
        "lo": ["127.0.0.1/8", "::1/128"],
        "uplink0": ["192.0.2.5/24", "2001:db8::5/64", "fe80::ff:fe00:10/64"],
        "uplink1": ["198.51.100.5/24", "203.0.113.1/32", "fe80::ff:fe00:11/64"],
    }


def test_a_default_route_into_the_loopback_leads_nowhere(host: CapturedHost) -> None:
    route = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 254, 3, 0, 1, 0) + struct.pack("=HHi", 8, 4, 1)
    done = struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)
    host.dumps[RTM_GETROUTE] = struct.pack("=IHHII", 16 + len(route), 24, 2, 1, 0) + route + done
    assert gather(host)["default_routes"]["ipv4"] == []


@pytest.mark.parametrize("path", ["ifindex", "address"])
def test_a_namesake_in_another_namespaces_sysfs_is_not_believed(host: CapturedHost, tmp_path: Path, path: str) -> None:
    (tmp_path / "sys/class/net/eth0" / path).write_text("7\n")
    eth0 = gather(host)["interfaces"][0]
    assert (eth0["name"], eth0["speed_mbps"], eth0["rps"]) == ("eth0", None, None)
    assert eth0["virtual"] is False  # rtnetlink tells of its device
    assert eth0["driver"] == "igb"


@pytest.mark.parametrize("missing", [RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE])
def test_what_netlink_refuses_is_null(host: CapturedHost, missing: int) -> None:
    del host.dumps[missing]
    facts = gather(host)
    assert (facts["interfaces"] is None) == (missing == RTM_GETLINK)
    assert (facts["default_routes"]["ipv4"] is None) == (missing != RTM_GETADDR)
    if missing == RTM_GETADDR:
        assert facts["interfaces"][0]["addresses"] is None


def test_a_host_that_tells_nothing(tmp_path: Path) -> None:
    facts = gather(CapturedHost(tmp_path, {}, {}))
    assert facts.pop("page_size")
    assert facts == {
        "memory_bytes": None,
        "processors": None,
        "nr_open": None,
        "udp_mem_pages": None,
        "kernel": None,
        "systemd": None,
        "systemd_running": False,
        "virtualization": {"kind": None, "technology": None},
        "child_network_namespace": None,
        "forwarding": None,
        "swap": None,
        "interfaces": None,
        "packet_path": {"online": None, "isolated": None, "nohz_full": None, "cards": []},
        "default_routes": {"ipv4": None, "ipv6": None},
        "strict_reverse_path": None,
        "container_network": [],
        "sip_alg": {"modules": [], "built_in": False, "automatic": None, "used_by": []},
        "control_connection": {"family": None, "address": None},
        "ipv6_listeners": None,
        "sip_daemons": [],
        "sip_daemons_of_users": [],
        "rtpengine": [],
        "tuners": {**NO_TUNERS, "bpftune": {"active": None, "enabled": False}},
    }


@pytest.mark.parametrize("path", sorted(FILES))
def test_no_single_unreadable_file_fails_the_facts(host: CapturedHost, tmp_path: Path, path: str) -> None:
    target = tmp_path / path.lstrip("/")
    target.unlink()
    target.mkdir()  # reading a directory fails, even for root
    facts = gather(host)
    assert set(facts) == set(gather(CapturedHost(tmp_path, {}, {})))
    json.dumps(facts)


def test_this_very_machine() -> None:
    facts = json.loads(json.dumps(gather(Host())))
    assert facts["memory_bytes"] > 0
    assert facts["processors"] > 0
    assert "lo" in [interface["name"] for interface in facts["interfaces"]]


def test_many_listeners_are_cut_short(host: CapturedHost, tmp_path: Path) -> None:
    words = struct.unpack("=4I", socket.inet_pton(socket.AF_INET6, "2001:db8::1"))
    address = "".join(f"{word:08X}" for word in words)
    lines = "".join(f" 1: {address}:{port:04X} {'0' * 32}:0000 07 0\n" for port in range(30000, 30250))
    place(tmp_path, "/proc/net/udp6", lines)
    listeners = gather(host)["ipv6_listeners"]
    assert len(listeners) == 100
    assert listeners[0] == "[2001:db8::1]:30000/udp"


# --- documentation ---------------------------------------------------------------------------


def documentation(name: str) -> dict:
    yaml = pytest.importorskip("yaml", reason="documentation is checked where PyYAML is, on the controller's Python")
    for node in ast.parse(MODULE.read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == name:  # type: ignore[attr-defined]
            return yaml.safe_load(ast.literal_eval(node.value))
    raise AssertionError(f"{name} is missing")


TYPES: dict[str, Any] = {"dict": dict, "list": list, "str": str, "int": int, "bool": bool}


def check_against(documented: dict, value: Any, name: str) -> None:
    assert documented["description"], name
    if value is None:
        return
    assert type(value) is TYPES[documented["type"]], name
    if "contains" in documented:
        for part in value if isinstance(value, list) else [value]:
            assert list(part) == list(documented["contains"]), name
            for field, below in documented["contains"].items():
                check_against(below, part[field], f"{name}.{field}")
    elif isinstance(value, list):
        assert all(type(part) is TYPES[documented["elements"]] for part in value), name


def test_every_fact_is_documented_with_its_type(host: CapturedHost, tmp_path: Path) -> None:
    documented = documentation("RETURN")["ansible_facts"]["contains"]["siptune_host"]
    start(tmp_path, 900, "rtpengine", command_line="/usr/bin/rtpengine\0--table=0\0")
    facts = gather(host)
    assert [(one["pid"], one["table"]) for one in facts["rtpengine"]] == [(900, 0)]
    check_against(documented, facts, "siptune_host")


def test_the_module_says_which_options_it_has() -> None:
    options = documentation("DOCUMENTATION")["options"]
    assert {name: (option["type"], option["default"]) for name, option in options.items()} == {
        "boot_only": ("bool", False),
        "machine": ("dict", {}),
    }
