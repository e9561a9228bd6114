# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps the CPUs of interrupts over a boot: our script, the unit that runs it, and irqbalance's drop-in. Pure.

Drivers ask for their interrupts when an interface comes up, which no event of udev tells of. So the script looks for
them by their names until all are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from .._engine.conf_files import comment_lines
from .._engine.owned_files import CONFIG_MODE, SCRIPT_MODE, SHEBANG
from .._packets.interrupts import BALANCER_DROP_IN, OWN_SCRIPT
from .parts import cpus_of, value_of
from .udev_rules import HEADING, HELD, Own

UNIT = "siptune-interrupts.service"
UNIT_PATH = f"/etc/systemd/system/{UNIT}"
BOOT_PATH = "/etc/systemd/system/multi-user.target.d/90-siptune-interrupts.conf"  # what systemctl enable says by a link
PATHS = (OWN_SCRIPT, UNIT_PATH, BOOT_PATH, BALANCER_DROP_IN)
HEADINGS = dict.fromkeys(PATHS, HEADING)
HEADINGS[OWN_SCRIPT] = SHEBANG + HEADING
MODES = {OWN_SCRIPT: SCRIPT_MODE}
LOOKS, SECONDS_BETWEEN = 60, 2  # two minutes for the interfaces to come up

_UNIT_TEXT = f"""{HEADING}[Unit]
Description=Give the interrupts of network cards their processors
After=network.target

[Service]
Type=simple
ExecStart=/bin/sh {OWN_SCRIPT} set
"""
_BOOT_TEXT = f"{HEADING}[Unit]\nWants={UNIT}\n"
_ASKED = """# irqbalance asks it with a device and the number of an interrupt, and leaves alone what is set here.
# At boot it gives each interrupt its CPU as soon as the driver has asked for it: their numbers change.
if [ "$1" != set ]; then
    case "${1##*/}" in
        %s) echo ban=true ;;
    esac
    exit 0
fi
give() {
    device="/sys/bus/pci/devices/$1"
    for number in $(ls "$device/msi_irqs" || cat "$device/irq"); do
        if [ "$(tr ' =' '__' < "/sys/kernel/irq/$number/actions")" = "$2" ]; then
            echo "$3" > "/proc/irq/$number/smp_affinity_list"
            return
        fi
    done
    left=1
}
looks=%d
while [ $looks -gt 0 ]; do
    left=0
"""
_END = f"""    [ $left = 0 ] && exit 0
    looks=$((looks - 1))
    sleep {SECONDS_BETWEEN}
done 2> /dev/null
"""
_GIVEN = re.compile(r"^    give ([0-9a-f:.]+) '([^']+)' ", re.MULTILINE)
_PLAIN = re.compile(r"[!-~]+")


class OwnInterrupts(NamedTuple):
    """What the interrupts of a card get: `own.parts` are their names. `slot` is the place of its device."""

    own: Own
    slot: str


def fault_of(slot: str, names: Iterable[str]) -> str:
    """Why our script could not find a card's interrupts at boot; empty where it can."""
    if not slot:
        return "at boot nothing would find these interrupts, as the card is not on a PCI bus: run again after each boot"
    if all(_PLAIN.fullmatch(name) and not set("'#") & set(name) for name in names):
        return ""
    return "at boot nothing could tell these interrupts apart by their names: run again after each boot"


def texts(cards: Iterable[OwnInterrupts], command: str) -> Mapping[str, str]:
    """Our files by path, none without cards. `command` starts irqbalance with our script, empty without need."""
    cards = list(cards)
    if not cards:
        return {}
    slots = "|".join(dict.fromkeys(card.slot for card in cards))
    head = f"{HEADINGS[OWN_SCRIPT]}{_ASKED % (slots, LOOKS)}"
    found = {
        OWN_SCRIPT: head + "".join(f"{line}\n" for card in cards for line in _lines(card)) + _END,
        UNIT_PATH: _UNIT_TEXT,
        BOOT_PATH: _BOOT_TEXT,
    }
    if command:
        found[BALANCER_DROP_IN] = (
            f"{HEADING}# irqbalance leaves alone what the script names. The rest of the line is that of its own unit.\n"
            f"[Service]\nExecStart=\nExecStart={command}\n"
        )
    return found


def _lines(card: OwnInterrupts) -> Iterator[str]:
    """The lines of a card. Raises ValueError for what is no list of CPUs."""
    yield f"{HELD}{card.own.interface} {card.own.option}={card.own.value}"
    yield from comment_lines(card.own.why)
    for name in card.own.parts:
        cpus = value_of(card.own.value, name)
        if cpus is not None:
            cpus_of(cpus)
            yield f"    give {card.slot} '{name}' {cpus}"


def given(text: str) -> Mapping[str, Sequence[str]]:
    """The names of the interrupts that a script of ours sets, by device; none for a text of somebody else."""
    found: dict[str, list[str]] = {}
    for slot, name in _GIVEN.findall(text) if text.startswith(HEADINGS[OWN_SCRIPT]) else ():
        found.setdefault(slot, []).append(name)
    return found


def mode_of(path: str) -> int:
    """The permissions of one of our files: irqbalance runs the script."""
    return MODES.get(path, CONFIG_MODE)
