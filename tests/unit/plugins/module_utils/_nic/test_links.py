# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of nic_link: coalescing, pause, channels, queues, link modes; against models of the measured drivers."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError
from ansible_collections.siptune.linux.plugins.module_utils._host.ethtool import CHANNELS, COALESCE, PAUSE
from nic_cards import (
    COPPER_GIGABIT,
    Card,
    CardHost,
    e1000,
    e1000e,
    igb,
    links,
    predict_links,
    recorded,
    rings,
    rtl8139,
    virtio,
    vmxnet3,
)

ALL_SPEEDS = "auto 10baset-half 10baset-full 100baset-half 100baset-full 1000baset-full"


def link_file(host: CardHost, name: str = "eth0") -> str:
    path = host.root / f"etc/systemd/network/00-siptune-{name}.link"
    return path.read_text() if path.exists() else ""


def rules_file(host: CardHost) -> str:
    return host.read_text("/etc/udev/rules.d/90-siptune-queues.rules") or ""


def test_coalescing_is_set_at_once_and_comes_back(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    wanted = {"eth0": {"rx_usecs": 50, "tx_usecs": {"value": 20, "rule": "at_least"}}}
    first = links(host, wanted)
    assert first.states() == {"eth0 rx_usecs": "changed", "eth0 tx_usecs": "changed"}
    numbers = host.card("eth0").numbers[COALESCE]
    assert (numbers["rx_usecs"], numbers["tx_usecs"]) == (50, 20)
    assert "RxCoalesceSec=50us\n" in link_file(host)
    assert host.card("eth0").sets == 1
    assert not links(host, wanted).changed
    assert links(host, {}, state="absent").changed
    assert (numbers["rx_usecs"], numbers["tx_usecs"], link_file(host)) == (3, 0, "")


def test_a_value_that_the_driver_refuses_fails_the_call(tmp_path: Path) -> None:
    host = CardHost(tmp_path, e1000e())
    with pytest.raises(RefusedError, match=r"eth0 rx_usecs: the driver refused '7': .*EINVAL"):
        links(host, {"eth0": {"rx_usecs": 7, "txqueuelen": 500}})
    assert (host.card("eth0").txqueuelen, host.card("eth0").numbers[COALESCE]["rx_usecs"]) == (1000, 3)
    assert not link_file(host)


def test_an_option_that_the_driver_does_not_support_leaves_the_rest_of_its_group(tmp_path: Path) -> None:
    host = CardHost(tmp_path, e1000e())
    wanted = {"eth0": {"rx_usecs": 50, "rx_frames": 16, "adaptive_rx": True}}
    first = links(host, wanted)
    expected = {"eth0 rx_usecs": "changed", "eth0 rx_frames": "absent", "eth0 adaptive_rx": "absent"}
    assert (first.states(), first.changed) == (expected, True)
    assert host.card("eth0").numbers[COALESCE]["rx_usecs"] == 50
    assert [line for line in link_file(host).splitlines() if "Coalesce" in line] == ["RxCoalesceSec=50us"]
    second = links(host, wanted)
    assert (second.states(), second.changed) == ({**expected, "eth0 rx_usecs": "ok"}, False)
    assert list(recorded(host)["eth0 52:54:00:00:00:04"]) == ["rx_usecs"]


@pytest.mark.parametrize(
    ("card", "options", "reason"),
    [
        pytest.param(e1000, {"rx_usecs": 50}, "the driver e1000 has no interrupt coalescing", id="e1000 coalescing"),
        pytest.param(vmxnet3, {"pause_rx": False}, "the driver vmxnet3 has no pause frames", id="vmxnet3 pause"),
        pytest.param(e1000e, {"channels_combined": 2}, "the driver e1000e has no channels", id="e1000e channels"),
        pytest.param(vmxnet3, {"channels_rx": 1}, "the driver cannot change it", id="vmxnet3 channels are read-only"),
        pytest.param(igb, {"channels_rx": 2}, "the driver igb has no rx channels", id="igb has combined channels only"),
        pytest.param(virtio, {"speed": 1000}, "the driver virtio_net has no link modes", id="virtio speed is cosmetic"),
    ],
)
def test_absent(tmp_path: Path, card, options, reason: str) -> None:
    host = CardHost(tmp_path, card())
    for _attempt in range(2):
        done = links(host, {"eth0": options}, disruptive=True)
        (item,) = done.items.values()
        assert (item.state, done.changed) == ("absent", False)
        assert reason in item.reason
        assert not link_file(host)


def test_channels_wait_unless_they_may_flap(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    assert predict_links(host, {"eth0": {"channels_combined": 2}}).states() == {"eth0 channels_combined": "pending"}
    links(host, {"eth0": {"channels_combined": "max"}}, disruptive=True)
    assert host.card("eth0").numbers[CHANNELS]["combined"] == 8
    assert host.card("eth0").carrier_changes == 2
    with pytest.raises(RefusedError, match="the hardware's maximum is 8"):
        links(host, {"eth0": {"channels_combined": 9}}, disruptive=True)


def test_negotiated_pause_frames_are_asked_for_once(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    host.card("eth0").negotiated_pause = {"rx": 1, "tx": 1}  # whatever we ask for
    wanted = {"eth0": {"pause_rx": False, "pause_tx": False}}
    first = links(host, wanted, disruptive=True)
    assert host.card("eth0").carrier_changes == 2
    assert "requested off; the result is negotiated with the link partner" in first.items["eth0 pause_rx"].reason
    second = links(host, wanted, disruptive=True)
    assert (second.changed, host.card("eth0").carrier_changes) == (False, 2)


def test_pause_frames_without_negotiation(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    wanted = {"eth0": {"pause_autoneg": False, "pause_rx": False, "pause_tx": False}}
    assert set(links(host, wanted).states().values()) == {"pending"}
    assert host.card("eth0").carrier_changes == 0
    links(host, wanted, disruptive=True)
    assert host.card("eth0").numbers[PAUSE] == {"autoneg": 0, "rx": 0, "tx": 0}
    assert not links(host, wanted, disruptive=True).changed
    links(host, {}, state="absent", disruptive=True)
    assert host.card("eth0").numbers[PAUSE]["autoneg"] == 1


# --- speed -----------------------------------------------------------------------------------


def test_a_speed_is_advertised_alone_and_pause_stays_advertised(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    first = links(host, {"eth0": {"speed": 1000, "duplex": "full"}}, disruptive=True)
    item = first.items["eth0 speed"]
    assert (item.state, item.before, item.after) == ("changed", ALL_SPEEDS, "auto 1000baset-full")
    assert item.wanted == "1000/full, negotiated"
    assert host.card("eth0").advertising == 1 << 5 | 1 << 6 | 1 << 7 | 1 << 13
    text = link_file(host)
    assert "AutoNegotiation=yes\n" in text
    assert "Advertise=1000baset-full autonegotiation tp pause\n" in text
    assert not links(host, {"eth0": {"speed": 1000}}, disruptive=True).changed
    links(host, {}, state="absent", disruptive=True)
    assert host.card("eth0").advertising == COPPER_GIGABIT


@pytest.mark.parametrize("disruptive", [False, True])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"speed": 1000, "autoneg": False}, "must negotiate", id="forced gigabit over copper"),
        pytest.param({"speed": 10000}, "supports 10/full, 10/half, 100/full, 100/half, 1000/full", id="too fast"),
        pytest.param({"speed": 1000, "duplex": "half"}, "cannot be 1000/half", id="no such duplex"),
        pytest.param({"autoneg": False}, "need a speed", id="nothing to force"),
        pytest.param({"speed": "fast"}, "whole number", id="no number"),
        pytest.param({"speed": 100, "duplex": "both"}, "half or full", id="duplex"),
    ],
)
def test_modes_that_are_refused(tmp_path: Path, options, message: str, disruptive: bool) -> None:
    host = CardHost(tmp_path, igb())
    with pytest.raises(RefusedError, match=message):
        links(host, {"eth0": options}, disruptive=disruptive)
    assert (host.card("eth0").sets, link_file(host)) == (0, "")


def test_a_slow_speed_can_be_forced(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    first = links(host, {"eth0": {"speed": 100, "duplex": "full", "autoneg": False}}, disruptive=True)
    assert first.items["eth0 speed"].after == "forced 100 full"
    assert (host.card("eth0").autoneg, host.card("eth0").speed) == (0, 100)
    assert "BitsPerSecond=100M\n" in link_file(host)
    assert not links(host, {"eth0": {"speed": 100, "autoneg": False}}, disruptive=True).changed
    links(host, {}, state="absent", disruptive=True)
    assert (host.card("eth0").autoneg, host.card("eth0").advertising) == (1, COPPER_GIGABIT)


@pytest.mark.parametrize("card", [e1000, rtl8139])
def test_a_driver_that_accepts_a_speed_and_ignores_it_is_an_error(tmp_path: Path, card) -> None:
    host = CardHost(tmp_path, card())
    message = "eth0 speed: the driver accepted 'auto 100baset-full' but kept"
    with pytest.raises(RefusedError, match=message):
        links(host, {"eth0": {"speed": 100, "txqueuelen": 2000}}, disruptive=True)
    assert host.card("eth0").txqueuelen == 1000
    assert not link_file(host)


# --- queues and steering ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("qdiscs", "effect"),
    [(("pfifo_fast",), ""), (("mq", "pfifo_fast"), ""), (("fq_codel",), "fq_codel"), (("noqueue",), "none")],
)
def test_the_queue_length_says_when_it_has_no_effect(tmp_path: Path, qdiscs, effect: str) -> None:
    host = CardHost(tmp_path, igb())
    host.card("eth0").qdiscs = qdiscs
    item = links(host, {"eth0": {"txqueuelen": 3000}}).items["eth0 txqueuelen"]
    assert (item.state, host.card("eth0").txqueuelen) == ("changed", 3000)
    assert ("has no effect" in item.reason) == bool(effect)
    assert effect in item.reason
    assert "TransmitQueueLength=3000\n" in link_file(host)


def test_steering_goes_to_every_queue_and_each_comes_back(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    online = tmp_path / "sys/devices/system/cpu/online"
    online.parent.mkdir(parents=True)
    online.write_text("0-3\n")
    queues = [tmp_path / f"sys/class/net/eth0/queues/rx-{place}/rps_cpus" for place in (0, 1)]
    queues[1].write_text("2\n")
    first = links(host, {"eth0": {"rps_cpus": "0,1,3"}})
    assert (first.items["eth0 rps_cpus"].before, first.items["eth0 rps_cpus"].after) == ("rx-0=none rx-1=1", "0-1,3")
    assert [queue.read_text() for queue in queues] == ["0000000b\n"] * 2
    assert not links(host, {"eth0": {"rps_cpus": "0-1,3"}}).changed
    assert links(host, {"eth0": {"rps_cpus": "all"}}).items["eth0 rps_cpus"].after == "0-3"
    with pytest.raises(RefusedError, match="cannot be 4: this host has the CPUs 0-3"):
        links(host, {"eth0": {"rps_cpus": 4}})
    links(host, {}, state="absent")
    assert [queue.read_text() for queue in queues] == ["00000000\n", "00000002\n"]


@pytest.mark.parametrize("version", [252, 255, 256, 257])
def test_steering_is_persisted_by_a_rule_where_systemd_has_no_option_for_it(tmp_path: Path, version: int) -> None:
    host = CardHost(tmp_path, igb())
    library = tmp_path / "usr/lib/systemd/libsystemd-shared-252.so"
    library.rename(library.with_name(f"libsystemd-shared-{version}.so"))
    for run in range(2):
        result = links(host, {"eth0": {"rps_cpus": "0"}})
        item = result.items["eth0 rps_cpus"]
        assert result.changed == (run == 0)
        assert item.after == "0"
        assert (item.state, item.at_boot) == ("ok" if run else "changed", "0")
        assert ("ReceivePacketSteeringCPUMask=0\n" in link_file(host)) == (version >= 256)
        assert ('ATTR{queues/rx-1/rps_cpus}="00000001"' in rules_file(host)) == (version < 256)
    assert links(host, {}, state="absent").changed
    assert (link_file(host), rules_file(host)) == ("", "")
    assert recorded(host) == {}


def test_steering_where_sys_shows_another_namespace(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    (tmp_path / "sys/class/net/eth0/address").write_text("52:54:00:ff:ff:ff\n")
    assert links(host, {"eth0": {"rps_cpus": "0"}}).states() == {"eth0 rps_cpus": "absent"}


def test_an_end_of_a_virtual_ethernet_pair_can_be_named(tmp_path: Path) -> None:
    host = CardHost(tmp_path, Card("eth0", "veth", kind="veth"), Card("docker0", "bridge", kind="bridge"))
    done = links(host, {"eth0": {"txqueuelen": 100, "rx_usecs": 1}, "*": {"txqueuelen": 5}})
    assert done.states()["eth0 rx_usecs"] == "absent"
    assert done.states()["* txqueuelen"] == "absent"
    assert host.card("eth0").txqueuelen == 100
    with pytest.raises(RefusedError, match="docker0: is a software interface"):
        links(host, {"docker0": {"txqueuelen": 5}})


# --- both modules ----------------------------------------------------------------------------


def test_the_two_modules_share_a_file_and_leave_each_other_alone(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    rings(host, {"eth0": {"rx": 512}}, disruptive=True)
    links(host, {"eth0": {"txqueuelen": 500}})
    assert {"RxBufferSize=512", "TransmitQueueLength=500"} <= set(link_file(host).splitlines())
    assert not rings(host, {"eth0": {"rx": 512}}, disruptive=True).changed
    links(host, {}, state="absent")
    assert "TransmitQueueLength" not in link_file(host)
    assert host.card("eth0").numbers
    assert list(recorded(host)["eth0 52:54:00:00:00:04"]) == ["rx"]
    rings(host, {}, state="absent", disruptive=True)
    assert (link_file(host), (tmp_path / "var/lib/siptune").exists()) == ("", False)


def test_one_refusal_of_many_interfaces_undoes_all(tmp_path: Path) -> None:
    cards = [igb(f"eth{place}", mac=f"52:54:00:00:01:0{place}") for place in range(4)]
    host = CardHost(tmp_path, *cards)
    cards[3].refuses[COALESCE.set] = errno.EBUSY
    with pytest.raises(RefusedError, match="busy"):
        links(host, {"*": {"rx_usecs": 50, "txqueuelen": 700}})
    assert [card.numbers[COALESCE]["rx_usecs"] for card in cards] == [3] * 4
    assert [card.txqueuelen for card in cards] == [1000] * 4
