# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image that was tuned before its first boot: what that boot brought, what was left to do then, and the way back."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest
from conftest import machine_at
from items import expected, is_advice, live, path_of
from machine import Machine, ask, differences, reported

Items = dict[str, dict[str, Any]]

LEFT = "left to a run on the booted host"
# What no file of an image can bring, as it is of a process that runs.
ONLY_LIVE = "udp"
RINGS = {"e1000": "4096", "e1000e": "4096", "igb": "4096", "vmxnet3": "4096"}
# Of a card without rings, or one that begins with all that there are.
NO_RINGS = ("8139cp", "virtio_net")

builder = machine_at("image")  # the machine that has prepared the image, before it booted it
first = machine_at("image-booted")  # the image after its first boot, before anything of ours ran there
tuned = machine_at("image-site")  # the machine after a run of site
back = machine_at("image-back")  # the machine after the rollback, before its reboot


@pytest.fixture(scope="module")
def now(clean: Machine) -> Machine:
    """The machine after the reboot that followed the rollback."""
    return ask(list(clean.units), all_units=True)


def items_of(step: str) -> Items:
    return {item["item"]: item for items in reported(step).values() for item in items}


@pytest.fixture(scope="module")
def image() -> Items:
    return items_of("image")


@pytest.fixture(scope="module")
def again() -> Items:
    return items_of("image-site")


def settings_of_cards(machine: Machine) -> dict[str, dict[str, str]]:
    return {name: card["settings"] for name, card in machine.interfaces.items()}


def test_the_machine_that_prepared_the_image_was_not_touched(clean: Machine, builder: Machine) -> None:
    assert differences(clean.sysctl, builder.sysctl) == {}
    # systemd sees the drop-ins in the directory that it has in common with the image; and the image that is mounted.
    moved = differences(of_daemons(clean), of_daemons(builder))
    assert [name for name in moved if not name.endswith(" NeedDaemonReload")] == []
    assert settings_of_cards(clean) == settings_of_cards(builder)


def of_daemons(machine: Machine) -> dict[str, str]:
    """The settings of the units that a layer tunes."""
    return {name: value for name, value in machine.settings.items() if name.split(" ")[0] in machine.units}


def test_nor_was_it_asked(image: Items) -> None:
    assert {name: item["before"] for name, item in image.items() if " " not in name and item["before"]} == {}
    assert {name: item["before"] for name, item in image.items() if is_ring(name) and item["before"]} == {}


def test_the_first_boot_brought_what_the_image_says(image: Items, first: Machine) -> None:
    written = {
        name: item
        for name, item in image.items()
        if item["at_boot"] is not None and not is_advice(item) and not is_ring(name)
    }
    assert len(written) > 30
    keys = {name: item for name, item in written.items() if "*" not in name}
    assert {name: live(name, first) for name in keys} == {name: expected(item) for name, item in keys.items()}
    for name in written.keys() - keys.keys():
        values = {first.sysctl[path] for path in fnmatch.filter(first.sysctl, path_of(name))}
        assert (name, values) == (name, {expected(written[name])})


def is_ring(item: str) -> bool:
    return item.rpartition(" ")[2] in ("rx", "tx")


def test_the_first_boot_brought_the_rings_and_all_else_of_cards(
    clean: Machine, first: Machine, image: Items, again: Items
) -> None:
    drivers = {name: card["driver"] for name, card in first.interfaces.items()}
    assert set(drivers.values()) - set(RINGS) <= set(NO_RINGS)
    for name, driver in drivers.items():
        before, after = clean.interfaces[name]["settings"], first.interfaces[name]["settings"]
        for ring in ("rx", "tx"):
            assert (name, after.get(ring)) == (name, RINGS.get(driver, before.get(ring)))
    # systemd has cut it to the card's maximum, and the run on the booted host knows that.
    assert (image["enp0s5 rx"]["at_boot"], again["enp0s5 rx"]["at_boot"]) == ("8192", "4096")
    assert live("enp0s8 rx_usecs", first) == "50"
    assert live("enp0s8 txqueuelen", first) == "2000"
    if "igb" in drivers.values():
        card = next(name for name, driver in drivers.items() if driver == "igb")
        wanted = {"rx_usecs": "50", "channels_combined": "1", "pause_rx": "off"}
        assert {option: live(f"{card} {option}", first) for option in wanted} == wanted


def test_daemons_and_logins_began_with_their_limits(image: Items, clean: Machine, first: Machine) -> None:
    limits = image["kamailio.service LimitNOFILE"]
    assert (
        live("kamailio.service LimitNOFILE", first) == expected(limits) != live("kamailio.service LimitNOFILE", clean)
    )
    assert first.login == f"{image['admin soft nofile']['wanted']}:{image['admin hard nofile']['wanted']}"
    assert {unit["properties"]["ActiveState"] for unit in first.units.values()} == {"active"}
    assert set(first.failed) <= set(clean.failed)


def is_left(image: Items, name: str) -> bool:
    return LEFT in image.get(name, {}).get("reason", "")


def test_a_run_of_site_has_nothing_to_do_but_what_the_image_has_left(image: Items, again: Items) -> None:
    def was_left(name: str) -> bool:
        return name.partition(" ")[2].startswith(ONLY_LIVE) or is_left(image, name)

    moved = {name: item["state"] for name, item in again.items() if item["state"] in ("changed", "pending", "refused")}
    assert [name for name in moved if not was_left(name)] == []
    assert [name for name in again if name.split(" ")[0] in ("enp0s2", "enp0s7", "enp0s8") and name in moved] == []


def test_site_touched_no_file_and_no_card_that_the_image_has_right(
    image: Items, first: Machine, tuned: Machine
) -> None:
    before, after = (
        {
            f"{name} {option}": value
            for name, settings in settings_of_cards(machine).items()
            for option, value in settings.items()
        }
        for machine in (first, tuned)
    )
    moved = differences(before, after)
    assert [name for name in moved if not is_left(image, name)] == []
    links = {name: content for name, content in first.files.items() if name.endswith(".link")}
    assert links
    assert {name: tuned.files.get(name) for name in links} == links
    assert tuned.starts == first.starts


def test_the_rollback_left_what_the_boot_had_set_until_the_next_one(
    first: Machine, back: Machine, clean: Machine
) -> None:
    assert differences(first.sysctl, back.sysctl) == {}
    assert settings_of_cards(first) == settings_of_cards(back)
    assert not [name for name in back.files if "siptune" in name]
    assert differences(clean.files, back.files) == {}
    pending = {name: item for name, item in items_of("image-back").items() if item["state"] == "pending"}
    assert {"net.core.rmem_default", "enp0s2 rx"} <= set(pending)
    assert all("no value from before is on record" in pending[name]["reason"] for name in ("enp0s2 rx",))


@pytest.mark.parametrize("what", ["sysctl", "files", "settings"])
def test_after_the_next_boot_nothing_was_ever_there(clean: Machine, now: Machine, what: str) -> None:
    assert differences(getattr(clean, what), getattr(now, what)) == {}


def test_cards_are_what_they_were(clean: Machine, now: Machine) -> None:
    assert differences(settings_of_cards(clean), settings_of_cards(now)) == {}
