# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of nic_ring, from the request to the record, against models of the drivers that were measured."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError
from ansible_collections.siptune.linux.plugins.module_utils._host.ethtool import RINGS
from ansible_collections.siptune.linux.plugins.module_utils._host.host import CommandResult
from nic_cards import (
    Card,
    CardHost,
    e1000,
    e1000e,
    ena,
    igb,
    predict_rings,
    recorded,
    refused,
    rings,
    rtl8139,
    virtio,
    vmxnet3,
)

ROUNDING = [
    pytest.param(igb, 1000, 1000, id="igb takes it"),
    pytest.param(igb, 16, 64, id="igb has a smallest ring"),
    pytest.param(e1000e, 511, 512, id="e1000e aligns to 8"),
    pytest.param(e1000e, 1001, 1008, id="e1000e aligns up"),
    pytest.param(e1000, 16, 48, id="e1000 has a smaller one"),
    pytest.param(vmxnet3, 1001, 1024, id="vmxnet3 aligns to 32, and has that already"),
    pytest.param(vmxnet3, 2000, 2016, id="vmxnet3 aligns to 32"),
    pytest.param(ena, 3000, 2048, id="ENA: a power of two below"),
    pytest.param(virtio, 512, 512, id="virtio takes a power of two"),
]


def link_file(host: CardHost, name: str = "eth0") -> str:
    path = host.root / f"etc/systemd/network/00-siptune-{name}.link"
    return path.read_text() if path.exists() else ""


def rx(host: CardHost, name: str = "eth0") -> int:
    return host.card(name).numbers[RINGS]["rx"]


@pytest.mark.parametrize(("card", "wanted", "made"), ROUNDING)
def test_a_rounded_size_counts_as_met(tmp_path: Path, card, wanted: int, made: int) -> None:
    host = CardHost(tmp_path, card())
    before = rx(host)
    first = rings(host, {"eth0": {"rx": wanted}}, disruptive=True)
    assert (first.items["eth0 rx"].after, rx(host)) == (str(made), made)
    assert first.changed
    assert (f"requested {wanted}; the driver set {made}" in first.items["eth0 rx"].reason) == (made != wanted)

    sets, carrier = host.card("eth0").sets, host.card("eth0").carrier_changes
    second = rings(host, {"eth0": {"rx": wanted}}, disruptive=True)
    assert not second.changed
    assert second.items["eth0 rx"].before == str(made)
    assert (host.card("eth0").sets, host.card("eth0").carrier_changes) == (sets, carrier)

    rings(host, {}, state="absent", disruptive=True)
    assert rx(host) == before
    assert recorded(host) == {}
    assert not link_file(host)


@pytest.mark.parametrize(("card", "wanted", "made"), ROUNDING)
def test_a_ring_that_would_flap_waits_for_the_boot_and_is_met_after_it(
    tmp_path: Path, card, wanted: int, made: int
) -> None:
    host = CardHost(tmp_path, card())
    found = rx(host)
    first = rings(host, {"eth0": {"rx": wanted}})
    if card is virtio:
        assert first.states() == {"eth0 rx": "changed"}
        return
    item = first.items["eth0 rx"]
    assert (item.state, item.before, item.after, item.at_boot) == ("pending", str(found), str(found), str(wanted))
    assert "disruptive" in item.reason
    assert host.card("eth0").sets == 0
    assert f"RxBufferSize={wanted}\n" in link_file(host)

    second = rings(host, {"eth0": {"rx": wanted}})
    assert (second.changed, second.states()) == (False, {"eth0 rx": "pending"})

    host.reboot()
    assert rx(host) == made
    third = rings(host, {"eth0": {"rx": wanted}})
    assert (third.changed, third.items["eth0 rx"].state) == (False, "ok")
    assert host.card("eth0").sets == 1  # udev's

    back = rings(host, {}, state="absent")
    assert back.items["eth0 rx"].state == ("pending" if made != found else "changed")
    host.reboot()
    rings(host, {}, state="absent")
    assert (rx(host), recorded(host)) == (found, {})


@pytest.mark.parametrize(
    ("interfaces", "message"),
    [
        pytest.param({"eth0": {"rx": 4097}}, "eth0 rx: cannot be 4097: the hardware's maximum is 4096", id="above"),
        pytest.param({"eth0": {"rx": 0}}, "eth0 rx: cannot be 0: allowed are 1 to", id="zero"),
        pytest.param({"eth0": {"rx": -1}}, "eth0 rx: cannot be -1", id="negative"),
        pytest.param({"eth9": {"rx": 1}}, "eth9: no such interface; available: eth0", id="unknown"),
        pytest.param({"bond0": {"rx": 1}}, r"bond0: is a software interface \(bond\)", id="bond"),
        pytest.param({"br0": {"rx": 1}}, r"br0: is a software interface \(bridge\)", id="bridge"),
        pytest.param({"eth0.100": {"rx": 1}}, r"eth0.100: is a software interface \(vlan\)", id="VLAN"),
        pytest.param({"lo": {"rx": 1}}, r"lo: is a software interface \(loopback\)", id="loopback"),
        pytest.param({"tap0": {"rx": 1}}, r"tap0: is a software interface \(tun\)", id="tap"),
        pytest.param(
            {"eth*": {"rx": 512}, "driver:igb": {"rx": 1024}},
            r"eth0 rx: eth\* and driver:igb set it differently; set it for eth0 itself",
            id="two rules",
        ),
        pytest.param(
            {"eth*": {"rx": None}, "driver:igb": {"rx": 1024}}, "eth0 rx: .* set it differently", id="one is null"
        ),
    ],
)
@pytest.mark.parametrize("disruptive", [False, True])
def test_refused_with_nothing_changed(tmp_path: Path, interfaces, message: str, disruptive: bool) -> None:
    software = [
        Card("bond0", "bonding", kind="bond"),
        Card("br0", "bridge", kind="bridge"),
        Card("eth0.100", "802.1Q VLAN Support", kind="vlan"),
        Card("lo", "", kind="loopback"),
        Card("tap0", "tun", kind="tun"),
    ]
    host = CardHost(tmp_path, igb(), *software)
    with pytest.raises(RefusedError, match=message):
        rings(host, interfaces, disruptive=disruptive)
    assert host.card("eth0").sets == 0
    assert not link_file(host)
    assert not (tmp_path / "var/lib/siptune").exists()


def test_virtio_gets_powers_of_two_only(tmp_path: Path) -> None:
    host = CardHost(tmp_path, virtio())
    with pytest.raises(RefusedError, match="virtio_net requires a power of two, such as 512 or 1024"):
        rings(host, {"eth0": {"rx": 1000}})
    done = rings(host, {"eth0": {"rx": {"value": 600, "rule": "at_least"}, "tx": {"value": "max", "limit": 1000}}})
    assert (done.items["eth0 rx"].after, done.items["eth0 tx"].after) == ("1024", "512")


@pytest.mark.parametrize(
    ("number", "message"),
    [
        pytest.param(errno.EINVAL, r"eth0 rx: the driver refused '512': .*EINVAL", id="EINVAL"),
        pytest.param(errno.EBUSY, "the driver is busy, try again", id="EBUSY"),
        pytest.param(errno.EPERM, "CAP_NET_ADMIN", id="EPERM"),
        pytest.param(errno.ENOMEM, "ENOMEM", id="ENOMEM"),
    ],
)
def test_a_refusal_undoes_what_the_call_had_changed(tmp_path: Path, number: int, message: str) -> None:
    host = CardHost(tmp_path, igb("eth0"), igb("eth1", mac="52:54:00:00:00:99"))
    host.card("eth1").refuses[RINGS.set] = number
    wanted = {"eth*": {"rx": 512}}
    with pytest.raises(RefusedError) as caught:
        rings(host, wanted, disruptive=True)
    message = message.replace("eth0", "eth1")
    assert re.search(message, str(caught.value))
    assert (rx(host, "eth0"), rx(host, "eth1")) == (256, 256)
    assert caught.value.undone == ["eth0 rx"]
    assert not caught.value.not_undone
    assert not link_file(host)
    assert not (tmp_path / "var/lib/siptune/originals.json").exists()


def test_an_unsupported_option_shows_when_it_is_read_or_set(tmp_path: Path) -> None:
    host = CardHost(tmp_path, rtl8139(), igb("eth1"))
    host.card("eth1").refuses[RINGS.set] = errno.EOPNOTSUPP
    for _attempt in range(2):
        done = rings(host, {"eth*": {"rx": 512}, "eth1": {"rx_jumbo": 8}}, disruptive=True)
        assert not done.changed
        assert set(done.states().values()) == {"absent"}
        assert done.items["eth0 rx"].reason == "the driver 8139cp has no rings"
        assert done.items["eth1 rx_jumbo"].reason == "the driver igb has no rx_jumbo rings"
        assert done.items["eth1 rx"].reason == "the driver cannot change it"
        assert not link_file(host, "eth1")
        assert recorded(host) == {}


@pytest.mark.parametrize("disruptive", [False, True])
def test_unplugged_between_plan_and_apply(tmp_path: Path, disruptive: bool) -> None:
    host = CardHost(tmp_path, igb("eth0", up=False), igb("eth1", up=False, mac="52:54:00:00:00:99"))

    def unplug() -> None:
        if host.card("eth0").sets:
            host.cards = [card for card in host.cards if card.name != "eth0"]
            host.card("eth1").refuses[RINGS.set] = errno.ENODEV

    host.before_set = unplug
    with pytest.raises(RefusedError, match="eth1 rx: the interface is gone: it was unplugged") as caught:
        rings(host, {"eth0": {"rx": 512}, "eth1": {"rx": 512}}, disruptive=disruptive)
    assert (caught.value.undone, caught.value.not_undone) == (["eth0 rx"], [])
    assert not (tmp_path / "var/lib/siptune/originals.json").exists()


def test_an_interface_that_is_down_cannot_flap(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb(up=False))
    assert rings(host, {"eth0": {"rx": 512}}).states() == {"eth0 rx": "changed"}
    assert (rx(host), host.card("eth0").carrier_changes) == (512, 0)


def test_globs_and_drivers_skip_software_interfaces_and_may_match_nothing(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb("eth0"), Card("veth0", "veth", kind="veth"), Card("ethbr", "bridge", kind="bridge"))
    done = predict_rings(host, {"*": {"rx": 512}, "driver:ixgbe": {"tx": 9}, "wlan*": {"rx": "max"}})
    assert done.states() == {"eth0 rx": "pending", "driver:ixgbe tx": "absent", "wlan* rx": "absent"}
    assert predict_rings(host, {"veth0": {"rx": 512}}).states() == {"veth0 rx": "absent"}


def test_every_other_pattern_beats_a_star(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb("eth0"), igb("eth1", mac="52:54:00:00:00:99"))
    wanted = {"*": {"rx": 1024, "tx": 1024}, "driver:igb": {"rx": 512}, "eth1": {"rx": None}}
    done = predict_rings(host, wanted)
    assert {name: change.at_boot for name, change in done.items.items()} == {
        "eth0 rx": "512",
        "eth0 tx": "1024",
        "eth1 tx": "1024",
    }


def test_a_name_beats_a_glob_option_by_option(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb("eth0"), igb("eth1", mac="52:54:00:00:00:99"))
    wanted = {"*": {"rx": "max", "tx": "max"}, "eth0": {"rx": 512}, "eth1": {"tx": None}}
    done = predict_rings(host, wanted)
    assert {name: change.at_boot for name, change in done.items.items()} == {
        "eth0 rx": "512",
        "eth0 tx": "4096",
        "eth1 rx": "4096",
    }


@pytest.mark.parametrize(
    ("content", "state", "after"),
    [
        pytest.param({"value": 256, "rule": "at_least"}, "kept", 256, id="floor is met"),
        pytest.param({"value": 128, "rule": "at_least"}, "kept", 256, id="floor is below"),
        pytest.param({"value": 512, "rule": "at_least"}, "changed", 512, id="floor is above"),
        pytest.param({"value": 512, "rule": "at_most"}, "kept", 256, id="ceiling is met"),
        pytest.param({"value": 128, "rule": "at_most"}, "changed", 128, id="ceiling is below"),
        pytest.param({"value": "max", "limit": 512, "rule": "at_least"}, "changed", 512, id="limit"),
        pytest.param({"value": "max", "limit": 99999}, "changed", 4096, id="limit above the maximum"),
        pytest.param("max", "changed", 4096, id="maximum"),
        pytest.param("512", "changed", 512, id="text"),
    ],
)
def test_rules(tmp_path: Path, content, state: str, after: int) -> None:
    host = CardHost(tmp_path, igb())
    done = rings(host, {"eth0": {"rx": content}}, disruptive=True)
    assert (done.items["eth0 rx"].state, rx(host)) == (state, after)
    assert bool(link_file(host)) == (state == "changed")
    assert not rings(host, {"eth0": {"rx": content}}, disruptive=True).changed


def test_a_floor_that_falls_takes_the_ring_along_but_never_below_what_was_found(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    for floor, expected in ((2048, 2048), (1024, 1024), (100, 256), (512, 512)):
        rings(host, {"eth0": {"rx": {"value": floor, "rule": "at_least"}}}, disruptive=True)
        assert rx(host) == expected
        assert bool(recorded(host)) == (expected != 256)


def test_dropped_options_go_back_unless_somebody_else_has_set_them(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb("eth0"), igb("eth1", mac="52:54:00:00:00:99"))
    rings(host, {"eth*": {"rx": 512, "tx": 512}}, disruptive=True)
    host.card("eth1").numbers[RINGS]["rx"] = 2000
    done = rings(host, {"eth0": {"rx": 512}}, disruptive=True)
    assert done.states() == {"eth0 rx": "ok", "eth0 tx": "changed", "eth1 rx": "kept", "eth1 tx": "changed"}
    assert "somebody else has set it since (we left 512)" in done.items["eth1 rx"].reason
    assert [host.card(name).numbers[RINGS][field] for name in ("eth0", "eth1") for field in ("rx", "tx")] == [
        512,
        256,
        2000,
        256,
    ]
    assert list(recorded(host)) == ["eth0 52:54:00:00:00:04"]
    assert not link_file(host, "eth1")


def test_going_back_flaps_no_more_than_setting(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    rings(host, {"eth0": {"rx": 512}}, disruptive=True)
    waits = rings(host, {}, state="absent")
    assert (waits.items["eth0 rx"].state, rx(host)) == ("pending", 512)
    assert not link_file(host)
    assert "returns with the next boot" in waits.items["eth0 rx"].reason
    assert rings(host, {}, state="absent").changed is False
    host.reboot()
    assert rings(host, {}, state="absent").states() == {"eth0 rx": "ok"}
    assert recorded(host) == {}


def test_a_change_of_mind_while_a_value_is_pending(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    rings(host, {"eth0": {"rx": 512}}, disruptive=True)
    assert rings(host, {"eth0": {"rx": 1024}}).states() == {"eth0 rx": "pending"}
    done = rings(host, {}, state="absent", disruptive=True)
    assert (done.states(), rx(host), recorded(host)) == ({"eth0 rx": "changed"}, 256, {})


@pytest.mark.parametrize("when", ["now", "boot"])
def test_only_now_and_only_at_boot(tmp_path: Path, when: str) -> None:
    host = CardHost(tmp_path, igb())
    done = rings(host, {"eth0": {"rx": 512}}, when=when, disruptive=True)
    assert rx(host) == (512 if when == "now" else 256)
    assert bool(link_file(host)) == (when == "boot")
    assert done.items["eth0 rx"].state == ("changed" if when == "now" else "pending")
    assert done.items["eth0 rx"].at_boot == (None if when == "now" else "512")
    assert not rings(host, {"eth0": {"rx": 512}}, when=when, disruptive=True).changed


def test_a_card_is_known_under_another_name_and_another_card_is_not(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb("eth0", mac="52:54:00:00:00:aa"))
    rings(host, {"eth0": {"rx": 512}}, disruptive=True, when="now")
    host.card("eth0").name = "lan0"
    done = rings(host, {"lan0": {"rx": 512}}, disruptive=True, when="now")
    assert not done.changed
    assert list(recorded(host)) == ["lan0 52:54:00:00:00:aa"]

    another = igb("lan0", mac="52:54:00:00:00:bb")
    host.cards = [another]
    rings(host, {"lan0": {"rx": 512}}, disruptive=True, when="now")
    assert recorded(host) == {"lan0 52:54:00:00:00:bb": {"rx": ("256", "512", "512", None)}}


def test_check_mode_predicts_and_changes_nothing(tmp_path: Path) -> None:
    host = CardHost(tmp_path, igb())
    predicted = predict_rings(host, {"eth0": {"rx": 512}}, disruptive=True)
    assert (predicted.changed, host.card("eth0").sets, link_file(host)) == (True, 0, "")
    assert not (tmp_path / "var/lib/siptune").exists()
    done = rings(host, {"eth0": {"rx": 512}}, disruptive=True)
    assert (done.items["eth0 rx"].after, done.items["eth0 rx"].state) == (
        predicted.items["eth0 rx"].after,
        predicted.items["eth0 rx"].state,
    )


# --- calls in progress -----------------------------------------------------------------------


class BusyCardHost(CardHost):
    """A host with a network card and a FreeSWITCH that has this many channels."""

    def __init__(self, root: Path, card: Card, channels: int) -> None:
        super().__init__(root, card)
        self.channels = channels
        self.asked = 0
        for pid, name in ((1, "systemd"), (50, "freeswitch")):
            directory = root / f"proc/{pid}"
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "comm").write_text(f"{name}\n")
            (directory / "status").write_text(f"PPid:\t1\nUid:\t0\t0\t0\t0\nNSpid:\t{pid}\n")

    def run(self, arguments, timeout_seconds=None):
        if arguments[0] != "fs_cli":
            return super().run(arguments)
        self.asked += 1
        return CommandResult(0, f"\n{self.channels} total.\n", "")


def test_calls_in_progress_block_a_flap_until_the_host_is_idle(tmp_path: Path) -> None:
    host = BusyCardHost(tmp_path, igb(), 2)
    done = rings(host, {"eth0": {"rx": 512}}, disruptive=True)
    item = done.items["eth0 rx"]
    assert (item.state, item.at_boot) == ("pending", "512")
    assert item.reason.startswith("would take the link down now: 2 channels in progress: freeswitch; ")
    assert (rx(host), host.card("eth0").carrier_changes) == (256, 0)

    host.channels = 0
    done = rings(host, {"eth0": {"rx": 512}}, disruptive=True)
    assert (done.items["eth0 rx"].state, rx(host)) == ("changed", 512)


def test_calls_in_progress_block_going_back_too(tmp_path: Path) -> None:
    host = BusyCardHost(tmp_path, igb(), 0)
    rings(host, {"eth0": {"rx": 512}}, disruptive=True)
    host.channels = 1
    assert rings(host, {}, state="absent", disruptive=True).states() == {"eth0 rx": "pending"}
    assert rx(host) == 512
    rings(host, {}, state="absent", disruptive=True, despite_calls=True)
    assert rx(host) == 256


def test_the_operator_insists(tmp_path: Path) -> None:
    host = BusyCardHost(tmp_path, igb(), 2)
    assert rings(host, {"eth0": {"rx": 512}}, disruptive=True, despite_calls=True).states() == {"eth0 rx": "changed"}
    assert host.asked == 0


@pytest.mark.parametrize(
    ("card", "parameters"),
    [
        pytest.param(virtio, {"disruptive": True}, id="the driver does not flap"),
        pytest.param(igb, {"disruptive": False}, id="not allowed anyway"),
        pytest.param(igb, {"disruptive": True, "when": "boot"}, id="for the next boot"),
    ],
)
def test_daemons_are_asked_for_calls_only_if_needed(tmp_path: Path, card, parameters) -> None:
    host = BusyCardHost(tmp_path, card(), 2)
    rings(host, {"eth0": {"rx": 512}}, **parameters)
    assert host.asked == 0


class Suspended(CardHost):
    """A host with a suspended card, for which the kernel reports ENODEV."""

    suspended = ""

    def ethtool(self, interface: str, request: bytes) -> bytes:
        if interface == self.suspended:
            raise refused(interface, errno.ENODEV)
        return super().ethtool(interface, request)


def test_a_suspended_card_does_not_stop_the_others(tmp_path: Path) -> None:
    host = Suspended(tmp_path, igb("eth0", up=False), igb("eth1", up=False, mac="52:54:00:00:00:99"))
    host.suspended = "eth1"
    done = rings(host, {"*": {"rx": 512}})
    assert done.states() == {"eth0 rx": "changed", "eth1 rx": "absent"}
    assert "does not report its rings: the card is suspended" in done.items["eth1 rx"].reason
    host.suspended = ""
    assert rings(host, {"*": {"rx": 512}}).states() == {"eth0 rx": "ok", "eth1 rx": "changed"}


def test_a_card_that_is_suspended_later_keeps_its_record_and_its_file(tmp_path: Path) -> None:
    host = Suspended(tmp_path, igb("eth0", up=False))
    (tmp_path / "run/udev/data").mkdir()
    (tmp_path / "run/udev/data/n2").write_text("E:ID_NET_DRIVER=igb\n")
    rings(host, {"eth0": {"rx": 512}})
    before = (recorded(host), link_file(host))
    host.suspended = "eth0"
    assert not rings(host, {"eth0": {"rx": 512}}).changed
    assert (recorded(host), link_file(host)) == before
    rings(host, {}, state="absent")
    assert recorded(host) == before[0]
    host.suspended = ""
    rings(host, {}, state="absent")
    assert (rx(host), recorded(host), link_file(host)) == (256, {}, "")


def test_a_driver_that_fails_to_answer_says_why(tmp_path: Path) -> None:
    host = Suspended(tmp_path, igb("eth0"))
    ethtool = host.ethtool

    def broken(interface: str, request: bytes) -> bytes:
        if struct.unpack_from("=I", request)[0] == RINGS.get:
            raise refused(interface, errno.EIO)
        return ethtool(interface, request)

    host.ethtool = broken  # type: ignore[method-assign]
    item = rings(host, {"eth0": {"rx": 512}}).items["eth0 rx"]
    assert (item.state, item.reason) == (
        "absent",
        "the driver igb does not report its rings: Input/output error (EIO)",
    )
