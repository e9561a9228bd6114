# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processors may take the interrupts of a card's receive queues: read and written here, decided elsewhere.

Source: Documentation/core-api/irq/irq-affinity.rst. The kernel spreads managed interrupts itself, and lets nobody else:
irq_can_set_affinity_usr() of kernel/irq/manage.c; their files have no write permission since Linux 6.11.
"""

from __future__ import annotations

import stat

from .._host.cpus import cpu_list, listed_cpus
from .._host.host import Host, unless_refused
from .._host.netlink import Link
from .._packets.interrupts import PROC_IRQ, card_interrupts, interrupt_names, receiving
from .options import MANAGED
from .parts import cpus_of, value_of
from .queues import queue_names

READ_ONLY = "not writable from here: /proc/irq is read-only"


def path_of_interrupt(number: str) -> str:
    """The file with the processors that may take an interrupt."""
    return f"{PROC_IRQ}/{number}/smp_affinity_list"


def read_interrupts(host: Host, link: Link) -> dict[str, str]:
    """The processors of each interrupt that brings packets, by its number; empty where there are none to be seen."""
    if not queue_names(host, link, "rx"):
        return {}
    numbers = receiving(interrupt_names(host, card_interrupts(host, link.name)), link.name)
    found = {str(number): listed_cpus(host.read_lenient(path_of_interrupt(str(number)))) for number in sorted(numbers)}
    return {number: cpu_list(cpus) for number, cpus in found.items() if cpus}


def why_readonly(host: Host, numbers: list[str]) -> str:
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
    for number, now in read_interrupts(host, link).items():
        wanted = value_of(text, number)
        if wanted is not None and wanted != now:
            cpus_of(wanted)
            host.write_kernel(path_of_interrupt(number), wanted)
