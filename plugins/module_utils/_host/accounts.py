# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts and groups of the host, by its name service: files, LDAP or whatever nsswitch.conf(5) names."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable
from typing import NamedTuple, TypeVar

Found = TypeVar("Found")


class Account(NamedTuple):
    """An account that logs in. `gids` and `groups` are all groups, the primary one included; -1 is no id."""

    name: str
    uid: int = -1
    gid: int = -1
    gids: frozenset[int] = frozenset()
    groups: frozenset[str] = frozenset()


def user_named(name: str) -> Account | None:
    """The account with this name, None if there is none."""
    return _account(_looked_up(pwd.getpwnam, name))


def user_numbered(uid: int) -> Account | None:
    """The account with this number, None if there is none."""
    return _account(_looked_up(pwd.getpwuid, uid))


def group_named(name: str) -> int | None:
    """The number of the group with this name, None if there is none."""
    group = _looked_up(grp.getgrnam, name)
    return None if group is None else group.gr_gid


def group_numbered(gid: int) -> str | None:
    """The name of the group with this number, None if there is none."""
    group = _looked_up(grp.getgrgid, gid)
    return None if group is None else group.gr_name


def _looked_up(look_up: Callable[..., Found], key: object) -> Found | None:
    try:
        return look_up(key)
    except (KeyError, OverflowError, ValueError):
        return None


def _account(entry: pwd.struct_passwd | None) -> Account | None:
    if entry is None:
        return None
    gids = os.getgrouplist(entry.pw_name, entry.pw_gid)
    names = filter(None, map(group_numbered, gids))
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, frozenset(gids), frozenset(names))
