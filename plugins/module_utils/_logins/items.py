# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The items and warnings of limits that a call returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .._core.change import ABSENT, CHANGED, OK, PENDING, SHADOWED, Change
from .._core.setting import hazard_warning
from .._host.accounts import Account
from .conf import EVERYBODY, INFINITE, ITEMS, NO_LIMIT, RESOURCE, SOFT, WITHOUT_EFFECT, amount, shown_amount
from .effective import Effective, effective_amount, is_line_of, missing_account
from .model import Observed, Request
from .settings import Limit


def limit_item(limit: Limit, asked: str, path: str, now: Effective, then: Effective) -> Change:
    """The item of a limit: `asked` is its value as the user gave it, `now` and `then` are before and after the call."""
    before, after = now.value(limit), then.value(limit)
    new = not any(is_line_of(entry, limit) and entry.file == path for entry in now.entries)
    state, reason = CHANGED if new or before != after else OK, _root_note(limit, then)
    obstacle = _obstacle(limit, path, then)
    if obstacle is not None:
        state, reason = obstacle
    at_boot, at_boot_before = _at_boot(limit, after, then), _at_boot(limit, before, now)
    return Change(limit.name, asked, before, after, at_boot, state, limit.why, reason, at_boot_before)


def _at_boot(limit: Limit, value: str | None, limits: Effective) -> str | None:
    """What a login gets of a value after the next boot."""
    if value in NO_LIMIT and limit.item == "nofile" and limits.observed.pam.maps_nofile:
        return str(limits.observed.nr_open.boot)
    return value


def _obstacle(limit: Limit, path: str, then: Effective) -> tuple[str, str] | None:
    """The state and the reason of a limit that nobody gets."""
    if limit.item in WITHOUT_EFFECT:
        return ABSENT, WITHOUT_EFFECT[limit.item]
    if then.observed.pam.unknown_item(limit.item):
        return ABSENT, f"this host's pam_limits does not know {limit.item}"
    shadows = [_shadow(limit, account, path, then) for account in then.people(limit)]
    if all(shadows):
        return SHADOWED, shadows[0]
    missing = missing_account(limit.domain, then.observed.directory)
    return (PENDING, f"{missing}; takes effect once it exists") if missing else None


def _shadow(limit: Limit, account: Account, path: str, then: Effective) -> str:
    """Which line of another file overrules or cuts a limit, "" if none does."""
    decision = then.decide(limit.item, account)
    if decision.exemption is not None:
        exemption = decision.exemption
        return f"{exemption.file} line {exemption.line} lifts all limits for {exemption.spelling}"
    wanted = effective_amount(limit.item, limit.value, then.observed)
    for side in limit.sides:
        entry = decision.side(side)
        if entry is None:
            return f"{path} is hidden by a file of the same name in a directory of higher precedence"
        if entry.file != path and (entry.item != limit.item or then.amount(entry) != wanted):
            kind = f"{side} " if ITEMS[limit.item].kind == RESOURCE else ""
            return f"{entry.file} line {entry.line} sets {kind}{entry.item} {entry.value} for {entry.spelling}"
    hard = then.hard(limit.item, decision)
    if limit.type == SOFT and ITEMS[limit.item].kind == RESOURCE and hard is not None and wanted > hard:
        where = "" if decision.hard is None else f" of {decision.hard.file} line {decision.hard.line}"
        return f"cut to the hard limit {shown_amount(limit.item, hard)}{where}"
    return ""


def _root_note(limit: Limit, then: Effective) -> str:
    """Says of a limit for everybody if it does not apply to root."""
    if limit.domain.kind != EVERYBODY or not then.observed.pam.spares_root:
        return ""
    decision = then.decide(limit.item, then.observed.directory.root)
    if any(decision.side(side) is None for side in limit.sides):
        return "does not apply to root: this pam_limits takes root's limits only from lines that name root"
    return ""


def removed_items(path: str, limits: Sequence[Limit], now: Effective, then: Effective) -> list[Change]:
    """Items for the lines that our file loses."""
    changes = []
    for entry in now.entries:
        if entry.file != path or not entry.item or any(is_line_of(entry, limit) for limit in limits):
            continue
        limit = Limit(entry.domain, entry.spelling, entry.type, entry.item, entry.value)
        kept = any(other.file == path and is_line_of(other, limit) for other in then.entries)
        before, after = now.value(limit), then.value(limit)
        if not kept or before != after:
            boot, boot_before = _at_boot(limit, after, then), _at_boot(limit, before, now)
            why = "no longer wanted in this file"
            changes.append(Change(limit.name, None, before, after, boot, CHANGED, why, at_boot_before=boot_before))
    return changes


def warnings_of(request: Request, changes: Iterable[Change], then: Effective) -> list[str]:
    """Hazards of limits in force, services without pam_limits, and dangerous limits of other files."""
    return [
        *_hazards(request.limits, changes),
        *_pam_warnings(then.observed),
        *_other_files_warnings(request.path, then),
    ]


def _hazards(limits: Sequence[Limit], changes: Iterable[Change]) -> list[str]:
    """The hazards of the limits that are, or will be, in force."""
    in_force = {change.item for change in changes if change.state in (OK, CHANGED, SHADOWED, PENDING)}
    return [
        hazard_warning(limit.name, limit.value, limit.hazard)
        for limit in limits
        if limit.hazard and limit.name in in_force
    ]


def _other_files_warnings(path: str, then: Effective) -> list[str]:
    warnings = []
    ceiling = then.observed.nr_open.lowest
    for entry in then.entries:
        if entry.item != "nofile" or entry.file == path:
            continue
        number = amount(ITEMS["nofile"], entry.value) or 0
        if number > ceiling and not (number == INFINITE and then.observed.pam.maps_nofile):
            warnings.append(
                f"{entry.file} line {entry.line} sets nofile {entry.value} for {entry.spelling}, above fs.nr_open "
                f"({ceiling}): the kernel refuses that, and most PAMs then refuse the login"
            )
    return warnings


def _pam_warnings(observed: Observed) -> list[str]:
    if not observed.pam.installed:
        return ["this host has no pam_limits.so: nothing applies the limits"]
    without = [service for service in observed.services if service.applies is False]
    if not any(service.applies for service in observed.services):
        reasons = "; ".join(service.reason for service in without) or "none of its usual services is installed"
        return [f"PAM applies limits to no login here: {reasons}"]
    if not without:
        return []
    names = ", ".join(service.name for service in without)
    return [f"PAM applies no limits to sessions of {names}: " + "; ".join(service.reason for service in without)]
