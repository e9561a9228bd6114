# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts of this machine; root and nobody are the only ones that every machine has."""

from __future__ import annotations

import os

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._host.accounts import (
    Account,
    group_named,
    group_numbered,
    user_named,
    user_numbered,
)

NO_ID = 2**32 - 7  # a number that no account has


def test_root_by_its_name_and_its_number() -> None:
    root = user_numbered(0)
    assert root is not None
    assert root == user_named(root.name)
    assert (root.uid, root.gid) == (0, 0)
    assert 0 in root.gids
    assert group_numbered(0) in root.groups


def test_all_groups_of_an_account_are_known() -> None:
    own = user_numbered(os.getuid())
    assert own is not None
    assert own.gids == set(os.getgrouplist(own.name, own.gid))
    assert {group_named(name) for name in own.groups} == own.gids


def test_a_group_by_its_name_and_its_number() -> None:
    name = group_numbered(0)
    assert name is not None
    assert group_named(name) == 0


@pytest.mark.parametrize("name", ["no-such-account", "", "a:b", "\u00e9" * 300, "a\0b"])
def test_there_is_no_such_name(name: str) -> None:
    assert user_named(name) is None
    assert group_named(name) is None


@pytest.mark.parametrize("number", [NO_ID, -1, 2**32, 2**80])
def test_there_is_no_such_number(number: int) -> None:
    assert user_numbered(number) is None
    assert group_numbered(number) is None


def test_an_account_without_numbers_is_nobody_of_this_host() -> None:
    assert Account("asterisk") == ("asterisk", -1, -1, frozenset(), frozenset())
