# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The item of the untracked ports, and what it says of them."""

from __future__ import annotations

from .._core.change import ABSENT, CHANGED, KEPT, OK, PENDING, READONLY, SHADOWED, Change
from .model import PATHS, RULES_PATH, Observed
from .ports import Ports, render
from .settings import ITEM

NONE = "none"
WHY = (
    "Each SIP peer and each RTP stream takes an entry of the connection tracking, and every packet a look-up. When the "
    "table is full, the kernel drops packets of new calls. Daemons know their calls themselves. What is not tracked "
    "never meets the kernel's SIP ALG, either."
)
NO_LONGER = "no longer wanted"


def shown(ports: Ports) -> str:
    """The value of the item for these ports."""
    return render(ports) if ports else NONE


def no_item(wanted: Ports, observed: Observed, live: Ports, boot: Ports) -> Change | None:
    """The item where the host cannot have what is wanted; None where it can."""
    state, reason = ABSENT, "nft is missing: install the package nftables"
    if observed.not_own:
        state, reason = READONLY, observed.not_own
    elif observed.boot_only and observed.opaque:
        state, reason = PENDING, observed.opaque
    elif observed.program:
        return None
    now, then = shown(live), shown(boot)
    return Change(ITEM, shown(wanted), now, now, then, state, WHY, reason, then)


def wanted_item(wanted: Ports, observed: Observed, live: Ports, boot: Ports, changes: bool) -> Change:
    """The item of ports that are wanted."""
    ports = shown(wanted)
    state, reason, after = (CHANGED if changes else OK), "", ports
    at_boot: str | None = ports
    if observed.drop_ins:
        state, at_boot = SHADOWED, None
        reason = f"{', '.join(observed.drop_ins)} changes our unit, and what it does at boot is not known"
    elif not observed.systemd:
        state, at_boot = PENDING, NONE
        reason = f"there is no systemd to load it at boot: have your own scripts do nft -f {RULES_PATH}"
    if observed.ruleset is None:
        after = NONE
    return Change(ITEM, ports, shown(live), after, at_boot, state, WHY, reason, shown(boot))


def reverted_item(observed: Observed, live: Ports, boot: Ports, boot_after: Ports, foreign: str) -> Change | None:
    """The item of a host that goes back; None where there is nothing of ours."""
    if not live and boot == boot_after and not foreign:
        return None
    if foreign:
        before = after = "of somebody else"
        state, reason = KEPT, f"the table {foreign}: somebody else has made or edited it, and it is left alone"
    elif observed.ruleset is None and not observed.boot_only:
        before = after = "unknown"
        state, reason = PENDING, "nft is missing or fails, so that a table that is there stays until a boot"
    else:
        before, after, state, reason = shown(live), NONE, CHANGED, ""
    return Change(ITEM, None, before, after, shown(boot_after), state, NO_LONGER, reason, shown(boot))


def warnings_of(observed: Observed, goes_back: bool) -> list[str]:
    """What becomes of copies of our table in files of others."""
    if not observed.copies:
        return []
    copies = ", ".join(observed.copies)
    return (
        [f"{ITEM}: {copies} has a copy of our table, which a boot will load again: take it out"]
        if goes_back and any(observed.files[path] for path in PATHS)
        else []
    )
