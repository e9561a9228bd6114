# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.siptune.linux.plugins.module_utils._host.accounts import Account
from ansible_collections.siptune.linux.plugins.module_utils._logins.model import ROOT, Directory
from login_hosts import host, planned


def test_root_is_the_account_with_uid_0() -> None:
    toor = Account("toor", 0, 0, frozenset({0}), frozenset({"wheel"}))
    assert Directory({}, {0: toor}, {}, {}).root == toor
    assert Directory({}, {}, {}, {}).root == ROOT


def test_a_plan_changes_something_if_it_has_a_file() -> None:
    assert planned(host(), "asterisk soft nofile 5").changed
    assert not planned(host()).changed
