# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The item of the SIP ALG, and the warning of what it does to calls."""

from __future__ import annotations

from .._core.change import CHANGED, KEPT, OK, PENDING, READONLY, Change
from .model import Observed, Request
from .safety import ITEM

BLOCKED, MAY_LOAD = "blocked", "may load"
WHY = (
    "The kernel's SIP ALG rewrites the addresses in the Contact and the SDP of SIP messages that pass, and opens RTP "
    "ports by them. Daemons, phones and trunks do that themselves: with it there is one-way audio, and registrations "
    "are lost."
)
NO_LONGER = "no longer wanted"
WAY_OUT = (
    "Nothing unloads it while the host runs. siptune_network_sip_alg: blocked keeps it from loading with the next boot"
)


def alg_item(request: Request, observed: Observed, blocked: bool, will_be: bool) -> Change | None:
    """The item, None where there is nothing to say. `blocked` and `will_be` say whether our file is there."""
    boot, boot_before = (BLOCKED if one else MAY_LOAD for one in (will_be, blocked))
    before = _live(observed, blocked)
    if not request.block:
        if blocked:
            state = KEPT if will_be else CHANGED
            return Change(ITEM, None, before, _live(observed, will_be), boot, state, NO_LONGER, "", boot_before)
        if not request.tell or not observed.alg.is_there:
            return None
        state = KEPT if _gets_calls(observed) else OK
        return Change(ITEM, None, before, before, boot, state, WHY, described(observed), boot_before)
    after, state, reason = _live(observed, will_be), OK if blocked else CHANGED, ""
    if observed.container:
        state, reason = READONLY, "a container loads no modules of its own: block it on its machine"
    elif observed.alg.built_in:
        state, reason = READONLY, "it is built into the kernel, and no file keeps it from being there"
    elif observed.alg.modules:
        state, reason = (
            PENDING,
            f"{described(observed)}; nothing unloads it while the host runs, and a boot does",
        )
    return Change(ITEM, BLOCKED, before, after, boot, state, WHY, reason, boot_before)


def _live(observed: Observed, blocked: bool) -> str:
    if observed.alg.built_in:
        return "built in"
    return "loaded" if observed.alg.modules else BLOCKED if blocked else MAY_LOAD


def described(observed: Observed) -> str:
    """What there is of the ALG, and which calls it gets hold of."""
    alg = observed.alg
    there = [f"{' and '.join(alg.modules)} {'is' if len(alg.modules) == 1 else 'are'} loaded"] if alg.modules else []
    there += ["it is built into the kernel"] if alg.built_in else []
    there += [f"{', '.join(alg.used_by)} assigns it"] if alg.used_by else []
    if alg.automatic:
        there.append("the kernel hands it every flow of port 5060 (net.netfilter.nf_conntrack_helper is 1)")
    elif not alg.used_by:
        there.append("it gets the flows that a rule of a firewall assigns to it, and no file that is known has one")
    return "; ".join(there)


def _gets_calls(observed: Observed) -> bool:
    """Whether it may: some kernels have it built in, where without a firewall that assigns it nothing comes of it."""
    alg = observed.alg
    return bool(alg.modules or alg.used_by or (alg.built_in and alg.automatic))


def warnings_of(request: Request, observed: Observed) -> list[str]:
    """A warning where the SIP ALG may get hold of calls and nobody has asked for it to be blocked."""
    if request.block or not request.tell or not _gets_calls(observed):
        return []
    return [f"{ITEM}: {described(observed)}. {WHY} {WAY_OUT}"]
