# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals of nic_ring and nic_link: a clear error from the real module, and nothing changed.

Cards that this machine lacks are models of drivers, at the host's door; files and locks are real.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.host import Host
from ansible_collections.siptune.linux.plugins.modules import nic_link, nic_ring
from calls import ORIGINALS, call, write_file
from nics import MAY_FLAP, make_interfaces, states, sys_net, whole_host
from sandbox import difference

sys.path.append(str(Path(__file__).resolve().parents[1] / "unit/plugins/module_utils"))

from nic_cards import RINGS, Card, CardHost, igb, rtl8139, virtio


def show(*cards: Card) -> CardHost:
    """Let the kernel's answers about interfaces be those of these cards. The sandbox's process ends with the test."""
    model = CardHost(Path(tempfile.mkdtemp(dir="/run")), *cards)
    Host.ethtool = lambda _self, interface, request: model.ethtool(interface, request)  # type: ignore[method-assign]
    Host.route_dump = lambda _self, *arguments: model.route_dump(*arguments)  # type: ignore[method-assign]
    os.makedirs("/etc/systemd/network", exist_ok=True)
    return model


def two_cards() -> CardHost:
    second = igb("eth1", mac="52:54:00:00:00:99")
    return show(igb("eth0"), second, virtio("eth2"), Card("bond0", "bonding", kind="bond"))


BAD = [
    pytest.param({"eth0": {"rx": 4097}}, "eth0 rx: cannot be 4097: the hardware's maximum is 4096", id="above"),
    pytest.param({"eth0": {"rx": 0}}, "eth0 rx: cannot be 0: allowed are 1 to", id="zero"),
    pytest.param({"eth0": {"rx": -1}}, "eth0 rx: cannot be -1: allowed are 1 to", id="negative"),
    pytest.param({"eth0": {"rx": "many"}}, "eth0 rx: cannot be 'many': give a whole number or max", id="no number"),
    pytest.param({"eth2": {"rx": 1000}}, "virtio_net requires a power of two, such as 512 or 1024", id="virtio"),
    pytest.param({"eth9": {"rx": 512}}, "eth9: no such interface; available: eth0", id="unknown"),
    pytest.param({"bond0": {"rx": 512}}, "bond0: is a software interface (bond)", id="bond"),
    pytest.param(
        {"eth[01]": {"rx": 512}, "driver:igb": {"rx": 1024}},
        "eth0 rx: eth[01] and driver:igb set it differently",
        id="two rules",
    ),
    pytest.param({"eth/0": {"rx": 512}}, "invalid interface name", id="slash"),
    pytest.param({"eth 0": {"rx": 512}}, "invalid interface name", id="blank"),
    pytest.param({"abcdefghijklmnop": {"rx": 512}}, "more than 15 characters", id="16 characters"),
    pytest.param({"driver:": {"rx": 512}}, "the name of the driver is missing", id="no driver"),
]


@pytest.mark.parametrize("disruptive", [False, True])
@pytest.mark.parametrize(("interfaces", "message"), BAD)
def test_bad_rings(interfaces: dict[str, Any], message: str, disruptive: bool) -> None:
    host = two_cards()
    start = whole_host()
    result = call(nic_ring, interfaces={"eth1": {"tx": 512}, **interfaces}, disruptive=disruptive)
    assert result.get("failed"), result
    assert message in result["msg"]
    assert result["msg"].endswith("Nothing was changed.")
    assert [card.sets for card in host.cards] == [0] * len(host.cards)
    assert difference(start, whole_host()) == {}


@pytest.mark.parametrize(
    ("number", "message"),
    [
        pytest.param(errno.EINVAL, "EINVAL", id="EINVAL"),
        pytest.param(errno.EBUSY, "the driver is busy, try again", id="EBUSY"),
        pytest.param(errno.ENOMEM, "ENOMEM", id="ENOMEM"),
        pytest.param(errno.EIO, "EIO", id="EIO"),
    ],
)
def test_a_driver_that_refuses_undoes_the_call(number: int, message: str) -> None:
    host = two_cards()
    host.card("eth1").refuses[RINGS.set] = number
    start = whole_host()
    result = call(nic_ring, interfaces={"eth0": {"rx": 512}, "eth1": {"rx": 512}}, **MAY_FLAP)
    assert result.get("failed"), result
    assert "eth1 rx: the driver refused '512'" in result["msg"]
    assert message in result["msg"]
    assert result["undone"] == ["eth0 rx"]
    assert {item["item"]: item["state"] for item in result["items"]} == {"eth1 rx": "refused"}
    assert [host.card(name).numbers[RINGS]["rx"] for name in ("eth0", "eth1")] == [256, 256]
    assert difference(start, whole_host()) == {}


def test_a_driver_without_rings_is_skipped() -> None:
    """EOPNOTSUPP, at once or only when they are set: the item says so, and the others are set all the same."""
    host = show(rtl8139("eth0"), igb("eth1"), igb("eth2", mac="52:54:00:00:00:99"))
    host.card("eth1").refuses[RINGS.set] = errno.EOPNOTSUPP
    result = call(nic_ring, interfaces={"eth*": {"rx": 512}}, **MAY_FLAP, when="now")
    assert states(result) == {"eth0 rx": "absent", "eth1 rx": "absent", "eth2 rx": "changed"}
    assert host.card("eth2").numbers[RINGS]["rx"] == 512


def test_missing_fail_undoes_what_a_driver_turns_out_not_to_support() -> None:
    host = show(igb("eth0"), igb("eth1", mac="52:54:00:00:00:99"))
    host.card("eth1").refuses[RINGS.set] = errno.EOPNOTSUPP
    start = whole_host()
    result = call(nic_ring, interfaces={"eth*": {"rx": 512}}, missing="fail", **MAY_FLAP, when="now")
    assert result.get("failed"), result
    assert "eth1 rx is absent: the driver cannot change it" in result["msg"]
    assert "eth0 rx" in result["undone"]
    assert host.card("eth0").numbers[RINGS]["rx"] == 256
    assert difference(start, whole_host()) == {}


def test_an_interface_that_is_unplugged_before_it_is_set() -> None:
    """On the real kernel: the first of two interfaces is set, and then the second one is gone."""
    make_interfaces()
    set_length = Host.set_tx_queue_length

    def unplug_and_set(host: Host, name: str, frames: int) -> None:
        if name == "sip0":
            subprocess.run(["ip", "link", "delete", "sip0"], check=True)
        set_length(host, name, frames)

    Host.set_tx_queue_length = unplug_and_set  # type: ignore[method-assign]
    result = call(nic_link, interfaces={"rtp0": {"txqueuelen": 2000}, "sip0": {"txqueuelen": 2000}})
    assert result.get("failed"), result
    assert "sip0 txqueuelen: the interface is gone: it was unplugged or renamed a moment ago" in result["msg"]
    assert result["undone"] == ["rtp0 txqueuelen"]
    assert sys_net("rtp0/tx_queue_len") == "1000"
    assert os.listdir("/etc/systemd/network") == []
    assert not os.path.exists(ORIGINALS)


def test_the_users_own_link_file_is_kept_and_named() -> None:
    make_interfaces()
    users = "/etc/systemd/network/10-users.link"
    text = "[Match]\nDriver=veth\n\n[Link]\nNamePolicy=keep\nTransmitQueueLength=700\n"
    write_file(users, text)
    result = call(nic_link, interfaces={"sip0": {"txqueuelen": 2000, "pause_rx": False}})
    item = next(item for item in result["items"] if item["item"] == "sip0 txqueuelen")
    assert (item["state"], item["at_boot"], item["after"]) == ("shadowed", "700", "2000")
    assert f"{users} line 6 sets TransmitQueueLength=700" in item["reason"]
    assert Path(users).read_text(encoding="utf-8") == text
    assert os.listdir("/etc/systemd/network") == ["10-users.link"]
    call(nic_link, state="absent")
    assert Path(users).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("module", [nic_ring, nic_link], ids=["nic_ring", "nic_link"])
def test_a_file_of_somebody_elses_under_our_name_is_never_overwritten(module: Any) -> None:
    make_interfaces()
    theirs = "/etc/systemd/network/00-siptune-sip0.link"
    write_file(theirs, "[Match]\nOriginalName=sip0\n\n[Link]\nNamePolicy=keep\nMTUBytes=1400\n")
    before = Path(theirs).read_bytes()
    call(module, interfaces={"sip0": {"rx": 512} if module is nic_ring else {"txqueuelen": 2000}})
    assert Path(theirs).read_bytes() == before
    call(module, state="absent")
    assert Path(theirs).read_bytes() == before
