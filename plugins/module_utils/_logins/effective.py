# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits that a login gets from all limits files of a host.

A limit is judged by people it applies to: by the account that it names, or by examples of its group or range.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .._host.accounts import Account
from .conf import (
    GID_LOGINS,
    GIDS,
    GROUP,
    GROUP_LOGINS,
    INFINITE,
    ITEMS,
    UIDS,
    USER,
    Decision,
    Domain,
    Entry,
    amount,
    decide,
    read_all,
)
from .model import Directory, Observed
from .settings import Limit


class Effective(NamedTuple):
    """The lines of all limits files in reading order, as this host applies them."""

    entries: Sequence[Entry]
    observed: Observed

    def decide(self, item: str, account: Account) -> Decision:
        """The lines that decide an item for an account."""
        return decide(self.entries, item, account, self.observed.pam.spares_root)

    def amount(self, entry: Entry) -> int:
        """The value of a line, in the kernel's numbers."""
        return effective_amount(entry.item, entry.value, self.observed)

    def hard(self, item: str, decision: Decision) -> int | None:
        """The hard limit in force, None if it is not known."""
        if decision.hard is not None:
            return self.amount(decision.hard)
        return self.observed.start.hard.get(item)

    def people(self, limit: Limit) -> list[Account]:
        """People to whom a limit applies."""
        return people(limit.domain, self.observed.directory)

    def value(self, limit: Limit) -> str | None:
        """The value that a login gets, None if no line sets it; soft and hard with a colon where they differ."""
        decision = self.decide(limit.item, self.people(limit)[0])
        entries = [decision.side(side) for side in limit.sides]
        values = [None if entry is None else entry.value for entry in entries]
        if values.count(values[0]) == len(values):
            return values[0]
        return ":".join(value or "unset" for value in values)


def effective(path: str, text: str | None, observed: Observed) -> Effective:
    """The limits in force if our file has this text; None for no file."""
    texts = dict(observed.others)
    if text is not None:
        texts[path] = text
    return Effective(read_all(texts, observed.pam.directories), observed)


def effective_amount(item: str, value: str, observed: Observed) -> int:
    """The number that this host's PAM passes to the kernel for a value of limits.conf."""
    number = amount(ITEMS[item], value)
    if item == "nofile" and number == INFINITE and observed.pam.maps_nofile:
        return observed.nr_open.live
    return 0 if number is None else number


def is_line_of(entry: Entry, limit: Limit) -> bool:
    """Whether a line has the domain, the type and the item of a limit."""
    return (entry.domain, entry.type, entry.item) == (limit.domain, limit.type, limit.item)


def people(domain: Domain, directory: Directory) -> list[Account]:
    """An account, or the two at both ends of a range, to which a line of this domain applies."""
    if domain.kind == USER:
        return [directory.users.get(domain.name) or Account(domain.name)]
    if domain.kind == UIDS and domain.low == domain.high:
        return [directory.uids.get(domain.low) or Account("", domain.low)]
    if domain.kind == UIDS:
        return [Account("", domain.low), Account("", domain.high)]
    if domain.kind in (GROUP, GROUP_LOGINS):
        gid = directory.groups.get(domain.name)
        return [Account("", gids=frozenset(() if gid is None else (gid,)), groups=frozenset((domain.name,)))]
    if _is_one_gid(domain):
        name = directory.gids.get(domain.high)
        return [Account("", gids=frozenset((domain.high,)), groups=frozenset(() if name is None else (name,)))]
    if domain.kind == GIDS:
        ends = dict.fromkeys((domain.low, domain.high))
        return [Account("", gid=gid, gids=frozenset((gid,))) for gid in ends]
    return [Account("")]


def missing_account(domain: Domain, directory: Directory) -> str:
    """Which account or group of a domain this host does not have, "" if it has it."""
    if domain.kind == USER and domain.name not in directory.users:
        return f"this host has no user {domain.name}"
    if domain.kind == UIDS and domain.low == domain.high and domain.low not in directory.uids:
        return f"this host has no user with uid {domain.low}"
    if domain.kind in (GROUP, GROUP_LOGINS) and domain.name not in directory.groups:
        return f"this host has no group {domain.name}"
    if _is_one_gid(domain) and domain.high not in directory.gids:
        return f"this host has no group with gid {domain.high}"
    return ""


def _is_one_gid(domain: Domain) -> bool:
    return domain.kind == GID_LOGINS or (domain.kind == GIDS and domain.exact)
