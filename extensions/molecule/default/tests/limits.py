# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the records' limits: what the processes of a unit have, and what an item wants."""

from __future__ import annotations

from typing import Any, NamedTuple

from conftest import Record

IN_FORCE = ("ok", "changed", "kept")


class Pair(NamedTuple):
    """A soft and a hard limit."""

    soft: int
    hard: int

    def __str__(self) -> str:
        return str(self.soft) if self.soft == self.hard else f"{self.soft}:{self.hard}"


def parse_pair(text: str) -> Pair:
    """`1024:524288`, or a number for both."""
    soft, _, hard = text.partition(":")
    return Pair(int(soft), int(hard or soft))


def unit_and_directive(item: dict[str, Any]) -> tuple[str, str]:
    """The two words that an item of a unit is named by."""
    unit, _, directive = item["item"].partition(" ")
    return unit, directive


def limit_items(record: Record) -> list[dict[str, Any]]:
    """The items of open files; there must be some."""
    items = [item for item in record.results["units"]["items"] if item["item"].endswith(" LimitNOFILE")]
    assert items
    return items


def live_pair(unit: dict[str, Any]) -> Pair:
    """The open files that the least of a unit's processes may have."""
    return min(Pair(*map(int, process["limits"]["Max open files"])) for process in unit["processes"].values())


def open_files_wanted(item: dict[str, Any], properties: dict[str, str]) -> Pair:
    """What systemd is to start a unit with; a floor never takes away what the unit had, its `properties`."""
    number = item["wanted"].removeprefix("at least ")
    if number == item["wanted"]:
        return parse_pair(number)
    return Pair(max(int(number), int(properties["LimitNOFILESoft"])), max(int(number), int(properties["LimitNOFILE"])))


def shown(daemons: dict[str, Any], item: dict[str, Any]) -> str:
    """What is in force of an item's directive, as an item says it."""
    name, directive = unit_and_directive(item)
    unit = daemons["units"][name]
    if directive == "LimitNOFILE":
        return str(live_pair(unit))
    if directive == "OOMScoreAdjust":
        return str(max(int(process["oom_score_adj"]) for process in unit["processes"].values()))
    return unit["properties"][directive]
