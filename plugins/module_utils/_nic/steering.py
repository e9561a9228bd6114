# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processors packets go to where a setting leaves that to us. Pure.

Source: Documentation/networking/scaling.rst. Steering helps where a card has fewer receive queues than there are
processors. It costs an interrupt between processors for each batch, so that a card with enough queues goes without.
"""

from __future__ import annotations

from typing import NamedTuple

from .._core.text import plural
from .._host.cpus import NONE, cpu_list, parse_cpu_list
from .options import NicError
from .parts import joined, shared_out


class Near(NamedTuple):
    """The processors of a card: those of its node, and those that take its interrupts, None where that is unknown."""

    node: frozenset[int]
    takers: frozenset[int] | None = None


class Choice(NamedTuple):
    """The value that was chosen for an option; None to leave it alone, for this reason.

    `at_boot` is another one for the next boot, where the interrupts may go elsewhere; None for the same.
    """

    value: str | None
    reason: str = ""
    at_boot: str | None = None


NO_CARD = Near(frozenset())


def steered_cpus(wanted: frozenset[int], isolated: frozenset[int], item: str) -> frozenset[int]:
    """Those of these CPUs that the kernel steers to. Raises NicError where all are isolated.

    It leaves out isolated ones without a word: store_rps_map() of net/core/net-sysfs.c, since Linux 5.9.
    """
    left = wanted - isolated
    if wanted and not left:
        raise NicError(
            item,
            f"cannot be {cpu_list(wanted)}: the kernel steers no packets to isolated CPUs (isolcpus, nohz_full), and "
            f"these all are; isolated here: {cpu_list(isolated)}",
        )
    return left


def choose_steering(queues: int, near: Near, isolated: frozenset[int], base: str, now: str, cpus: int) -> Choice:
    """The CPUs to steer a card's packets to, of `cpus` that are online.

    `base` is what they are steered to without us, `now` what the interface has. What we have chosen once stays as long
    as it is good, because irqbalance moves interrupts from one run to the next.
    """
    if base != NONE:
        return Choice(None, f"somebody else has chosen {base}")
    if queues >= cpus:
        return Choice(None, f"not needed: {_queues(queues)} for {cpus} {plural(cpus, 'CPU')}")
    candidates = near.node - isolated
    takers = near.takers or frozenset()
    present = parse_cpu_list(now) or frozenset()
    stays = present and present <= candidates and not present <= takers
    chosen = present if stays else candidates - takers
    if not candidates:
        return Choice(None, "all CPUs near the card are isolated")
    if not chosen:
        return Choice(None, f"no CPU is left: {cpu_list(takers)} take the card's interrupts")
    # After a boot the interrupts may go to just these, and steering would be for nothing: then to all that are near.
    return Choice(cpu_list(chosen), at_boot=cpu_list(candidates) if len(chosen) <= queues else None)


def choose_senders(queues: tuple[str, ...], online: frozenset[int]) -> Choice:
    """The CPUs that send by each transmit queue: all that are online, shared out among the queues."""
    if not online:
        return Choice(None, "/sys does not show which CPUs are online")
    return Choice(joined(shared_out(online, queues)))


def _queues(number: int) -> str:
    return f"{number} receive {plural(number, 'queue')}"
