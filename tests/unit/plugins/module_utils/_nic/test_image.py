# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cards of a machine to be: what an image gets for them, its first boot, the run after that, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._core.change import CHANGED, KEPT, OK, PENDING
from ansible_collections.siptune.linux.plugins.module_utils._core.errors import TuningError
from ansible_collections.siptune.linux.plugins.module_utils._core.undo import RefusedError
from ansible_collections.siptune.linux.plugins.module_utils._engine.effects import read_originals
from ansible_collections.siptune.linux.plugins.module_utils._host.ethtool import RINGS
from ansible_collections.siptune.linux.plugins.module_utils._host.image import Image
from ansible_collections.siptune.linux.plugins.module_utils._nic.image import (
    BEGINNINGS,
    BEGINS_WITH_IT,
    FOR_DRIVERS,
    LEFT,
    NO_PROCESSORS,
    NOT_CUT,
    ONLY_THE_CARD,
    UNKNOWN_DRIVER,
    decide_for_boot,
    links_of,
)
from ansible_collections.siptune.linux.plugins.module_utils._nic.model import Card
from ansible_collections.siptune.linux.plugins.module_utils._nic.options import LINK_MODE, MOST, OPTIONS, NicError
from ansible_collections.siptune.linux.plugins.module_utils._nic.settings import parse_rules
from nic_cards import CardHost, Result, e1000e, links, predict_rings, rings, rtl8139, virtio

NAME = "enp0s2"
DEFAULT = "[Match]\nOriginalName=*\n\n[Link]\nNamePolicy=keep kernel database onboard slot path\n"
USB = "[Match]\nPath=*-usb-*\n\n[Link]\nNamePolicy=mac\n"
FLOOR = {"value": "max", "limit": 4096, "rule": "at_least", "why": "Bursts."}


def image(root: Path, version: int = 252, **files: str) -> Image:
    """The tree of a Debian, with more .link files of the administrator's by name."""
    texts = {
        "usr/lib/systemd/systemd": "",
        f"usr/lib/systemd/libsystemd-shared-{version}.so": "",
        "usr/lib/systemd/network/73-usb-net-by-mac.link": USB,
        "usr/lib/systemd/network/99-default.link": DEFAULT,
        **{f"etc/systemd/network/{name}.link": text for name, text in files.items()},
    }
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for path in ("etc/systemd/network", "var/lib"):
        (root / path).mkdir(parents=True, exist_ok=True)
    return Image(str(root))


def tune(host: Image, interfaces: Any, *cards: Card, call: Any = rings, **more: Any) -> Result:
    return call(host, interfaces, cards=cards, when="boot", **more)


def file_of(root: Path, name: str = NAME) -> str:
    path = root / f"etc/systemd/network/00-siptune-{name}.link"
    return path.read_text() if path.exists() else ""


def match_of(root: Path, name: str = NAME) -> list[str]:
    return file_of(root, name).partition("[Match]\n")[2].partition("\n\n")[0].splitlines()


# --- how udev will know a card --------------------------------------------------------------


@pytest.mark.parametrize(
    ("card", "match"),
    [
        pytest.param(Card("enp0s2"), ["Property=ID_NET_NAME_PATH=enp0s2"], id="by its path"),
        pytest.param(Card("enP1p3s0f1"), ["Property=ID_NET_NAME_PATH=enP1p3s0f1"], id="in a PCI domain"),
        pytest.param(Card("enp3s0f0np0"), ["Property=ID_NET_NAME_PATH=enp3s0f0np0"], id="a port of a switch"),
        pytest.param(Card("ens5"), ["Property=ID_NET_NAME_SLOT=ens5"], id="by its slot"),
        pytest.param(Card("enP2s1"), ["Property=ID_NET_NAME_SLOT=enP2s1"], id="a slot of a domain"),
        pytest.param(Card("enX0"), ["Property=ID_NET_NAME_SLOT=enX0"], id="of Xen"),
        pytest.param(Card("eno1"), ["Property=ID_NET_NAME_ONBOARD=eno1"], id="on board"),
        pytest.param(Card("end0"), ["Property=ID_NET_NAME_ONBOARD=end0"], id="of a device tree"),
        pytest.param(Card("enx525400aabbcc"), ["Property=ID_NET_NAME_MAC=enx525400aabbcc"], id="by its address"),
        pytest.param(
            Card("eth0"),
            ["OriginalName=eth0", "KernelCommandLine=net.ifnames=0"],
            id="the kernel's, kept by a boot option",
        ),
        pytest.param(Card("lan0", "52:54:00:00:00:01"), ["PermanentMACAddress=52:54:00:00:00:01"], id="by mac"),
    ],
)
def test_the_match_of_a_card(tmp_path: Path, card: Card, match: list[str]) -> None:
    done = tune(image(tmp_path), {"*": {"rx": 512}}, card)
    assert done.states() == {f"{card.name} rx": PENDING if card.name == "eth0" else CHANGED}
    assert done.changed
    assert ("net.ifnames=0" in done.items[f"{card.name} rx"].reason) == (card.name == "eth0")
    assert done.items[f"{card.name} rx"].at_boot == "512"
    assert match_of(tmp_path, card.name) == [*match, "Path=!*-usb-*"]
    assert "NamePolicy=keep kernel database onboard slot path" in file_of(tmp_path, card.name)


def test_the_driver_is_matched_where_it_is_given(tmp_path: Path) -> None:
    tune(image(tmp_path), {"*": {"rx": 512}}, Card(NAME, driver="igb"))
    assert match_of(tmp_path)[-1] == "Driver=igb"


def test_a_kernels_name_that_nothing_changes_needs_no_boot_option(tmp_path: Path) -> None:
    host = image(tmp_path)
    (tmp_path / "etc/systemd/network/99-default.link").symlink_to("/dev/null")
    tune(host, {"eth0": {"rx": 512}}, Card("eth0"))
    assert match_of(tmp_path, "eth0") == ["OriginalName=eth0", "Path=!*-usb-*"]


@pytest.mark.parametrize(
    ("card", "version", "files", "reason"),
    [
        pytest.param(
            Card("lan0"), 252, {}, "give its mac in siptune_machine.interfaces", id="a name of somebody's own"
        ),
        pytest.param(Card("rtp0.200"), 252, {}, "give its mac", id="a VLAN"),
        pytest.param(Card(NAME), 239, {}, "Property= of .link files needs systemd 243, and this is 239", id="old"),
        pytest.param(Card(NAME), 243, {}, "RxBufferSize= needs systemd 244, and this is 243", id="no rings yet"),
        pytest.param(
            Card(NAME),
            252,
            {"10-a": "[Match]\nDriver=igb\n\n[Link]\nName=wan0\n"},
            "unknown whether /etc/systemd/network/10-a.link applies",
            id="a file for an unknown card",
        ),
        pytest.param(
            Card(NAME),
            252,
            {"10-a": "[Match]\nMACAddress=52:54:00:00:00:09\n\n[Link]\nName=wan0\n"},
            "unknown whether /etc/systemd/network/10-a.link applies",
            id="a file for a card of unknown address",
        ),
    ],
)
def test_a_card_that_udev_could_not_know_is_left(
    tmp_path: Path, card: Card, version: int, files: dict[str, str], reason: str
) -> None:
    done = tune(image(tmp_path, version, **files), {"*": {"rx": 512, "tx": {"value": 4096, "rule": "at_least"}}}, card)
    assert {item.state for item in done.items.values()} == {PENDING}
    assert all(reason.replace("Rx", side) in item.reason for side, item in zip(("Rx", "Tx"), done.items.values()))
    assert not any(item.at_boot for item in done.items.values())
    assert not done.changed
    assert not list((tmp_path / "etc/systemd/network").glob("*siptune*"))


def test_an_administrators_file_is_repeated_and_has_the_last_word(tmp_path: Path) -> None:
    users = "[Match]\nPermanentMACAddress=52:54:00:00:00:01\n\n[Link]\nName=wan0\nRxBufferSize=300\n"
    card = Card("wan0", "52:54:00:00:00:01")
    done = tune(image(tmp_path, **{"10-a": users}), {"wan0": {"rx": 512, "tx": 512}}, card)
    assert done.states() == {"wan0 rx": "shadowed", "wan0 tx": CHANGED}
    text = file_of(tmp_path, "wan0")
    assert {"RxBufferSize=300", "TxBufferSize=512", "Name=wan0"} <= set(text.splitlines())


# --- values ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "content", "driver", "version", "value", "state", "reason"),
    [
        pytest.param("rx", 512, None, 252, "512", None, "", id="exact"),
        pytest.param("rx", "max", None, 252, "max", None, "", id="as much as there is"),
        pytest.param("rx", {"value": "max", "rule": "at_least"}, None, 252, "max", None, "", id="which lowers nobody"),
        pytest.param(
            "rx", {"value": "max", "limit": 4096}, None, 252, "4096", None, "", id="a limit, which systemd cuts"
        ),
        pytest.param("rx", {"value": "max", "limit": 4096}, None, 249, None, PENDING, NOT_CUT, id="which it did not"),
        pytest.param("rx", FLOOR, None, 252, "4096", PENDING, FOR_DRIVERS, id="a floor for those that begin with less"),
        pytest.param("rx", FLOOR, "igb", 252, "4096", None, "", id="a floor for one"),
        pytest.param("rx", {**FLOOR, "limit": 256}, "igb", 252, None, KEPT, BEGINS_WITH_IT, id="it begins with that"),
        pytest.param(
            "rx", {**FLOOR, "limit": 64}, None, 252, None, PENDING, UNKNOWN_DRIVER, id="none begins with less"
        ),
        pytest.param("rx", FLOOR, "virtio_net", 252, None, KEPT, BEGINS_WITH_IT, id="virtio begins with the most"),
        pytest.param("rx", FLOOR, "hv_netvsc", 252, None, PENDING, UNKNOWN_DRIVER, id="it begins with more"),
        pytest.param("rx_mini", FLOOR, "igb", 252, None, PENDING, UNKNOWN_DRIVER, id="nobody knows these"),
        pytest.param(
            "rx", {"value": 512, "rule": "at_most"}, "igb", 252, None, PENDING, UNKNOWN_DRIVER, id="a ceiling"
        ),
        pytest.param(
            "txqueuelen", {"value": 3000, "rule": "at_least"}, None, 252, "3000", None, "", id="a longer queue"
        ),
        pytest.param(
            "txqueuelen", {"value": 1000, "rule": "at_least"}, None, 252, None, KEPT, BEGINS_WITH_IT, id="the usual one"
        ),
        pytest.param("rx_usecs", 50, None, 252, "50", None, "", id="coalescing"),
        pytest.param("pause_rx", False, None, 252, "off", None, "", id="a switch"),
        pytest.param("rps_cpus", "0-3", None, 257, "0-3", None, "", id="processors by number"),
        pytest.param("rps_cpus", "all", None, 257, None, PENDING, NO_PROCESSORS, id="all of how many"),
        pytest.param("speed", 1000, None, 252, None, PENDING, ONLY_THE_CARD, id="a link mode"),
    ],
)
def test_values(
    option: str, content: Any, driver: str | None, version: int, value: str | None, state: str | None, reason: str
) -> None:
    (rule,) = parse_rules({NAME: {option: content}}, OPTIONS)
    ((name, setting),) = rule.settings.items()
    assert setting is not None
    assert name == (LINK_MODE if option == "speed" else option)
    link = links_of([Card(NAME, driver=driver)])[NAME]
    decision = decide_for_boot(link, OPTIONS[name], setting, version, None)
    assert (decision.boot_value, decision.state, decision.reason) == (value, state, reason)


def test_processors_that_are_given() -> None:
    (rule,) = parse_rules({NAME: {"rps_cpus": "all"}}, OPTIONS)
    link, option, setting = links_of([Card(NAME)])[NAME], OPTIONS["rps_cpus"], rule.settings["rps_cpus"]
    assert setting is not None
    assert decide_for_boot(link, option, setting, 257, 4).boot_value == "0-3"
    with pytest.raises(NicError, match="this host has the CPUs 0-1"):
        decide_for_boot(link, option, setting._replace(value="0-7"), 257, 2)


def test_a_size_that_the_driver_refuses() -> None:
    (rule,) = parse_rules({NAME: {"rx": 1000}}, OPTIONS)
    setting = rule.settings["rx"]
    assert setting is not None
    with pytest.raises(NicError, match="requires a power of two"):
        decide_for_boot(links_of([Card(NAME, driver="virtio_net")])[NAME], OPTIONS["rx"], setting, 252, None)


@pytest.mark.parametrize(
    ("interfaces", "message"),
    [
        ({"enp0s9": {"rx": 512}}, "no such interface; available: enp0s2"),
        ({NAME: {"rx": -1}}, "cannot be -1"),
        ({NAME: {"rx": 0}}, "cannot be 0"),
        ({NAME: {"rx": MOST + 1}}, "allowed are"),
        ({NAME: {"rings": 512}}, "no such option"),
        ({"a/b": {"rx": 512}}, "invalid interface name"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_written(
    tmp_path: Path, interfaces: dict[str, Any], message: str
) -> None:
    host = image(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises((TuningError, RefusedError), match=message):
        tune(host, interfaces, Card(NAME))
    assert sorted(tmp_path.rglob("*")) == before


def test_rules_for_drivers_wait_for_the_driver(tmp_path: Path) -> None:
    done = tune(image(tmp_path), {"driver:igb": {"rx": 512}}, Card(NAME))
    assert {name: (item.state, item.reason.startswith(LEFT)) for name, item in done.items.items()} == {
        "driver:igb rx": (PENDING, True)
    }
    known = tune(
        Image(str(tmp_path)), {"driver:igb": {"rx": 512}}, Card(NAME, driver="igb"), Card("eno1", driver="tg3")
    )
    assert known.states() == {f"{NAME} rx": CHANGED}


def test_a_floor_is_for_the_drivers_that_begin_with_less(tmp_path: Path) -> None:
    host = image(tmp_path)
    tune(host, {NAME: {"rx": {**FLOOR, "limit": 512}, "tx": {**FLOOR, "limit": 256}}}, Card(NAME))
    drivers = match_of(tmp_path)[-1].partition("=")[2].split()
    assert drivers == sorted(driver for driver, (rx, tx) in BEGINNINGS.items() if rx <= 512 and tx <= 256)
    assert {"vmxnet3", "hv_netvsc"}.isdisjoint(drivers)
    # The other module's options go into the same file, for the same cards.
    tune(host, {NAME: {"rx_usecs": 50}}, Card(NAME), call=links)
    assert match_of(tmp_path)[-1].partition("=")[2].split() == drivers
    assert not tune(host, {NAME: {"rx_usecs": 50}}, Card(NAME), call=links).changed
    # Without the floors it is for all.
    tune(host, {}, Card(NAME))
    assert tune(host, {NAME: {"rx_usecs": 60}}, Card(NAME), call=links).changed
    assert "Driver=" not in file_of(tmp_path)


# --- from the image to the booted host, and back --------------------------------------------


def boot(root: Path, *cards: Any, applies: bool = True) -> CardHost:
    """The host that has booted the image, of which udev has applied the files."""
    host = CardHost(root, *cards)
    (root / "run/udev/data").mkdir(parents=True)
    for card in host.cards:
        path = f"/etc/systemd/network/00-siptune-{card.name}.link"
        drivers = [line[len("Driver=") :].split() for line in match_of(root, card.name) if line.startswith("Driver=")]
        matches = (root / path[1:]).exists() and (not drivers or card.driver in drivers[0])
        applied = path if matches else "/usr/lib/systemd/network/99-default.link"
        applies = applies and matches
        (root / f"run/udev/data/n{card.ifindex}").write_text(
            f"E:ID_NET_LINK_FILE={applied}\nE:ID_NET_NAME_PATH={card.name}\nE:ID_NET_DRIVER={card.driver}\n"
        )
    host.reboot(applies)
    return host


@pytest.mark.parametrize(
    ("options", "live"),
    [
        pytest.param({"rx": FLOOR}, 4096, id="a floor"),
        pytest.param({"rx": 1000}, 1000, id="exact"),
        pytest.param({"rx": 1001}, 1008, id="exact, and rounded"),
        pytest.param({"rx": "max"}, 4096, id="as much as there is"),
        pytest.param({"rx": 4096, "tx": FLOOR}, 4096, id="both"),
    ],
)
def test_the_booted_host_finds_nothing_to_do_and_knows_the_way_back(
    tmp_path: Path, options: dict[str, Any], live: int
) -> None:
    bare_host = image(tmp_path)
    bare = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert tune(bare_host, {NAME: options}, Card(NAME)).changed
    host = boot(tmp_path, e1000e(NAME))
    assert host.card(NAME).numbers[RINGS]["rx"] == live
    text = file_of(tmp_path)
    again = rings(host, {NAME: options})
    assert not again.changed
    assert set(again.states().values()) == {OK}
    assert (file_of(tmp_path), host.card(NAME).sets) == (text, 1)  # that of the boot
    assert again.items[f"{NAME} rx"].at_boot == str(live) or live == 1008
    back = rings(host, {}, state="absent")
    assert back.items[f"{NAME} rx"].state == PENDING
    assert "it was set by the image, so that no value from before is on record" in back.items[f"{NAME} rx"].reason
    assert host.card(NAME).numbers[RINGS]["rx"] == live
    assert file_of(tmp_path) == ""
    left = {path for path in tmp_path.rglob("*") if path.is_file()} - bare
    assert [path for path in left if "siptune" in str(path)] == []
    assert rings(host, {}, state="absent").items == {}


@pytest.mark.parametrize("line", ["many", "4K", "0", "", "9" * 30, "\u00b2"])
def test_a_line_that_somebody_has_broken_is_written_again(tmp_path: Path, line: str) -> None:
    tune(image(tmp_path), {NAME: {"rx": FLOOR}}, Card(NAME))
    path = tmp_path / f"etc/systemd/network/00-siptune-{NAME}.link"
    path.write_text(path.read_text().replace("RxBufferSize=4096", f"RxBufferSize={line}"))
    host = boot(tmp_path, e1000e(NAME), applies=False)
    assert rings(host, {NAME: {"rx": FLOOR}}).changed
    assert "RxBufferSize=4096" in file_of(tmp_path)


def test_a_card_with_less_room_keeps_the_line(tmp_path: Path) -> None:
    tune(image(tmp_path), {NAME: {"rx": {"value": "max", "limit": 4096}}}, Card(NAME))
    host = boot(tmp_path, virtio(NAME))
    assert host.card(NAME).numbers[RINGS]["rx"] == 1024
    done = rings(host, {NAME: {"rx": {"value": "max", "limit": 4096}}})
    assert (done.changed, done.items[f"{NAME} rx"].at_boot) == (False, "1024")
    assert "RxBufferSize=4096" in file_of(tmp_path)


def test_a_card_without_rings_keeps_the_line_too(tmp_path: Path) -> None:
    tune(image(tmp_path), {NAME: {"rx": 512}}, Card(NAME))
    done = rings(boot(tmp_path, rtl8139(NAME)), {NAME: {"rx": 512}})
    assert (done.changed, done.states()) == (False, {f"{NAME} rx": "absent"})


@pytest.mark.parametrize("card", [virtio, rtl8139])
def test_a_file_for_other_drivers_stays_where_nothing_is_to_be_set(tmp_path: Path, card: Any) -> None:
    tune(image(tmp_path), {NAME: {"rx": FLOOR}}, Card(NAME))
    text, host = file_of(tmp_path), boot(tmp_path, card(NAME))
    if card is virtio:
        host.card(NAME).numbers[RINGS]["rx"] = host.card(NAME).numbers[RINGS]["rx_max"]
    done = rings(host, {NAME: {"rx": FLOOR}})
    assert (done.changed, file_of(tmp_path)) == (False, text)
    assert done.states() == {f"{NAME} rx": KEPT if card is virtio else "absent"}
    assert done.items[f"{NAME} rx"].at_boot is None
    back = rings(host, {}, state="absent")
    assert (back.changed, back.items, file_of(tmp_path)) == (True, {}, "")


def test_a_file_for_other_drivers_is_for_this_one_as_soon_as_something_is_to_be_set(tmp_path: Path) -> None:
    tune(image(tmp_path), {NAME: {"rx": FLOOR}}, Card(NAME))
    host = boot(tmp_path, virtio(NAME))  # which begins with less than it could, against all that is known
    done = rings(host, {NAME: {"rx": FLOOR}})
    assert (done.changed, done.states()) == (True, {f"{NAME} rx": CHANGED})
    assert [line.partition("=")[0] for line in match_of(tmp_path)] == ["PermanentMACAddress", "Type", "Driver"]
    assert match_of(tmp_path)[-1] == "Driver=virtio_net"


def test_a_file_for_a_card_that_is_not_there_waits_for_it(tmp_path: Path) -> None:
    tune(image(tmp_path), {"*": {"rx": 512}}, Card(NAME), Card("eno1"))
    host, text = boot(tmp_path, e1000e(NAME)), file_of(tmp_path, "eno1")
    assert not rings(host, {"*": {"rx": 512}}).changed
    assert file_of(tmp_path, "eno1") == text != ""
    rings(host, {}, state="absent")
    assert (file_of(tmp_path), file_of(tmp_path, "eno1")) == ("", "")


def test_another_wish_on_the_booted_host_moves_on_from_the_image(tmp_path: Path) -> None:
    tune(image(tmp_path), {NAME: {"rx": 512, "tx": 512}}, Card(NAME))
    host = boot(tmp_path, e1000e(NAME))
    more = rings(host, {NAME: {"rx": 1024, "tx": 512}}, disruptive=True)
    assert more.states() == {f"{NAME} rx": CHANGED, f"{NAME} tx": OK}
    assert "RxBufferSize=1024" in file_of(tmp_path)
    assert not rings(host, {NAME: {"rx": 1024, "tx": 512}}).changed
    rings(host, {}, state="absent", disruptive=True)
    assert host.card(NAME).numbers[RINGS]["rx"] == 512  # what the boot had set
    assert file_of(tmp_path) == ""


def test_a_floor_that_is_lower_by_now_does_not_lower_the_host(tmp_path: Path) -> None:
    tune(image(tmp_path), {NAME: {"rx": FLOOR}}, Card(NAME))
    host = boot(tmp_path, e1000e(NAME))
    assert not rings(host, {NAME: {"rx": {**FLOOR, "limit": 1024}}}).changed
    assert "RxBufferSize=4096" in file_of(tmp_path)


def test_the_way_back_in_the_image(tmp_path: Path) -> None:
    host = image(tmp_path)
    bare = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    tune(host, {NAME: {"rx": FLOOR}}, Card(NAME), Card("eno1"))
    assert read_originals(host).files["/etc/systemd/network/00-siptune-enp0s2.link"].image
    rings(host, {}, state="absent", when="boot")
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == bare


def test_a_card_that_is_no_longer_given_loses_its_file(tmp_path: Path) -> None:
    host = image(tmp_path)
    tune(host, {"*": {"rx": 512}}, Card(NAME), Card("eno1"))
    tune(host, {"*": {"rx": 512}}, Card("eno1"))
    assert (file_of(tmp_path), bool(file_of(tmp_path, "eno1"))) == ("", True)


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    host = image(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = predict_rings(host, {NAME: {"rx": FLOOR}}, cards=(Card(NAME),), when="boot")
    assert (done.changed, done.states()) == (True, {f"{NAME} rx": PENDING})
    assert done.items[f"{NAME} rx"].reason == f"{FOR_DRIVERS}; takes effect at the next boot"
    assert "+" not in "".join(part["before"] for part in done.diff)
    assert sorted(tmp_path.rglob("*")) == before
