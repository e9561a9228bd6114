# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Safety checks of a running interface: a link that is up goes down only with permission, and not during calls."""

from __future__ import annotations

from .model import Decision, Nic, Observed, Request
from .options import IRQ_CPUS, Option


def flaps(nic: Nic, option: Option) -> bool:
    """Whether setting an option now may take the link down; a link that is down already cannot flap."""
    return nic.link.up and option.group.flaps and nic.link.driver not in option.group.hitless


def reason_to_wait(decision: Decision, request: Request, observed: Observed) -> str:
    """Why an option must not be set on the running interface now; empty if it may be."""
    nic, option = decision.nic, decision.option
    if not request.live:
        return f"the running interface is left alone (when: {request.when})"
    if option.name == IRQ_CPUS and decision.setting is not None:
        # Imported here: few calls set interrupts, and every run on a host compiles what it imports.
        from .balancer import reason_of_balancer

        return reason_of_balancer(nic, observed.surroundings.balancer, request.boot)
    if not flaps(nic, option):
        return ""
    if not request.disruptive:
        return "changing it now would take the link down for a moment, which needs disruptive"
    if observed.blocked_by_calls:
        return f"would take the link down now: {observed.blocked_by_calls}"
    return ""
