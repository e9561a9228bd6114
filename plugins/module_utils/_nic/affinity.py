# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processors may take the interrupts of a card's receive queues: read and written here, decided elsewhere.

Source: Documentation/core-api/irq/irq-affinity.rst. The kernel spreads managed interrupts itself, and lets nobody else:
irq_can_set_affinity_usr() of kernel/irq/manage.c; their files have no write permission since Linux 6.11.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable
from typing import NamedTuple

from .._host.cpus import cpu_list, listed_cpus
from .._host.host import Host, unless_refused
from .._host.netlink import Link
from .._host.network import SYS_CLASS_NET
from .._packets.interrupts import MOST_OF_A_CARD, PROC_IRQ, card_interrupts, interrupt_names, receiving
from .options import MANAGED
from .parts import cpus_of, value_of
from .queues import queue_names

TWIN = "#"  # before the place of a second interrupt of one name
READ_ONLY = "not writable from here: /proc/irq is read-only"


_SLOT = re.compile(r"/([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])(?=/)")


class Interrupt(NamedTuple):
    """An interrupt: its number until the next boot, and the processors that may take it."""

    number: int
    cpus: str


def path_of_interrupt(number: int) -> str:
    """The file with the processors that may take an interrupt."""
    return f"{PROC_IRQ}/{number}/smp_affinity_list"


def read_interrupts(host: Host, link: Link) -> dict[str, Interrupt]:
    """The interrupts that bring packets, by their names, which outlast a boot; empty where none are to be seen."""
    if not queue_names(host, link, "rx"):
        return {}
    names = interrupt_names(host, card_interrupts(host, link.name))
    found: dict[str, Interrupt] = {}
    for number in sorted(receiving(names, link.name)):
        cpus = listed_cpus(host.read_lenient(path_of_interrupt(number)))
        if cpus:
            found[_distinct(plain_name(names[number]), found)] = Interrupt(number, cpu_list(cpus))
    return found


def plain_name(name: str) -> str:
    """The name of an interrupt without what separates the parts of a value: `eth0 (queue 0)` of cxgb4."""
    return name.replace(" ", "_").replace("=", "_")


def _distinct(name: str, others: Iterable[str]) -> str:
    """A name that no other interrupt of the card has."""
    if name not in others:
        return name
    return next(one for one in (f"{name}{TWIN}{place}" for place in range(2, MOST_OF_A_CARD + 2)) if one not in others)


def slot_of(host: Host, link: Link) -> str:
    """The place of a card's device on the PCI bus, such as 0000:00:03.0; empty for a card elsewhere."""
    return next(reversed(_SLOT.findall(host.read_link(f"{SYS_CLASS_NET}/{link.name}") or "")), "")


def why_readonly(host: Host, numbers: Iterable[int]) -> str:
    """Why some of these interrupts cannot be set; empty if they can."""
    for number in numbers:
        status = unless_refused(host.target_status, path_of_interrupt(number))
        if status is not None and not status.st_mode & stat.S_IWUSR:
            return MANAGED
        if not host.writable(path_of_interrupt(number)):
            return READ_ONLY
    return ""


def write_interrupts(host: Host, link: Link, text: str) -> None:
    """Give each interrupt that is there by now its processors, of a text of `joined`. Raises HostError, ValueError."""
    for name, interrupt in read_interrupts(host, link).items():
        wanted = value_of(text, name)
        if wanted is not None and wanted != interrupt.cpus:
            cpus_of(wanted)
            host.write_kernel(path_of_interrupt(interrupt.number), wanted)
