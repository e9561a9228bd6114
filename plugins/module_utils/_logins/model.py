# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of limits_file: the request and the observed host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._engine.originals import Originals
from .._host.accounts import Account
from .._host.host import FileRecord
from .._sysctl.nr_open import NrOpen
from .pam import PamLimits, Service
from .settings import Limit

ROOT = Account("root", 0, 0, frozenset({0}), frozenset({"root"}))


class Request(NamedTuple):
    """The file to own, and its limits."""

    path: str
    limits: Sequence[Limit]


class Directory(NamedTuple):
    """The accounts and groups that the limits name, as far as the host has them."""

    users: Mapping[str, Account]
    uids: Mapping[int, Account]
    groups: Mapping[str, int]
    gids: Mapping[int, str]

    @property
    def root(self) -> Account:
        """The account with uid 0."""
        return self.uids.get(0) or ROOT


class Start(NamedTuple):
    """The limits that a session starts with, before pam_limits changes them.

    `hard` are hard limits by item, in the kernel's numbers, and `whose` is the process that they come from.
    `may_raise` and `may_renice`: whether root may raise hard limits and lower nice values; in many containers it
    may not.
    """

    hard: Mapping[str, int]
    whose: str
    may_raise: bool = True
    may_renice: bool = True


class Observed(NamedTuple):
    """Everything that the plan depends on. `others` are the texts of all limits files but ours, by path.

    `connected` is the account that has logged in to run us, None where none has.
    """

    own: FileRecord | None
    others: Mapping[str, str]
    originals: Originals
    owner: tuple[int, int]
    directory: Directory
    pam: PamLimits
    services: Sequence[Service]
    nr_open: NrOpen
    start: Start
    connected: Account | None = None
