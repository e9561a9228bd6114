# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.ethtool import COALESCE, RINGS
from ansible_collections.siptune.linux.plugins.module_utils._host.host import HostError
from ansible_collections.siptune.linux.plugins.module_utils._host.netlink import Link
from ansible_collections.siptune.linux.plugins.module_utils._nic.driver import (
    GoneError,
    UnsupportedError,
    observe_interfaces,
    read_nic,
    read_values,
    set_options,
    with_qdiscs,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import OPTIONS, NicError
from nic_cards import Card, CardHost, e1000e, igb, refused, virtio

QUEUES = "/sys/class/net/eth0/queues"


def link(host: CardHost, name: str = "eth0") -> Link:
    return observe_interfaces(host)[name]


def test_interfaces(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb(), Card("br0", "bridge", kind="bridge"))
    links = observe_interfaces(host)
    assert (links["eth0"].driver, links["eth0"].permanent_mac, links["eth0"].virtual_kind) == (
        "igb",
        host.card("eth0").mac,
        "",
    )
    assert (links["br0"].driver, links["br0"].permanent_mac, links["br0"].virtual_kind) == (None, None, "bridge")
    assert with_qdiscs(host, links)["eth0"].qdiscs == ("fq_codel",)
    host.route_dump = lambda *arguments: b""  # type: ignore[method-assign]
    with pytest.raises(NicError, match="network interfaces: cannot be read"):
        observe_interfaces(host)


def test_readings(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    nic = read_nic(host, link(host), OPTIONS.values())
    values = {name: reading.value for name, reading in nic.readings.items()}
    assert (values["rx"], nic.readings["rx"].maximum) == ("256", 4096)
    assert (values["rx_usecs"], values["pause_rx"], values["txqueuelen"]) == ("3", "on", "1000")
    assert (values["rps_cpus"], values["channels_combined"]) == ("none", "4")
    assert values["link_mode"].startswith("auto 10baset-half")
    assert (values["udp_hash"], values["xps_cpus"], values["rps_flow_cnt"]) == ("sd", "none", "0")
    assert nic.missing["irq_cpus"] == "the driver igb has no interrupts of receive queues here"
    assert nic.missing["rx_jumbo"] == "the driver igb has no rx_jumbo rings"
    assert (nic.unresponsive, nic.readonly) == (frozenset(), {})
    assert nic.settings is not None


def test_missing_groups(tmp_path: Path) -> None:
    host = CardHost(tmp_path, virtio())
    nic = read_nic(host, link(host), [OPTIONS["pause_rx"], OPTIONS["link_mode"], OPTIONS["rx"]])
    assert nic.missing["pause_rx"] == "the driver virtio_net has no pause frames"
    assert nic.missing["link_mode"] == "the driver virtio_net has no link modes"
    assert list(nic.readings) == ["rx"]


def test_steering(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    rps = OPTIONS["rps_cpus"]
    set_options(host, link(host), {rps: "rx-0=0-1 rx-1=none"})
    assert read_values(host, "eth0", [rps]) == {"rps_cpus": "rx-0=0-1 rx-1=none"}
    assert host.read_text(f"{QUEUES}/rx-0/rps_cpus") == "00000003\n"
    with pytest.raises(HostError, match="eth0 rps_cpus: 'x' cannot have been its value; check /var/lib/siptune"):
        set_options(host, link(host), {rps: "x"})
    (tmp_path / f"{QUEUES[1:]}/rx-0/rps_cpus").write_text("rubbish\n")
    assert read_values(host, "eth0", [rps]) == {"rps_cpus": "none"}


def test_a_group_is_set_without_touching_its_other_options(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    set_options(host, link(host), {OPTIONS["rx"]: "512"})
    numbers = host.card("eth0").numbers[RINGS]
    assert (numbers["rx"], numbers["tx"]) == (512, 256)
    set_options(host, link(host), {OPTIONS["txqueuelen"]: "77"})
    assert read_values(host, "eth0", [OPTIONS["txqueuelen"], OPTIONS["rx"]]) == {"txqueuelen": "77", "rx": "512"}


@pytest.mark.parametrize(
    ("number", "kind", "message"),
    [
        (errno.EINVAL, HostError, "eth0 rx: the driver refused '512': .*EINVAL"),
        (errno.EBUSY, HostError, "eth0 rx: the driver refused '512': the driver is busy, try again"),
        (errno.EPERM, HostError, "eth0 rx: the driver refused '512': requires CAP_NET_ADMIN"),
        (errno.ENODEV, GoneError, "eth0 rx: the interface is gone"),
        (errno.EOPNOTSUPP, UnsupportedError, "eth0: "),
    ],
)
def test_refusals(tmp_path: Path, number: int, kind: type[HostError], message: str) -> None:
    host = CardHost(tmp_path, igb())
    host.card("eth0").refuses[RINGS.set] = number
    with pytest.raises(kind, match=message):
        set_options(host, link(host), {OPTIONS["rx"]: "512"})


def test_a_gone_interface(tmp_path: Path) -> None:
    with pytest.raises(GoneError, match="eth9: the interface is gone"):
        read_values(CardHost(tmp_path, igb()), "eth9", [OPTIONS["rx"]])


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENODEV, "the driver e1000e does not report its interrupt coalescing: the card is suspended"),
        (errno.EIO, "the driver e1000e does not report its interrupt coalescing: Input/output error"),
    ],
)
def test_a_driver_that_does_not_answer(tmp_path: Path, number: int, reason: str) -> None:
    host = CardHost(tmp_path, e1000e())
    eth0, answer = link(host), host.ethtool

    def ethtool(interface: str, request: bytes) -> bytes:
        if request[:1] == bytes([COALESCE.get]):
            raise refused(interface, number)
        return answer(interface, request)

    host.ethtool = ethtool  # type: ignore[method-assign]
    nic = read_nic(host, eth0, [OPTIONS["rx"], OPTIONS["rx_usecs"]])
    assert list(nic.readings) == ["rx"]
    assert nic.missing["rx_usecs"].startswith(reason)
    assert nic.unresponsive == {"rx_usecs"}
