# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The items of the untracked ports, one for UDP and one for TCP, and what they say."""

from __future__ import annotations

from typing import NamedTuple

from .._core.change import ABSENT, CHANGED, KEPT, OK, PENDING, READONLY, SHADOWED, Change
from .model import PATHS, RULES_PATH, Observed
from .ports import NONE_EXEMPT, PROTOCOLS, TCP, UDP, Exempt, Ports, render
from .settings import ITEMS
from .table import TABLE

NONE = "none"
WHY = (
    "Each SIP peer and each RTP stream takes an entry of the connection tracking, and every packet a look-up. When the "
    "table is full, the kernel drops packets of new calls. Daemons know their calls themselves. What is not tracked "
    "never meets the kernel's SIP ALG, either."
)
NO_LONGER = "no longer wanted"


def shown(ports: Ports) -> str:
    """The value of an item for these ports."""
    return render(ports) if ports else NONE


class Moved(NamedTuple):
    """The exempt ports before and after a call: in force, or after a boot."""

    before: Exempt
    after: Exempt

    def differ(self, protocol: str) -> bool:
        return self.before.of(protocol) != self.after.of(protocol)


def impossible_items(wanted: Exempt, observed: Observed, live: Exempt, boot: Exempt) -> list[Change]:
    """The items where the host cannot have what is wanted; none where it can."""
    state, reason = ABSENT, "nft is missing: install the package nftables"
    if observed.not_own:
        state, reason = READONLY, observed.not_own
    elif observed.boot_only and observed.opaque:
        state, reason = PENDING, observed.opaque
    elif observed.program:
        return []
    found = []
    for protocol in filter(wanted.of, PROTOCOLS):
        now, then = shown(live.of(protocol)), shown(boot.of(protocol))
        ports = shown(wanted.of(protocol))
        found.append(Change(ITEMS[protocol], ports, now, now, then, state, WHY, reason, then))
    return found


def wanted_items(wanted: Exempt, observed: Observed, live: Moved, boot: Moved, files: bool, held: str) -> list[Change]:
    """The items of ports that are wanted, and of protocols that no longer are.

    `files` is whether any of ours changes, and `held` why TCP ports stay exempt that are no longer wanted.
    """
    reason = ""
    if observed.drop_ins:
        reason = f"{', '.join(observed.drop_ins)} changes our unit, and what it does at boot is not known"
    elif not observed.systemd:
        reason = f"there is no systemd to load it at boot: have your own scripts do nft -f {RULES_PATH}"
        boot = boot._replace(after=NONE_EXEMPT)
    moved = [protocol for protocol in PROTOCOLS if live.differ(protocol) or boot.differ(protocol)]
    found = []
    for protocol in PROTOCOLS:
        if not wanted.of(protocol):
            found += _returned(protocol, live, boot, held)
            continue
        state = CHANGED if protocol in moved or (files and not moved) else OK
        why_pending = held_reason(held) if protocol == TCP and held else ""
        at_boot: str | None = shown(boot.after.of(protocol))
        if observed.drop_ins:
            state, at_boot = SHADOWED, None
        elif reason or why_pending:
            state = PENDING
        values = (shown(wanted.of(protocol)), shown(live.before.of(protocol)), shown(live.after.of(protocol)), at_boot)
        texts = (state, WHY, "; ".join(filter(None, (reason, why_pending))), shown(boot.before.of(protocol)))
        found.append(Change(ITEMS[protocol], *values, *texts))
    return found


def reverted_items(observed: Observed, live: Moved, boot: Moved, foreign: str, held: str) -> list[Change]:
    """The items of a host that goes back; none where there is nothing of ours."""
    at_boot = (shown(boot.after.udp), shown(boot.before.udp))
    if foreign:
        there = "of somebody else"
        reason = f"the table {foreign}: somebody else has made or edited it, and it is left alone"
        return [Change(ITEMS[UDP], None, there, there, at_boot[0], KEPT, NO_LONGER, reason, at_boot[1])]
    if observed.ruleset is None and not observed.boot_only and boot.before != boot.after:
        there, reason = "unknown", "nft is missing or fails, so that a table that is there stays until a boot"
        return [Change(ITEMS[UDP], None, there, there, at_boot[0], PENDING, NO_LONGER, reason, at_boot[1])]
    return [change for protocol in PROTOCOLS for change in _returned(protocol, live, boot, held)]


def _returned(protocol: str, live: Moved, boot: Moved, held: str) -> list[Change]:
    """The item of a protocol of which no ports are wanted; none where none were exempt."""
    if not live.before.of(protocol) and not boot.differ(protocol):
        return []
    state, reason = (PENDING, held_reason(held)) if protocol == TCP and held else (CHANGED, "")
    now, then = live.after.of(protocol), boot.after.of(protocol)
    before, boot_before = shown(live.before.of(protocol)), shown(boot.before.of(protocol))
    return [Change(ITEMS[protocol], None, before, shown(now), shown(then), state, NO_LONGER, reason, boot_before)]


def held_reason(danger: str) -> str:
    """Why TCP ports that are no longer wanted stay exempt, and what ends that."""
    return f"tracked again, {danger}. They stay untracked until a boot, or until somebody does nft delete {TABLE}"


def warnings_of(observed: Observed, goes_back: bool) -> list[str]:
    """What becomes of copies of our table in files of others."""
    if not observed.copies:
        return []
    copies = ", ".join(observed.copies)
    return (
        [f"{ITEMS[UDP]}: {copies} has a copy of our table, which a boot will load again: take it out"]
        if goes_back and any(observed.files[path] for path in PATHS)
        else []
    )
