# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real reboot brings what the first run promised, and the machine is otherwise as it was."""

from __future__ import annotations

from typing import Any

import pytest
from items import expected, is_advice, live
from machine import Machine

Items = dict[str, dict[str, Any]]

# What a container cannot show, and what the run is to have changed here: without these the tests say little.
GLOBAL_KEYS = (
    "fs.nr_open",
    "kernel.yama.ptrace_scope",
    "net.core.netdev_max_backlog",
    "net.core.rmem_default",
    "net.core.rmem_max",
    "net.netfilter.nf_conntrack_max",
    "vm.max_map_count",
)
MANAGEMENT_MAC = "52:54:00:5e:00:01"


def test_it_was_a_real_reboot(clean: Machine, tuned: Machine, booted: Machine) -> None:
    assert clean.boot == tuned.boot
    assert booted.boot != tuned.boot


def test_every_item_is_as_promised(results: dict[str, list[dict[str, Any]]], booted: Machine) -> None:
    assert results
    promised = [item for items in results.values() for item in items if not is_advice(item)]
    found = {item["item"]: live(item["item"], booted) for item in promised}
    assert found == {item["item"]: expected(item) for item in promised}


@pytest.mark.parametrize("key", GLOBAL_KEYS)
def test_global_keys_were_changed_and_hold(key: str, items: Items, clean: Machine, booted: Machine) -> None:
    # Debian 13's systemd begins with more than the inventory asks for.
    kept = key == "fs.nr_open" and clean.has("systemd", 257)
    assert items[key]["state"] == ("kept" if kept else "changed")
    assert live(key, clean) == items[key]["before"]
    assert live(key, booted) == items[key]["after"]
    assert (items[key]["after"] == items[key]["before"]) == kept


def test_what_waited_for_a_restart_has_come(items: Items, booted: Machine) -> None:
    pending = {name: item for name, item in items.items() if item["state"] == "pending"}
    assert pending
    assert {name: live(name, booted) for name in pending} == {name: item["at_boot"] for name, item in pending.items()}


def test_logins_work_with_the_wanted_limits(items: Items, clean: Machine, booted: Machine) -> None:
    assert clean.login != booted.login
    assert booted.login == f"{items['admin soft nofile']['wanted']}:{items['admin hard nofile']['wanted']}"


def test_interfaces_keep_their_names(clean: Machine, tuned: Machine, booted: Machine) -> None:
    assert len(clean.names) >= 6
    assert clean.names == tuned.names == booted.names


def test_no_link_was_interrupted_by_the_runs(clean: Machine, tuned: Machine) -> None:
    before = {name: card["carrier_changes"] for name, card in clean.interfaces.items()}
    assert {name: card["carrier_changes"] for name, card in tuned.interfaces.items()} == before


def card_of(driver: str, machine: Machine) -> str:
    """The name of the card with this driver; skips where the emulator has none."""
    names = [name for name, card in machine.interfaces.items() if card["driver"] == driver]
    if not names:
        pytest.skip(f"NOT TESTED: this QEMU has no card for the driver {driver}")
    return names[0]


def link_file(interface: str) -> str:
    return f"/etc/systemd/network/00-siptune-{interface}.link"


def test_an_igb_is_set_at_once_where_no_link_is_cut_and_else_at_boot(
    items: Items, clean: Machine, tuned: Machine, booted: Machine
) -> None:
    name = card_of("igb", clean)
    assert items[f"{name} rx_usecs"]["state"] == "changed"
    assert live(f"{name} rx_usecs", tuned) == live(f"{name} rx_usecs", booted) == "50"
    wanted = {"rx": "4096", "tx": "4096", "channels_combined": "1", "pause_autoneg": "off", "pause_rx": "off"}
    for option, value in wanted.items():
        item = f"{name} {option}"
        assert items[item]["state"] == "pending"
        assert live(item, tuned) == live(item, clean) != value
        assert live(item, booted) == value


def test_networkmanager_keeps_what_it_has_a_word_for(items: Items, tuned: Machine, booted: Machine) -> None:
    """And what it has none for is in a .link file, which it does not undo: before 1.44, the length of the queue."""
    rings = items["enp0s8 rx"]
    assert (rings["state"], rings["at_boot"]) == ("pending", "4096")
    assert "NetworkManager's profile eighth" in rings["reason"]
    assert live("enp0s8 rx", booted) == "4096"
    assert live("enp0s8 rx_usecs", booted) == "50"
    assert live("enp0s8 txqueuelen", tuned) == live("enp0s8 txqueuelen", booted) == "2000"
    assert (link_file("enp0s8") in tuned.files) == (not tuned.has("NetworkManager", 1, 44))


def test_steering_holds_by_a_link_file_or_by_a_rule(items: Items, clean: Machine, booted: Machine) -> None:
    """Systemd has a word for it since 256; before, a rule of udev sets it."""
    item = items["enp0s3 rps_cpus"]
    assert (item["state"], item["at_boot"]) == ("changed", "1")
    assert live("enp0s3 rps_cpus", booted) == "1" != live("enp0s3 rps_cpus", clean)
    # All else that is set of the fourth card is in the rule, whatever systemd it is.
    assert (link_file("enp0s4") in booted.files) == booted.has("systemd", 256)
    assert "/etc/udev/rules.d/90-siptune-queues.rules" in booted.files


def test_interrupts_stay_where_they_were_sent(items: Items, clean: Machine, tuned: Machine, booted: Machine) -> None:
    """They are made anew at a boot, and get their processor once the driver has asked for them."""
    card_of("igb", clean)
    item = "enp0s9 irq_cpus"
    assert (items[item]["state"], items[item]["at_boot"]) == ("changed", "1")
    assert live(item, clean) != live(item, tuned) == live(item, booted) == "1"


def test_a_media_daemon_alone_is_why_one_queue_is_steered(items: Items, clean: Machine, booted: Machine) -> None:
    """No variable says so: rtpengine is installed, and the queue of the processors grows in the same run."""
    assert clean.units["rtpengine-daemon.service"]["properties"]["ActiveState"] == "active"
    steered, queue = items["enp0s4 rps_cpus"], items["net.core.netdev_max_backlog"]
    assert (steered["state"], live("enp0s4 rps_cpus", clean)) == ("changed", "none")
    assert "has all media handled by the processor" in steered["why"]
    assert live("enp0s4 rps_cpus", booted) == steered["at_boot"] != "none"
    assert (queue["state"], queue["after"], live(queue["item"], booted)) == ("changed", "10000", "10000")


def off_the_interrupts(machine: Machine) -> float:
    """The share of the packets for the card with one queue that other processors handle than take its interrupts."""
    counted = machine.spread["enp0s4"]
    takers = {cpu for cpu, number in enumerate(counted["interrupts"]) if number > sum(counted["interrupts"]) / 4}
    assert len(takers) == 1
    others = [number for cpu, number in enumerate(counted["processed"]) if cpu not in takers]
    return sum(others) / sum(counted["processed"])


def test_packets_of_one_queue_go_to_both_processors(clean: Machine, tuned: Machine, booted: Machine) -> None:
    assert off_the_interrupts(clean) < 0.1
    assert off_the_interrupts(tuned) > 0.8
    assert off_the_interrupts(booted) > 0.2  # where the boot would send the interrupt was not known


def test_packets_of_many_calls_go_to_both_queues(clean: Machine, tuned: Machine, booted: Machine) -> None:
    card_of("igb", clean)
    counted = [machine.spread["enp0s9"]["queues"] for machine in (clean, tuned, booted)]
    assert [min(queues) / sum(queues) > 0.2 for queues in counted] == [False, True, True]


def test_the_way_in_has_its_settings(clean: Machine, booted: Machine) -> None:
    name = clean.names[MANAGEMENT_MAC]
    assert booted.interfaces[name]["settings"] == clean.interfaces[name]["settings"]


def test_no_further_unit_fails(clean: Machine, tuned: Machine, booted: Machine) -> None:
    assert set(tuned.failed) | set(booted.failed) <= set(clean.failed), "\n".join(booted.log)


def test_the_runs_restarted_no_daemon(clean: Machine, tuned: Machine) -> None:
    assert clean.units
    assert tuned.starts == clean.starts


def test_daemons_run_after_the_reboot(booted: Machine) -> None:
    assert {unit["properties"]["ActiveState"] for unit in booted.units.values()} == {"active"}


def test_the_reboot_changed_no_file_of_ours(tuned: Machine, booted: Machine) -> None:
    ours = {name: content for name, content in tuned.files.items() if "siptune" in name}
    assert ours
    assert {name: booted.files.get(name) for name in ours} == ours
