# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where on a machine to look for an item that a module has reported, whichever module that was."""

from __future__ import annotations

import re
from typing import Any

from machine import Machine

# What a daemon asks for is no value of the machine: its item is advice.
ADVICE = ("maxbuffer",)

# Directives that systemctl show has another name for.
PROPERTIES = {"RestartSec": "RestartUSec", "TimeoutStopSec": "TimeoutStopUSec"}

# The options that give Kamailio its pools, in MiB.
POOL_OPTIONS = {"shared_mib": "-m", "private_mib": "-M"}
# Its own pools when nothing says otherwise: SHM_MEM_SIZE and PKG_MEM_SIZE of its config.h.
POOL_DEFAULTS = {"shared_mib": "64", "private_mib": "8"}

# Rules for cards that are not there: what an emulator lacks.
PATTERN = "driver:"

LIMIT = re.compile(r"Limit[A-Z]+")
SIDES = {"soft": 0, "hard": 1}

# In place of a value, so that the test fails and shows all else too: teach this file, or see where the interface went.
UNKNOWN = "(nobody knows where to look for it)"


def path_of(key: str) -> str:
    """The path below /proc/sys of a key as sysctl.d(5) writes it: the first separator says which is which."""
    dots_separate = "/" not in key or ("." in key and key.index(".") < key.index("/"))
    return key.translate(str.maketrans("./", "/.")) if dots_separate else key


def expected(item: dict[str, Any]) -> str | None:
    """What the next boot is to bring: what the module promised, or for what it left alone, what there was."""
    value = item["after"] if item["at_boot"] is None else item["at_boot"]
    if value is None:
        return None
    words = " ".join(str(value).split())
    # One value for a limit is both the soft and the hard one.
    return f"{words}:{words}" if LIMIT.fullmatch(item["item"].rpartition(" ")[2]) and ":" not in words else words


def is_advice(item: dict[str, Any]) -> bool:
    """Whether there is nothing on the machine to hold against the item."""
    return item["item"].rpartition(" ")[2] in ADVICE


def live(item: str, machine: Machine) -> str | None:
    """The item's live value, None where there is none, or UNKNOWN."""
    subject, *words = item.split()
    if subject.startswith(PATTERN):
        return None
    if not words:
        return machine.sysctl.get(path_of(subject))
    if words[0] == "udp":
        return machine.sockets.get(f"{subject} {words[1]}")
    if subject in machine.interfaces and len(words) == 1:
        return machine.interfaces[subject]["settings"].get(words[0])
    if subject in machine.units and len(words) == 1:
        return _of_unit(words[0], machine.units[subject])
    if subject == "admin" and words[-1] == "nofile" and words[0] in SIDES:
        return machine.login.split(":")[SIDES[words[0]]]
    return UNKNOWN


def _of_unit(name: str, unit: dict[str, Any]) -> str | None:
    """What all processes of a unit have, or what systemd says of it; several values if they differ."""
    processes = unit["processes"]
    if LIMIT.fullmatch(name):
        values = {process["limits"][name] for process in processes}
    elif name == "OOMScoreAdjust":
        values = {str(process["oom_score_adj"]) for process in processes}
    elif name == "Nice":
        values = {str(process["nice"]) for process in processes}
    elif name in POOL_OPTIONS:
        values = {_option(process["command"], name) for process in processes}
    else:
        values = {unit["properties"][PROPERTIES.get(name, name)]}
    return ", ".join(sorted(values)) or None


def _option(command: list[str], pool: str) -> str:
    option = POOL_OPTIONS[pool]
    return command[command.index(option) + 1] if option in command else POOL_DEFAULTS[pool]
