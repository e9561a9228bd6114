# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine after the rollback: each kernel setting, file, unit and network card is what it was before the first run.

What would have cut a link waited for a reboot, and the record of it for the rollback after that. What changes by
itself and is left out is named, with the reasons, in molecule/default/files/state.py.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from conftest import machine_at
from items import live, path_of
from machine import Machine, ask, differences, reported

OUR_RECORD = "/var/lib/siptune"

booted_tuned = machine_at("booted")  # the tuned machine after its reboot, before the rollback
without_some = machine_at("single")  # the machine after three roles alone have put back their parts
back = machine_at("back")  # the machine after the rollback, before its reboot
booted_back = machine_at("back-booted")  # the machine after the reboot that followed the rollback


@pytest.fixture(scope="module")
def now(clean: Machine) -> Machine:
    """The machine after another rollback."""
    return ask(list(clean.units), all_units=True)


def settings_of_cards(machine: Machine) -> dict[str, dict[str, str]]:
    return {name: card["settings"] for name, card in machine.interfaces.items()}


def changes(before: Machine, after: Machine, what: str) -> dict[str, tuple[object, object]]:
    """What differs in a part of the machine."""
    return differences(getattr(before, what), getattr(after, what))


@pytest.mark.parametrize("layer", ["security", "fs", "memory"])
def test_a_role_alone_puts_its_own_part_back(
    layer: str, clean: Machine, booted_tuned: Machine, without_some: Machine
) -> None:
    items = {item["item"]: item for item in reported("single")[f"{layer} 0"]}
    assert items
    left = [name for name in items if live(name, without_some) != live(name, clean)]
    # The login with a million descriptors is another layer's, and would be refused without room for them. Where systemd
    # begins with more than that, there was nothing to raise.
    raised = layer == "fs" and live("fs.nr_open", booted_tuned) != live("fs.nr_open", clean)
    assert left == (["fs.nr_open"] if raised else [])
    assert [name for name in left if "below a descriptor limit in use" not in items[name]["reason"]] == []
    assert [name for name in items if live(name, booted_tuned) == live(name, clean)] == []
    assert not any(f"90-siptune-{layer}" in file for file in without_some.files)


def test_roles_alone_left_the_others_parts(booted_tuned: Machine, without_some: Machine) -> None:
    layers = ("security", "fs", "memory")
    paths = {path_of(item["item"]) for layer in layers for item in reported("single")[f"{layer} 0"]}
    assert set(changes(booted_tuned, without_some, "sysctl")) <= paths
    files = changes(booted_tuned, without_some, "files")
    assert [name for name in files if not re.search(r"siptune-(security|fs|memory)|^/var/lib/siptune", name)] == []
    assert changes(booted_tuned, without_some, "settings") == {}
    assert settings_of_cards(without_some) == settings_of_cards(booted_tuned)


@pytest.mark.parametrize("what", ["sysctl", "files", "settings"])
def test_the_machine_is_what_it_was(clean: Machine, now: Machine, what: str) -> None:
    assert len(getattr(clean, what)) > 100
    assert changes(clean, now, what) == {}


def test_network_cards_are_what_they_were(clean: Machine, now: Machine) -> None:
    assert differences(settings_of_cards(clean), settings_of_cards(now)) == {}


def test_the_rollback_alone_was_all_but_what_waited_for_the_boot(clean: Machine, booted_back: Machine) -> None:
    assert differences(settings_of_cards(clean), settings_of_cards(booted_back)) == {}
    assert changes(clean, booted_back, "sysctl") == {}
    assert {name for name in changes(clean, booted_back, "files") if not name.startswith(OUR_RECORD)} == set()


def test_packets_spread_as_before(clean: Machine, booted_tuned: Machine, back: Machine) -> None:
    """At once, without the boot: one processor, and one queue."""
    for name, what in (("enp0s4", "processed"), ("enp0s9", "queues")):
        counts = [machine.spread[name][what] for machine in (clean, booted_tuned, back) if name in machine.spread]
        shares = [max(count) / sum(count) for count in counts]
        assert [share > 0.9 for share in shares] == [True, False, True][: len(shares)]


def test_there_was_something_to_put_back(clean: Machine, booted_tuned: Machine) -> None:
    assert all(changes(clean, booted_tuned, what) for what in ("sysctl", "files", "settings"))
    assert differences(settings_of_cards(clean), settings_of_cards(booted_tuned))


def test_what_waited_says_so_and_came(clean: Machine, back: Machine, booted_back: Machine) -> None:
    pending = [item for item in all_items("back") if item["state"] == "pending" and item["item"].count(" ") == 1]
    cards = {item["item"]: item for item in pending if item["item"].split()[0] in clean.interfaces}
    assert {name.rpartition(" ")[2] for name in cards} >= {"rx", "tx"}
    assert [name for name, item in cards.items() if "the next boot" not in item["reason"]] == []
    assert [name for name in cards if live(name, back) == live(name, clean)] == []
    assert [name for name in cards if live(name, booted_back) != live(name, clean)] == []


def test_the_rollback_cut_no_link_and_restarted_no_daemon(booted_tuned: Machine, back: Machine) -> None:
    def moments(machine: Machine) -> dict[str, Any]:
        carriers = {name: card["carrier_changes"] for name, card in machine.interfaces.items()}
        return {**carriers, **machine.starts}

    assert booted_tuned.boot == back.boot
    assert moments(back) == moments(booted_tuned)


def test_the_rollback_after_the_boot_found_nothing_to_change(booted_back: Machine) -> None:
    """But to forget: what waited is no longer on record."""
    assert [item for item in all_items("back-again") if item["state"] not in ("ok", "absent")] == []
    assert any(name.startswith(OUR_RECORD) for name in booted_back.files)


def all_items(step: str) -> list[dict[str, Any]]:
    return [item for items in reported(step).values() for item in items]
