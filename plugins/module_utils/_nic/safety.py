# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Safety checks of a running interface: a link that is up goes down only with permission, and not during calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .model import Nic, Observed, Request
from .options import IRQ_CPUS, Option

if TYPE_CHECKING:
    from .._packets.irqbalance import Bans, Irqbalance

BALANCER_FILE = "/etc/default/irqbalance"  # Debian's, where there is no file yet


def flaps(nic: Nic, option: Option) -> bool:
    """Whether setting an option now may take the link down; a link that is down already cannot flap."""
    return nic.link.up and option.group.flaps and nic.link.driver not in option.group.hitless


def reason_to_wait(nic: Nic, option: Option, request: Request, observed: Observed) -> str:
    """Why an option must not be set on the running interface now; empty if it may be."""
    if not request.live:
        return f"the running interface is left alone (when: {request.when})"
    if option.name == IRQ_CPUS:
        return reason_of_balancer(nic, observed.surroundings.balancer)
    if not flaps(nic, option):
        return ""
    if not request.disruptive:
        return "changing it now would take the link down for a moment, which needs disruptive"
    if observed.blocked_by_calls:
        return f"would take the link down now: {observed.blocked_by_calls}"
    return ""


def reason_of_balancer(nic: Nic, balancer: Irqbalance | None) -> str:
    """Why irqbalance forbids setting a card's interrupts now: it moves all that it is not told to leave alone."""
    if balancer is None or not balancer.running or balancer.now.one_shot or _is_banned(nic, balancer.now):
        return ""
    if _is_banned(nic, balancer.at_start):
        return "irqbalance does not leave these interrupts alone before its restart: systemctl restart irqbalance"
    if balancer.now.policy_script:
        return (
            f"irqbalance asks its policy script {balancer.now.policy_script} about each interrupt, and would undo "
            "this: set it there, or ban the interrupts"
        )
    words = " ".join(f"--banirq={number}" for number in nic.interrupts)
    return (
        f"irqbalance runs and would undo this: put {words} among its arguments in {balancer.file or BALANCER_FILE} and "
        "restart it, or stop it"
    )


def _is_banned(nic: Nic, bans: Bans) -> bool:
    """Whether irqbalance leaves all of a card's interrupts alone, by their numbers or by the driver."""
    return set(nic.interrupts) <= set(bans.interrupts) or nic.link.driver in bans.modules
