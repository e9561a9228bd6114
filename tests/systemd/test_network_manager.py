# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nic_ring and nic_link where NetworkManager owns the interface: a real one, 1.42 of Debian 12 and 1.52 of Debian 13.

A virtual Ethernet pair has a queue and channels, but no rings: rings of a card that NetworkManager owns are tested in
the virtual machine.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from machine import Machine, machine_with

VERSIONS = {"bookworm": (1, 42), "trixie": (1, 52)}
PROFILE = "/etc/NetworkManager/system-connections/cable.nmconnection"
LINK_FILE = "/etc/systemd/network/00-siptune-v0.link"
START_TIMEOUT_SECONDS = 60

# By default, NetworkManager leaves virtual pairs alone and creates no profile.
CONFIGURATION = """[main]
no-auto-default=*
[keyfile]
unmanaged-devices=*,except:interface-name:v0
[device-cable]
match-device=interface-name:v0
managed=1
"""
ADDRESS = "ip4 192.0.2.1/24 ipv6.method disabled"
WANTED = {"txqueuelen": 2000, "channels_rx": 1}


def _chosen() -> list[str]:
    return [suite for suite in os.environ.get("SIPTUNE_TEST_SUITES", " ".join(VERSIONS)).split() if suite in VERSIONS]


@pytest.fixture(scope="module", params=_chosen())
def manager(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A container with a NetworkManager that owns one end of a virtual Ethernet pair, v0, with two receive queues."""
    with machine_with(request.param, "network-manager") as machine:
        machine.write("/etc/NetworkManager/conf.d/cable.conf", CONFIGURATION)
        machine.sh("systemctl restart NetworkManager")
        yield machine


@pytest.fixture
def cable(manager: Machine) -> Iterator[Machine]:
    manager.sh(
        "ip link add v0 numrxqueues 2 numtxqueues 2 type veth peer name v1; ip link set v1 up; udevadm settle;"
        f"nmcli connection add con-name cable type ethernet ifname v0 {ADDRESS}"
    )
    activate(manager)
    yield manager
    manager.sh(
        "nmcli connection delete cable; ip link delete v1;rm -rf /etc/systemd/network/00-siptune-* /var/lib/siptune"
    )


def activate(machine: Machine) -> None:
    """Activate the profile, as a boot does."""
    machine.sh("nmcli --wait 30 connection up cable")
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while "v0:connected" not in machine.sh("nmcli -t -f DEVICE,STATE device"):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def call(machine: Machine, module: str = "nic_link", check: bool = False, **parameters: Any) -> dict[str, Any]:
    result = machine.call_module(module, parameters, check)
    assert not result.get("failed"), result
    return result


def items(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["item"].removeprefix("v0 "): item for item in result["items"]}


def live(machine: Machine) -> tuple[str, str]:
    """The length of the queue, and how many receive queues there are."""
    length = (machine.read("/sys/class/net/v0/tx_queue_len") or "").strip()
    return length, machine.sh("ls -d /sys/class/net/v0/queues/rx-* | wc -l").strip()


def profile_of(machine: Machine) -> str:
    """The file of the profile, without the time at which NetworkManager has last activated it."""
    return re.sub(r"^timestamp=[0-9]+\n", "", machine.read(PROFILE) or "", flags=re.MULTILINE)


def moments(machine: Machine) -> tuple[str, str]:
    """How often the link was cut, and which activation of a profile this is."""
    activation = machine.sh("nmcli -g GENERAL.DBUS-PATH connection show cable").strip()
    return (machine.read("/sys/class/net/v0/carrier_changes") or "").strip(), activation


def properties(machine: Machine) -> dict[str, str]:
    """Our properties in the profile."""
    text = machine.sh("nmcli -t connection show cable")
    pairs = [line.partition(":")[::2] for line in text.splitlines()]
    return {name: value for name, value in pairs if name in ("link.tx-queue-length", "ethtool.channels-rx")}


def test_there_and_back(cable: Machine) -> None:
    in_profile = VERSIONS[cable.suite] >= (1, 46)
    profile, start, at_start = profile_of(cable), live(cable), moments(cable)
    assert profile
    predicted = call(cable, check=True, interfaces={"v0": WANTED})
    assert predicted["changed"]
    assert profile_of(cable) == profile

    first = items(call(cable, interfaces={"v0": WANTED}))
    assert {name: item["state"] for name, item in first.items()} == {"txqueuelen": "changed", "channels_rx": "pending"}
    assert {name: item["at_boot"] for name, item in first.items()} == {"txqueuelen": "2000", "channels_rx": "1"}
    for item in first.values():
        assert ("NetworkManager's profile cable" in item["reason"]) == in_profile
    assert [item["after"] for item in first.values()] == [item["after"] for item in predicted["items"]]
    # The live value is set by us, and the profile waits for its next activation.
    assert live(cable) == ("2000", start[1])
    assert moments(cable) == at_start

    record = json.loads(cable.read("/var/lib/siptune/originals.json") or "")
    assert ("profiles" in record) == in_profile
    assert list(record["links"].values()) == [record["links"]["v0"]]

    assert not call(cable, interfaces={"v0": WANTED})["changed"]
    assert moments(cable) == at_start
    assert (cable.read(LINK_FILE) is None) == in_profile

    assert call(cable, state="absent")["changed"]
    assert profile_of(cable) == profile
    assert cable.read(LINK_FILE) is None
    assert (live(cable), moments(cable)) == (start, at_start)
    assert cable.read("/var/lib/siptune/originals.json") is None
    assert not call(cable, state="absent")["changed"]


def test_the_next_activation_sets_it_and_the_one_after_going_back_does_not(cable: Machine) -> None:
    call(cable, interfaces={"v0": WANTED})
    # A boot begins with the kernel's defaults. NetworkManager restores the values it found for properties now unset.
    cable.sh("ip link set v0 txqueuelen 1000")
    cable.sh("udevadm control --reload; udevadm trigger --action=add /sys/class/net/v0; udevadm settle")
    activate(cable)
    # A .link file or the profile: NetworkManager leaves alone the options that its profile does not name.
    assert live(cable) == ("2000", "1")
    assert {item["state"] for item in call(cable, interfaces={"v0": WANTED})["items"]} == {"ok"}
    call(cable, state="absent", disruptive=True)
    cable.sh("udevadm control --reload; udevadm trigger --action=add /sys/class/net/v0; udevadm settle")
    activate(cable)
    assert live(cable) == ("1000", "2")


def test_a_property_that_somebody_has_set_is_left_alone(cable: Machine) -> None:
    if VERSIONS[cable.suite] < (1, 46):
        pytest.skip("this NetworkManager has no property for the options of a pair")
    cable.sh("nmcli connection modify cable link.tx-queue-length 700")
    profile = profile_of(cable)
    first = items(call(cable, interfaces={"v0": WANTED}))
    assert (first["txqueuelen"]["state"], first["txqueuelen"]["at_boot"]) == ("shadowed", "700")
    assert "has link.tx-queue-length 700" in first["txqueuelen"]["reason"]
    assert properties(cable) == {"link.tx-queue-length": "700", "ethtool.channels-rx": "1"}
    call(cable, state="absent")
    assert profile_of(cable) == profile


def test_a_property_that_somebody_has_changed_since_stays(cable: Machine) -> None:
    if VERSIONS[cable.suite] < (1, 46):
        pytest.skip("this NetworkManager has no property for the options of a pair")
    call(cable, interfaces={"v0": WANTED})
    cable.sh("nmcli connection modify cable link.tx-queue-length 800")
    back = items(call(cable, state="absent"))
    assert "somebody else has set link.tx-queue-length since" in back["txqueuelen"]["reason"]
    assert properties(cable) == {"link.tx-queue-length": "800"}


def test_an_interface_without_rings_leaves_the_profile_alone(cable: Machine) -> None:
    profile = profile_of(cable)
    result = call(cable, "nic_ring", interfaces={"v0": {"rx": "max"}})
    assert {item["state"] for item in result["items"]} == {"absent"}
    assert not result["changed"]
    assert profile_of(cable) == profile
